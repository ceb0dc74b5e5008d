// HTTP workers that die when a test says so.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

/** Loaded before each thread: one HTTP worker throws out of nowhere when the trigger appears. */
const preload = (trigger: string): string => `
import { unlinkSync } from 'node:fs';
import { workerData } from 'node:worker_threads';
if (workerData?.journal !== undefined) {
  setInterval(() => {
    try {
      unlinkSync(${JSON.stringify(trigger)});
    } catch {
      return;
    }
    throw new Error('a defect, as a test wants it');
  }, 10).unref();
}
`;

/** The environment of a proxy whose workers die of a file: one for each time that it is written. */
export function doomedWorkers(folder: string, trigger: string): Record<string, string> {
  const script = join(folder, 'preload.mjs');
  writeFileSync(script, preload(trigger));
  return { NODE_OPTIONS: `--import ${pathToFileURL(script).href}` };
}
