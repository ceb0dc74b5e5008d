// `tokenpak init`: writes a commented config.yaml to start from. Never overwrites a file.

import { constants, copyFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { messageOf, TokenPakError } from '../kernel/errors.js';

/** The package's own example, which shows every key: one text, so that the two cannot drift. */
const EXAMPLE = fileURLToPath(new URL('../../../config.example.yaml', import.meta.url));

/** Fails with `config_exists` or `config_unwritable`. */
export function initConfig(target: string): void {
  try {
    copyFileSync(EXAMPLE, target, constants.COPYFILE_EXCL);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') {
      throw new TokenPakError(
        'config_exists',
        `${target} exists and is left as it is: name another file, or move it away`,
        { cause: error },
      );
    }
    throw new TokenPakError('config_unwritable', `${target}: ${messageOf(error)}`, {
      cause: error,
    });
  }
}
