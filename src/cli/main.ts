#!/usr/bin/env node
// The command line: parses it, calls one room, prints what comes back. No logic of its own. A
// verb's code is loaded when it is called: --help must not pay for the proxy's libraries.

import { readFileSync } from 'node:fs';
import { Argument, Command, InvalidArgumentError, Option } from 'commander';
import { messageOf, TokenPakError } from '../kernel/errors.js';
import { marked, printMarked } from './print.js';
import type { AlertsFlags, ListFlags, ReplayFlags } from './alerts.js';
import { completionScript, type Shell, SHELLS } from './completion.js';
import { addExamples } from './examples.js';
import { dayArgument, dollarsArgument } from './day.js';
import { expiryArgument, modelsArgument } from './key-arguments.js';
import type { CreateFlags, KeysFlags, ListKeysFlags } from './keys.js';
import type { ProxyFlags } from './proxy.js';
import type { ExportFlags, LedgerFlags, TailFlags } from './ledger.js';
import type { ReconcileFlags } from './reconcile-spend.js';
import type { SpendFlags } from './reports.js';
import type { SimulateFlags } from './simulate.js';
import { LOG_FORMATS, LOG_LEVELS } from './log-flags.js';
import type { DoctorFlags } from './doctor.js';
import type { StatusFlags } from './status.js';
import type { ValidateFlags } from './validate-config.js';
import type { SyncFlags } from './sync-pricing.js';

const reports = () => import('./reports.js');
const alertVerbs = () => import('./alerts.js');
const books = () => import('./ledger.js');
const keyVerbs = () => import('./keys.js');

const packageJson = JSON.parse(
  readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'),
) as { version: string };

const program = new Command('tokenpak')
  .description('An LLM proxy that never lets anyone spend a cent more than allowed.')
  .version(packageJson.version)
  .configureHelp({ sortSubcommands: false })
  .showHelpAfterError('(add --help for what is allowed)')
  // Wrong usage is 2 for every verb; help and version are 0.
  .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 2));

function wholeNumber(min: number, max: number) {
  return (text: string): number => {
    const value = Number(text);
    if (Number.isInteger(value) && value >= min && value <= max) return value;
    throw new InvalidArgumentError(`A whole number from ${min} to ${max} is needed.`);
  };
}

const configOption = (): Option =>
  new Option('-c, --config <file>', 'configuration file').default('./config.yaml');

program
  .command('proxy')
  .description('run the proxy')
  .addOption(configOption())
  .option(
    '-w, --workers <n>',
    'HTTP worker threads (default: cores, at most 8)',
    wholeNumber(1, 64),
  )
  .option('--host <address>', 'address to listen on (default: server.host)')
  .option('-p, --port <n>', 'port to listen on (default: server.port)', wholeNumber(0, 65_535))
  .option('--mock-missing-keys', 'let the embedded mock stand in for providers without a key')
  .addOption(
    new Option('--log-level <level>', 'what is said on stderr').choices(LOG_LEVELS).default('info'),
  )
  .addOption(
    new Option('--log-format <format>', 'lines for people, or JSON objects')
      .choices(LOG_FORMATS)
      .default('human'),
  )
  .action(async (flags: ProxyFlags) => (await import('./proxy.js')).proxyCommand(flags));

program
  .command('validate-config')
  .description('check a configuration file')
  .argument('<file>', 'configuration file')
  .option('--probe', 'also try each way that alerts take: webhooks get a test alert')
  .option('--json', 'one JSON object')
  .action(async (file: string, flags: ValidateFlags) =>
    (await import('./validate-config.js')).validateCommand(file, flags),
  );

program
  .command('init')
  .description('write a commented config.yaml')
  .argument('[file]', 'file to write', './config.yaml')
  .action(async (file: string) => {
    (await import('./init.js')).initConfig(file);
    printMarked([`✓ ${file} written. Next: tokenpak validate-config ${file}`]);
  });

