import t from 'tap';
import { NO_USAGE } from '../../src/kernel/usage.js';
import {
  chatUsage,
  embeddingsUsage,
  mergeUsage,
  messagesUsage,
  responseUsage,
  usageOf,
} from '../../src/wire/usage.js';

const chat = { prompt_tokens: 1000, completion_tokens: 500, total_tokens: 1500 };
const messages = { input_tokens: 25, output_tokens: 15 };

t.test("takes OpenAI's nested classes apart", async (t) => {
  const details = { cached_tokens: 400, cache_write_tokens: 100 };
  const reasoning = { reasoning_tokens: 300 };
  const usage = { ...chat, prompt_tokens_details: details, completion_tokens_details: reasoning };
  t.same(chatUsage(usage), {
    ...NO_USAGE,
    inputTokens: 500,
    cachedInputTokens: 400,
    cacheWriteTokens: 100,
    cacheWrite1hTokens: 0,
    outputTokens: 500,
    reasoningTokens: 300,
  });
});

t.test('details may be missing or null', async (t) => {
  const expected = { ...NO_USAGE, inputTokens: 1000, outputTokens: 500 };
  t.same(chatUsage(chat), expected);
  t.same(chatUsage({ ...chat, prompt_tokens_details: null }), expected);
  t.same(chatUsage({ ...chat, prompt_tokens_details: { cached_tokens: null } }), expected);
});

t.test('reasoning that a server counts beside its output is billed as output', async (t) => {
  const reasoning = { reasoning_tokens: 300 };
  const beside = { ...chat, total_tokens: 1800, completion_tokens_details: reasoning };
  t.equal(chatUsage(beside)?.outputTokens, 800);
  const more = { ...chat, completion_tokens_details: { reasoning_tokens: 501 } };
  t.equal(chatUsage(more)?.outputTokens, 1001);
});

t.test('a cache count above the prompt never makes input negative', async (t) => {
  const usage = chatUsage({ ...chat, prompt_tokens_details: { cached_tokens: 2000 } });
  t.equal(usage?.inputTokens, 0);
  t.equal(usage?.cachedInputTokens, 2000);
});

t.test("keeps Anthropic's classes, one-hour writes apart", async (t) => {
  const usage = {
    ...messages,
    cache_creation_input_tokens: 30,
    cache_read_input_tokens: 40,
    cache_creation: { ephemeral_5m_input_tokens: 20, ephemeral_1h_input_tokens: 10 },
    output_tokens_details: { thinking_tokens: 4 },
  };
  t.same(messagesUsage(usage), {
    ...NO_USAGE,
    inputTokens: 25,
    cachedInputTokens: 40,
    cacheWriteTokens: 20,
    cacheWrite1hTokens: 10,
    outputTokens: 15,
    reasoningTokens: 4,
  });
  t.equal(messagesUsage({ ...usage, cache_creation: null })?.cacheWriteTokens, 30);
  t.same(messagesUsage(messages), { ...NO_USAGE, inputTokens: 25, outputTokens: 15 });
});

t.test('what makes no sense is no report, not a zero', async (t) => {
  for (const bad of [-1, 1.5, '7', NaN, 1e9 + 1, {}, true]) {
    t.equal(chatUsage({ ...chat, prompt_tokens: bad }), null, `prompt_tokens ${String(bad)}`);
    t.equal(chatUsage({ ...chat, prompt_tokens_details: { cached_tokens: bad } }), null);
    t.equal(messagesUsage({ ...messages, output_tokens: bad }), null);
    t.equal(messagesUsage({ ...messages, cache_read_input_tokens: bad }), null);
    t.equal(
      messagesUsage({ ...messages, cache_creation: { ephemeral_1h_input_tokens: bad } }),
      null,
    );
  }
  for (const none of [null, undefined, [], 'x', {}, { prompt_tokens: 1 }, { input_tokens: 1 }]) {
    t.equal(chatUsage(none), null);
    t.equal(messagesUsage(none), null);
  }
  t.equal(chatUsage({ prompt_tokens: 0, completion_tokens: 0 }), null, 'nothing was counted');
  t.equal(messagesUsage({ input_tokens: 0, output_tokens: 0 }), null, 'nothing was counted');
});

t.test('merges the reports of one stream, the larger of each count', async (t) => {
  const first = { input_tokens: 25, output_tokens: 1, cache_creation: { a: 1, b: 5 } };
  const next = { input_tokens: null, output_tokens: 15, cache_creation: { a: 2 }, speed: 'fast' };
  const merged = {
    input_tokens: 25,
    output_tokens: 15,
    cache_creation: { a: 2, b: 5 },
    speed: 'fast',
  };
  t.same(mergeUsage(first, next), merged);
  t.same(mergeUsage(first, null), first);
  t.match(mergeUsage(first, { input_tokens: 0 }), { input_tokens: 25 });
});

