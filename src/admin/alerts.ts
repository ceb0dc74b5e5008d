// Alerts over the admin listener: another try for what was given up.

import type { Asked, Reply } from './route.js';
import { badRequest } from './route.js';
import type { Running } from './running.js';

/** `{"id": "evt_…"}` sends one alert again, `{"id": null}` all that some channel has given up. */
export async function replayAlerts({ ledger }: Running, { body }: Asked): Promise<Reply> {
  const { id } = (body ?? {}) as { id?: unknown };
  if (id !== null && typeof id !== 'string') {
    throw badRequest('id must be the id of an alert, or null for all that were given up.');
  }
  return { json: { replayed: await ledger.replayAlerts(id) } };
}
