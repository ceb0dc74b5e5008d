// How much a running proxy says, and in which form. Apart from what says it: the command line names
// them without loading a logger.

export const LOG_LEVELS = ['error', 'warn', 'info', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export const LOG_FORMATS = ['human', 'json'] as const;

export interface LogFlags {
  readonly logLevel: LogLevel;
  readonly logFormat: (typeof LOG_FORMATS)[number];
}
