import { once } from 'node:events';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { revokeKey } from '../../src/keys/key-file.js';
import { startMock } from '../../src/mock/provider.js';
import { get, post, run, startProxy, temporaryFolder } from './harness.js';
import { asking, budgets, CENT_A_TOKEN, config } from './setup.js';

interface Issued {
  readonly key: string;
  readonly id: string;
}

interface Parts {
  readonly budget?: string;
}

async function setUp(t: Test, { budget = 'daily_limit_cents: 10000' }: Parts = {}) {
  const mock = await startMock({ behaviour: CENT_A_TOKEN });
  t.teardown(() => mock.close());
  const folder = temporaryFolder(t);
  const file = join(folder, 'config.yaml');
  const more = 'auth: { mode: keys }\nadmin: { port: 0 }';
  const text = config({ folder, providerUrl: mock.url, budget, more });
  writeFileSync(file, text);
  const keys = (...args: string[]) => run(['keys', ...args, '--config', file]);
  const create = async (...args: string[]): Promise<Issued> => {
    const { code, stdout, stderr } = await keys('create', '--json', ...args);
    t.equal(code, 0, stderr);
    return JSON.parse(stdout) as Issued;
  };
  const start = (workers = 2) => startProxy(t, { folder, config: text, workers });
  return { data: join(folder, 'data'), folder, mock, keys, create, start };
}

/** Asks until the answer has that status: keys are taken up within a second. */
async function until(status: number, ask: () => Promise<{ status: number }>): Promise<void> {
  const deadline = Date.now() + 60_000;
  while (Date.now() < deadline) {
    if ((await ask()).status === status) return;
    await new Promise(setImmediate);
  }
  throw new Error(`the status never became ${status}`);
}

t.test('a key lets its user in, pays from the user’s budget, and goes no further', async (t) => {
  const { mock, create, start } = await setUp(t);
  const { key } = await create('--user', 'user-a');
  t.match(key, /^tpk_[0-9a-f]{48}$/);
  const proxy = await start();
  const answer = await post(`${proxy.url}/v1/chat/completions`, key, asking(5));
  t.equal(answer.status, 200);
  t.equal(
    (await budgets(proxy, key)).find(({ scope }) => scope === 'user:user-a')?.spent_usd,
    '0.05',
  );
  t.equal(mock.bill().requests, 1);

  const slip = `${key.slice(0, -1)}${key.endsWith('0') ? '1' : '0'}`;
  const stranger = 'tpk_00000000000000000000000000000000000000002546f5d3';
  for (const [text, says] of [
    [slip, 'mistyped'],
    ['user-a', 'tpk_'],
    [`${key}0`, 'tpk_'],
    [stranger, /unknown|mistyped/],
  ] as const) {
    const refused = await post(`${proxy.url}/v1/chat/completions`, text, asking(5));
    t.equal(refused.status, 401);
    const { error } = refused.json as { error: { code: string; message: string } };
    t.equal(error.code, 'invalid_api_key');
    t.match(error.message, says);
  }
  const claude = await fetch(`${proxy.url}/v1/messages`, {
    method: 'POST',
    headers: { 'x-api-key': slip, 'anthropic-version': '2023-06-01' },
    body: JSON.stringify(asking(5, { model: 'claude' })),
  });
  t.equal(claude.status, 401);
  t.match(await claude.json(), { type: 'error', error: { type: 'authentication_error' } });
  t.equal(mock.bill().requests, 1, 'nothing of that went upstream');
});

t.test('keys of a running proxy come and go within a second', async (t) => {
  const { keys, create, start } = await setUp(t);
  const proxy = await start();
  const { key, id } = await create('--user', 'user-a');
  const ask = () => get(`${proxy.url}/v1/models`, key);
  await until(200, ask);
  t.equal((await keys('revoke', id)).code, 0);
  await until(401, ask);
  t.match((await ask()).json, { error: { message: 'This API key was revoked.' } });
  t.match((await keys('revoke', 'key_nobody')).stderr, /^✗ no key key_nobody: tokenpak keys list/);
});

