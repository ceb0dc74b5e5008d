import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { startMock } from '../../src/mock/provider.js';
import { post, run, startProxy, temporaryFolder } from './harness.js';
import { asking, config } from './setup.js';

const NOBODY = 'http://127.0.0.1:1';
const ESCAPE = '\u001b';
/** As CI runners set it; an empty NO_COLOR asks for nothing. */
const NO_TERMINAL = { NO_COLOR: '', CI: 'true', TERM: 'xterm-256color' };

const simple = (folder: string): string =>
  config({ folder, providerUrl: NOBODY, budget: 'daily_limit_cents: 100' });

/** A configuration file in a folder of its own. */
function written(t: Test, text?: string): string {
  const folder = temporaryFolder(t);
  const file = join(folder, 'config.yaml');
  writeFileSync(file, text ?? simple(folder));
  return file;
}

const proxy = (file: string, ...flags: string[]) => ['proxy', '--config', file, ...flags];

type Ended = Awaited<ReturnType<typeof run>>;

/** One line on stderr, nothing on stdout: what a person reads, and no stack. */
function checkOneLine(t: Test, { stdout, stderr }: Ended, parts: readonly (string | RegExp)[]) {
  t.equal(stdout, '', 'it never said that it was ready');
  t.equal(stderr.trimEnd().split('\n').length, 1, stderr);
  t.match(stderr, /^✗ /);
  for (const part of parts) t.match(stderr, part);
}

t.test('a second proxy on a data directory is refused, and the first goes on', async (t) => {
  const folder = temporaryFolder(t);
  const first = await startProxy(t, { folder, config: simple(folder) });
  const second = await run(proxy(join(folder, 'config.yaml'), '--port', '0'));
  t.equal(second.code, 1);
  checkOneLine(t, second, [`${folder}/data`, new RegExp(`\\b${first.pid}\\b`)]);
  t.equal((await fetch(`${first.url}/readyz`)).status, 200);
  const { port } = new URL(first.url);

  const elsewhere = await run(proxy(written(t), '--port', port));
  t.equal(elsewhere.code, 1, 'nor may another TokenPak share its port');
  checkOneLine(t, elsewhere, [`127.0.0.1:${port}`, 'another port']);
  t.equal(await first.end(), 0);
});

t.test('a port that another program has is refused', async (t) => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  const { port } = server.address() as AddressInfo;
  const ended = await run(proxy(written(t), '--port', String(port)));
  t.equal(ended.code, 1);
  checkOneLine(t, ended, [`127.0.0.1:${port}`, 'another port']);
});

t.test('a bad configuration is refused with every fault in its place', async (t) => {
  const file = written(
    t,
    `budget:
  daily_limit_cent: 100
  monthly_limit_cents: lots
server:
  port: 99999
providers:
  openai: { type: openai, api_key: sk-test }
models:
  gpt-4: { provider: opnai }
`,
  );
  for (const args of [proxy(file), ['validate-config', file]]) {
    const { code, stdout, stderr } = await run(args);
    t.equal(code, 2, stdout + stderr);
    const lines = (stdout + stderr).trimEnd().split('\n');
    t.same(
      lines.map((line) => line.slice(0, `✗ ${file}:2:`.length)),
      [2, 3, 5, 9].map((line) => `✗ ${file}:${line}:`),
      'one line a fault',
    );
    for (const line of lines) t.match(line, /:\d+:\d+ [\w.-]+: ./);
    t.match(lines[0], /budget\.daily_limit_cent: .*did you mean "daily_limit_cents"/);
    t.match(lines[3], /models\.gpt-4\.provider: .*did you mean "openai"/);
  }
  const absent = await run(proxy(join(file, '..', 'absent.yaml')));
  t.equal(absent.code, 2);
  checkOneLine(t, absent, ['absent.yaml', 'tokenpak init']);
});

t.test('a key that is not in the environment stops the proxy, not validate-config', async (t) => {
  const mock = await startMock();
  t.teardown(() => mock.close());
  const folder = temporaryFolder(t);
  const text = simple(folder)
    .replace('api_key: sk-test', 'api_key: "${OPENAI_API_KEY}"')
    .replace(
      'providers:\n',
      'providers:\n  canned: { type: mock, mock: { input_tokens: 20000 } }\n',
    )
    .replace('models:\n', 'models:\n  canned: { provider: canned, upstream_model: gpt-4 }\n');
  const file = join(folder, 'config.yaml');
  writeFileSync(file, text);
  const env = { OPENAI_API_KEY: '' };

  const refused = await run(proxy(file, '--port', '0'), env);
  t.equal(refused.code, 2);
  checkOneLine(t, refused, ['providers.openai.api_key', 'OPENAI_API_KEY', /:\d+:\d+ /]);
  const validated = await run(['validate-config', file], env);
  t.equal(validated.code, 0);
  t.match(validated.stdout, /^✓ Config valid\n/);
  t.match(validated.stdout, /⚠ .*OPENAI_API_KEY/);

  const started = await startProxy(t, {
    folder,
    config: text,
    env: { ...env, ...NO_TERMINAL },
    flags: ['--mock-missing-keys'],
  });
  t.match(started.output(), /⚠ PROVIDER openai IS THE EMBEDDED MOCK/, 'loudly');
  t.notOk(started.output().includes(ESCAPE), 'and in plain text');
  const answer = await post(`${started.url}/v1/chat/completions`, 'ann', asking(5));
  t.equal(answer.status, 200, answer.text);
  const canned = await post(`${started.url}/v1/chat/completions`, 'ann', {
    ...asking(5),
    model: 'canned',
  });
  t.match(canned.json, { usage: { prompt_tokens: 20_000 } }, 'a mock of its own stays as it is');
  t.equal(await started.end('SIGINT'), 0);
});

t.test('an address open to the network is refused, and the refusal names the mend', async (t) => {
  const refused = await run(proxy(written(t), '--host', '0.0.0.0', '--port', '0'));
  t.equal(refused.code, 2);
  checkOneLine(t, refused, ['0.0.0.0', 'auth.trust_network: true']);
});

t.test('what is not a terminal gets no escape codes, in CI neither', async (t) => {
  const outputs = {
    accepted: (await run(['validate-config', written(t)], NO_TERMINAL)).stdout,
    refused: (await run(proxy(written(t, 'budgets: {}\n')), NO_TERMINAL)).stderr,
  };
  for (const [what, output] of Object.entries(outputs)) {
    t.not(output, '');
    t.notOk(output.includes(ESCAPE), `${what}: ${JSON.stringify(output)}`);
  }
});
