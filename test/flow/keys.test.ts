import { once } from 'node:events';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { keysFile, revokeKey } from '../../src/keys/key-file.js';
import { type MockProvider, startMock } from '../../src/mock/provider.js';
import {
  type Answer,
  get,
  post,
  run,
  type RunningProxy,
  startProxy,
  temporaryFolder,
} from './harness.js';
import { asking, budgets, CENT_A_TOKEN, config } from './setup.js';

interface Issued {
  readonly key: string;
  readonly id: string;
}

const BUDGET =
  'clamp_output: false, per_user_limits: { user_limits: { held: { daily_limit_cents: 30 } } }';

function setUp(t: Test) {
  const folder = temporaryFolder(t);
  const more = 'auth: { mode: keys }\nadmin: { port: 0 }';
  const text = config({ folder, providerUrl: mock.url, budget: BUDGET, more });
  writeFileSync(join(folder, 'config.yaml'), text);
  const keys = (...args: string[]) => run(['keys', ...args, '--config', `${folder}/config.yaml`]);
  const create = async (...args: string[]): Promise<Issued> => {
    const { code, stdout, stderr } = await keys('create', '--json', ...args);
    t.equal(code, 0, stderr);
    return JSON.parse(stdout) as Issued;
  };
  const start = (workers: number) => startProxy(t, { folder, config: text, workers });
  return { data: join(folder, 'data'), folder, keys, create, start };
}

let mock: MockProvider;
let house: ReturnType<typeof setUp>;
let proxy: RunningProxy;
const issued: Record<string, Issued> = {};

t.teardown(() => mock.close());
t.before(async () => {
  mock = await startMock({ behaviour: CENT_A_TOKEN });
  house = setUp(t);
  issued['plain'] = await house.create('--user', 'user-a');
  issued['cheap'] = await house.create('--user', 'user-m', '--models', 'cheap');
  issued['wide'] = await house.create('--user', 'held', '--daily-limit', '5');
  issued['narrow'] = await house.create('--user', 'held', '--daily-limit', '$0.20');
  proxy = await house.start(2);
});

const keyOf = (name: string): string => issued[name]?.key ?? '';
const chat = (key: string, body: object): Promise<Answer> =>
  post(`${proxy.url}/v1/chat/completions`, key, body);

/** Asks until the answer is as it is to be: keys are taken up within a second. */
async function until<T>(ask: () => Promise<T>, so: (answer: T) => boolean): Promise<T> {
  const deadline = Date.now() + 60_000;
  while (Date.now() < deadline) {
    const answer = await ask();
    if (so(answer)) return answer;
    await new Promise(setImmediate);
  }
  throw new Error('it never became so');
}

const has =
  (status: number) =>
  (answer: { readonly status: number }): boolean =>
    answer.status === status;

t.test('a key lets its user in, pays from the user’s budget, and goes no further', async (t) => {
  const key = keyOf('plain');
  t.match(key, /^tpk_[0-9a-f]{48}$/);
  t.equal((await chat(key, asking(5))).status, 200);
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
    const refused = await chat(text, asking(5));
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
  const { key, id } = await house.create('--user', 'user-b');
  const ask = () => get(`${proxy.url}/v1/models`, key);
  await until(ask, has(200));
  t.equal((await house.keys('revoke', id)).code, 0);
  const refused = await until(ask, has(401));
  t.match(refused.json, { error: { message: 'This API key was revoked.' } });
  const { stderr } = await house.keys('revoke', 'key_nobody');
  t.match(stderr, /^✗ no key key_nobody: tokenpak keys list/);
});

t.test('a key is held to its models and its time', async (t) => {
  const { keys } = house;
  t.match((await keys('create', '--user', 'b', '--models', 'gpt-9')).stderr, /gpt-9 is not conf/);
  t.match((await keys('create', '--user', 'b', '--expires', '2020-01-01')).stderr, /time to come/);
  const key = keyOf('cheap');
  const models = (await get(`${proxy.url}/v1/models`, key)).json['data'] as { id: string }[];
  t.same(
    models.map(({ id }) => id),
    ['cheap'],
  );
  const other = await chat(key, asking(5));
  t.equal(other.status, 404);
  t.match(other.json, { error: { code: 'model_not_found' } });
  t.equal((await chat(key, asking(5, { model: 'cheap' }))).status, 200);
  const counted = await post(`${proxy.url}/v1/messages/count_tokens`, key, asking(5));
  t.equal(counted.status, 404, 'nor may it count for another');
});

t.test('a user is held to the least of its keys’ limits and the file’s', async (t) => {
  const key = keyOf('wide');
  const limit = async () =>
    (await budgets(proxy, key)).find(({ window }) => window === 'daily')?.limit_usd;
  t.equal(await limit(), '0.20');
  t.equal((await chat(key, asking(25))).status, 402);
  t.equal((await chat(key, asking(15))).status, 200);
  await revokeKey(house.data, issued['narrow']?.id ?? '', Date.now());
  await until(limit, (limit) => limit === '0.30');
  t.equal((await chat(key, asking(10))).status, 200);
  t.equal((await chat(key, asking(10))).status, 402);
});

t.test('no file holds a key, and only its owner reads the hashes', async (t) => {
  const { folder, data, keys } = house;
  t.equal(await proxy.end(), 0);
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name));
  const { stdout } = await keys('list', '--user', 'user-a');
  t.match(stdout, /^id .*user .*state\nkey_[0-9a-f]{12} +user-a .* active\n$/);
  for (const { key } of Object.values(issued)) {
    const secret = key.slice(4, 44);
    const holding = files.filter((path) => readFileSync(path).includes(secret));
    t.same(holding, []);
    t.notOk((proxy.output() + stdout).includes(secret));
  }
  t.equal(statSync(keysFile(data)).mode & 0o777, 0o600);
});

t.test('of another proxy', async (t) => {
  const { data, create, start } = setUp(t);
  const [key, late] = [await create('--user', 'user-a'), await create('--user', 'user-a')];
  const alone = await start(1);
  const models = (text: string) => get(`${alone.url}/v1/models`, text);

  t.test('a key that is revoked while a body comes in pays for nothing', async (t) => {
    const before = mock.bill().requests;
    const headers = { authorization: `Bearer ${late.key}`, 'transfer-encoding': 'chunked' };
    const slow = request(`${alone.url}/v1/chat/completions`, { method: 'POST', headers });
    const answered = once(slow, 'response') as Promise<[IncomingMessage]>;
    const body = JSON.stringify(asking(5));
    slow.write(body.slice(0, 10));
    await models(late.key);
    await revokeKey(data, late.id, Date.now());
    await until(() => models(late.key), has(401));
    slow.end(body.slice(10));
    const [answer] = await answered;
    answer.resume();
    t.equal(answer.statusCode, 401);
    t.equal(mock.bill().requests, before);
  });

  t.test('a file that cannot be read stops the start, and changes nothing later', async (t) => {
    const path = keysFile(data);
    const good = readFileSync(path, 'utf8');
    writeFileSync(path, '{');
    const said = async () => alone.output();
    await until(said, (output) => output.includes('those that were in force stay so'));
    t.equal((await models(key.key)).status, 200);
    await alone.end();
    await t.rejects(start(1), /keys\.json cannot be read.*Put a copy of it back/s);
    writeFileSync(path, good);
    await t.resolves(start(1));
  });
});
