import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import type { Config } from '../../src/config/config.js';
import { pricesFile, readPrices } from '../../src/pricing/prices-file.js';
import { LIST_BYTES_MAX } from '../../src/pricing/sync-fetch.js';
import { type SyncRequest, type SyncResult, syncPrices } from '../../src/pricing/sync.js';
import { type Behaviour, listOf, type PriceServer, priceServer, sends } from './price-server.js';
import { configOf, provider } from './prices.js';

const NOW_MS = Date.UTC(2026, 10, 25, 13, 5);
const GOOD = listOf({ 'gpt-4': [30, 60], 'gpt-4o': [2.5, 10], 'new-model': [1, 2] });

interface Setting {
  readonly server: PriceServer;
  readonly path: string;
  readonly sync: (changes?: Partial<SyncRequest>) => Promise<SyncResult>;
}

async function setting(t: Test, answer: Behaviour): Promise<Setting> {
  const server = await priceServer(t, answer);
  const path = t.testdir();
  const providers = [provider('mine'), provider('claude', { type: 'anthropic' })];
  const config = { ...configOf(providers, []), storage: { path } } as unknown as Config;
  const request = { config, source: server.url, force: false, dryRun: false, now: () => NOW_MS };
  return { server, path, sync: (changes = {}) => syncPrices({ ...request, ...changes }) };
}

