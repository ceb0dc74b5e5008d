// Alerts over the admin listener: another try for what was given up.

import { Type } from 'typebox';
import { type Asked, bodyOf, type Reply } from './route.js';
import type { Running } from './running.js';

export const REPLAY = Type.Object(
  {
    id: Type.Union([Type.String(), Type.Null()], {
      description: 'Of an alert; null for all that some channel has given up.',
    }),
  },
  { additionalProperties: false },
);

export async function replayAlerts({ ledger }: Running, { body }: Asked): Promise<Reply> {
  return { json: { replayed: await ledger.replayAlerts(bodyOf(REPLAY, body).id) } };
}
