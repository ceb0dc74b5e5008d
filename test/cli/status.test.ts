import { existsSync } from 'node:fs';
import t from 'tap';
import { renderStatus } from '../../src/cli/status.js';
import type { Status } from '../../src/admin/status.js';
import { startMock } from '../../src/mock/provider.js';
import { run } from '../flow/harness.js';
import { asking, atRest, CENT_A_TOKEN, started } from '../flow/setup.js';

t.test('status shows a running proxy, and that none runs', async (t) => {
  const mock = await startMock({ behaviour: CENT_A_TOKEN });
  t.teardown(() => mock.close());
  const admin = 'admin: { port: 0, token: a-token }';
  const setup = { providerUrl: mock.url, budget: 'daily_limit_cents: 1000', more: admin };
  const { chat, folder, proxy } = await started(t, setup);
  const config = `${folder}/config.yaml`;
  t.equal((await chat('alice', asking(250))).status, 200);
  await atRest(proxy, 'alice');
  const { code, stdout } = await run(['status', '--json', '--config', config]);
  t.equal(code, 0);
  const status = JSON.parse(stdout) as Status;
  t.match(status, {
    pid: proxy.pid,
    address: proxy.url,
    workers: 1,
    open_reservations: 0,
    overshoot_bound_usd: '0.00',
    reserved_usd: '0.00',
    drift_usd: '0.00',
    ledger_entries: 1,
    budgets: [{ window: 'daily', limit_usd: '10.00', spent_usd: /^\d+\.\d+$/ }, {}],
  });
  t.not(status.budgets[0]?.spent_usd, '0.00');
  t.type(status.ledger_lag_records, 'number');
  t.match(await run(['status', '--config', config]), { code: 0, stdout: /is running on/ });

  await proxy.end();
  t.notOk(existsSync(`${folder}/data/proxy.json`), 'nobody is sent to a proxy that has ended');
  t.match(await run(['status', '--config', config]), {
    code: 3,
    stderr: /^✗ No proxy runs on .*data: start it with tokenpak proxy\n$/,
  });
});

t.test('a person reads one line for each thing there is', async (t) => {
  const budget = { reserved_usd: '0.00', remaining_usd: null, resets_at: '' };
  const status: Status = {
    version: '1.2.3',
    pid: 42,
    address: 'http://127.0.0.1:8000',
    state: 'ready',
    workers: 8,
    uptime_seconds: 93_784,
    budgets: [
      { ...budget, window: 'daily', spent_usd: '9.00', limit_usd: '10.00' },
      { ...budget, window: 'monthly', spent_usd: '9.00', limit_usd: null },
    ],
    open_reservations: 2,
    overshoot_bound_usd: '0.00',
    reserved_usd: '0.50',
    ledger_lag_records: 1,
    ledger_entries: 1_234,
    drift_usd: '0.00',
    config_loaded_at: '2026-03-25T09:00:00.000Z',
    config_problem: null,
  };
  t.equal(
    renderStatus(status, { admin: 'http://127.0.0.1:8001', color: false }),
    `✓ TokenPak 1.2.3 is running on http://127.0.0.1:8000
  process    42, up 1 d 2 h
  workers    8
  admin      http://127.0.0.1:8001
  daily      $9.00     ██████████████████░░ 90% of $10.00
  monthly    $9.00 of no limit
  in flight  2 requests hold $0.50
  books      1,234 requests, 1 record still to be booked
  drift      none: counters and books agree`,
  );
  const refused = { ...status, config_problem: 'config.yaml:3:5: no such key' };
  t.match(
    renderStatus(refused, { admin: '', color: false }),
    /config +the file is refused: config\.yaml:3:5/,
  );
  const drifting = { ...status, drift_usd: '0.01' };
  t.match(
    renderStatus(drifting, { admin: '', color: false }),
    /\$0\.01 between counters and books/,
  );
});
