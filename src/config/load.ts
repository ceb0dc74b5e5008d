// The config's front door: a file or its text in, a checked Config or every problem out.

import { isUtf8 } from 'node:buffer';
import { readFileSync, statSync } from 'node:fs';
import { messageOf } from '../kernel/errors.js';
import { checkFile } from './check.js';
import type { Config } from './config.js';
import { FILE_BYTES_MAX, parseYaml } from './document.js';
import type { Environment } from './env.js';
import { Report, type Problem } from './problem.js';
import { readFile } from './read.js';
import { resolveFile } from './resolve.js';
import { pairFault } from './tls-pair.js';

export { formatProblem, type Problem } from './problem.js';

/**
 * `missingEnv`: `${NAME}`s that are not set; a warning of `validate-config`, an error of all other
 * verbs. `warnings` with `blocksProxy` keep the proxy from starting. So do `blockers`, which
 * `validate-config` fails on too; other verbs may run as somebody who cannot read the files meant.
 */
export type LoadedConfig =
  | {
      ok: true;
      config: Config;
      missingEnv: Problem[];
      warnings: Problem[];
      blockers: Problem[];
    }
  | { ok: false; problems: Problem[] };

export function loadConfig(path: string, env: Environment): LoadedConfig {
  const refuse = (message: string): LoadedConfig => ({
    ok: false,
    problems: [{ file: path, line: 0, column: 0, key: '', message }],
  });
  let bytes: Buffer;
  try {
    if (statSync(path).size > FILE_BYTES_MAX) return refuse('larger than 1 MiB');
    bytes = readFileSync(path);
  } catch (error) {
    const absent = (error as NodeJS.ErrnoException).code === 'ENOENT';
    if (absent)
      return refuse('no such file: name one with --config, or write one with `tokenpak init`');
    return refuse(`cannot be read (${messageOf(error)})`);
  }
  if (!isUtf8(bytes)) return refuse('is not UTF-8 text: save it as UTF-8');
  return parseConfig(bytes.toString('utf8'), { file: path, env });
}

export function parseConfig(
  text: string,
  { file, env }: { file: string; env: Environment },
): LoadedConfig {
  const parsed = parseYaml(text, file);
  if (!parsed.ok) return parsed;
  const report = new Report(file);
  const values = readFile(parsed.root, { report, env, positionOf: parsed.positionOf });
  checkFile(values, report);
  if (report.problems.length > 0) return { ok: false, problems: report.inFileOrder() };
  const config = resolveFile(values, file);
  const { tls } = config.server;
  const fault = tls === null ? null : pairFault(tls);
  if (fault !== null) report.blocker(`server.tls.${fault.key}`, fault.why);
  const { missingEnv, warnings, blockers } = report;
  return { ok: true, config, missingEnv, warnings, blockers };
}
