// The supervisor's end of token counting: a Piscina pool that HTTP workers reach through a port.
// A bounded queue; a full pool answers at once that it cannot count, and
// admission decides on the byte bound instead. It never makes a caller wait to be refused.

import { availableParallelism } from 'node:os';
import type { MessagePort } from 'node:worker_threads';
import { Piscina } from 'piscina';
import type { Encoding } from '../kernel/encoding.js';
import type { CountReply, CountRequest, CountTask } from './protocol.js';

/** Tasks that take turns on one thread. */
const TURNS_MAX = 32;
/** Tasks that may wait for a turn; at a few milliseconds each, more would miss every deadline. */
const QUEUE_TASKS_MAX = 64;

/** Counting is wanted only where money is tight: a quarter of the cores is plenty. */
const threadsByDefault = (): number => Math.max(1, Math.min(4, availableParallelism() >> 2));

export class TokenPool {
  readonly #piscina: Piscina<CountTask, number[] | null>;
  readonly #ports = new Set<MessagePort>();

  constructor(options: { readonly threads?: number } = {}) {
    const threads = options.threads ?? threadsByDefault();
    this.#piscina = new Piscina<CountTask, number[] | null>({
      filename: new URL('./tokenizer.js', import.meta.url).href,
      minThreads: threads,
      maxThreads: threads,
      concurrentTasksPerWorker: TURNS_MAX,
      maxQueue: QUEUE_TASKS_MAX,
    });
  }

  /** Answers the counts asked for through this port until either side closes it. */
  serve(port: MessagePort): void {
    this.#ports.add(port);
    port.on('close', () => this.#ports.delete(port));
    port.on('message', ({ id, ...task }: CountRequest) => {
      void this.#count(task).then((counts) =>
        port.postMessage({ id, counts } satisfies CountReply),
      );
    });
  }

  /** Loads the encodings in every thread, so that no request pays for it. */
  async warm(encodings: readonly Encoding[]): Promise<void> {
    for (const encoding of encodings) {
      const tasks = Array.from({ length: this.#piscina.maxThreads }, () =>
        this.#piscina.run({ encoding, texts: ['warm'] }),
      );
      await Promise.all(tasks);
    }
  }

  async close(): Promise<void> {
    for (const port of this.#ports) port.close();
    await this.#piscina.destroy();
  }

  /** Without an exact count the byte bound stands, so no failure here fails a request. */
  async #count(task: CountTask): Promise<number[] | null> {
    try {
      return await this.#piscina.run(task);
    } catch {
      return null;
    }
  }
}
