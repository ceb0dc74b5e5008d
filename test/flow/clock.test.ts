import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import t from 'tap';
import { startMock } from '../../src/mock/provider.js';
import { post, startProxy, temporaryFolder } from './harness.js';
import { asking, budgets, CENT_A_TOKEN, config } from './setup.js';

const DAY_MS = 86_400_000;

/** Loaded before each thread: its clock is ahead by what the file says. */
const preload = (file: string): string => `
import { readFileSync } from 'node:fs';
const now = Date.now;
let ahead = 0;
const look = () => (ahead = Number(readFileSync(${JSON.stringify(file)}, 'utf8')));
look();
setInterval(look, 5).unref();
Date.now = () => now() + ahead;
`;

t.test(
  'a clock that was days ahead gives no day anew, and what it spent counts then',
  async (t) => {
    const mock = await startMock({ behaviour: CENT_A_TOKEN });
    t.teardown(() => mock.close());
    const folder = temporaryFolder(t);
    const ahead = join(folder, 'ahead');
    const set = (days: number): void => writeFileSync(ahead, String(days * DAY_MS));
    const script = join(folder, 'preload.mjs');
    writeFileSync(script, preload(ahead));
    const start = () =>
      startProxy(t, {
        folder,
        config: config({
          folder,
          providerUrl: mock.url,
          budget: 'daily_limit_cents: 11',
        }),
        workers: 2,
        env: { NODE_OPTIONS: `--import ${pathToFileURL(script).href}` },
      });
    set(2);
    const first = await start();
    const ask = async (url: string): Promise<number> =>
      (await post(`${url}/v1/chat/completions`, 'ann', asking(5))).status;
    t.same([await ask(first.url), await ask(first.url), await ask(first.url)], [200, 200, 402]);
    set(0);
    t.equal(await first.end('SIGCONT'), 1, 'it ends by itself');
    t.match(first.output(), /The clock has gone back by more than a day/);

    const next = await start();
    t.equal(await ask(next.url), 200, 'today has its own budget');
    set(2);
    // In the first moment nobody knows what that day has spent, and nobody is let in.
    const spent = async () => (await budgets(next, 'ann'))?.[0]?.spent_usd;
    for (let usd = await spent(); usd !== '0.10'; usd = await spent()) t.not(usd, '0.00');
    t.equal(await ask(next.url), 402);
    t.equal(mock.bill().requests, 3);
    t.equal(await next.end(), 0);
  },
);
