import { readFileSync } from 'node:fs';
import t from 'tap';
import { loadConfig } from '../../src/config/load.js';
import { CONFIG_SCHEMA } from '../../src/config/schema.js';

const EXAMPLE = new URL('../../../config.example.yaml', import.meta.url).pathname;

interface Node {
  readonly properties?: Record<string, Node>;
  readonly patternProperties?: Record<string, Node>;
}

function keysOf(schema: Node): string[] {
  const inner = Object.values(schema.patternProperties ?? {}).flatMap(keysOf);
  const own = Object.entries(schema.properties ?? {});
  return [...inner, ...own.flatMap(([key, value]) => [key, ...keysOf(value)])];
}

t.test('the example lacks nothing but the key', async (t) => {
  const loaded = loadConfig(EXAMPLE, {});
  t.match(loaded, {
    ok: true,
    missingEnv: [{ key: 'providers.openai.api_key' }],
    warnings: { length: 0 },
  });
  const keyed = loadConfig(EXAMPLE, { OPENAI_API_KEY: 'sk-test' });
  t.match(keyed, { ok: true, missingEnv: { length: 0 }, warnings: { length: 0 } });
  if (!keyed.ok) return;
  t.same(Object.keys(keyed.config.providers), ['openai', 'mock']);
  t.same(Object.keys(keyed.config.models), ['gpt-4', 'gpt-3.5-turbo', 'mock-gpt-4']);
});

t.test('the example shows every key of the schema', async (t) => {
  const text = readFileSync(EXAMPLE, 'utf8');
  for (const key of new Set(keysOf(CONFIG_SCHEMA as Node))) {
    t.match(text, new RegExp(`^ *(# +)?${key}:|[{,] *${key}:`, 'm'), key);
  }
});