t.test('a key that is revoked while a body comes in pays for nothing', async (t) => {
  const { data, mock, create, start } = await setUp(t);
  const { key, id } = await create('--user', 'user-a');
  const proxy = await start(1);
  const headers = { authorization: `Bearer ${key}`, 'transfer-encoding': 'chunked' };
  const slow = request(`${proxy.url}/v1/chat/completions`, { method: 'POST', headers });
  const answered = once(slow, 'response') as Promise<[IncomingMessage]>;
  const body = JSON.stringify(asking(5));
  slow.write(body.slice(0, 10));
  await get(`${proxy.url}/v1/models`, key);
  await revokeKey(data, id, Date.now());
  await until(401, () => get(`${proxy.url}/v1/models`, key));
  slow.end(body.slice(10));
  const [answer] = await answered;
  answer.resume();
  t.equal(answer.statusCode, 401);
  t.equal(mock.bill().requests, 0);
});

t.test('a key is held to its models and its time', async (t) => {
  const { create, keys, start } = await setUp(t);
  const { key } = await create('--user', 'user-a', '--models', 'cheap');
  t.match((await keys('create', '--user', 'b', '--models', 'gpt-9')).stderr, /gpt-9 is not conf/);
  t.match((await keys('create', '--user', 'b', '--expires', '2020-01-01')).stderr, /time to come/);
  const proxy = await start();
  const models = (await get(`${proxy.url}/v1/models`, key)).json['data'] as { id: string }[];
  t.same(
    models.map(({ id }) => id),
    ['cheap'],
  );
  const other = await post(`${proxy.url}/v1/chat/completions`, key, asking(5));
  t.equal(other.status, 404);
  t.match(other.json, { error: { code: 'model_not_found' } });
  const own = await post(`${proxy.url}/v1/chat/completions`, key, asking(5, { model: 'cheap' }));
  t.equal(own.status, 200);
  const counted = await post(`${proxy.url}/v1/messages/count_tokens`, key, asking(5));
  t.equal(counted.status, 404, 'nor may it count for another');
});

t.test('a user is held to the least of its keys’ limits and the file’s', async (t) => {
  const perUser = 'per_user_limits: { user_limits: { user-a: { daily_limit_cents: 30 } } }';
  const { data, create, start } = await setUp(t, { budget: `clamp_output: false, ${perUser}` });
  const wide = await create('--user', 'user-a', '--daily-limit', '5');
  const narrow = await create('--user', 'user-a', '--daily-limit', '$0.20');
  const proxy = await start();
  const limit = async () =>
    (await budgets(proxy, wide.key)).find(({ window }) => window === 'daily')?.limit_usd;
  t.equal(await limit(), '0.20');
  t.equal((await post(`${proxy.url}/v1/chat/completions`, wide.key, asking(25))).status, 402);
  t.equal((await post(`${proxy.url}/v1/chat/completions`, wide.key, asking(15))).status, 200);
  await revokeKey(data, narrow.id, Date.now());
  await until(200, async () => ({ status: (await limit()) === '0.30' ? 200 : 0 }));
  t.equal((await post(`${proxy.url}/v1/chat/completions`, wide.key, asking(10))).status, 200);
  t.equal((await post(`${proxy.url}/v1/chat/completions`, wide.key, asking(10))).status, 402);
});

t.test('no file holds a key, and only its owner reads the hashes', async (t) => {
  const { folder, create, keys, start } = await setUp(t);
  const { key } = await create('--user', 'user-a');
  const proxy = await start();
  t.equal((await post(`${proxy.url}/v1/chat/completions`, key, asking(1))).status, 200);
  await proxy.end();
  const files = readdirSync(folder, { recursive: true, withFileTypes: true });
  const held = files
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name))
    .filter((path) => readFileSync(path).includes(key.slice(4, 44)));
  t.same(held, []);
  t.notOk(proxy.output().includes(key.slice(4, 44)));
  t.equal(statSync(join(folder, 'data', 'keys.json')).mode & 0o777, 0o600);
  const { stdout } = await keys('list');
  t.match(stdout, /^id .*user .*state\nkey_[0-9a-f]{12} +user-a .* active\n$/);
  t.notOk(stdout.includes(key.slice(4, 44)));
});

t.test('a key file that cannot be read stops the start, and changes nothing later', async (t) => {
  const { folder, create, start } = await setUp(t);
  const { key } = await create('--user', 'user-a');
  const path = join(folder, 'data', 'keys.json');
  const good = readFileSync(path, 'utf8');
  const proxy = await start();
  writeFileSync(path, '{');
  await until(200, async () => ({
    status: proxy.output().includes('those that were in force stay so') ? 200 : 0,
  }));
  t.equal((await get(`${proxy.url}/v1/models`, key)).status, 200);
  await proxy.end();
  await t.rejects(start(), /keys\.json cannot be read.*Put a copy of it back/s);
  writeFileSync(path, good);
  await t.resolves(start());
});
