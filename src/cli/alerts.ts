// `tokenpak alerts`: what is owed to people and what became of it, a test of the ways to them, and
// another try for what was given up.

import { randomUUID } from 'node:crypto';
import { createColors } from 'picocolors';
import { type Channel, testEvent } from '../alert/channel.js';
import { channelsOf } from '../alert/channels.js';
import { percentOf } from '../alert/line.js';
import type { Config } from '../config/config.js';
import { alertId, type ChannelState, type OwedAlert } from '../kernel/alert.js';
import { timeText } from '../kernel/calendar.js';
import { TokenPakError } from '../kernel/errors.js';
import { usdText } from '../kernel/money.js';
import { scopeUser } from '../kernel/scope.js';
import { Store } from '../ledger/store.js';
import { configFor } from './config.js';
import { isColored, printMarked } from './print.js';
import { findRunning } from './running.js';
import { plainName } from './table.js';

export interface AlertsFlags {
  readonly config: string;
  readonly json?: boolean;
}

export interface ListFlags extends AlertsFlags {
  readonly state?: ChannelState['state'];
  readonly limit: number;
}

const CANNOT_BE_REACHED = 3;

interface Listed {
  readonly alerts: readonly OwedAlert[];
  readonly pending: number;
  readonly dead: number;
}

export async function listCommand(flags: ListFlags): Promise<void> {
  const config = configFor(flags.config, { needsKeys: false });
  const listed = await readOutbox(config.storage.path, flags);
  const labels = labelsOf(config);
  const text =
    flags.json === true
      ? JSON.stringify(listJson(listed, labels))
      : renderList(listed, { labels, nowMs: Date.now(), color: isColored(process.stdout) });
  process.stdout.write(`${text}\n`);
}

async function readOutbox(storagePath: string, { state, limit }: ListFlags): Promise<Listed> {
  if (!Store.exists(storagePath)) return { alerts: [], pending: 0, dead: 0 };
  const store = new Store(storagePath, 'read');
  try {
    const alerts: OwedAlert[] = [];
    for (const alert of store.outbox.list()) {
      const states = Object.values(alert.channels);
      if (state !== undefined && states.every((channel) => channel.state !== state)) continue;
      alerts.push(alert);
      if (alerts.length === limit) break;
    }
    return { alerts, ...store.outbox.depth() };
  } finally {
    await store.close();
  }
}

type Labels = ReadonlyMap<string, string>;

/** Of what the config names now; what an older one named shows as the hash that the ledger has. */
function labelsOf(config: Config): Labels {
  const channels = channelsOf(config);
  for (const channel of channels) channel.close();
  return new Map(channels.map(({ plan, label }) => [plan.name, label]));
}

const whoOf = ({ event }: OwedAlert): string =>
  event.budget === null ? '' : (scopeUser(event.budget.scope) ?? '*');

export const listJson = ({ alerts, pending, dead }: Listed, labels: Labels) => ({
  alerts: alerts.map((alert) => {
    const { event, channels } = alert;
    return {
      event_id: event.eventId,
      event: event.event,
      occurred_at: timeText(event.occurredAtMs),
      user: event.budget === null ? null : whoOf(alert),
      window: event.budget?.window ?? null,
      threshold_pct: event.budget?.thresholdPct ?? null,
      spent_usd: event.budget === null ? null : usdText(event.budget.spent),
      details: event.details,
      channels: Object.entries(channels).map(([name, state]) => ({
        channel: labels.get(name) ?? name,
        state: state.state,
        attempts: state.attempts,
        next_try: state.nextTryMs === null ? null : timeText(state.nextTryMs),
        last_error: state.lastError,
      })),
    };
  }),
  pending,
  dead,
});

interface Look {
  readonly labels: Labels;
  readonly nowMs: number;
  readonly color: boolean;
}

export function renderList({ alerts, pending, dead }: Listed, look: Look): string {
  if (alerts.length === 0) return `No alerts (deliveries pending ${pending}, dead ${dead})`;
  const { dim, bold } = createColors(look.color);
  const lines = alerts.flatMap((alert) => {
    const { event, channels } = alert;
    const pct = event.budget === null ? null : percentOf(event.budget);
    const facts = [event.event, plainName(whoOf(alert)), event.budget?.window ?? ''];
    if (pct !== null) facts.push(`${pct}%`);
    const threshold = event.budget?.thresholdPct ?? null;
    if (threshold !== null) facts.push(`(over ${threshold}%)`);
    const head = `${timeText(event.occurredAtMs)} ${bold(facts.filter(Boolean).join(' '))}`;
    return [
      `${head}  ${dim(event.eventId)}`,
      ...Object.entries(channels).map(([name, state]) =>
        channelLine(look.labels.get(name) ?? `${name} (not configured)`, state, look),
      ),
    ];
  });
  const count = `${alerts.length} ${alerts.length === 1 ? 'alert' : 'alerts'}`;
  return [...lines, `${count} shown; deliveries pending ${pending}, dead ${dead}`].join('\n');
}

