import t from 'tap';
import { run, startProxy, temporaryFolder } from '../flow/harness.js';

const MOCKED = 'providers: { mock: { type: mock } }';

t.test('what a proxy says can be JSON, as much as is asked for', async (t) => {
  const folder = temporaryFolder(t);
  const config = `storage: { path: ${folder}/data }\n${MOCKED}`;
  const proxy = await startProxy(t, { folder, config, flags: ['--log-format', 'json'] });
  await proxy.end();
  const lines = proxy
    .output()
    .trim()
    .split('\n')
    .filter((line) => !line.startsWith('✓ TokenPak listens'))
    .map((line) => JSON.parse(line) as { level: string; time: string; msg: string });
  t.match(lines[0], { level: 'warn', time: /^20.*Z$/, msg: /^PROVIDER mock IS THE EMBEDDED MOCK/ });
  t.match(lines.at(-1), { level: 'info', msg: /^SIGTERM: finishing requests/ });

  const quiet = await startProxy(t, { folder, config, flags: ['--log-level', 'error'] });
  await quiet.end();
  t.match(quiet.output(), /^✓ TokenPak listens[^\n]*\n$/);
  t.match(await run(['proxy', '--log-level', 'loud']), { code: 2, stderr: /error, warn, info/ });
});