program
  .command('spend')
  .description('what was spent: the day so far, or a range of days')
  .addOption(configOption())
  .addOption(
    new Option('--by <what>', 'one row for each')
      .choices(['user', 'model', 'provider', 'day'])
      .default('user'),
  )
  .option('--since <day>', '2026-03-25, today, or 30d (default: the day of --until)', dayArgument)
  .option('--until <day>', 'last day, included (default: today)', dayArgument)
  .option('--csv', 'comma-separated values')
  .option('--json', 'one JSON object')
  .option('--reprice', 'beside it, what it would cost at the prices of today')
  .action(async (flags: SpendFlags) => (await reports()).spendCommand(flags));

program
  .command('simulate')
  .description('replay the ledger against other caps: who would have been rejected, and when')
  .addOption(configOption())
  .option('--since <day>', 'first day: 2026-03-25, today, or 30d (default: 30d)', dayArgument)
  .option('--daily-limit <dollars>', "everyone's day, instead of the config's", dollarsArgument)
  .option('--monthly-limit <dollars>', "everyone's month", dollarsArgument)
  .option('--user-daily-limit <dollars>', "each user's day", dollarsArgument)
  .option('--user-monthly-limit <dollars>', "each user's month", dollarsArgument)
  .option('--json', 'one JSON object')
  .action(async (flags: SimulateFlags) => (await import('./simulate.js')).simulateCommand(flags));

program
  .command('sync-pricing')
  .description('fetch prices, show what they change, store them')
  .addOption(configOption())
  .option('--provider <name>', 'only the prices of this provider')
  .option('--source <source>', 'instead of pricing.source: a name, a URL, a file, or bundled')
  .option('--dry-run', 'store nothing')
  .option('--force', 'take prices that would be refused')
  .option('--json', 'one JSON object')
  .action(async (flags: SyncFlags) =>
    (await import('./sync-pricing.js')).syncPricingCommand(flags),
  );

program
  .command('reconcile-spend')
  .description("compare the ledger with the providers' own invoices")
  .addOption(configOption())
  .option('--provider <name>', 'only this provider (default: all that have an admin_key)')
  .option('--since <day>', 'first UTC day: 2026-03-25, or 30d (default: a week)', dayArgument)
  .option('--until <day>', 'last UTC day, included (default: the last that is final)', dayArgument)
  .option('--from-file <file>', 'a saved cost report, JSON or CSV, instead of the API')
  .option('--apply', 'book what the ledger lacks, or has too much')
  .option('--json', 'one JSON object')
  .action(async (flags: ReconcileFlags) =>
    (await import('./reconcile-spend.js')).reconcileCommand(flags),
  );

const ledger = program.command('ledger').description('the books themselves');
ledger
  .command('export')
  .description('every request that has ended: one JSON object a line, or CSV')
  .addOption(configOption())
  .option('--since <day>', '2026-03-25, today, or 30d (default: the first)', dayArgument)
  .option('--until <day>', 'last day, included (default: today)', dayArgument)
  .option('--csv', 'comma-separated values, for a spreadsheet')
  .action(async (flags: ExportFlags) => (await books()).exportCommand(flags));
ledger
  .command('tail')
  .description('follow requests as they end, until interrupted')
  .addOption(configOption())
  .option('-n, --lines <n>', 'how many to begin with', wholeNumber(0, 100_000), 10)
  .option('--json', 'one JSON object a line')
  .action(async (flags: TailFlags) => (await books()).tailCommand(flags));
ledger
  .command('verify')
  .description('check every checksum, and every total against its records')
  .addOption(configOption())
  .option('--json', 'one JSON object')
  .action(async (flags: LedgerFlags) => (await books()).verifyCommand(flags));
ledger
  .command('rebuild')
  .description('build lost or damaged books again from the journals')
  .addOption(configOption())
  .option('--force', 'set books that are there aside')
  .option('--json', 'one JSON object')
  .action(async (flags: LedgerFlags) => (await books()).rebuildCommand(flags));

program
  .command('status')
  .description('a running proxy at a glance')
  .addOption(configOption())
  .option('--json', 'one JSON object')
  .action(async (flags: StatusFlags) => (await import('./status.js')).statusCommand(flags));

