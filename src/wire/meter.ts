// The meter of each wire, for a stream whose client speaks the same one.

import type { Api } from '../kernel/api.js';
import { ChatMeter } from './chat-stream.js';
import { MessagesMeter } from './messages-stream.js';
import { ResponsesMeter } from './responses-stream.js';
import type { MeterOptions, StreamMeter } from './stream.js';

const METERS: Readonly<Record<Api, new (options: MeterOptions) => StreamMeter>> = {
  chat: ChatMeter,
  messages: MessagesMeter,
  completions: ChatMeter,
  responses: ResponsesMeter,
  // Never streamed; what comes all the same is passed on.
  embeddings: ChatMeter,
};

export const meterFor = (wire: Api, options: MeterOptions): StreamMeter =>
  new METERS[wire](options);
