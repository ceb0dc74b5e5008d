// Long streams, cut at every byte of the event that tells the usage and at random elsewhere: the
// client receives the same bytes, and they cost the same.

import t from 'tap';
import { centsText } from '../../src/kernel/money.js';
import { costOf } from '../../src/pricing/cost.js';
import { ChatToMessagesMeter } from '../../src/wire/chat-to-messages-stream.js';
import { MessagesToChatMeter } from '../../src/wire/messages-to-chat-stream.js';
import { meterFor } from '../../src/wire/meter.js';
import type { MeterOptions, StreamMeter } from '../../src/wire/stream.js';
import { NO_TOOL_NAMES } from '../../src/wire/tool-call.js';
import { flat, perMillion, seeded } from '../pricing/prices.js';
import { fixture, play } from './fixture.js';

const PRICE = flat({ input: perMillion('30'), output: perMillion('60') });

const SEED = Number(process.env['STREAM_SEED'] ?? Date.now() % 1_000_000);
/** Besides the cuts in the event with the usage, so many elsewhere. */
const CUTS_ELSEWHERE = 20;

interface Kind {
  readonly stream: string;
  /** Deltas are repeated until there are so many. */
  readonly events: number;
  readonly meter: (options: MeterOptions) => StreamMeter;
}

/** One at its full length; the others are cut as often, but are shorter. */
const KINDS: Readonly<Record<string, Kind>> = {
  chat: {
    stream: 'chat-with-usage.sse',
    events: 50,
    meter: (options) => meterFor('chat', { ...options, stripUsage: true }),
  },
  'chat, usage asked for': {
    stream: 'chat-with-usage.sse',
    events: 1_000,
    meter: (options) => meterFor('chat', options),
  },
  completions: {
    stream: 'completions-with-usage.sse',
    events: 50,
    meter: (options) => meterFor('completions', options),
  },
  responses: {
    stream: 'responses.sse',
    events: 50,
    meter: (options) => meterFor('responses', options),
  },
  messages: {
    stream: 'messages.sse',
    events: 50,
    meter: (options) => meterFor('messages', options),
  },
  'chat for a Messages client': {
    stream: 'chat-with-usage.sse',
    events: 50,
    meter: (options) => new ChatToMessagesMeter({ ...options, toolNames: NO_TOOL_NAMES }),
  },
  'messages for a Chat client': {
    stream: 'messages.sse',
    events: 50,
    meter: (options) => new MessagesToChatMeter({ ...options, createdSeconds: 1 }),
  },
};

/** A recorded stream with its first text repeated, and where its last usage stands. */
function longStream({ stream, events }: Kind) {
  const recorded = fixture(stream)
    .toString()
    .split(/(?<=\n\n)/);
  const text = recorded.findIndex((event) => event.includes('Hé'));
  const repeated = Array.from({ length: events }, () => recorded[text] ?? '');
  const all = [...recorded.slice(0, text), ...repeated, ...recorded.slice(text + 1)];
  const bytes = Buffer.from(all.join(''));
  const usage = bytes.lastIndexOf('"usage":{');
  const start = bytes.lastIndexOf('\n\n', usage) + 2;
  return { bytes, start, end: bytes.indexOf('\n\n', usage) + 2 };
}

for (const [name, kind] of Object.entries(KINDS)) {
  t.test(`${name}: ${kind.events} events cost the same however they come`, async (t) => {
    const random = seeded(SEED);
    const { bytes, start, end } = longStream(kind);
    const costs: string[] = [];
    const sent = (cuts: readonly number[]): string => {
      const options: MeterOptions = {
        settle: (usage) => {
          costs.push(usage === null ? 'none' : centsText(costOf(PRICE, usage)));
          return `"cost_cents":${costs.at(-1)}`;
        },
        stripUsage: false,
        inputTokens: 12,
        requestedModel: 'gpt-4',
      };
      const edges = [0, ...cuts.toSorted((a, b) => a - b), bytes.length];
      return play(
        kind.meter(options),
        edges.slice(1).map((edge, index) => bytes.subarray(edges[index], edge)),
      );
    };
    const whole = sent([]);
    t.match(whole, `cost_cents`);
    for (let cut = start; cut <= end; cut++) {
      const elsewhere = Array.from({ length: CUTS_ELSEWHERE }, () =>
        Math.floor(random() * bytes.length),
      );
      if (sent([cut, ...elsewhere]) !== whole) t.fail(`cut at ${cut}, STREAM_SEED=${SEED}`);
    }
    t.equal(costs.length, end - start + 2, 'settled once each');
    t.equal(new Set(costs).size, 1, 'at one cost');
    t.not(costs[0], 'none');
  });
}
