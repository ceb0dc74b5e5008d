import t from 'tap';
import type { Api } from '../../src/kernel/api.js';
import { readRequest } from '../../src/wire/request.js';
import { NOTHING_MORE, wantedIn } from '../../src/wire/wanted.js';

const messages = [{ role: 'user', content: 'Hello' }];
const read = (api: Api, more: object) => wantedIn(api, { model: 'm', messages, ...more });

t.test('nearly every request wants nothing more than text', async (t) => {
  for (const api of ['chat', 'messages', 'completions', 'responses', 'embeddings'] as const) {
    t.equal(read(api, {}), NOTHING_MORE, api);
  }
  t.same(read('chat', { tools: [{ type: 'function' }], service_tier: 'default' }), NOTHING_MORE);
});

t.test('the tier asked for, and whether it may be dearer', async (t) => {
  for (const api of ['chat', 'responses'] as const) {
    t.match(read(api, { service_tier: 'flex' }), { tier: 'flex', dearerTier: false });
    t.match(read(api, { service_tier: 'priority' }), { tier: 'priority', dearerTier: true });
    t.match(read(api, { service_tier: 'fast' }), { tier: 'priority', dearerTier: true });
    t.match(read(api, { service_tier: 'auto' }), { tier: 'auto', dearerTier: true });
  }
  t.match(read('messages', { service_tier: 'auto' }), { tier: 'standard', dearerTier: false });
});

t.test('sound that a chat brings, refers to or wants', async (t) => {
  const heard = { role: 'user', content: [{ type: 'input_audio', input_audio: { data: '' } }] };
  t.match(read('chat', { messages: [heard] }), { audioInput: true, audioOutput: false });
  const spoken = { role: 'assistant', audio: { id: 'audio_1' } };
  t.match(read('chat', { messages: [...messages, spoken] }), { audioInput: true });
  const modalities = ['text', 'audio'];
  t.match(read('chat', { modalities }), { audioInput: false, audioOutput: true });
});

t.test('a prediction counts by its bytes', async (t) => {
  const prediction = (content: unknown) =>
    read('chat', { prediction: { type: 'content', content } });
  t.match(prediction('héllo'), { predictedTokens: 6 });
  const parts = [
    { type: 'text', text: 'né' },
    { type: 'text', text: 'abc' },
  ];
  t.match(prediction(parts), { predictedTokens: 6 });
});

t.test("Anthropic's searches are bounded by each tool's max_uses", async (t) => {
  const search = { type: 'web_search_20250305', name: 'web_search' };
  const fetch = { type: 'web_fetch_20250910', name: 'web_fetch' };
  const tools = [{ name: 'f' }, { ...search, max_uses: 3 }, { ...fetch, max_uses: 2 }];
  t.match(read('messages', { tools }), { webSearches: 3, fileSearches: 0, rounds: 7 });
  t.match(read('messages', { tools: [{ ...fetch, max_uses: 2 }] }), { webSearches: 0, rounds: 4 });
  for (const uses of [undefined, null, 0, -1, 1.5, '3', 101]) {
    const refused = read('messages', { tools: [{ name: 'f' }, { ...search, max_uses: uses }] });
    t.match(refused, { param: 'tools[1].max_uses', invalid: /Set 'tools\[1\]\.max_uses'/ });
  }
});

t.test("OpenAI's searches are bounded by max_tool_calls together", async (t) => {
  const web = { type: 'web_search' };
  const files = { type: 'file_search', vector_store_ids: ['vs_1'] };
  const asked = (tools: object[], most: unknown) =>
    read('responses', { tools, max_tool_calls: most });
  t.match(asked([web], 4), { webSearches: 4, fileSearches: 0, rounds: 5 });
  t.match(asked([files], 2), { webSearches: 0, fileSearches: 2, rounds: 3 });
  t.match(asked([{ type: 'web_search_2025_08_26' }, files], 1), {
    webSearches: 1,
    fileSearches: 1,
  });
  for (const most of [undefined, null, 0, 2.5, 101]) {
    t.match(asked([web], most), { param: 'max_tool_calls', invalid: /bills each call/ });
  }
  t.same(asked([{ type: 'function', name: 'f' }], undefined), NOTHING_MORE);
});

t.test('each round reads the whole window again, and a message may answer in each', async (t) => {
  const search = { type: 'web_search_20250305', name: 'web_search', max_uses: 2 };
  const message = { model: 'm', max_tokens: 10, messages, tools: [search] };
  const rounds = { hiddenContext: true, prompts: 4 };
  t.match(readRequest('messages', message), { ...rounds, choices: 4 });
  const response = { model: 'm', input: 'hi', tools: [{ type: 'web_search' }], max_tool_calls: 3 };
  t.match(readRequest('responses', response), { ...rounds, choices: 1 });
});
