import t from 'tap';
import type { ProviderConfig, ProviderType } from '../../src/config/config.js';
import type { Api } from '../../src/kernel/api.js';
import { pathOf, speaks, wireOf } from '../../src/upstream/provider.js';

const APIS: readonly Api[] = ['chat', 'messages', 'completions', 'responses', 'embeddings'];

const spoken = (type: ProviderType): Api[] => APIS.filter((api) => speaks(type, api));

t.test('each provider type speaks its own wires', async (t) => {
  const openai = ['chat', 'completions', 'responses', 'embeddings'];
  t.same(spoken('openai'), openai);
  t.same(spoken('openai-compatible'), openai);
  t.same(spoken('anthropic'), ['messages']);
  t.same(spoken('mock'), APIS);
});

t.test('chat and messages stand in for each other, and nothing else does', async (t) => {
  t.equal(wireOf('openai', 'messages'), 'chat');
  t.equal(wireOf('anthropic', 'chat'), 'messages');
  t.equal(wireOf('mock', 'messages'), 'messages');
  t.equal(wireOf('openai', 'embeddings'), 'embeddings');
  for (const api of ['completions', 'responses', 'embeddings'] as const) {
    t.throws(() => wireOf('anthropic', api), /speaks/);
  }
});

t.test('a wire has its path below the base URL', async (t) => {
  const at = (type: ProviderType, baseUrl: string, wire: Api): string =>
    pathOf({ type, baseUrl } as ProviderConfig, wire);
  t.equal(at('openai', 'https://api.openai.com/v1', 'responses'), '/v1/responses');
  t.equal(at('openai-compatible', 'http://127.0.0.1/api/v1/', 'embeddings'), '/api/v1/embeddings');
  t.equal(at('openai', 'https://api.openai.com/v1', 'completions'), '/v1/completions');
  t.equal(at('mock', 'http://127.0.0.1:1', 'responses'), '/v1/responses');
});
