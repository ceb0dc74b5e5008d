// Shows the failures in tap's output files, then the summary that tap wrote at the end of each, and
// as the last line `N passed, M failed`. A run without a summary did not finish: that is one
// failure.

import { readFileSync } from 'node:fs';

let passed = 0;
let failed = 0;

const outputs = process.argv.slice(2).map((file) => ({ file, tap: textOf(file) }));

for (const { file, tap } of outputs) {
  for (const failure of failuresOf(tap)) console.log(`${file}:\n${failure}\n`);
}

for (const { file, tap } of outputs) {
  const summary = summaryOf(tap);
  if (summary === null) {
    console.log(`${file}: no summary, the run did not finish`);
    failed += 1;
    continue;
  }
  console.log(summary[0]);
  passed += Number(summary[1] ?? 0);
  failed += Number(summary[2] ?? 0);
}

console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;

function textOf(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    // tap ended before it wrote anything.
    if (error.code === 'ENOENT') return '';
    throw error;
  }
}

/** Each `not ok` line with the details below it, from the innermost test outwards. */
function failuresOf(tap) {
  return tap.match(/^( *)not ok .*\n(\1 {2}---\n[\s\S]*?^\1 {2}\.\.\.$)?/gm) ?? [];
}

function summaryOf(tap) {
  const summary = /^# \{ total: \d+(?:, pass: (\d+))?(?:, fail: (\d+))?.*\}$/gm;
  return [...tap.matchAll(summary)].at(-1) ?? null;
}
