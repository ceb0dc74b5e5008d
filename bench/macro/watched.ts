// What looking on costs: one proxy under load, in turns with nobody looking and with its metrics
// scraped each second and its dashboard open. Neither is on the request path, but both ask the
// books and share the machine.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LANES } from './lanes.js';
import { chooseGenerator } from './load.js';
import { cpuMicroseconds, stopAll } from './processes.js';
import { machineOf, save } from './report.js';
import { type Spread, spread } from './rounds.js';
import { startSubject, startUpstream } from './subjects.js';

/** What the project promises. */
const RATIO_MIN = 0.97;
const SCRAPE_MS = 1_000;
const WARMUP_BURSTS = 3;

export interface WatchedOptions {
  readonly root: string;
  readonly rounds: number;
  readonly durationMs: number;
  readonly nodeLoad: boolean;
}

/** In the order in which a round takes them, and in the other. */
const TURNS = ['alone', 'watched'] as const;
type Turn = (typeof TURNS)[number];

interface Sample {
  readonly requestsPerSecond: number;
  readonly cpuUsPerRequest: number;
  readonly p99Us: number;
}

/** Resolves to whether throughput is what was promised, and whoever looked saw something. */
export async function watchedBench(options: WatchedOptions): Promise<boolean> {
  const { root, rounds, durationMs } = options;
  const scratch = mkdtempSync(join(tmpdir(), 'tokenpak-bench-'));
  try {
    const generator = await chooseGenerator(scratch, options.nodeLoad);
    const { port: upstreamPort } = await startUpstream();
    const subject = await startSubject('budgets on', { upstreamPort, scratch });
    const load = LANES.find(({ name }) => name === '300 B, 64 connections')?.load;
    if (subject === null || load === undefined) throw new Error('there is nothing to measure');
    const { port, headers, pid } = subject;
    const burst = { port, headers, load, durationMs, core: null };
    await generator.run({ ...burst, durationMs: durationMs * WARMUP_BURSTS });
    const file = readFileSync(join(scratch, 'budgets-on', 'data', 'proxy.json'), 'utf8');
    const { admin } = JSON.parse(file) as { admin: string };
    const samples: Record<Turn, Sample[]> = { alone: [], watched: [] };
    const seen: Seen = { scrapes: [], events: 0, failures: 0 };
    for (let round = 0; round < rounds; round += 1) {
      for (const turn of round % 2 === 0 ? TURNS : TURNS.toReversed()) {
        const stop = turn === 'watched' ? watch(admin, seen) : () => undefined;
        const before = cpuMicroseconds(pid) ?? 0;
        const { requests, elapsedMs, errors, p99Us } = await generator.run(burst);
        const cpuUs = (cpuMicroseconds(pid) ?? 0) - before;
        stop();
        if (errors > 0) throw new Error(`${errors} requests failed`);
        const requestsPerSecond = (requests * 1000) / elapsedMs;
        samples[turn].push({ requestsPerSecond, cpuUsPerRequest: cpuUs / requests, p99Us });
      }
      process.stderr.write(`  round ${round + 1} of ${rounds}\n`);
    }
    return report(root, samples, seen);
  } finally {
    await stopAll();
    rmSync(scratch, { recursive: true, force: true });
  }
}

interface Seen {
  /** How long each took, in milliseconds. */
  readonly scrapes: number[];
  events: number;
  failures: number;
}

/** Scrapes and keeps the dashboard's stream open until it is told to stop. */
function watch(admin: string, seen: Seen): () => void {
  let isOver = false;
  const failed = (): void => {
    if (!isOver) seen.failures += 1;
  };
  const stream = get(`${admin}/admin/events`, (response) => {
    response.on('data', (chunk: Buffer) => {
      seen.events += chunk.toString().split('event: ').length - 1;
    });
    response.on('error', failed);
  }).on('error', failed);
  const scrape = async (): Promise<void> => {
    const since = performance.now();
    const response = await fetch(`${admin}/metrics`);
    const text = await response.text();
    if (!text.includes('tokenpak_spent_usd')) throw new Error(`no metrics: ${text}`);
    seen.scrapes.push(performance.now() - since);
  };
  const timer = setInterval(() => void scrape().catch(failed), SCRAPE_MS);
  return () => {
    isOver = true;
    clearInterval(timer);
    stream.destroy();
  };
}

function report(root: string, samples: Record<Turn, readonly Sample[]>, seen: Seen): boolean {
  const of = (turn: Turn, key: keyof Sample): Spread =>
    spread(samples[turn].map((sample) => sample[key]));
  const ratios = samples.watched.map(
    (sample, round) =>
      sample.requestsPerSecond / (samples.alone[round]?.requestsPerSecond ?? Number.NaN),
  );
  const ratio = spread(ratios);
  const scrapeMs = spread(seen.scrapes);
  const rows = TURNS.map((turn) => {
    const cells = [
      `${of(turn, 'requestsPerSecond').median.toFixed(0)} requests/s`,
      `p99 ${of(turn, 'p99Us').median.toFixed(0)} µs`,
      `CPU ${of(turn, 'cpuUsPerRequest').median.toFixed(1)} µs/request`,
    ];
    return `${turn.padEnd(9)}${cells.join('  ')}`;
  });
  const isWell = ratio.median >= RATIO_MIN && seen.failures === 0 && seen.events > 0;
  const range = `(${ratio.min.toFixed(3)}–${ratio.max.toFixed(3)})`;
  process.stdout.write(
    `${rows.join('\n')}\n` +
      `${seen.scrapes.length} scrapes, ${scrapeMs.median.toFixed(0)} ms each, ` +
      `${scrapeMs.max.toFixed(0)} ms at most; ${seen.events} events, ${seen.failures} failures\n` +
      `${isWell ? '✓' : '✗'} requests/s, watched ÷ alone  ${ratio.median.toFixed(3)} ${range}` +
      `  must ≥ ${RATIO_MIN}\n`,
  );
  const result = { takenAt: new Date().toISOString(), machine: machineOf(root), ratio, scrapeMs };
  save(root, 'watched.json', JSON.stringify({ ...result, samples, seen }, null, 2));
  return isWell;
}
