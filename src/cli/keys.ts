// `tokenpak keys`: issues virtual keys, lists them, ends them. A key's text is printed once; no one
// can be shown it again.

import { createColors } from 'picocolors';
import type { Config } from '../config/config.js';
import { userAllowed } from '../config/limits.js';
import { timeText } from '../kernel/calendar.js';
import { TokenPakError } from '../kernel/errors.js';
import { dollars, type NanoUsd } from '../kernel/money.js';
import { issueKey, readKeys, revokeKey } from '../keys/key-file.js';
import { stateOf, type VirtualKey } from '../keys/key.js';
import { keyView } from '../keys/key-view.js';
import { isUserName } from '../proxy/caller.js';
import { configFor } from './config.js';
import { isColored, marked, printMarked } from './print.js';
import { columnsOf, plainName } from './table.js';

export interface KeysFlags {
  readonly config: string;
  readonly json?: boolean;
}

export interface CreateFlags extends KeysFlags {
  readonly user: string;
  readonly expires?: number;
  readonly models?: readonly string[];
  readonly dailyLimit?: NanoUsd;
  readonly monthlyLimit?: NanoUsd;
}

export interface ListKeysFlags extends KeysFlags {
  readonly user?: string;
}

export async function createCommand(flags: CreateFlags): Promise<void> {
  const config = configFor(flags.config, { needsKeys: false });
  checkTerms(flags, config);
  const { text, key } = await issueKey(config.storage.path, {
    user: flags.user,
    models: flags.models ?? null,
    dailyLimit: flags.dailyLimit ?? null,
    monthlyLimit: flags.monthlyLimit ?? null,
    createdAtMs: Date.now(),
    expiresAtMs: flags.expires ?? null,
  });
  for (const warning of warningsOf(flags, config)) {
    process.stderr.write(`${marked(`⚠ ${warning}`, process.stderr)}\n`);
  }
  if (flags.json === true) {
    process.stdout.write(`${JSON.stringify({ key: text, ...keyView(key, Date.now()) })}\n`);
    return;
  }
  printMarked([
    `✓ ${key.id} for ${plainName(key.user)}, ${lifeText(key)}. Shown this once, so keep it:`,
    '',
    `  ${text}`,
    '',
  ]);
}

function checkTerms({ user, models }: CreateFlags, config: Config): void {
  if (!isUserName(user)) {
    throw new TokenPakError('bad_usage', '--user: a name has 1 to 256 visible ASCII characters');
  }
  if (models?.length === 0) throw new TokenPakError('bad_usage', '--models: name at least one');
  const listedOnly = Object.values(config.providers).every((each) => each.allowModels === 'listed');
  const unknown = models?.find((name) => !Object.hasOwn(config.models, name));
  if (unknown !== undefined && listedOnly) {
    const known = Object.keys(config.models).join(', ');
    throw new TokenPakError('bad_usage', `--models: ${unknown} is not configured; known: ${known}`);
  }
}

function* warningsOf(flags: CreateFlags, { auth, budget }: Config): Generator<string> {
  if (auth.mode !== 'keys') yield 'auth.mode is user: keys let nobody in until it is keys.';
  if (!userAllowed(budget, flags.user)) {
    yield `budget.per_user_limits lets in listed users only, and ${plainName(flags.user)} is not.`;
  }
  const hasLimit = flags.dailyLimit !== undefined || flags.monthlyLimit !== undefined;
  if (hasLimit && !budget.enabled) yield 'budgets are off: no limit holds, not the key’s either.';
}

const lifeText = ({ expiresAtMs }: VirtualKey): string =>
  expiresAtMs === null ? 'until revoked' : `until ${timeText(expiresAtMs)}`;

export function listKeysCommand(flags: ListKeysFlags): void {
  const config = configFor(flags.config, { needsKeys: false });
  const nowMs = Date.now();
  const keys = readKeys(config.storage.path).filter(
    ({ user }) => flags.user === undefined || user === flags.user,
  );
  const text =
    flags.json === true
      ? JSON.stringify({ keys: keys.map((key) => keyView(key, nowMs)) })
      : renderKeys(keys, nowMs, isColored(process.stdout));
  process.stdout.write(`${text}\n`);
}

function renderKeys(keys: readonly VirtualKey[], nowMs: number, color: boolean): string {
  if (keys.length === 0) return 'No keys: tokenpak keys create --user NAME issues one';
  const { green, red, yellow } = createColors(color);
  const paint = { active: green, expired: yellow, revoked: red } as const;
  const head = ['id', 'user', 'created', 'expires', 'limits', 'models', 'state'];
  const rows = keys.map((key) => [
    key.id,
    plainName(key.user),
    timeText(key.createdAtMs),
    key.expiresAtMs === null ? 'never' : timeText(key.expiresAtMs),
    limitsText(key),
    key.models?.map(plainName).join(' ') ?? 'all',
    stateOf(key, nowMs),
  ]);
  const [first, ...lines] = columnsOf([head, ...rows]);
  const painted = lines.map((line, index) => {
    const state = stateOf(keys[index] as VirtualKey, nowMs);
    return `${line.slice(0, line.length - state.length)}${paint[state](state)}`;
  });
  return [first, ...painted].join('\n');
}

function limitsText({ dailyLimit, monthlyLimit }: VirtualKey): string {
  const parts = [];
  if (dailyLimit !== null) parts.push(`${dollars(dailyLimit)}/day`);
  if (monthlyLimit !== null) parts.push(`${dollars(monthlyLimit)}/month`);
  return parts.join(' ') || '–';
}

export async function revokeCommand(id: string, flags: KeysFlags): Promise<void> {
  const config = configFor(flags.config, { needsKeys: false });
  const key = await revokeKey(config.storage.path, id, Date.now());
  if (key === null) {
    throw new TokenPakError('not_found', `no key ${id}: tokenpak keys list shows them`);
  }
  if (flags.json === true) {
    process.stdout.write(`${JSON.stringify(keyView(key, Date.now()))}\n`);
  } else {
    printMarked([`✓ ${key.id} of ${plainName(key.user)} is revoked; it lets nobody in any more`]);
  }
}
