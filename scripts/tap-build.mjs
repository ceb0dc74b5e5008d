// tap comes built with a plugin that compiles TypeScript and cannot load under TypeScript 7. Our
// tests are compiled before they run, so package.json turns the plugin off, and tap then builds
// itself anew, but only after it has planned its first run with the old plugins: the first run of
// a fresh installation would fail. This builds tap before it, and does nothing ever after.

import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import t from 'tap';

if (t.pluginSignature.includes('@tapjs/typescript')) {
  const tap = createRequire(import.meta.url).resolve('tap/package.json');
  const build = spawnSync(process.execPath, [join(tap, '../dist/esm/run.mjs'), 'build'], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  process.exitCode = build.status ?? 1;
}
