import { readFileSync } from 'node:fs';
import t from 'tap';
import { parseConfig } from '../../src/config/load.js';
import type { Ledger } from '../../src/ledger/client.js';
import { Alerts } from '../../src/supervisor/alerts.js';
import { receiver } from '../alert/receiver.js';

/** A ledger that takes nothing any more. */
const BROKEN = {
  raise: () => Promise.reject(new Error('the disk is full')),
  dueAlerts: () => Promise.reject(new Error('the disk is full')),
} as unknown as Ledger;

t.test('a ledger that takes nothing is told of past it, to every channel', async (t) => {
  const hook = await receiver(t);
  const folder = t.testdir({});
  const text = JSON.stringify({
    budget: { alert_webhook: hook.origin },
    alerts: { log_file: 'alerts.log' },
  });
  const loaded = parseConfig(text, { file: `${folder}/config.yaml`, env: {} });
  if (!loaded.ok) throw new Error('no config');
  const told: string[] = [];
  const alerts = new Alerts({ config: loaded.config, tell: (message) => told.push(message) });
  alerts.start(BROKEN);
  alerts.ledgerFailed('The journal failed: no space left');
  await alerts.end();
  t.match(JSON.parse(hook.received[0]!.body), {
    event: 'ledger_unavailable',
    user: null,
    reason: 'The journal failed: no space left',
  });
  const line = / ALERT ledger_unavailable reason=The\\x20journal\\x20failed:\\x20no\\x20space/;
  t.match(readFileSync(`${folder}/alerts.log`, 'utf8'), line);
  t.match(told.join(), /wait: the disk is full/);
});
