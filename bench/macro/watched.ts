// What looking on costs: one proxy under one load, in blocks with nobody looking and with its
// metrics scraped each second and its dashboard open. Neither is on the request path, but both ask
// the books and share the machine.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Estimate, GROUP, ratioOf, type Turn, turnOf, TURNS } from './blocks.js';
import { LANES } from './lanes.js';
import { chooseGenerator } from './load.js';
import { cpuMicroseconds, stopAll } from './processes.js';
import { machineOf, save } from './report.js';
import { spread } from './rounds.js';
import { startSubject, startUpstream, type Subject, type Upstream } from './subjects.js';

/** What the project promises. */
const RATIO_MIN = 0.97;
const SCRAPE_MS = 1_000;
const WARMUP_MS = 8_000;
/**
 * A block is not counted before this: a page that opens asks for more than one that stays open.
 * Whole seconds and a half, so that each scrape and what it leaves behind is either in or out.
 */
const UNCOUNTED_MS = 1_500;
/** The load outlasts the blocks by this. */
const SPARE_MS = 2_000;

export interface WatchedOptions {
  readonly root: string;
  /** Of four blocks each. */
  readonly groups: number;
  /** Of a block; the dashboard asks the books every three seconds. */
  readonly countedMs: number;
  readonly nodeLoad: boolean;
}

interface Block {
  readonly turn: Turn;
  readonly requestsPerSecond: number;
  readonly cpuUsPerRequest: number;
}

/** Resolves to whether throughput is what was promised, and whoever looked saw something. */
export async function watchedBench(options: WatchedOptions): Promise<boolean> {
  const scratch = mkdtempSync(join(tmpdir(), 'tokenpak-bench-'));
  try {
    const generator = await chooseGenerator(scratch, options.nodeLoad);
    const upstream = await startUpstream();
    const subject = await startSubject('budgets on', { upstreamPort: upstream.port, scratch });
    const load = LANES.find(({ name }) => name === '300 B, 64 connections')?.load;
    if (subject === null || load === undefined) throw new Error('there is nothing to measure');
    const file = readFileSync(join(scratch, 'budgets-on', 'data', 'proxy.json'), 'utf8');
    const { admin } = JSON.parse(file) as { admin: string };
    const { port, headers } = subject;
    const blocksMs = options.groups * GROUP * (UNCOUNTED_MS + options.countedMs);
    const durationMs = WARMUP_MS + blocksMs + SPARE_MS;
    const seen: Seen = { scrapes: [], events: 0, failures: 0 };
    const [{ errors }, blocks] = await Promise.all([
      generator.run({ port, headers, load, durationMs, core: null }),
      takeBlocks(options, { subject, upstream, look: () => watch(admin, seen) }),
    ]);
    if (errors > 0) throw new Error(`${errors} requests failed`);
    return report(options, generator.name, blocks, seen);
  } finally {
    await stopAll();
    rmSync(scratch, { recursive: true, force: true });
  }
}

interface Scene {
  readonly subject: Subject;
  readonly upstream: Upstream;
  /** Begins to look, and gives what ends it. */
  readonly look: () => () => void;
}

async function takeBlocks(
  { groups, countedMs }: WatchedOptions,
  { subject, upstream, look }: Scene,
): Promise<Block[]> {
  const reading = async () => ({
    ...(await upstream.count()),
    cpuUs: cpuMicroseconds(subject.pid) ?? Number.NaN,
  });
  const blocks: Block[] = [];
  // By the clock, so that the load's length is known before.
  let nextMs = performance.now() + WARMUP_MS;
  // What is loaded and compiled for the first look is no cost of looking on.
  const warmed = look();
  await until(nextMs);
  warmed();
  for (let block = 0; block < groups * GROUP; block += 1) {
    const turn = turnOf(block);
    const stop = turn === 'watched' ? look() : () => undefined;
    await until((nextMs += UNCOUNTED_MS));
    const before = await reading();
    await until((nextMs += countedMs));
    const after = await reading();
    stop();
    const requests = after.requests - before.requests;
    blocks.push({
      turn,
      requestsPerSecond: (requests * 1000) / (after.atMs - before.atMs),
      cpuUsPerRequest: (after.cpuUs - before.cpuUs) / requests,
    });
    if (block % GROUP === GROUP - 1) {
      process.stderr.write(`  group ${(block + 1) / GROUP} of ${groups}\n`);
    }
  }
  return blocks;
}

const until = (atMs: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, atMs - performance.now());
  });

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

function report(
  { root, countedMs }: WatchedOptions,
  load: string,
  blocks: readonly Block[],
  seen: Seen,
): boolean {
  const ratio = ratioOf(blocks.map(({ requestsPerSecond }) => requestsPerSecond));
  const cpuRatio = ratioOf(blocks.map(({ cpuUsPerRequest }) => cpuUsPerRequest));
  const scrapeMs = spread(seen.scrapes);
  const rows = TURNS.map((turn) => {
    const mean = (key: 'requestsPerSecond' | 'cpuUsPerRequest'): number => {
      const values = blocks.filter((block) => block.turn === turn).map((block) => block[key]);
      return values.reduce((sum, value) => sum + value, 0) / values.length;
    };
    const cpu = `CPU ${mean('cpuUsPerRequest').toFixed(1)} µs/request`;
    return `${turn.padEnd(9)}${mean('requestsPerSecond').toFixed(0)} requests/s  ${cpu}`;
  });
  const isWell = ratio.value >= RATIO_MIN && seen.failures === 0 && seen.events > 0;
  const away = (ratio.value - RATIO_MIN) / ratio.standardError;
  const sure = `${Math.abs(away).toFixed(1)} standard errors ${away < 0 ? 'below' : 'above'}`;
  process.stdout.write(
    `${rows.join('\n')}\n` +
      `${blocks.length} blocks of ${countedMs / 1000} s, load from ${load}; ` +
      `${seen.scrapes.length} scrapes, ${scrapeMs.median.toFixed(0)} ms each, ` +
      `${scrapeMs.max.toFixed(0)} ms at most; ${seen.events} events, ${seen.failures} failures\n` +
      `CPU per request, watched ÷ alone  ${withError(cpuRatio)}\n` +
      `${isWell ? '✓' : '✗'} requests/s, watched ÷ alone  ${withError(ratio)}` +
      `  must ≥ ${RATIO_MIN}: ${sure}\n`,
  );
  const takenAt = new Date().toISOString();
  const machine = machineOf(root);
  const result = { takenAt, machine, load, countedMs, ratio, cpuRatio, scrapeMs, blocks, seen };
  save(root, 'watched.json', JSON.stringify(result, null, 2));
  return isWell;
}

const withError = ({ value, standardError }: Estimate): string =>
  `${value.toFixed(3)} ± ${standardError.toFixed(3)}`;
