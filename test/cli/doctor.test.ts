import { createServer } from 'node:http';
import { mkdirSync, writeFileSync } from 'node:fs';
import t, { type Test } from 'tap';
import { examine, exitCodeOf, renderFindings } from '../../src/cli/doctor.js';
import type { Finding } from '../../src/cli/finding.js';
import { listening, run, temporaryFolder } from '../flow/harness.js';
import { started } from '../flow/setup.js';

const KEY = 'sk-canary-of-the-doctor';

async function providerWith(t: Test, status: number, date = new Date()): Promise<string> {
  const server = createServer((request, response) => {
    t.match(request, { method: 'GET', url: '/v1/models' }, 'nothing that is billed');
    t.equal(request.headers.authorization, `Bearer ${KEY}`);
    response.writeHead(status, { date: date.toUTCString() }).end('{}');
  });
  return `${await listening(t, server)}/v1`;
}

interface Examined {
  readonly code: number;
  readonly text: string;
  readonly of: (about: string) => Finding | undefined;
}

async function look(folder: string, more: string, offline = false): Promise<Examined> {
  const config = `${folder}/config.yaml`;
  writeFileSync(config, `alerts: { log_file: ${folder}/alerts.log }\n${more}`);
  const findings = await examine({ config, offline });
  const text = renderFindings(findings, false);
  t.notMatch(text, KEY);
  const of = (about: string) => findings.find((each) => each.about.startsWith(about));
  return { code: exitCodeOf(findings), text, of };
}

const openai = (url: string) =>
  `server: { port: 0 }
providers: { openai: { type: openai, base_url: "${url}", api_key: ${KEY} } }
models: { gpt-4: { provider: openai } }`;

t.test('finds nothing wrong where all is well', async (t) => {
  const folder = temporaryFolder(t);
  const { code, of } = await look(folder, openai(await providerWith(t, 200)));
  t.equal(of('Node')?.found.startsWith(process.version), true);
  for (const about of ['Config', 'Native parts', 'Clock', 'Data directory', 'Alert log']) {
    t.match(of(about), { verdict: 'ok' }, about);
  }
  t.match(of('Config'), { found: /: 1 provider, 1 model$/ });
  t.match(of('Ledger'), { verdict: 'ok', found: /none yet/ });
  t.match(of('Provider openai'), { verdict: 'ok', found: /takes the key/ });
  t.equal(code, 0);
});

t.test('tells a key that is refused, and a clock that is off', async (t) => {
  const folder = temporaryFolder(t);
  const url = await providerWith(t, 401, new Date(Date.now() - 600_000));
  const { code, text, of } = await look(folder, openai(url));
  t.match(of('Provider'), { verdict: 'failure', mend: /api_key/ });
  t.match(text, /\d+ s ahead of 127\.0\.0\.1/);
  t.equal(code, 1);
});

t.test('ends with 3 when somebody cannot be reached, unless told to leave them out', async (t) => {
  const folder = temporaryFolder(t);
  const config = openai('http://127.0.0.1:1/v1');
  const { code, of } = await look(folder, config);
  t.match(of('Provider'), { verdict: 'failure', found: /ECONNREFUSED/ });
  t.equal(code, 3);
  t.equal((await look(folder, config, true)).code, 0);
});

t.test('names what is wrong here, each with its mend', async (t) => {
  const folder = temporaryFolder(t);
  writeFileSync(`${folder}/file`, '');
  mkdirSync(`${folder}/data`);
  writeFileSync(`${folder}/data/prices.json`, '{');
  const broken = await look(folder, 'budgets: {}');
  t.match(broken.of('Config'), { verdict: 'failure', found: /budgets: unknown key/ });
  t.equal(broken.code, 1);
  const { of, text } = await look(
    folder,
    `storage: { path: ${folder}/data }
server: { tls: { cert_file: none.pem, key_file: none.key } }
providers: { openai: { type: openai, api_key: "\${NOT_SET}" } }
models: { unheard-of: { provider: openai } }`,
    true,
  );
  t.match(text, /✗ Config .*server\.tls\.cert_file: there is no .*none\.pem/);
  t.match(of('Environment'), { verdict: 'failure', found: /NOT_SET/ });
  t.match(of('Prices'), { verdict: 'failure', mend: /sync-pricing/ });
  const elsewhere = await look(folder, `storage: { path: ${folder}/file/data }`, true);
  t.match(elsewhere.of('Data directory'), { verdict: 'failure', mend: /storage\.path/ });
});

t.test('asks a proxy that runs', async (t) => {
  const { folder, proxy } = await started(t, {
    providerUrl: 'http://127.0.0.1:1',
    budget: 'daily_limit_cents: 1',
    more: 'admin: { port: 0, token: a-token }',
  });
  const { code, stdout } = await run([
    'doctor',
    '--offline',
    '--json',
    '--config',
    `${folder}/config.yaml`,
  ]);
  const { ok, findings } = JSON.parse(stdout) as { ok: boolean; findings: Finding[] };
  t.equal(code, 0);
  t.equal(ok, true);
  const found = findings.find(({ about }) => about === 'Proxy')?.found;
  t.equal(found, `ready on ${proxy.url}, process ${proxy.pid}`);
});

t.test('a person reads a line for each look, and the mend below it', async (t) => {
  const findings: Finding[] = [
    { verdict: 'ok', about: 'Node', found: 'v20' },
    { verdict: 'failure', about: 'Clock', found: '9 s behind', mend: 'set it' },
  ];
  t.equal(
    renderFindings(findings, false),
    `✓ Node   v20
✗ Clock  9 s behind
         → set it

1 of 2 needs a look.
`,
  );
});
