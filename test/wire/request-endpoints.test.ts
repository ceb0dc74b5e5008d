// What admission reads of the other metered endpoints: completions, responses, embeddings.

import t from 'tap';
import type { Api } from '../../src/kernel/api.js';
import { CHOICES_MAX, readRequest, type InvalidRequest } from '../../src/wire/request.js';
import { NOTHING_MORE } from '../../src/wire/wanted.js';
import { INPUTS_MAX } from '../../src/wire/inputs.js';

type Json = Record<string, unknown>;

const completion: Json = { model: 'gpt-3.5-turbo-instruct', prompt: 'hi' };
const response: Json = { model: 'gpt-5', input: 'hi' };
const embedding: Json = { model: 'text-embedding-3-small', input: 'hi' };

const refusal = (api: Api, request: Json): InvalidRequest | null => {
  const read = readRequest(api, request);
  return 'invalid' in read ? read : null;
};

t.test('a completion is bounded by its choices, its prompts and sixteen tokens', async (t) => {
  const read = (more: Json) => readRequest('completions', { ...completion, ...more });
  t.same(read({}), {
    model: 'gpt-3.5-turbo-instruct',
    stream: false,
    includeUsage: false,
    maxOutputTokens: 16,
    maxIsDefault: true,
    choices: 1,
    messages: 1,
    prompts: 1,
    hiddenContext: false,
    wanted: NOTHING_MORE,
  });
  t.match(read({ max_tokens: 50 }), { maxOutputTokens: 50, maxIsDefault: false });
  t.match(read({ n: 2, best_of: 5 }), { choices: 5 }, 'what is generated is billed');
  t.match(read({ n: 3 }), { choices: 3 });
  t.match(read({ prompt: ['a', 'b'], best_of: 5 }), { choices: 10, prompts: 2 });
  t.match(read({ prompt: [1, 2, 3], n: 2 }), { choices: 2, prompts: 1 });
  t.match(read({ prompt: [[1, 2], [3]], n: 2 }), { choices: 4, prompts: 2 });
  t.match(read({ prompt: null }), { choices: 1 }, 'OpenAI starts from nothing');
  const streamed = { stream: true, stream_options: { include_usage: true } };
  t.match(read(streamed), { stream: true, includeUsage: true });
});

t.test('refuses completions whose size cannot be told', async (t) => {
  const refused = (more: Json) => refusal('completions', { ...completion, ...more });
  for (const name of ['n', 'best_of']) {
    for (const bad of [0, -1, 1.5, '2', CHOICES_MAX + 1]) {
      t.match(refused({ [name]: bad }), { param: name }, `${name} ${bad}`);
    }
  }
  for (const bad of [0, -1, '16', 1e300]) {
    t.match(refused({ max_tokens: bad }), { param: 'max_tokens' }, `max_tokens ${bad}`);
  }
  t.match(refused({ prompt_embeds: 'QUJD' }), { param: 'prompt_embeds' });
  t.match(refused({ service_tier: 'priority' }), { param: 'service_tier' });
  const chat = { model: 'gpt-4', messages: [] };
  t.match(refusal('completions', chat), { param: 'messages', invalid: /chat\/completions/ });
});

t.test('prompts and texts are texts or token ids, of one kind and not too many', async (t) => {
  const bad: unknown[] = [
    {},
    7,
    true,
    [],
    [null],
    ['a', 7],
    ['a', [7]],
    [1, 'a'],
    [1, [2]],
    [[1], 'a'],
    [1.5],
    [-1],
    [[1.5]],
    [[['a']]],
    [{ type: 'image_url' }],
    Array.from({ length: INPUTS_MAX + 1 }, () => 'a'),
  ];
  for (const value of bad) {
    const told = JSON.stringify(value).slice(0, 30);
    t.match(refusal('completions', { ...completion, prompt: value }), { param: 'prompt' }, told);
    t.match(refusal('embeddings', { ...embedding, input: value }), { param: 'input' }, told);
  }
  const most = Array.from({ length: INPUTS_MAX }, () => 'a');
  t.equal(refusal('embeddings', { ...embedding, input: most }), null);
  const long = Array.from({ length: INPUTS_MAX + 1 }, () => 1);
  t.equal(refusal('embeddings', { ...embedding, input: long }), null, 'one input of many tokens');
});

t.test('an embedding has input alone', async (t) => {
  const plain = {
    model: 'text-embedding-3-small',
    stream: false,
    includeUsage: false,
    maxOutputTokens: 0,
    maxIsDefault: false,
    choices: 1,
    messages: 1,
    prompts: 1,
    hiddenContext: false,
    wanted: NOTHING_MORE,
  };
  t.same(readRequest('embeddings', embedding), plain);
  const formed = { ...embedding, dimensions: 256, encoding_format: 'base64', n: 3, max_tokens: 9 };
  t.same(readRequest('embeddings', formed), plain);
  t.match(readRequest('embeddings', { ...embedding, input: ['a', 'b'] }), { prompts: 2 });
  t.match(refusal('embeddings', { ...embedding, stream: true }), { param: 'stream' });
  t.match(refusal('embeddings', { model: 'm' }), { param: 'input', invalid: /token ids/ });
  t.match(refusal('embeddings', { ...embedding, messages: [{}] }), { param: 'messages' });
});

