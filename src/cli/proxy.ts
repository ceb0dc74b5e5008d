// `tokenpak proxy`: starts the supervisor, says so in one line, and turns signals into a graceful
// end.

import { isLoopback } from '../config/address.js';
import type { Config } from '../config/config.js';
import { TokenPakError } from '../kernel/errors.js';
import { dollars } from '../kernel/money.js';
import { isMocked } from '../supervisor/listen.js';
import { Supervisor } from '../supervisor/supervisor.js';
import { configFor } from './config.js';
import { logger } from './log.js';
import type { LogFlags } from './log-flags.js';
import { printMarked } from './print.js';

export interface ProxyFlags extends LogFlags {
  readonly config: string;
  readonly workers?: number;
  readonly host?: string;
  readonly port?: number;
  readonly mockMissingKeys?: boolean;
}

/** The file, with what the command line has to say on top. Throws `bad_config`. */
function read(flags: ProxyFlags): Config {
  const loaded = configFor(flags.config, {
    needsKeys: true,
    mockMissingKeys: flags.mockMissingKeys ?? false,
  });
  const config: Config = {
    ...loaded,
    server: {
      ...loaded.server,
      host: flags.host ?? loaded.server.host,
      port: flags.port ?? loaded.server.port,
      workers: flags.workers ?? loaded.server.workers,
    },
  };
  refuseOpenNetwork(config);
  return config;
}

export async function proxyCommand(flags: ProxyFlags): Promise<void> {
  const log = logger(flags);
  const config = read(flags);
  for (const provider of Object.values(config.providers).filter(isMocked)) {
    log(
      `⚠ PROVIDER ${provider.name} IS THE EMBEDDED MOCK: its answers are canned and nothing is ` +
        'billed. Set its API key to reach the real one.',
    );
  }
  const supervisor = await Supervisor.start({
    config,
    log,
    file: flags.config,
    read: () => read(flags),
  });
  // What goes wrong is told where it happens.
  process.on('SIGHUP', () => void supervisor.reload().catch(() => undefined));
  let asked = false;
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      if (asked) process.exit(130);
      asked = true;
      log(`${signal}: finishing requests, at most ${config.server.shutdownGraceMs / 1000} s`);
      supervisor.stop(0);
    });
  }
  printMarked([readyLine(config, supervisor)]);
  process.exit(await supervisor.ended);
}

/** The file's own host is checked as it is read; `--host` may have changed it. */
function refuseOpenNetwork({ server, auth }: Config): void {
  if (isLoopback(server.host) || auth.trustNetwork || auth.mode === 'keys') return;
  throw new TokenPakError(
    'bad_config',
    `--host ${server.host} is open to the network, where anyone can name themselves anyone: ` +
      'set auth.mode: keys, or auth.trust_network: true if that network is trusted.',
  );
}

function readyLine(config: Config, { address, workers }: Supervisor): string {
  const { daily, monthly } = config.budget.global;
  const cap = (amount: typeof daily): string => (amount === null ? 'none' : dollars(amount));
  const caps = config.budget.enabled
    ? `caps daily ${cap(daily)}, monthly ${cap(monthly)}`
    : 'budgets off';
  const threads = `${workers} ${workers === 1 ? 'worker' : 'workers'}`;
  return `✓ TokenPak listens on ${address} · ${threads} · ${caps} · data in ${config.storage.path}`;
}