const alerts = program.command('alerts').description('what is told to people, and what came of it');
alerts
  .command('list')
  .description('the newest alerts, and where each stands on every channel')
  .addOption(configOption())
  .addOption(
    new Option('--state <state>', 'only those that are so on some channel').choices([
      'pending',
      'standby',
      'delivered',
      'dead',
    ]),
  )
  .option('--limit <n>', 'at most so many', wholeNumber(1, 100_000), 100)
  .option('--json', 'one JSON object')
  .action(async (flags: ListFlags) => (await alertVerbs()).listCommand(flags));
alerts
  .command('test')
  .description('send a test alert to every channel, or to one')
  .argument('[channel]', 'log, webhook, mail, or a part of an address')
  .addOption(configOption())
  .option('--json', 'one JSON object')
  .action(async (channel: string | undefined, flags: AlertsFlags) =>
    (await alertVerbs()).testCommand(channel, flags),
  );
alerts
  .command('replay')
  .description('send an alert again, or all that were given up')
  .argument('[id]', 'as alerts list shows it')
  .option('--dead', 'all that some channel has given up')
  .addOption(configOption())
  .option('--json', 'one JSON object')
  .action(async (id: string | undefined, flags: ReplayFlags) =>
    (await alertVerbs()).replayCommand(id, flags),
  );

const keys = program.command('keys').description('virtual keys: who may use the proxy');
keys
  .command('create')
  .description('issue a key for a user, shown this once')
  .requiredOption('--user <name>', 'who pays for what it asks')
  .addOption(configOption())
  .option('--expires <when>', '12h, 30d, 8w, or a day (default: never)', expiryArgument)
  .option('--models <names>', 'comma-separated: what it may ask for (default: all)', modelsArgument)
  .option('--daily-limit <dollars>', "holds its user's day to that", dollarsArgument)
  .option('--monthly-limit <dollars>', "holds its user's month to that", dollarsArgument)
  .option('--json', 'one JSON object')
  .action(async (flags: CreateFlags) => (await keyVerbs()).createCommand(flags));
keys
  .command('list')
  .description('every key that was issued, without its text')
  .addOption(configOption())
  .option('--user <name>', "only that user's")
  .option('--json', 'one JSON object')
  .action(async (flags: ListKeysFlags) => (await keyVerbs()).listKeysCommand(flags));
keys
  .command('revoke')
  .description('end a key: a running proxy refuses it within a second')
  .argument('<id>', 'as keys list shows it')
  .addOption(configOption())
  .option('--json', 'one JSON object')
  .action(async (id: string, flags: KeysFlags) => (await keyVerbs()).revokeCommand(id, flags));

program
  .command('doctor')
  .description('what is wrong with this installation, and how to mend it')
  .addOption(configOption())
  .option('--offline', 'leave providers out')
  .option('--json', 'one JSON object')
  .action(async (flags: DoctorFlags) => (await import('./doctor.js')).doctorCommand(flags));

program
  .command('demo')
  .description('play the whole recipe against an embedded provider: no key, no network')
  .action(async () => (await import('./demo.js')).demoCommand());

program
  .command('completion')
  .description('a script by which a shell completes verbs and options')
  .addArgument(new Argument('<shell>').choices(SHELLS))
  .action((shell: Shell) => {
    process.stdout.write(completionScript(program, shell));
  });

addExamples(program);

// `tokenpak ledger export | head`: the reader has gone, and that is no fault.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  process.exit(error.code === 'EPIPE' ? 0 : 1);
});

/** Failures that a change of the command line or the file mends. */
const USAGE_CODES = new Set(['bad_config', 'bad_usage', 'config_exists', 'config_unwritable']);

/** 3 when a provider, or the proxy itself, cannot be reached. */
function exitCodeOf(error: unknown): number {
  if (!(error instanceof TokenPakError)) return 1;
  if (error.code === 'unreachable') return 3;
  return USAGE_CODES.has(error.code) ? 2 : 1;
}

try {
  await program.parseAsync();
} catch (error) {
  process.stderr.write(`${marked(`✗ ${messageOf(error)}`, process.stderr)}\n`);
  process.exitCode = exitCodeOf(error);
}
