// The bound and the count of completions, responses and embeddings.

import { get_encoding } from '@dqbd/tiktoken';
import t from 'tap';
import type { Api } from '../../src/kernel/api.js';
import { ENCODINGS } from '../../src/kernel/encoding.js';
import { boundFor, inputBound } from '../../src/tokens/bound.js';
import { DOCUMENT_TOKENS_MAX, HOSTED_TOOL_TOKENS_MAX } from '../../src/tokens/media.js';
import { picturesMax } from '../../src/tokens/picture.js';
import { hiddenTokensMax, promptTexts } from '../../src/tokens/prompt.js';

type Json = Record<string, unknown>;

/** Another maker's server, of whose pictures nothing is known. */
const VIEWER = { provider: { type: 'openai-compatible' }, upstreamModel: 'some-model' } as const;
const IMAGE_TOKENS_MAX = picturesMax([{ size: null, detail: null, carried: 0 }], VIEWER);

const boundOf = (api: Api, body: Json): number =>
  boundFor(inputBound(api, body, Buffer.byteLength(JSON.stringify(body))), VIEWER);

const fixedOf = (api: Api, body: Json): number => {
  const { fixedTokens, pictures } = promptTexts(api, body);
  return fixedTokens + picturesMax(pictures, VIEWER);
};

const tokens = (length: number): number[] => Array.from({ length }, () => 50_256);

t.test('token ids count their number exactly', async (t) => {
  for (const [api, name] of [
    ['completions', 'prompt'],
    ['embeddings', 'input'],
  ] as const) {
    t.same(promptTexts(api, { [name]: tokens(5) }), { texts: [], fixedTokens: 5, pictures: [] });
    const lists = [tokens(5), tokens(2), []];
    t.same(promptTexts(api, { [name]: lists }), { texts: [], fixedTokens: 7, pictures: [] });
    const frame = boundOf(api, { [name]: tokens(1) }) - 1;
    t.ok(frame < 100);
    t.equal(boundOf(api, { [name]: tokens(9_000) }), 9_000 + frame, 'not the bytes they take');
    t.ok(boundOf(api, { [name]: [tokens(4_000), tokens(5_000)] }) < 9_000 + 2 * frame);
  }
});

t.test('texts stand alone, and an empty one is a token', async (t) => {
  t.same(promptTexts('embeddings', { input: 'a' }), { texts: ['a'], fixedTokens: 0, pictures: [] });
  t.same(promptTexts('embeddings', { input: ['a', 'b'] }), {
    texts: ['a', 'b'],
    fixedTokens: 0,
    pictures: [],
  });
  t.same(promptTexts('completions', { prompt: ['a', ''] }), {
    texts: ['a'],
    fixedTokens: 1,
    pictures: [],
  });
  t.same(promptTexts('completions', {}), { texts: [], fixedTokens: 1, pictures: [] });
  const between = promptTexts('completions', { prompt: 'a', suffix: 'b' });
  t.same(between.texts, ['a', 'b']);
  t.ok(between.fixedTokens > 0);
  const ids = boundOf('completions', { prompt: tokens(5), suffix: '日本'.repeat(100) });
  t.ok(ids > 600, 'a suffix beside token ids is bounded by its bytes');
});

t.test('the bound of each is never below the exact count', async (t) => {
  const wild = '😀日本\n"\\ '.repeat(50);
  const call = { type: 'function_call', id: 'fc_1', name: 'look', arguments: '{"at":1}' };
  const bodies: [Api, Json][] = [
    ['completions', { prompt: '' }],
    ['completions', { prompt: [wild, 'b', ''], suffix: wild }],
    ['completions', { prompt: [tokens(3), tokens(300)], suffix: wild }],
    ['embeddings', { input: Array.from({ length: 50 }, () => 'a') }],
    ['embeddings', { input: Array.from({ length: 50 }, () => [1]) }],
    ['responses', { input: '' }],
    ['responses', { input: wild, instructions: wild, text: { format: { schema: { a: 1 } } } }],
    [
      'responses',
      {
        input: [
          { role: 'user', content: [{ type: 'input_text', text: wild }] },
          call,
          { type: 'function_call_output', call_id: 'c', output: wild },
          { type: 'reasoning', summary: [], encrypted_content: 'QUJD'.repeat(100) },
        ],
        tools: [{ type: 'function', name: 'look' }, { type: 'local_shell' }],
      },
    ],
    [
      'responses',
      {
        input: [
          { role: 'user', content: [{ type: 'input_image', image_url: 'https://x.test/a' }] },
        ],
      },
    ],
  ];
  for (const encoding of ENCODINGS) {
    const encoder = get_encoding(encoding);
    for (const [api, body] of bodies) {
      const { texts } = promptTexts(api, body);
      const counts = texts.map((text) => encoder.encode(text, [], []).length);
      const exact = counts.reduce((sum, count) => sum + count, fixedOf(api, body));
      t.ok(boundOf(api, body) >= exact, `${api}: ${boundOf(api, body)} for ${exact}`);
    }
    encoder.free();
  }
});

