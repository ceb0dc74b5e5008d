// The load generator in Node: raw keep-alive sockets, one request at a time on each. In a closed
// loop each sends again at once; in an open one requests begin on a clock, and their time counts
// from when they should have begun. Reads of HTTP what it must to find where an answer ends.

import { connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import type { Burst, Measured } from './load.js';
import { CHAT_PATH, headersOf, STREAM_EVENTS, STREAM_GAP_MS } from './workload.js';

const burst = JSON.parse(await text(process.stdin)) as Burst;
const { load } = burst;

const REQUEST = Buffer.from(
  [
    `POST ${CHAT_PATH} HTTP/1.1`,
    'host: 127.0.0.1',
    ...Object.entries({ ...headersOf(load.user), ...burst.headers }).map(
      ([name, value]) => `${name}: ${value}`,
    ),
    `content-length: ${Buffer.byteLength(load.body)}`,
    '',
    load.body,
  ].join('\r\n'),
);
const RIGHT = `HTTP/1.1 ${load.status}`;

const latenciesUs: number[] = [];
const gapsUs: number[] = [];
let errors = 0;

/** Whether the text holds one whole answer. */
function isWhole(answer: string): boolean {
  const headEnd = answer.indexOf('\r\n\r\n');
  if (headEnd === -1) return false;
  const length = /^content-length: *(\d+)/im.exec(answer.slice(0, headEnd))?.[1];
  if (length !== undefined) return answer.length >= headEnd + 4 + Number(length);
  return answer.endsWith('\r\n0\r\n\r\n');
}

class Line {
  readonly closed: Promise<void>;
  readonly #socket: Socket;
  readonly #free: (line: Line) => void;
  #answer = '';
  #dueMs = 0;
  #lastMs = 0;

  constructor(free: (line: Line) => void) {
    this.#free = free;
    this.#socket = connect({ port: burst.port, host: '127.0.0.1', noDelay: true });
    this.#socket.on('data', (chunk: Buffer) => this.#read(chunk));
    this.#socket.once('connect', () => free(this));
    this.#socket.once('error', () => {
      errors += 1;
    });
    this.closed = new Promise((resolve) => this.#socket.once('close', () => resolve()));
  }

  send(dueMs: number): void {
    this.#answer = '';
    this.#dueMs = dueMs;
    this.#socket.write(REQUEST);
  }

  end(): void {
    this.#socket.end();
  }

  #read(chunk: Buffer): void {
    const now = performance.now();
    if (load.isStreamed) {
      if (this.#answer === '') latenciesUs.push((now - this.#dueMs) * 1000);
      else gapsUs.push((now - this.#lastMs) * 1000);
      this.#lastMs = now;
    }
    // latin1: a character is a byte, so that lengths agree.
    this.#answer += chunk.toString('latin1');
    if (!isWhole(this.#answer)) return;
    if (!load.isStreamed) latenciesUs.push((now - this.#dueMs) * 1000);
    if (!this.#answer.startsWith(RIGHT)) errors += 1;
    this.#free(this);
  }
}

const startedAt = performance.now();
const deadline = startedAt + burst.durationMs;
const idle: Line[] = [];
const due: number[] = [];
const isOver = (): boolean => performance.now() >= deadline;

/** Streams of one length would all begin at one instant again and again, as no clients do. */
const spread = new WeakSet<Line>();
function pauseMs(line: Line): number {
  const most = spread.has(line) ? STREAM_GAP_MS : STREAM_EVENTS * STREAM_GAP_MS;
  spread.add(line);
  return Math.random() * most;
}

/** Closed loop: again at once. Open loop: what is overdue, else idle until the clock has more. */
function onFree(line: Line): void {
  if (load.perSecond === null) {
    if (isOver()) line.end();
    else if (load.isStreamed) setTimeout(() => line.send(performance.now()), pauseMs(line));
    else line.send(performance.now());
    return;
  }
  const next = due.shift();
  if (next !== undefined) line.send(next);
  else if (isOver()) line.end();
  else idle.push(line);
}

const lines = Array.from({ length: load.concurrency }, () => new Line(onFree));

if (load.perSecond !== null) {
  const gapMs = 1000 / load.perSecond;
  let next = startedAt + 100;
  const clock = setInterval(() => {
    for (const now = performance.now(); next <= now && next < deadline; next += gapMs) {
      const line = idle.pop();
      if (line === undefined) due.push(next);
      else line.send(next);
    }
    if (!isOver()) return;
    clearInterval(clock);
    for (const line of idle) line.end();
  }, 1);
}

await Promise.all(lines.map(({ closed }) => closed));

function percentile(values: readonly number[], share: number): number {
  const sorted = Float64Array.from(values).sort();
  return Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0);
}

const measured: Measured = {
  requests: latenciesUs.length,
  errors,
  elapsedMs: performance.now() - startedAt,
  p50Us: percentile(latenciesUs, 0.5),
  p99Us: percentile(latenciesUs, 0.99),
  gapP99Us: load.isStreamed ? percentile(gapsUs, 0.99) : null,
};
process.stdout.write(`${JSON.stringify(measured)}\n`);
