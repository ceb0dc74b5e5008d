import { cpSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { run, temporaryFolder } from './harness.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const NATIVE = 'uWebSockets.js';

/** The installation once more, with another native module, or with none; its entry file. */
function installation(t: Test, nativeModule: string | null): string {
  const folder = temporaryFolder(t);
  cpSync(join(ROOT, 'dist', 'src'), join(folder, 'dist', 'src'), { recursive: true });
  cpSync(join(ROOT, 'package.json'), join(folder, 'package.json'));
  const modules = join(folder, 'node_modules');
  mkdirSync(modules);
  for (const name of readdirSync(join(ROOT, 'node_modules'))) {
    if (name === NATIVE || name.startsWith('.')) continue;
    symlinkSync(join(ROOT, 'node_modules', name), join(modules, name));
  }
  if (nativeModule !== null) {
    const own = join(modules, NATIVE);
    mkdirSync(own);
    writeFileSync(join(own, 'package.json'), '{"type":"module","exports":"./index.mjs"}');
    writeFileSync(join(own, 'index.mjs'), nativeModule);
  }
  return join(folder, 'dist', 'src', 'cli', 'main.js');
}

const EXPORTS = 'export const App = null;\nexport const us_listen_socket_close = null;\n';

/** Each as the real module fails: two lines of its own, no package, a binary that does not load. */
const FAULTS = {
  'is for another Node': `${EXPORTS}
throw new Error('This version of uWS.js supports only Node.js versions 18, 20, 21 and 22.\\n\\n' +
  "Error: Cannot find module './bin/uws_linux_x64_999.node'");`,
  'is not installed': null,
  'cannot be loaded': `import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
${EXPORTS}
const file = fileURLToPath(new URL('./uws_linux.node', import.meta.url));
writeFileSync(file, 'no shared object');
createRequire(import.meta.url)(file);`,
};

for (const [what, nativeModule] of Object.entries(FAULTS)) {
  t.test(`a native module that ${what} stops the start with one line, the mend`, async (t) => {
    const file = join(temporaryFolder(t), 'config.yaml');
    writeFileSync(file, 'providers: { local: { type: mock } }\n');
    const args = ['proxy', '--config', file, '--port', '0'];
    const { code, stdout, stderr } = await run(args, {}, installation(t, nativeModule));
    t.equal(code, 1);
    t.equal(stdout, '', 'it never said that it was ready');
    const lines = stderr.split('\n').filter((line) => line !== '' && !line.startsWith('⚠'));
    t.equal(lines.length, 1, stderr);
    const last = lines.at(-1);
    for (const part of [/^✗ /, NATIVE, process.version, /npm install \S+/]) t.match(last, part);
  });
}
