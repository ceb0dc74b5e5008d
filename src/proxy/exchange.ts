// What the pipeline needs of an HTTP exchange. The http room implements it on a socket, tests in
// memory.

import type { Api } from '../kernel/api.js';
import type { TraceParent } from '../kernel/trace.js';
import type { Tally } from './tally.js';

export type Headers = readonly (readonly [name: string, value: string])[];

export interface Exchange {
  readonly api: Api;
  /** The bearer token or `x-api-key`, whichever the client sent. */
  readonly credential: string | null;
  /** Client headers that may go upstream. */
  readonly forwarded: Readonly<Record<string, string>>;
  readonly body: Buffer;
  /** How often the client says that it has tried this before. */
  readonly retryCount: number;
  /** Of which trace it is a part, where the client has said so. */
  readonly trace: TraceParent | null;
  /** When the body was whole, on the clock of `Proxy.nowUs`. */
  readonly readAtUs: number;
  /** Where its rejection is counted. */
  readonly tally: Tally;
  /** The client is gone: nothing can be written any more. */
  readonly closed: boolean;
  /** The provider has all of its body, and nobody reads it any more. */
  bodySent(): void;
  /** Memory that it takes until it is over, and whoever keeps it has let go. */
  hold(bytes: number): void;
  /** Its client may leave before what it asked for is over: a call keeps it until then. */
  keep(): void;
  /** Once for each `keep`. */
  letGo(): void;
  /** The whole answer at once. What many answers have in common is one and the same list. */
  reply(status: number, headers: Headers, body: string | Uint8Array, common?: Headers): void;
  /** The head of a streamed answer; `write` and `end` follow. */
  begin(status: number, headers: Headers): void;
  /**
   * False under backpressure: the bytes are taken, but wait for `onWritable` before sending more.
   */
  write(chunk: Uint8Array): boolean;
  /** Nothing more follows. False while the client has not taken everything yet. */
  end(): boolean;
  /** Hangs up on a client, whatever it has not taken. */
  drop(): void;
  /**
   * Called when a write after backpressure may go on, when the client has taken everything, and
   * when it has gone.
   */
  onReady(listener: () => void): void;
}
