import t from 'tap';
import { startMock } from '../../src/mock/provider.js';
import { get, startProxy, temporaryFolder } from '../flow/harness.js';
import { COST_NANO, killConfig, killRound, MOCK_BILLS, readBooks } from './kill.js';

/** `npm run torture` does many more. */
const ROUNDS = Number(process.env['KILL_ROUNDS'] ?? 3);

t.test(
  `kill -9 under load, ${ROUNDS} times: nothing is lost`,
  { timeout: ROUNDS * 60_000 },
  async (t) => {
    const mock = await startMock({ behaviour: MOCK_BILLS });
    t.teardown(() => mock.close());
    const folder = temporaryFolder(t);
    const config = killConfig(folder, mock);
    let answered = 0;
    let proxy = await startProxy(t, { folder, config, workers: 1 });
    for (let round = 0; round < ROUNDS; round++) {
      // Anywhere from the first requests to well into the load.
      const afterMs = 20 + Math.floor(Math.random() * 400);
      answered += await killRound(proxy, afterMs);
      const { requests } = mock.bill();
      const billed = BigInt(requests) * COST_NANO;

      const dead = await readBooks(folder);
      // The next to be killed.
      proxy = await startProxy(t, { folder, config, workers: 1 + ((round + 1) % 3) });
      const books = await readBooks(folder);
      const budget = await get(`${proxy.url}/v1/budget`, 'user-0');
      const budgets = budget.json['budgets'] as {
        scope: string;
        window: string;
        spent_usd: string;
      }[];
      const global = budgets.find(({ scope, window }) => scope === 'global' && window === 'daily');

      const provider = books.bySource['provider'] ?? { entries: 0, costNano: 0n };
      const unsettled = books.bySource['unsettled'] ?? { entries: 0, costNano: 0n };
      const note = `round ${round}, killed after ${afterMs} ms: ${requests} billed`;
      t.ok(books.totalNano >= billed, `${note}: the recovered spend is not below the bill`);
      t.equal(
        provider.costNano,
        BigInt(provider.entries) * COST_NANO,
        'settled at what was billed',
      );
      t.ok(provider.entries >= answered, `${answered} answers that were received are all booked`);
      t.ok(provider.costNano <= billed, 'nothing is booked twice');
      t.ok(
        billed <= provider.costNano + BigInt(unsettled.entries) * COST_NANO,
        'what was billed beyond that was in flight, and is charged in full',
      );
      t.equal(
        books.totalNano,
        provider.costNano + unsettled.costNano,
        'records add up to the total',
      );
      t.equal(dead.totalNano, books.totalNano, 'a report without a restart says the same');
      const spent = Number(global?.spent_usd);
      t.equal(spent, Number(books.totalNano) / 1e9, 'GET /v1/budget agrees with spend');
    }
    t.equal(await proxy.end(), 0);
  },
);