t.test('reads what admission needs of a response', async (t) => {
  const plain = {
    model: 'gpt-5',
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
  t.same(readRequest('responses', response), plain);
  const items = [
    { role: 'user', content: 'hi' },
    { type: 'function_call_output', output: 'x' },
  ];
  const more = { input: items, max_output_tokens: 99, stream: true, n: 7 };
  const read = { ...plain, messages: 2, maxOutputTokens: 99, stream: true };
  t.same(readRequest('responses', { ...response, ...more }), read);
  t.match(readRequest('responses', { model: 'gpt-5', previous_response_id: 'resp_1' }), {
    hiddenContext: true,
  });
  t.match(refusal('responses', { ...response, max_output_tokens: 0 }), {
    param: 'max_output_tokens',
  });
});

t.test('stored context makes the input one that no bytes bound', async (t) => {
  const isHidden = (more: Json): boolean => {
    const read = readRequest('responses', { ...response, ...more });
    return 'hiddenContext' in read && read.hiddenContext;
  };
  for (const more of [
    { previous_response_id: 'resp_1' },
    { conversation: 'conv_1' },
    { conversation: { id: 'conv_1' } },
    { prompt: { id: 'pmpt_1' } },
    { input: [{ type: 'item_reference', id: 'msg_1' }] },
    { input: [{ id: 'msg_1' }] },
    { input: [{ type: 'reasoning', id: 'rs_1', summary: [] }] },
    { input: [{ type: 'web_search_call', id: 'ws_1' }] },
    { input: [{ type: 'compaction', encrypted_content: 'QUJD' }] },
  ]) {
    t.equal(isHidden(more), true, JSON.stringify(more));
  }
  for (const more of [
    { previous_response_id: null, conversation: null, prompt: null },
    {
      input: [
        { role: 'user', content: 'hi' },
        { type: 'message', role: 'user', content: [] },
      ],
    },
    { input: [{ type: 'function_call', name: 'f', arguments: '{}', call_id: 'c' }] },
    { input: [{ type: 'reasoning', id: 'rs_1', summary: [], encrypted_content: 'QUJD' }] },
    { input: [{ type: 'reasoning', content: [{ type: 'reasoning_text', text: 'hm' }] }] },
  ]) {
    t.equal(isHidden(more), false, JSON.stringify(more));
  }
});

t.test('refuses responses that are billed elsewhere or without a bound', async (t) => {
  const refused = (more: Json) => refusal('responses', { ...response, ...more });
  t.match(refused({ background: true }), { code: 'unmetered_endpoint', param: 'background' });
  t.match(refused({ context_management: [{ type: 'compaction' }] }), { invalid: /bounded/ });
  t.match(refused({ service_tier: 'ultrafast' }), { param: 'service_tier' });
  for (const type of [
    'web_search_preview',
    'code_interpreter',
    'image_generation',
    'mcp',
    'shell',
    'computer_use_preview',
    'tool_search',
  ]) {
    t.match(refused({ tools: [{ type }] }), { param: 'tools[0]', invalid: /cannot be bounded/ });
    const grouped = { type: 'namespace', tools: [{ type: 'function', name: 'f' }, { type }] };
    t.match(refused({ tools: [grouped] }), { param: 'tools[0]' }, `${type} in a namespace`);
  }
  const brought = [{ type: 'tool_search_output', tools: [{ type: 'web_search' }] }];
  t.match(refused({ input: brought }), { param: 'input[0].tools[0]' });
  t.match(refused({ input: [{ type: 'compaction_trigger' }] }), { param: 'input[0]' });
  t.match(refused({ reasoning: { mode: 'pro' } }), { param: 'reasoning.mode' });
  t.equal(refused({ reasoning: { mode: 'standard', effort: 'high' } }), null);
  const audio = { type: 'input_audio', input_audio: { data: 'QUJD' } };
  t.match(refused({ input: [{ role: 'user', content: [audio] }] }), { param: 'input[0].content' });
  t.match(refused({ input: [{ type: 'function_call_output', output: [audio] }] }), {
    param: 'input[0].output',
  });
  t.match(refusal('responses', { model: 'gpt-5', messages: [] }), {
    param: 'messages',
    invalid: /chat\/completions/,
  });
  t.match(refused({ input: { role: 'user' } }), { param: 'input' });
});

t.test('allows the tools of a response that the client runs', async (t) => {
  for (const type of ['function', 'custom', 'local_shell', 'apply_patch']) {
    t.equal(refusal('responses', { ...response, tools: [{ type, name: 'f' }] }), null);
  }
  const group = { type: 'namespace', name: 'g', tools: [{ type: 'function', name: 'f' }] };
  t.equal(refusal('responses', { ...response, tools: [group] }), null);
});
