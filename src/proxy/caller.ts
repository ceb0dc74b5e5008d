// Who a request is from: the user who pays, and what that caller may ask for. By name in a trusted
// network, by virtual key elsewhere.

import { userAllowed } from '../config/limits.js';
import { USER_BYTES_MAX } from '../kernel/scope.js';
import type { KeyRefusal } from '../keys/key-ring.js';
import type { Proxy } from './proxy.js';
import type { Rejection } from './rejection.js';

export interface Caller {
  readonly user: string;
  /** `null`: every model that is configured. */
  readonly models: readonly string[] | null;
}

/** Whoever presents a key is told of it; nothing is told of a key that is not there. */
const REFUSED: Readonly<Record<KeyRefusal, string>> = {
  malformed: 'That is no API key of this proxy: they begin with tpk_.',
  mistyped: 'This API key is mistyped: its checksum does not match.',
  unknown: 'This API key is unknown.',
  expired: 'This API key has expired.',
  revoked: 'This API key was revoked.',
};

const refused = (message: string): Rejection => ({ rejected: 'invalid_api_key', message });

/** Everything after this knows who pays. */
export function identify(proxy: Proxy, credential: string | null): Caller | Rejection {
  const { keys } = proxy;
  if (credential === null || credential === '') {
    const wanted = keys === null ? '<user>' : '<key>';
    return refused(
      `No API key. Send \`Authorization: Bearer ${wanted}\` or \`x-api-key: ${wanted}\`.`,
    );
  }
  if (keys === null) return known(proxy, { user: credential, models: null });
  const key = keys.find(credential, proxy.now());
  return typeof key === 'string' ? refused(REFUSED[key]) : known(proxy, key);
}

function known(proxy: Proxy, caller: Caller): Caller | Rejection {
  // A name is stored, logged and compared. uWebSockets cuts a header at some bytes above ASCII, so
  // a name with such letters could pass for another.
  if (!isUserName(caller.user)) {
    return refused(`A user name has 1 to ${USER_BYTES_MAX} visible ASCII characters.`);
  }
  if (userAllowed(proxy.config.budget, caller.user)) return caller;
  return refused('This user is not listed in budget.per_user_limits, and others are not let in.');
}

export const isUserName = (name: string): boolean =>
  name.length <= USER_BYTES_MAX && /^[\x20-\x7e]+$/.test(name);

export const mayUse = ({ models }: Caller, model: string): boolean =>
  models === null || models.includes(model);
