// The official client reads what the meters make of the Responses and Completions streams.

import OpenAI, { APIError } from 'openai';
import { createServer, type ServerResponse } from 'node:http';
import t, { type Test } from 'tap';
import type { Api } from '../../src/kernel/api.js';
import { meterFor } from '../../src/wire/meter.js';
import { listening } from '../flow/harness.js';
import { fixture, settlements } from './fixture.js';

/** A client whose every request is answered with the metered stream. */
async function clientOf(t: Test, wire: Api, stream: Uint8Array): Promise<OpenAI> {
  const answer = (response: ServerResponse): void => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    const meter = meterFor(wire, settlements().options);
    response.write(meter.push(stream) ?? '');
    response.end(meter.end());
  };
  const server = createServer((_request, response) => answer(response));
  return new OpenAI({ apiKey: 'k', baseURL: await listening(t, server), maxRetries: 0 });
}

const whole = fixture('responses.sse');
const REQUEST = { model: 'm', input: 'x', stream: true } as const;

t.test('a response ends with its cost', async (t) => {
  const client = await clientOf(t, 'responses', whole);
  const events = [];
  for await (const event of await client.responses.create(REQUEST)) events.push(event);
  t.match(events.at(-1), { type: 'response.completed', request_cost_cents: 180, cost_cents: 360 });
  const { input } = REQUEST;
  const final = await client.responses.stream({ model: 'm', input }).finalResponse();
  t.equal(final.output_text, 'Héllo "}{" wörld 🌍');
});

t.test('a response that is cut throws', async (t) => {
  const client = await clientOf(t, 'responses', whole.subarray(0, whole.length >> 1));
  const reading = async (): Promise<void> => {
    for await (const event of await client.responses.create(REQUEST)) t.ok(event.type);
  };
  const error: unknown = await reading().catch((reason: unknown) => reason);
  t.ok(error instanceof APIError);
  t.match(error, { code: 'upstream_unreachable' });
  const helper = client.responses.stream({ model: 'm', input: 'x' });
  await t.rejects(helper.finalResponse(), { code: 'upstream_unreachable' });
});

t.test('a completion ends with its cost', async (t) => {
  const client = await clientOf(t, 'completions', fixture('completions-with-usage.sse'));
  const request = { model: 'm', prompt: 'x', stream: true } as const;
  const chunks = [];
  for await (const chunk of await client.completions.create(request)) chunks.push(chunk);
  t.match(chunks.at(-1), { usage: { total_tokens: 17 }, cost_cents: 360 });
});
