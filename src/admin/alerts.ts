// Alerts over the admin listener: another try for what was given up.

import { type Asked, bodyOf, type Reply } from './route.js';
import type { Running } from './running.js';

export const REPLAY = {
  type: 'object',
  required: ['id'],
  properties: {
    id: {
      type: ['string', 'null'],
      description: 'Of an alert; null for all that some channel has given up.',
    },
  },
  additionalProperties: false,
} as const;

export async function replayAlerts({ ledger }: Running, { body }: Asked): Promise<Reply> {
  const { id } = await bodyOf(REPLAY, body);
  return { json: { replayed: await ledger.replayAlerts(id) } };
}
