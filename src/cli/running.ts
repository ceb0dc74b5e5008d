// A running proxy as other processes reach it: found by its data directory, spoken to through its
// admin listener.

import { readFileSync } from 'node:fs';
import type { Config } from '../config/config.js';
import { messageOf, TokenPakError } from '../kernel/errors.js';
import { isHeld } from '../ledger/lock.js';
import { type ProxyFile, proxyFilePath } from '../supervisor/control.js';

const TIMEOUT_MS = 10_000;

export interface RunningProxy extends ProxyFile {
  /** The JSON of an admin route. Throws what it refuses with, or `unreachable`. */
  call(method: 'GET' | 'POST' | 'DELETE', path: string, body?: unknown): Promise<unknown>;
}

/** The proxy that holds the data directory now, `null` when none does. */
export function findRunning({ storage, admin }: Config): RunningProxy | null {
  if (!isHeld(storage.path)) return null;
  let file: ProxyFile;
  try {
    file = JSON.parse(readFileSync(proxyFilePath(storage.path), 'utf8')) as ProxyFile;
  } catch {
    // It holds the directory and is not ready yet, or not any more.
    return null;
  }
  return {
    ...file,
    call: (method, path, body) =>
      callAdmin(new URL(path, file.admin), { method, body, token: admin.token }),
  };
}

/** The same, for verbs that cannot do without one. */
export function needRunning(config: Config): RunningProxy {
  const running = findRunning(config);
  if (running !== null) return running;
  const where = config.storage.path;
  throw new TokenPakError('unreachable', `No proxy runs on ${where}: start it with tokenpak proxy`);
}

async function callAdmin(
  url: URL,
  { method, body, token }: { method: string; body: unknown; token: string | null },
): Promise<unknown> {
  let response: Response;
  let text: string;
  try {
    response = await fetch(url, {
      method,
      headers: {
        ...(token !== null && { authorization: `Bearer ${token}` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    text = await response.text();
  } catch (error) {
    throw new TokenPakError(
      'unreachable',
      `The proxy's admin listener ${url.origin} does not answer: ${messageOf(error)}`,
      { cause: error },
    );
  }
  const answer = parsed(text);
  if (response.ok) return answer;
  const told = (answer as { error?: { code?: string; message?: string } } | null)?.error;
  const message = told?.message ?? `it answers ${response.status}`;
  throw new TokenPakError(told?.code ?? 'unreachable', `${url.origin}: ${message}`);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    // Not ours: the caller tells by the status.
    return null;
  }
}