t.test('stores what it fetched, with source, time and hash, and asks by ETag', async (t) => {
  const { server, path, sync } = await setting(t, sends(GOOD, { etag: '"one"' }));
  const first = await sync();
  t.match(first, { stored: true, problems: { length: 0 }, models: 3, providers: ['openai'] });
  t.match(first.version, /^127\.0\.0\.1:\d+@2026-11-25T13:05Z#[0-9a-f]{8}$/);
  t.match(readPrices(path), { source: server.url, fetchedAtMs: NOW_MS, etag: '"one"' });
  server.answer = (response, request) => {
    t.equal(request.headers['if-none-match'], '"one"');
    response.writeHead(304).end();
  };
  const again = await sync({ now: () => NOW_MS + 1 });
  t.match(again, { shape: null, version: first.version, changes: { length: 0 } });
  t.match(readPrices(path), { fetchedAtMs: NOW_MS, checkedAtMs: NOW_MS + 1 });
  server.answer = sends(GOOD);
  t.equal((await sync({ now: () => NOW_MS + 2 })).version, first.version, 'the same prices');
});

t.test('tells old and new, and stores nothing on a dry run', async (t) => {
  const { server, path, sync } = await setting(t, sends(GOOD));
  const { changes } = await sync({ dryRun: true });
  t.match(changes, [{ model: 'new-model', before: null, after: { input: '1', output: '2' } }]);
  t.equal(readPrices(path), null);
  await sync();
  server.answer = sends(listOf({ 'gpt-4': [30, 60], 'gpt-4o': [2, 10], 'new-model': [1, 2] }));
  const dearer = await sync({ provider: 'mine' });
  t.match(dearer.changes, [{ model: 'gpt-4o', before: { input: '2.5' }, after: { input: '2' } }]);
  await t.rejects(sync({ provider: 'nobody' }), { code: 'bad_usage', message: /it has: openai/ });
});

const HOSTILE: readonly (readonly [string, Behaviour, RegExp, string])[] = [
  ['no JSON', sends('<html>'), /it is no JSON of prices/, 'pricing_refused'],
  [
    'a truncated list',
    sends(JSON.stringify(GOOD).slice(0, -9)),
    /it is no JSON of prices/,
    'pricing_refused',
  ],
  ['an unknown shape', sends({ prices: [] }), /known price list/, 'pricing_refused'],
  [
    'a prototype',
    sends('{"openai":{"models":{"__proto__":{"cost":{}}}}}'),
    /__proto__/,
    'pricing_refused',
  ],
  ['an endless list', endless, /longer than 32 MiB/, 'pricing_refused'],
  ['another host', moved('http://localhost:1/'), /redirects to another host/, 'unreachable'],
  ['a circle', moved('/api.json'), /circle/, 'unreachable'],
  ['an error', (response) => response.writeHead(503).end(), /it answers 503/, 'unreachable'],
  ['a hang-up', (response) => response.destroy(), /127\.0\.0\.1/, 'unreachable'],
];

function moved(location: string): Behaviour {
  return (response) => response.writeHead(302, { location }).end();
}

let sentBytes = 0;
function endless(response: Parameters<Behaviour>[0]): void {
  response.writeHead(200);
  const more = (): void => {
    while (!response.destroyed && response.write(' '.repeat(65_536))) sentBytes += 65_536;
    if (!response.destroyed) response.once('drain', more);
  };
  more();
}

t.test('refuses what is no price list, and keeps the old prices', async (t) => {
  const { server, path, sync } = await setting(t, sends(GOOD));
  await sync();
  const before = readFileSync(pricesFile(path), 'utf8');
  for (const [name, answer, message, code] of HOSTILE) {
    server.answer = answer;
    await t.rejects(sync({ force: true }), { code, message }, name);
    t.equal(readFileSync(pricesFile(path), 'utf8'), before, name);
  }
  t.ok(sentBytes < 2 * LIST_BYTES_MAX, 'hung up on');
});

t.test('refuses prices that cannot be true unless forced', async (t) => {
  const { server, path, sync } = await setting(t, sends(GOOD));
  await sync();
  const old = readPrices(path);
  const cases: [object, RegExp][] = [
    [listOf({ 'gpt-4': [301, 60], 'gpt-4o': [2.5, 10] }), /gpt-4: input from \$30.* to \$301/],
    [listOf({ 'gpt-4': [30, 5], 'gpt-4o': [2.5, 10] }), /gpt-4: output from \$60.* to \$5/],
    [listOf({ 'gpt-4': [0, 60], 'gpt-4o': [2.5, 10] }), /gpt-4 has no price above zero/],
    [listOf({ 'gpt-4': [-30, 60], 'gpt-4o': [2.5, 10] }), /gpt-4 has no price above zero/],
    [listOf({ 'gpt-4': [30, 60] }), /1 models where there were 3/],
    [listOf({ 'gpt-9': [20_000, 60], 'gpt-4': [30, 60] }), /a wrong unit/],
    [{ openai: { models: {} } }, /prices no model/],
  ];
  for (const [list, problem] of cases) {
    server.answer = sends(list);
    const { problems, stored } = await sync();
    t.match(problems, [problem], problem.source);
    t.notOk(stored);
    t.same(readPrices(path), old);
  }
  server.answer = sends(listOf({ 'gpt-4': [300, 60], 'gpt-4o': [2.5, 10] }));
  t.match(
    await sync(),
    { stored: true, problems: { length: 0 } },
    'ten times is not more than ten times',
  );
  server.answer = sends(listOf({ 'gpt-4': [1, 60], 'gpt-4o': [2.5, 10] }));
  t.match(await sync({ force: true }), { stored: true, problems: [/gpt-4/] });
});

t.test('one provider’s prices leave the others’ as they are', async (t) => {
  const { server, path, sync } = await setting(t, sends(GOOD));
  await sync();
  server.answer = sends({
    ...listOf({ 'gpt-4': [31, 60] }),
    anthropic: { models: { 'claude-x': { cost: { input: 1, output: 2 } } } },
  });
  await sync({ provider: 'anthropic' });
  t.match(readPrices(path)?.providers, {
    openai: { models: { 'gpt-4': { input: '30' } } },
    anthropic: { models: { 'claude-x': { input: '1' } } },
  });
  t.equal(readPrices(path)?.etag, null);
});

t.test('reads a file, and says which is missing', async (t) => {
  const { path, sync } = await setting(t, sends(GOOD));
  const file = join(path, 'list.json');
  await t.rejects(sync({ source: file }), { code: 'unreachable', message: /list\.json.*ENOENT/ });
  writeFileSync(file, JSON.stringify(GOOD));
  t.match(await sync({ source: file }), { stored: true, version: /^list\.json@/ });
});

t.test('does not believe a file that is not what was stored', async (t) => {
  const { path, sync } = await setting(t, sends(GOOD));
  await sync();
  const text = readFileSync(pricesFile(path), 'utf8');
  for (const damage of [text.slice(0, -3), text.replace('"30"', '"3"'), '{}', 'null']) {
    writeFileSync(pricesFile(path), damage);
    t.throws(() => readPrices(path), {
      code: 'prices_damaged',
      message: /prices\.json cannot be read/,
    });
  }
  t.match(await sync(), { stored: true }, 'and replaces it');
  t.match(readPrices(path), { source: /127/ });
});
