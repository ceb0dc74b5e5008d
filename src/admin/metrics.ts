// `/metrics` in Prometheus' text format: what the workers counted, what the budgets hold, how the
// books stand. Made anew for each scrape from sums that others keep: nothing is remembered here.
// Money becomes a float here and nowhere else, since the format has no other number.

import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { limitsOf } from '../config/limits.js';
import { type NanoUsd, usdText } from '../kernel/money.js';
import type { LocalDate } from '../kernel/scope.js';
import type { SpendBy, SpendRow } from '../ledger/spend.js';
import { OVERHEAD_EDGES_US, type Overhead, type Readings } from '../proxy/tally.js';
import { usersOf } from './reports.js';
import { type Books, type Running, today } from './running.js';

type Labels = Readonly<Record<string, string | number>>;
type Series = readonly (readonly [value: number, labels?: Labels])[];

interface Metric {
  readonly kind: 'counter' | 'gauge';
  readonly name: string;
  readonly help: string;
  readonly series: Series;
}

/** Users, models and providers told one by one: more would weigh on whoever stores the series. */
const ROWS_MAX = 1_000;

export async function metricsText(running: Running): Promise<string> {
  const date = today(running);
  // Asked for at once and answered in this order: the books are brought up to date by the first.
  const [books, spends] = await Promise.all([running.books(date), spendsOf(running, date)]);
  const readings = running.tally.read();
  const registry = new Registry();
  const metrics = [
    ...processMetrics(running),
    ...workMetrics(readings),
    ...bookMetrics(books),
    ...spendMetrics(spends),
    ...budgetMetrics(running, date, spends),
  ];
  for (const metric of metrics) register(registry, metric);
  overheadHistogram(registry, readings);
  return registry.metrics();
}

const gauge = (name: string, help: string, series: number | Series): Metric => ({
  kind: 'gauge',
  name,
  help,
  series: typeof series === 'number' ? [[series]] : series,
});

const counter = (name: string, help: string, series: number | Series): Metric => ({
  ...gauge(`${name}_total`, help, series),
  kind: 'counter',
});

const usd = (amount: NanoUsd): number => Number(usdText(amount));

function processMetrics(running: Running): Metric[] {
  const { user, system } = process.cpuUsage();
  return [
    gauge('build_info', 'The version that runs.', [[1, { version: running.version }]]),
    gauge('ready', '1 while requests are let in.', running.state() === 'ready' ? 1 : 0),
    gauge('start_time_seconds', 'When the proxy started.', running.startedAtMs / 1000),
    gauge('workers', 'HTTP worker threads that live.', running.workers()),
    gauge('resident_memory_bytes', 'Memory of the process.', process.memoryUsage.rss()),
    counter('cpu_seconds', 'CPU time of the process, all threads.', (user + system) / 1e6),
    gauge(
      'prices_timestamp_seconds',
      'Of which day the prices are.',
      running.prices().asOfMs / 1000,
    ),
  ];
}

function workMetrics({ counts, rejected, gauges }: Readings): Metric[] {
  const quantiles = ['p50', 'p99', 'max'] as const;
  return [
    counter('requests', 'Requests that came in, of every kind.', counts.requests),
    counter('admitted', 'Requests that were reserved for.', counts.admitted),
    counter(
      'rejected',
      'Requests that were answered with an error of our own.',
      Object.entries(rejected).map(([reason, count]) => [count, { reason }]),
    ),
    counter('fallbacks', 'Requests served by the fallback model.', counts.fallbacks),
    counter('clamps', 'Requests whose max_tokens was lowered.', counts.clamps),
    counter('settled', 'Requests that were paid, by where their usage came from.', [
      [counts.settled_provider, { source: 'provider' }],
      [counts.settled_estimated, { source: 'estimated' }],
    ]),
    counter('voided', 'Requests that ended without a cost.', counts.voided),
    counter('overruns', 'Requests billed above what was reserved.', counts.overruns),
    gauge(
      'active_requests',
      'Requests that have no whole answer yet.',
      gauges.map(({ active }, worker) => [active, { worker }]),
    ),
    gauge(
      'held_bytes',
      'Request bodies and whole answers in memory.',
      gauges.map(({ held_bytes: bytes }, worker) => [bytes, { worker }]),
    ),
    gauge(
      'event_loop_lag_seconds',
      "How late a worker's event loop ran in the last second.",
      gauges.flatMap((lag, worker) =>
        quantiles.map(
          (quantile) => [lag[`lag_${quantile}_us`] / 1e6, { worker, quantile }] as const,
        ),
      ),
    ),
  ];
}

const bookMetrics = (books: Books): Metric[] => [
  gauge('open_reservations', 'Requests that hold money.', books.openReservations),
  gauge(
    'overdue_reservations',
    'Requests that hold money beyond their deadline.',
    books.overdueReservations,
  ),
  gauge('ledger_lag_records', 'Records written and not yet booked.', books.lagRecords),
  gauge('ledger_drift_usd', 'What counters hold beyond the books: 0.', usd(books.drift)),
  gauge('ledger_stray_ends', 'Ends of requests that were not open: 0.', books.strayEnds),
  gauge('outbox_alerts', 'Alerts that some channel has not had.', [
    [books.alertsPending, { state: 'pending' }],
    [books.alertsDead, { state: 'dead' }],
  ]),
  counter('ledger_entries', 'Requests that are booked, since ever.', books.entries),
  gauge('ledger_fold_timestamp_seconds', 'When booking last succeeded.', books.lastFoldMs / 1000),
];

