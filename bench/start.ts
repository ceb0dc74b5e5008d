// How fast a proxy is ready, with an empty data directory and with a million records in its books,
// and what it takes while nobody asks: memory for each worker, and CPU.

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Ledger } from '../src/ledger/client.js';
import { cpuMicroseconds, start, stopAll, untilReady } from './macro/processes.js';
import { writeReadme } from './macro/readme.js';
import { machineOf, save } from './macro/report.js';
import { type Spread, spread } from './macro/rounds.js';
import { ledgerOptions, writeJournal } from './replay.js';

const STARTS = 5;
const MANY_WORKERS = 8;
/** The compiler and the first look at everything are over by then. */
const SETTLE_MS = 15_000;
const MIB = 1024 * 1024;

export interface StartOptions {
  readonly root: string;
  /** Written to the books beforehand. */
  readonly records: number;
  readonly idleMs: number;
  readonly readme: boolean;
}

interface Rest {
  readonly memoryMib: number;
  readonly cpuPct: number;
}

export async function startBench(options: StartOptions): Promise<void> {
  const { root, records, idleMs } = options;
  const scratch = mkdtempSync(join(tmpdir(), 'tokenpak-bench-'));
  try {
    let folders = 0;
    const cold = await readyMs(() => configIn(join(scratch, `cold-${folders++}`), BARE));
    const booked = configIn(join(scratch, 'booked'), BARE);
    await book(join(scratch, 'booked', 'data'), records);
    const withBooks = await readyMs(() => booked);
    const one = await atRest(configIn(join(scratch, 'one'), BARE), 1, idleMs);
    const many = await atRest(configIn(join(scratch, 'many'), BARE), MANY_WORKERS, idleMs);
    const perWorkerMib = (many.memoryMib - one.memoryMib) / (MANY_WORKERS - 1);
    const result = { cold, withBooks, records, one, many, perWorkerMib };
    const machine = machineOf(root);
    const file = { takenAt: new Date().toISOString(), machine, ...result };
    save(root, 'start.json', JSON.stringify(file, null, 2));
    const count = records.toLocaleString('en-US');
    const rows = {
      'ready, nothing booked': seconds(cold),
      [`ready, ${count} records booked`]: seconds(withBooks),
      'memory, one worker': `${one.memoryMib.toFixed(0)} MiB`,
      'each further worker': `${perWorkerMib.toFixed(1)} MiB`,
      'CPU at rest, one worker': `${one.cpuPct.toFixed(2)} % of a core`,
      'CPU at rest, 8 workers': `${many.cpuPct.toFixed(2)} % of a core`,
    };
    for (const [name, value] of Object.entries(rows)) {
      process.stdout.write(`${name.padEnd(40)}${value}\n`);
    }
    if (!options.readme) return;
    const text =
      `Ready in ${median(cold)}, with ${count} records in its books in ${median(withBooks)}. ` +
      `At rest it has ${one.memoryMib.toFixed(0)} MiB, ${perWorkerMib.toFixed(0)} MiB more ` +
      `for each further worker, and takes ${one.cpuPct.toFixed(1)} % of a core.`;
    writeReadme(root, 'start', text);
  } finally {
    await stopAll();
    rmSync(scratch, { recursive: true, force: true });
  }
}

const median = (ms: Spread): string => `${(ms.median / 1000).toFixed(2)} s`;

const seconds = (ms: Spread): string =>
  `${median(ms)} (${(ms.min / 1000).toFixed(2)}–${(ms.max / 1000).toFixed(2)})`;

const BARE = `budget: { daily_limit_cents: 1000 }
providers:
  openai: { type: openai, base_url: "http://127.0.0.1:1/v1", api_key: sk }
models: { gpt-4: { provider: openai } }
`;

/** The configuration file, in a folder of its own, of a proxy that nothing but requests busies. */
export function configIn(folder: string, more: string): string {
  mkdirSync(folder);
  const file = join(folder, 'config.yaml');
  writeFileSync(
    file,
    `
server: { port: 0 }
admin: { port: 0 }
storage: { path: ${folder}/data }
alerts: { log_file: ${folder}/alerts.log }
pricing: { sync_interval_minutes: 0 }
reconcile: { interval_minutes: 0 }
${more}`,
  );
  return file;
}

/** Books that a proxy has had time to bring up to date. */
async function book(storagePath: string, records: number): Promise<void> {
  const open = () => Ledger.open(ledgerOptions(storagePath));
  await (await open()).close();
  for (const journalId of [1, 2]) {
    await writeJournal(join(storagePath, 'journal'), journalId, records / 4);
  }
  await (await open()).close();
}

async function ready(config: string, workers: number): Promise<{ pid: number; ms: number }> {
  const cli = fileURLToPath(new URL('../src/cli/main.js', import.meta.url));
  const since = performance.now();
  const args = [cli, 'proxy', '--config', config, '--workers', String(workers)];
  const started = start(process.execPath, args);
  const isReady = (): number | null =>
    started.output().includes('✓ TokenPak listens') ? performance.now() - since : null;
  return { ms: await untilReady(started, isReady), pid: started.child.pid as number };
}

async function readyMs(configOf: () => string): Promise<Spread> {
  const times: number[] = [];
  for (let round = 0; round < STARTS; round += 1) {
    times.push((await ready(configOf(), 1)).ms);
    await stopAll();
  }
  return spread(times);
}

async function atRest(config: string, workers: number, idleMs: number): Promise<Rest> {
  const { pid } = await ready(config, workers);
  await wait(SETTLE_MS);
  const before = cpuMicroseconds(pid) ?? Number.NaN;
  await wait(idleMs);
  const cpuUs = (cpuMicroseconds(pid) ?? Number.NaN) - before;
  const kib = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  await stopAll();
  return { memoryMib: (Number(kib) * 1024) / MIB, cpuPct: cpuUs / (idleMs * 10) };
}
