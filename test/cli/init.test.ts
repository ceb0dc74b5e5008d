import { readFileSync, writeFileSync } from 'node:fs';
import t from 'tap';
import { initConfig } from '../../src/cli/init.js';
import { loadConfig } from '../../src/config/load.js';

t.test('writes a config that loads as it stands', async (t) => {
  const target = `${t.testdir({})}/config.yaml`;
  initConfig(target);
  const loaded = loadConfig(target, { OPENAI_API_KEY: 'sk-test' });
  t.match(loaded, { ok: true, missingEnv: { length: 0 }, warnings: { length: 0 } });
});

t.test('never overwrites a file', async (t) => {
  const target = `${t.testdir({})}/config.yaml`;
  writeFileSync(target, 'mine');
  t.throws(() => initConfig(target), { code: 'config_exists' });
  t.equal(readFileSync(target, 'utf8'), 'mine');
});

t.test('says so when it cannot write', async (t) => {
  t.throws(() => initConfig(`${t.testdir({})}/none/config.yaml`), { code: 'config_unwritable' });
});
