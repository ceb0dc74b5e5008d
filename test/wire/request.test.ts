import t from 'tap';
import type { Api } from '../../src/kernel/api.js';
import { readRequest, type InvalidRequest } from '../../src/wire/request.js';
import { NOTHING_MORE } from '../../src/wire/wanted.js';

const body = { model: 'gpt-4', messages: [{ role: 'user', content: 'hi' }] };

const refusal = (api: Api, request: unknown): InvalidRequest | null => {
  const read = readRequest(api, request);
  return 'invalid' in read ? read : null;
};

t.test('reads what admission needs', async (t) => {
  const plain = {
    model: 'gpt-4',
    stream: false,
    includeUsage: false,
    maxOutputTokens: null,
    maxIsDefault: false,
    choices: 1,
    messages: 1,
    prompts: 1,
    hiddenContext: false,
    wanted: NOTHING_MORE,
  };
  t.same(readRequest('chat', body), plain);
  t.same(readRequest('messages', body), plain, "the recipe's curl sends no max_tokens");
  const streamed = {
    ...body,
    stream: true,
    stream_options: { include_usage: true },
    n: 3,
    max_tokens: 50,
  };
  const read = { ...plain, stream: true, includeUsage: true, choices: 3, maxOutputTokens: 50 };
  t.same(readRequest('chat', streamed), read);
  t.same(readRequest('chat', { ...body, n: null, max_tokens: null, stream: null }), plain);
});

t.test('the larger of two output limits bounds the request', async (t) => {
  t.match(readRequest('chat', { ...body, max_tokens: 10, max_completion_tokens: 20 }), {
    maxOutputTokens: 20,
  });
});

t.test('refuses limits that do not bound', async (t) => {
  for (const bad of [-1, 0, 1.5, '10', 1e300, [], {}]) {
    for (const name of ['max_tokens', 'max_completion_tokens', 'n']) {
      t.match(refusal('chat', { ...body, [name]: bad }), { param: name }, `${name} ${String(bad)}`);
    }
  }
  t.match(refusal('chat', { ...body, n: 129 }), { param: 'n', invalid: /128/ });
  t.equal(refusal('messages', { ...body, max_tokens: 0 }), null, 'zero only warms the cache');
  t.match(refusal('messages', { ...body, max_tokens: -1 }), { param: 'max_tokens' });
});

t.test('refuses bodies of the wrong shape with the mend', async (t) => {
  for (const none of [null, [], 'x', 7]) t.match(refusal('chat', none), { invalid: /JSON object/ });
  t.match(refusal('chat', { ...body, model: undefined }), { param: 'model' });
  t.match(refusal('chat', { ...body, stream: 'true' }), { param: 'stream' });
  t.match(refusal('chat', { ...body, stream_options: true }), { param: 'stream_options' });
  t.match(refusal('chat', { ...body, stream_options: { include_usage: 1 } }), {
    param: 'stream_options',
  });
  t.match(refusal('messages', { model: 'gpt-4' }), { param: 'messages', invalid: /Add it/ });
  t.match(refusal('chat', { model: 'gpt-4', input: 'hi' }), {
    param: 'input',
    invalid: /Responses/,
  });
});

t.test('refuses background work as unmetered', async (t) => {
  t.match(refusal('chat', { ...body, background: true }), { code: 'unmetered_endpoint' });
  t.equal(refusal('chat', { ...body, background: false }), null);
});

t.test('refuses what cannot be bounded yet, naming the member', async (t) => {
  const unbounded: [Api, string, unknown][] = [
    ['chat', 'web_search_options', {}],
    ['chat', 'plugins', [{ id: 'web' }]],
    ['chat', 'modalities', ['text', 'image']],
    ['chat', 'service_tier', 'scale'],
    ['messages', 'modalities', ['text', 'audio']],
    ['messages', 'service_tier', 'default'],
    ['messages', 'speed', 'fast'],
    ['messages', 'inference_geo', 'us'],
    ['messages', 'mcp_servers', [{ url: 'https://example.com' }]],
    ['messages', 'container', 'c_1'],
  ];
  for (const [api, param, value] of unbounded) {
    t.match(
      refusal(api, { ...body, [param]: value }),
      { param, invalid: /cannot be bounded/ },
      param,
    );
  }
  const cache = (ttl: unknown) => refusal('chat', { ...body, prompt_cache_options: { ttl } });
  t.match(cache('12h'), { param: 'prompt_cache_options.ttl', invalid: /12h/ });
  t.equal(cache('30m'), null);
  const audio = { role: 'user', content: [{ type: 'audio_url', audio_url: {} }] };
  t.match(refusal('chat', { ...body, messages: [audio] }), { param: 'messages[0].content' });
});

t.test('allows tools that run in the client, and refuses those of the server', async (t) => {
  const tool = (api: Api, value: unknown) => refusal(api, { ...body, tools: [value] });
  t.equal(tool('chat', { type: 'function', function: { name: 'f' } }), null);
  t.equal(tool('messages', { name: 'f', input_schema: {} }), null);
  t.equal(tool('messages', { type: 'bash_20250124', name: 'bash' }), null);
  t.match(tool('chat', { type: 'web_search' }), { param: 'tools[0]' });
  t.match(tool('messages', { type: 'code_execution_20250825' }), { invalid: /code_execution/ });
});

t.test('allows the ordinary tiers', async (t) => {
  for (const tier of ['auto', 'default', null]) {
    t.equal(refusal('chat', { ...body, service_tier: tier, modalities: ['text'] }), null);
  }
  t.equal(refusal('messages', { ...body, service_tier: 'standard_only', speed: 'standard' }), null);
});
