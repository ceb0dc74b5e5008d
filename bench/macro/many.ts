// Ten thousand slow streams on one proxy: what each costs in memory, whether any loses an event,
// and how a new request fares beside them.

import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { LANES } from './lanes.js';
import type { Generator, Measured } from './load.js';
import { asking, start } from './processes.js';
import { type Spread, spread } from './rounds.js';
import type { Subject } from './subjects.js';

export interface Many {
  readonly streams: number;
  readonly kilobytesPerStream: Spread;
  readonly openedMs: number;
  /** Streams that broke, and by how many events the poorest stream was behind the richest. */
  readonly broken: number;
  readonly behind: number;
  /** New requests, one at a time, beside the streams and without them. */
  readonly p50Us: { readonly beside: number; readonly alone: number };
}

interface Told {
  readonly least: number;
  readonly most: number;
  readonly broken: number;
}

/** As many streams are held as files may be open: one for the client, one for the provider. */
const FILES_KEPT = 500;

const SETTLE_MS = 3_000;

export async function manyStreams(
  { pid, port, headers }: Subject,
  generator: Generator,
  wanted: number,
): Promise<Many> {
  const streams = Math.min(wanted, Math.floor((openFilesMax() - FILES_KEPT) / 2));
  const load = LANES[0]?.load;
  if (load === undefined) throw new Error('no load to put beside the streams');
  const burst = { port, headers, load, durationMs: 1_000, core: null };
  const alone = await generator.run(burst);
  const before = residentKilobytes(pid);
  const entry = fileURLToPath(new URL('./many-entry.js', import.meta.url));
  const holder = start(process.execPath, [entry, String(port), String(streams)]);
  const ask = asking(holder);
  const tell = async (what: string): Promise<Told> => JSON.parse(await ask(what)) as Told;
  const begunAt = performance.now();
  await tell('open');
  const openedMs = performance.now() - begunAt;
  const samples: number[] = [];
  for (let taken = 0; taken < 3; taken++) {
    await new Promise((resolve) => setTimeout(resolve, SETTLE_MS / 3));
    samples.push((residentKilobytes(pid) - before) / streams);
  }
  const beside: Measured = await generator.run(burst);
  const first = await tell('count');
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  const last = await tell('count');
  holder.child.stdin?.end();
  await once(holder.child, 'exit');
  return {
    streams,
    kilobytesPerStream: spread(samples),
    openedMs: Math.round(openedMs),
    broken: last.broken,
    // Those opened first have had more; what matters is that the distance does not grow.
    behind: Math.max(0, last.most - last.least - (first.most - first.least)),
    p50Us: { beside: beside.p50Us, alone: alone.p50Us },
  };
}

function residentKilobytes(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1]);
}

function openFilesMax(): number {
  const limits = readFileSync('/proc/self/limits', 'utf8');
  return Number(/^Max open files\s+\d+\s+(\d+)/m.exec(limits)?.[1] ?? 1024);
}