t.test('a response nests its classes as a chat does, under other names', async (t) => {
  const response = { input_tokens: 1000, output_tokens: 500, total_tokens: 1500 };
  t.same(responseUsage({ usage: response }), { ...NO_USAGE, inputTokens: 1000, outputTokens: 500 });
  const detailed = {
    ...response,
    input_tokens_details: {
      cached_tokens: 400,
      cache_write_tokens: 100,
      cache_write_tokens_details: { ttl_30m_tokens: 60, ttl_12h_tokens: 40 },
    },
    output_tokens_details: { reasoning_tokens: 300 },
  };
  t.same(responseUsage({ usage: detailed }), {
    ...NO_USAGE,
    inputTokens: 500,
    cachedInputTokens: 400,
    cacheWriteTokens: 60,
    cacheWrite1hTokens: 40,
    outputTokens: 500,
    reasoningTokens: 300,
  });
  const beside = { ...detailed, total_tokens: 1800 };
  t.equal(responseUsage({ usage: beside })?.outputTokens, 800);
  for (const bad of [null, 'x', {}, { input_tokens: 1 }, { input_tokens: -1, output_tokens: 1 }]) {
    t.equal(responseUsage({ usage: bad }), null);
  }
});

t.test('an embedding reports input alone', async (t) => {
  t.same(embeddingsUsage({ prompt_tokens: 8, total_tokens: 8 }), { ...NO_USAGE, inputTokens: 8 });
  t.same(embeddingsUsage({ total_tokens: 8 }), { ...NO_USAGE, inputTokens: 8 });
  for (const bad of [
    null,
    {},
    { prompt_tokens: 0 },
    { prompt_tokens: -1 },
    { prompt_tokens: '8' },
  ]) {
    t.equal(embeddingsUsage(bad), null);
  }
});

t.test('the wire tells where a body has its usage', async (t) => {
  const given = { input_tokens: 3, output_tokens: 2, prompt_tokens: 7, completion_tokens: 5 };
  const body = { usage: given };
  t.match(usageOf('chat', body), { inputTokens: 7, outputTokens: 5 });
  t.match(usageOf('completions', body), { inputTokens: 7, outputTokens: 5 });
  t.match(usageOf('messages', body), { inputTokens: 3, outputTokens: 2 });
  t.match(usageOf('responses', body), { inputTokens: 3, outputTokens: 2 });
  t.match(usageOf('embeddings', body), { inputTokens: 7, outputTokens: 0 });
  t.equal(usageOf('responses', {}), null);
});

t.test('calls of tools are read where each wire has them', async (t) => {
  const usage = { input_tokens: 10, output_tokens: 5 };
  const searched = { ...usage, server_tool_use: { web_search_requests: 3, web_fetch_requests: 9 } };
  t.match(messagesUsage(searched), { webSearches: 3, fileSearches: 0 });
  t.match(messagesUsage({ ...usage, server_tool_use: null }), { webSearches: 0 });
  const output = [
    { type: 'web_search_call', action: { type: 'search' } },
    { type: 'web_search_call', action: { type: 'open_page' } },
    { type: 'web_search_call' },
    { type: 'file_search_call' },
    { type: 'message' },
    null,
  ];
  t.match(responseUsage({ usage, output }), { webSearches: 2, fileSearches: 1 });
  const counted = { usage, output, tool_usage: { web_search: { num_requests: 1 } } };
  t.match(responseUsage(counted), { webSearches: 1, fileSearches: 1 }, "the provider's own count");
  for (const bad of [-1, '2', 0.5]) {
    t.equal(messagesUsage({ ...usage, server_tool_use: { web_search_requests: bad } }), null);
    const response = { usage, tool_usage: { web_search: { num_requests: bad } } };
    t.equal(responseUsage(response), null, 'a count that makes no sense is no report');
  }
});

t.test('the tier is read where each wire has it, by whatever name', async (t) => {
  const names = { flex: 'flex', priority: 'priority', fast: 'priority', ultrafast: 'other' };
  for (const [name, serviceTier] of Object.entries({ ...names, default: 'standard' })) {
    t.match(chatUsage(chat, name), { serviceTier });
    const usage = { input_tokens: 10, output_tokens: 5 };
    t.match(responseUsage({ usage, service_tier: name }), { serviceTier });
    t.match(messagesUsage({ ...messages, service_tier: name }), { serviceTier });
  }
  t.match(messagesUsage({ ...messages, service_tier: 'batch' }), { serviceTier: 'batch' });
  t.match(chatUsage(chat), { serviceTier: 'standard' }, 'nothing is said');
});

t.test('what is heard and spoken is taken out of what is read and written', async (t) => {
  const usage = {
    ...chat,
    prompt_tokens_details: { cached_tokens: 100, audio_tokens: 300, text_tokens: 700 },
    completion_tokens_details: { audio_tokens: 450, text_tokens: 50 },
  };
  t.match(chatUsage(usage), { inputTokens: 600, cachedInputTokens: 100, audioInputTokens: 300 });
  t.match(chatUsage(usage), { outputTokens: 50, audioOutputTokens: 450 });
  const details = { audio_tokens: 5_000 };
  const odd = { prompt_tokens_details: details, completion_tokens_details: details };
  t.match(chatUsage({ ...chat, ...odd }), { inputTokens: 0, outputTokens: 0 }, 'never below zero');
});
