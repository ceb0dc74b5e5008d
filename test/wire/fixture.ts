// Reads recorded transcripts and plays them to a meter, cut wherever a test wants.

import { readFileSync } from 'node:fs';
import type { Usage } from '../../src/kernel/usage.js';
import type { MeterOptions, StreamMeter } from '../../src/wire/stream.js';

// Compiled to dist/test/wire, three folders below the project's root.
export const fixture = (name: string): Buffer =>
  readFileSync(new URL(`../../../fixtures/wire/${name}`, import.meta.url));

export const MEMBERS = '"request_cost_cents":180,"cost_cents":360';
export const COMMENT = ': tokenpak request_cost_cents=180 cost_cents=360\n\n';

export interface Settlements {
  readonly options: MeterOptions;
  readonly usages: (Usage | null)[];
}

/** Meter options whose settlements are written down. */
export function settlements(over: Partial<MeterOptions> = {}): Settlements {
  const usages: (Usage | null)[] = [];
  const settle = (usage: Usage | null): string => {
    usages.push(usage);
    return MEMBERS;
  };
  const options = { settle, stripUsage: false, inputTokens: 12, requestedModel: 'gpt-4', ...over };
  return { options, usages };
}

/**
 * Everything that the client receives when the stream comes in these chunks, all of them in one
 * memory that is used again.
 */
export function play(meter: StreamMeter, chunks: readonly Uint8Array[]): string {
  const memory = Buffer.alloc(Math.max(0, ...chunks.map((chunk) => chunk.length)));
  const sent = chunks.map((chunk) => {
    memory.set(chunk);
    const bytes = Buffer.from(meter.push(memory.subarray(0, chunk.length)) ?? []);
    memory.fill('?');
    return bytes;
  });
  return Buffer.concat([...sent, meter.end()]).toString('utf8');
}

/** The stream cut in two at every byte, and into single bytes. */
export function* splits(bytes: Buffer): Generator<Uint8Array[]> {
  for (let at = 1; at < bytes.length; at++) yield [bytes.subarray(0, at), bytes.subarray(at)];
  yield Array.from(bytes, (byte) => Uint8Array.of(byte));
}