/** The dearest rows of the present day. */
interface Spends {
  readonly models: readonly SpendRow[];
  readonly providers: readonly SpendRow[];
  /** None unless single users are to be told. */
  readonly users: readonly SpendRow[];
}

async function spendsOf({ config, ledger }: Running, date: LocalDate): Promise<Spends> {
  const each: SpendBy[] = ['model', 'provider'];
  if (config.admin.metricsUserLabels) each.push('user');
  const queries = each.map((by) => ({ by, from: date, to: date }));
  const results = await ledger.bookedSpends(queries, ROWS_MAX);
  const [models = [], providers = [], users = []] = results.map(({ rows }) => rows);
  return { models, providers, users };
}

/** The counters begin again at midnight, as after a restart. */
function spendMetrics({ models, providers }: Spends): Metric[] {
  const unsettled = models.reduce((sum, row) => sum + row.unsettled, 0);
  const costs = (rows: readonly SpendRow[], label: string): Series =>
    rows.map(({ cost, name }) => [usd(cost), { [label]: name }]);
  return [
    counter('provider_spend_usd', 'Spent today, by provider.', costs(providers, 'provider')),
    counter('model_spend_usd', 'Spent today, by model.', costs(models, 'model')),
    counter(
      'model_requests',
      'Requests paid today, by model.',
      models.map(({ requests, name: model }) => [requests, { model }]),
    ),
    counter(
      'model_tokens',
      'Tokens paid today, by model and class.',
      models.flatMap(({ usage, name: model }) => [
        [usage.inputTokens, { model, class: 'input' }] as const,
        [usage.cachedInputTokens, { model, class: 'cached_input' }] as const,
        [
          usage.cacheWriteTokens + usage.cacheWrite1hTokens,
          { model, class: 'cache_write' },
        ] as const,
        [usage.outputTokens, { model, class: 'output' }] as const,
      ]),
    ),
    counter('unsettled', 'Requests charged in full today: nobody saw their end.', unsettled),
  ];
}

/** `user="*"` is everyone together; single users are told only when asked for. */
function budgetMetrics(running: Running, date: LocalDate, spends: Spends): Metric[] {
  const { config } = running;
  const users: (string | null)[] = [null];
  if (config.admin.metricsUserLabels) users.push(...usersOf(spends.users, config));
  const rows = users.flatMap((user) =>
    (['daily', 'monthly'] as const).map((window) => {
      const { settled, reserved } = running.holding(user, window, date);
      const limit = limitsOf(config.budget, user)[window];
      const label = user === null ? '*' : user === '*' ? '\\x2a' : user;
      return {
        labels: { user: label, window },
        settled: usd(settled),
        reserved: usd(reserved),
        limit,
      };
    }),
  );
  const limited = rows.flatMap((row) =>
    row.limit === null ? [] : [{ ...row, cap: usd(row.limit) }],
  );
  return [
    gauge(
      'spent_usd',
      'Spent in the present window.',
      rows.map((row) => [row.settled, row.labels]),
    ),
    gauge(
      'reserved_usd',
      'Held by requests under way.',
      rows.map((row) => [row.reserved, row.labels]),
    ),
    gauge(
      'limit_usd',
      'The cap of the window.',
      limited.map((row) => [row.cap, row.labels]),
    ),
    gauge(
      'remaining_usd',
      'What may still be spent.',
      limited.map((row) => [Math.max(0, row.cap - row.settled - row.reserved), row.labels]),
    ),
  ];
}

function register(registry: Registry, { kind, name, help, series }: Metric): void {
  const labelNames = Object.keys(series[0]?.[1] ?? {});
  const options = { name: `tokenpak_${name}`, help, labelNames, registers: [registry] };
  if (kind === 'gauge') {
    const metric = new Gauge(options);
    for (const [value, labels = {}] of series) metric.set(labels, value);
  } else {
    const metric = new Counter(options);
    for (const [value, labels = {}] of series) metric.inc(labels, value);
  }
}

/** The library's own histogram takes single observations; these have been put into buckets. */
class GatheredHistogram extends Histogram {
  readonly #gathered: object;

  constructor(name: string, help: string, values: readonly object[]) {
    super({ name, help, registers: [] });
    this.#gathered = { name, help, type: 'histogram', values };
  }

  /** What a registry asks a histogram for, though the library's types do not say so. */
  async getForPromString(): Promise<object> {
    return this.#gathered;
  }
}

function overheadHistogram(registry: Registry, { overhead }: Readings): void {
  const name = 'tokenpak_overhead_seconds';
  const values = Object.entries(overhead).flatMap(([stage, sums]) =>
    bucketValues(name, stage, sums),
  );
  const help =
    'Time that the proxy itself takes. request: from its last byte to going upstream; ' +
    'answer: from the last byte of one that is not streamed to the client.';
  registry.registerMetric(new GatheredHistogram(name, help, values));
}

function bucketValues(name: string, stage: string, { buckets, sumUs }: Overhead) {
  let count = 0;
  const edges = [...OVERHEAD_EDGES_US.map((us) => us / 1e6), '+Inf'];
  const values = edges.map((le, index) => {
    count += buckets[index] as number;
    return { metricName: `${name}_bucket`, labels: { stage, le }, value: count };
  });
  return [
    ...values,
    { metricName: `${name}_sum`, labels: { stage }, value: sumUs / 1e6 },
    { metricName: `${name}_count`, labels: { stage }, value: count },
  ];
}
