import t from 'tap';
import { signalsOf, teller, TelemetryFollower } from '../../src/supervisor/telemetry.js';
import type { Entry } from '../../src/ledger/entry.js';

t.test('nothing is exported unless the environment names a collector', async (t) => {
  const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:4318' };
  t.equal(signalsOf({}), null);
  t.equal(signalsOf({ OTEL_EXPORTER_OTLP_ENDPOINT: '' }), null);
  t.equal(signalsOf({ ...endpoint, OTEL_SDK_DISABLED: 'true' }), null);
  t.same(signalsOf(endpoint), { traces: true, metrics: true });
  t.same(signalsOf({ ...endpoint, OTEL_METRICS_EXPORTER: 'none' }), {
    traces: true,
    metrics: false,
  });
  const own = { OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: 'http://127.0.0.1:4318/v1/metrics' };
  t.same(signalsOf(own), { traces: false, metrics: true });
});

t.test('all that is booked by the end is handed on, page by page', async (t) => {
  const entries = Array.from({ length: 1_502 }, (_, sequence) => ({ sequence }) as Entry);
  const booked = entries.slice(0, 1_500);
  const handed: number[] = [];
  const told: string[] = [];
  let isClosed = false;
  const follower = new TelemetryFollower(
    {
      recent: async (limit) => {
        const page = { entries: booked.splice(0, limit), lost: 0 };
        // While the last page is on its way the books go on.
        if (page.entries.length < limit) booked.push(...entries.splice(1_500));
        return page;
      },
    },
    {
      record: (entries) => void handed.push(...entries.map(({ sequence }) => sequence)),
      close: async () => void (isClosed = true),
    },
    (message) => void told.push(message),
  );
  const looking = follower.look();
  await Promise.all([looking, follower.end()]);
  t.same(
    handed,
    Array.from({ length: 1_502 }, (_, sequence) => sequence),
  );
  t.ok(isClosed);
  t.same(told, []);
});

t.test('books that do not answer, and requests that are lost, are told of', async (t) => {
  const told: string[] = [];
  let asked = 0;
  const follower = new TelemetryFollower(
    {
      recent: async () => {
        asked += 1;
        if (asked === 1) return { entries: [], lost: 7 };
        throw new Error('the ledger has ended');
      },
    },
    { record: () => undefined, close: async () => undefined },
    (message) => void told.push(message),
  );
  await follower.look();
  await follower.end();
  t.match(told[0], /^7 requests/);
  t.match(told[1], /the ledger has ended/);
});

t.test('what goes wrong again and again is told once in ten minutes', async (t) => {
  const told: string[] = [];
  let nowMs = 0;
  const tell = teller(
    (message) => void told.push(message),
    () => nowMs,
  );
  for (const message of ['down', 'down', 'dropped', 'down']) tell(message);
  t.same(told, ['down', 'dropped']);
  nowMs = 600_000;
  tell('down');
  t.same(told, ['down', 'dropped', 'down']);
  for (let index = 0; index < 100; index += 1) tell(`fault ${index}`);
  t.ok(told.length < 30, 'whatever it is');
});
