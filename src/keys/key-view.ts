// A key as it is shown: everything but the key.

import { timeText } from '../kernel/calendar.js';
import { type NanoUsd, usdText } from '../kernel/money.js';
import { stateOf, type VirtualKey } from './key.js';

const orNull = (value: NanoUsd | null): string | null => (value === null ? null : usdText(value));
const timeOrNull = (ms: number | null): string | null => (ms === null ? null : timeText(ms));

export const keyView = (key: VirtualKey, nowMs: number) => ({
  id: key.id,
  user: key.user,
  state: stateOf(key, nowMs),
  models: key.models,
  daily_limit_usd: orNull(key.dailyLimit),
  monthly_limit_usd: orNull(key.monthlyLimit),
  created_at: timeText(key.createdAtMs),
  expires_at: timeOrNull(key.expiresAtMs),
  revoked_at: timeOrNull(key.revokedAtMs),
});