function channelLine(label: string, { state, ...rest }: ChannelState, look: Look): string {
  const { green, red, yellow } = createColors(look.color);
  const { attempts, nextTryMs, lastError } = rest;
  const tries = `${attempts} ${attempts === 1 ? 'attempt' : 'attempts'}`;
  const next = `next ${duration((nextTryMs ?? 0) - look.nowMs)}`;
  switch (state) {
    case 'delivered':
      return `  ${green('✓')} ${label}`;
    case 'standby':
      return `  · ${label}: stands by, ${next}`;
    case 'pending':
      if (attempts === 0) return `  ${yellow('…')} ${label}: waits`;
      return `  ${yellow('…')} ${label}: ${tries}, ${next}: ${lastError}`;
    case 'dead':
      return `  ${red('✗')} ${label}: given up after ${tries}: ${lastError}`;
  }
}

function duration(ms: number): string {
  if (ms <= 0) return 'now';
  const seconds = Math.ceil(ms / 1000);
  if (seconds < 120) return `in ${seconds} s`;
  const minutes = Math.ceil(seconds / 60);
  return minutes < 120 ? `in ${minutes} min` : `in ${Math.ceil(minutes / 60)} h`;
}

/** `log`, `webhook`, `mail`, or any part of what a channel is called. */
function chosen(channels: readonly Channel[], wanted: string | undefined): readonly Channel[] {
  if (wanted === undefined) return channels;
  const found = channels.filter(
    ({ plan, label, kind }) => label.includes(wanted) || kind === wanted || plan.name === wanted,
  );
  if (found.length > 0) return found;
  const all = channels.map(({ label }) => label).join(', ');
  throw new TokenPakError('bad_usage', `no channel is called ${wanted}: there are ${all}`);
}

export async function testCommand(wanted: string | undefined, flags: AlertsFlags): Promise<void> {
  const config = configFor(flags.config, { needsKeys: false, needsAlerts: true });
  const channels = channelsOf(config);
  try {
    const tried = await tryChannels(chosen(channels, wanted), (channel) => {
      const nowMs = Date.now();
      return channel.send(testEvent(nowMs, alertId(randomUUID())), { nowMs });
    });
    if (flags.json === true) process.stdout.write(`${JSON.stringify({ channels: tried })}\n`);
    else printTried(tried);
  } finally {
    for (const channel of channels) channel.close();
  }
}

/** `validate-config --probe`. */
export async function probe(file: string): Promise<Tried[]> {
  const channels = channelsOf(configFor(file, { needsKeys: false, needsAlerts: true }));
  try {
    return await tryChannels(channels, (channel) => channel.probe({ nowMs: Date.now() }));
  } finally {
    for (const channel of channels) channel.close();
  }
}

/** What became of an alert on a channel. */
interface Tried {
  readonly channel: string;
  readonly ok: boolean;
  readonly error: string | null;
}

async function tryChannels(
  channels: readonly Channel[],
  attempt: (channel: Channel) => ReturnType<Channel['send']>,
): Promise<Tried[]> {
  return Promise.all(
    channels.map(async (channel) => {
      const delivery = await attempt(channel);
      if (!delivery.ok) process.exitCode = CANNOT_BE_REACHED;
      const error = delivery.ok ? null : delivery.error;
      return { channel: channel.label, ok: delivery.ok, error };
    }),
  );
}

export function printTried(tried: readonly Tried[]): void {
  printMarked(
    tried.map(({ channel, ok, error }) =>
      ok ? `✓ ${channel} takes alerts` : `✗ ${channel} takes no alerts: ${error}`,
    ),
  );
}

export interface ReplayFlags extends AlertsFlags {
  readonly dead?: boolean;
}

export async function replayCommand(id: string | undefined, flags: ReplayFlags): Promise<void> {
  if ((id === undefined) !== (flags.dead === true)) {
    throw new TokenPakError('bad_usage', 'name one alert by its id, or say --dead for all of them');
  }
  const config = configFor(flags.config, { needsKeys: false, needsAlerts: true });
  const running = findRunning(config);
  const replayed =
    running === null
      ? await replayHere(config, id ?? null)
      : ((await running.call('POST', '/admin/alerts/replay', { id: id ?? null })) as Replayed)
          .replayed;
  if (replayed === 0 && id !== undefined) {
    throw new TokenPakError('not_found', `no alert ${id}: tokenpak alerts list shows them`);
  }
  if (flags.json === true) {
    process.stdout.write(`${JSON.stringify({ replayed })}\n`);
    return;
  }
  const what = replayed === 1 ? '1 alert is' : `${replayed} alerts are`;
  printMarked([replayed === 0 ? '✓ No alert was given up' : `✓ ${what} sent again`]);
}

interface Replayed {
  readonly replayed: number;
}

/** No proxy runs: takes the data directory for as long as one try of each takes. */
async function replayHere(config: Config, id: string | null): Promise<number> {
  if (!Store.exists(config.storage.path)) return 0;
  const { openOwnLedger } = await import('./own-ledger.js');
  const { Alerts } = await import('../supervisor/alerts.js');
  const alerts = new Alerts({ config, tell: (message) => printMarked([`⚠ ${message}`]) });
  const ledger = await openOwnLedger(config, alerts.plans, (error) =>
    printMarked([`✗ ${error.message}`]),
  );
  try {
    const replayed = await ledger.replayAlerts(id);
    alerts.start(ledger);
    return replayed;
  } finally {
    await alerts.end();
    await ledger.close();
  }
}
