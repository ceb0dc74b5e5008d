// The dashboard's stream of server-sent events: reckoned once for however many look, and not at all
// while nobody does. A reader that does not keep up is cut off; it will come again.

import type { ServerResponse } from 'node:http';
import { localDate } from '../kernel/calendar.js';
import { History, sampleOf } from './history.js';
import { booksView, daysView, liveView } from './overview.js';
import type { Running } from './running.js';

const TICK_MS = 1_000;
/** The books are asked at most this often, and never for more than a twentieth of the time. */
const BOOKS_EVERY_MS = 3_000;
const BOOKS_SHARE = 20;
const DAYS_EVERY_MS = 60_000;
const BACKLOG_BYTES_MAX = 1024 * 1024;
const CLIENTS_MAX = 64;

export class Feed {
  readonly #running: Running;
  readonly #history = new History();
  readonly #clients = new Set<ServerResponse>();
  readonly #timer: NodeJS.Timeout;
  #asking = false;
  #booksDueMs = 0;
  #daysDueMs = 0;

  constructor(running: Running) {
    this.#running = running;
    this.#timer = setInterval(() => this.tick(), TICK_MS);
    this.#timer.unref();
  }

  /** False when there are too many already. */
  attach(response: ServerResponse): boolean {
    if (this.#clients.size >= CLIENTS_MAX) return false;
    response.writeHead(200, {
      'content-type': 'text/event-stream',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    });
    response.on('close', () => this.#clients.delete(response));
    this.#clients.add(response);
    write(response, eventOf('history', this.#history.points()));
    this.#booksDueMs = 0;
    this.#daysDueMs = 0;
    this.#show();
    return true;
  }

  /** Takes a sample; tells everyone who looks. */
  tick(): void {
    const { config, holding, now, tally } = this.#running;
    const atMs = now();
    const date = localDate(atMs, config.budget.timezone);
    const spent = holding(null, 'daily', date).settled;
    this.#history.add(sampleOf(tally.read(), { atMs, date, spent }));
    if (this.#clients.size > 0) this.#show();
  }

  #show(): void {
    const readings = this.#running.tally.read();
    this.#tell('live', liveView(this.#running, this.#history, readings));
    void this.#askBooks();
  }

  close(): void {
    clearInterval(this.#timer);
    for (const client of this.#clients) client.destroy();
  }

  async #askBooks(): Promise<void> {
    const { now } = this.#running;
    const askedMs = now();
    if (this.#asking || askedMs < this.#booksDueMs) return;
    this.#asking = true;
    try {
      this.#tell('books', await booksView(this.#running));
      if (askedMs >= this.#daysDueMs) {
        this.#tell('days', await daysView(this.#running));
        this.#daysDueMs = now() + DAYS_EVERY_MS;
      }
    } catch {
      // The ledger has ended: whoever runs the proxy is told so elsewhere, and `live` goes on.
    } finally {
      this.#asking = false;
      this.#booksDueMs = now() + Math.max(BOOKS_EVERY_MS, (now() - askedMs) * BOOKS_SHARE);
    }
  }

  #tell(event: string, data: unknown): void {
    const text = eventOf(event, data);
    for (const client of this.#clients) write(client, text);
  }
}

const eventOf = (event: string, data: unknown): string =>
  `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;

function write(client: ServerResponse, text: string): void {
  if (client.writableLength > BACKLOG_BYTES_MAX) client.destroy();
  else client.write(text);
}
