// What of a request is counted, and that plain chat agrees with OpenAI's published counts.

import { get_encoding } from '@dqbd/tiktoken';
import t from 'tap';
import type { Encoding } from '../../src/kernel/encoding.js';
import { DOCUMENT_TOKENS_MAX } from '../../src/tokens/media.js';
import { hiddenTokensMax, promptTexts, type Prompt } from '../../src/tokens/prompt.js';
import { COOKBOOK } from './cookbook.js';

function tokensOf({ texts, fixedTokens }: Prompt, encoding: Encoding): number {
  const encoder = get_encoding(encoding);
  const counts = texts.map((text) => encoder.encode(text, [], []).length);
  encoder.free();
  return counts.reduce((sum, count) => sum + count, fixedTokens);
}

t.test('the cookbook’s six messages count what the API reported for them', async (t) => {
  const prompt = promptTexts('chat', { model: 'gpt-4', messages: COOKBOOK });
  t.equal(tokensOf(prompt, 'cl100k_base'), 129);
  t.equal(tokensOf(prompt, 'o200k_base'), 124);
});

t.test('every text that reaches the model is counted', async (t) => {
  const chat = promptTexts('chat', {
    messages: [
      { role: 'developer', content: [{ type: 'text', text: 'in a part' }] },
      {
        role: 'assistant',
        content: null,
        refusal: 'a refusal',
        tool_calls: [
          { id: 'c1', type: 'function', function: { name: 'look', arguments: '{"at":1}' } },
        ],
      },
      { role: 'tool', tool_call_id: 'c1', content: 'a result' },
    ],
    tools: [{ type: 'function', function: { name: 'look', parameters: { deep: 'schema' } } }],
    response_format: { type: 'json_schema', json_schema: { name: 'shape' } },
  });
  const all = chat.texts.join('\n');
  for (const part of ['developer', 'in a part', 'a refusal', 'look', '{"at":1}', 'a result']) {
    t.ok(all.includes(part), part);
  }
  for (const part of ['"deep":"schema"', '"name":"shape"']) t.ok(all.includes(part), part);

  const messages = promptTexts('messages', {
    system: [{ type: 'text', text: 'the system', cache_control: { type: 'ephemeral' } }],
    messages: [
      { role: 'user', content: 'plain' },
      {
        role: 'assistant',
        content: [{ type: 'tool_use', id: 't', name: 'look', input: { at: 2 } }],
      },
      {
        role: 'user',
        content: [
          { type: 'tool_result', tool_use_id: 't', content: [{ type: 'text', text: 'nested' }] },
          { type: 'document', title: 'titled', source: { type: 'text', data: 'inline' } },
          { type: 'thinking', thinking: 'thought' },
        ],
      },
    ],
  });
  const texts = messages.texts.join('\n');
  for (const part of ['the system', 'plain', 'look', '{"at":2}', 'nested', 'titled', 'inline']) {
    t.ok(texts.includes(part), part);
  }
  t.ok(texts.includes('thought'));
  t.notOk(texts.includes('ephemeral'));
});

t.test('media counts its bound, and its base64 is not tokenized', async (t) => {
  const data = 'QUJD'.repeat(1_000);
  const url = `data:image/png;base64,${data}`;
  const chat = promptTexts('chat', {
    messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url } }] }],
  });
  t.notOk(chat.texts.some((text) => text.includes('QUJD')));
  t.match(chat.pictures, [{ size: null, carried: 4_000 }]);
  const pdf = { type: 'document', source: { type: 'base64', media_type: 'application/pdf', data } };
  const image = { type: 'image', source: { type: 'base64', media_type: 'image/png', data } };
  const messages = promptTexts('messages', {
    messages: [
      { role: 'user', content: [pdf, { type: 'tool_result', tool_use_id: 't', content: [image] }] },
    ],
  });
  t.notOk(messages.texts.some((text) => text.includes('QUJD')));
  t.ok(messages.fixedTokens >= DOCUMENT_TOKENS_MAX);
  t.match(messages.pictures, [{ size: null, carried: 4_000 }]);
});

t.test('a body of the wrong shape is counted, not refused', async (t) => {
  for (const messages of [
    undefined,
    'text',
    [null, 7, 'text', { content: 7 }, { content: [null] }],
  ]) {
    t.doesNotThrow(() => promptTexts('chat', { messages }));
    t.doesNotThrow(() => promptTexts('messages', { messages, system: 7, tools: 'none' }));
  }
});

t.test('newer models may add instructions of their own, older ones do not', async (t) => {
  t.equal(hiddenTokensMax('gpt-4o-mini'), 0);
  t.equal(hiddenTokensMax('gpt-3.5-turbo'), 0);
  t.ok(hiddenTokensMax('gpt-5.1') > 100);
});
