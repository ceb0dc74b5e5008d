// What a running proxy says of itself, on stderr: a line for people, or an object for machines.
// The mark at a line's start is its level: ✗ error, ⚠ warn, anything else info.

import { destination, pino } from 'pino';
import { LOG_LEVELS, type LogFlags } from './log-flags.js';
import { marked } from './print.js';

const STDERR = 2;

const levelOf = (line: string): 'error' | 'warn' | 'info' =>
  line.startsWith('✗') ? 'error' : line.startsWith('⚠') ? 'warn' : 'info';

/** Written before it returns: the last line of a process that ends must not be lost. */
export function logger({ logLevel, logFormat }: LogFlags): (line: string) => void {
  if (logFormat === 'human') {
    const least = LOG_LEVELS.indexOf(logLevel);
    return (line) => {
      if (logLevel === 'silent' || LOG_LEVELS.indexOf(levelOf(line)) > least) return;
      process.stderr.write(`${marked(line, process.stderr)}\n`);
    };
  }
  const options = {
    level: logLevel,
    base: { pid: process.pid },
    timestamp: (): string => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (level: string) => ({ level }) },
  };
  const log = pino(options, destination({ fd: STDERR, sync: true }));
  return (line) => log[levelOf(line)](line.replace(/^[✗⚠✓] /, ''));
}
