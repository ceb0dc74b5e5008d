import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { writeWhole } from '../../src/kernel/whole-file.js';

const MODULE = new URL('../../src/kernel/whole-file.js', import.meta.url).href;

t.test('a file that the disk has no room for leaves the old one', async (t) => {
  const path = join(t.testdir(), 'keys.json');
  const old = 'old'.repeat(500);
  writeWhole(path, old, 0o600);
  const code = `
    const { writeWhole } = await import(${JSON.stringify(MODULE)});
    writeWhole(${JSON.stringify(path)}, 'new'.repeat(50_000), 0o600);`;
  // No file of that process grows beyond some kilobytes.
  const limited = ['-c', 'ulimit -f 8; exec "$@"', 'sh'];
  const node = [process.execPath, '--input-type=module', '--eval', code];
  t.not(spawnSync('sh', [...limited, ...node]).status, 0);
  t.equal(readFileSync(path, 'utf8'), old);
});