t.test('every text of a response that reaches the model is counted', async (t) => {
  const { texts } = promptTexts('responses', {
    instructions: 'the instructions',
    input: [
      { role: 'developer', content: 'a string' },
      { type: 'message', id: 'msg_1', role: 'user', content: [{ type: 'input_text', text: 'p1' }] },
      { role: 'assistant', content: [{ type: 'output_text', text: 'p2', annotations: [] }] },
      { role: 'assistant', content: [{ type: 'refusal', refusal: 'p3' }] },
      { type: 'function_call', id: 'fc_1', name: 'look', arguments: '{"at":1}', call_id: 'c1' },
      { type: 'function_call_output', call_id: 'c1', output: 'a result' },
      { type: 'function_call_output', output: [{ type: 'input_text', text: 'p4' }] },
      { type: 'custom_tool_call', name: 'patch', input: 'free text' },
      { type: 'reasoning', summary: [{ type: 'summary_text', text: 'p5' }] },
      { type: 'reasoning', content: [{ type: 'reasoning_text', text: 'p6' }] },
    ],
    tools: [{ type: 'function', name: 'look', parameters: { deep: 'schema' } }],
    tool_choice: { type: 'function', name: 'look' },
    text: { format: { type: 'json_schema', name: 'shape' } },
  });
  const all = texts.join('\n');
  const words = 'p1 p2 p3 p4 p5 p6 look {"at":1} patch schema shape'.split(' ');
  for (const text of ['the instructions', 'a string', 'a result', 'free text', ...words]) {
    t.ok(all.includes(text), text);
  }
  t.notOk(all.includes('msg_1'), 'an id of an item is not for the model');
});

t.test('images, files and tools of a response are bounded by their kind', async (t) => {
  const user = (part: Json) => ({ input: [{ role: 'user', content: [part] }] });
  const linked = user({ type: 'input_image', image_url: 'https://x.test/a.png' });
  t.ok(boundOf('responses', linked) > IMAGE_TOKENS_MAX);
  const url = `data:image/png;base64,${'A'.repeat(400_000)}`;
  const carried = boundOf('responses', user({ type: 'input_image', image_url: url }));
  t.ok(carried > 400_000 && carried < 401_000);
  const file = user({ type: 'input_file', file_id: 'file-1' });
  t.ok(boundOf('responses', file) > DOCUMENT_TOKENS_MAX);
  const image = { type: 'input_image', file_id: 'file-1' };
  const returned = { input: [{ type: 'function_call_output', output: [image, image] }] };
  t.ok(boundOf('responses', returned) > 2 * IMAGE_TOKENS_MAX);
  t.ok(fixedOf('responses', returned) > 2 * IMAGE_TOKENS_MAX);
  const seen = { type: 'computer_screenshot', image_url: 'https://x.test/a.png' };
  const screen = { input: [{ type: 'computer_call_output', output: seen }] };
  t.ok(boundOf('responses', screen) > IMAGE_TOKENS_MAX);
  t.ok(fixedOf('responses', screen) > IMAGE_TOKENS_MAX);
  const tools = (...list: Json[]) => boundOf('responses', { input: '', tools: list });
  t.ok(tools({ type: 'web_search' }) > HOSTED_TOOL_TOKENS_MAX);
  t.ok(tools({ type: 'local_shell' }) > 2_048);
  t.ok(tools({ type: 'local_shell' }) < HOSTED_TOOL_TOKENS_MAX);
  const group = { type: 'namespace', tools: [{ type: 'web_search' }, { type: 'function' }] };
  t.ok(tools(group) > HOSTED_TOOL_TOKENS_MAX);
});

t.test('nothing is prepended to a text that is embedded', async (t) => {
  t.equal(hiddenTokensMax('text-embedding-3-small'), 0);
  t.equal(hiddenTokensMax('davinci-002'), 0);
});
