// The hourly look at the providers' invoices: compares, tells of drift once per provider and day,
// and books nothing. Whoever runs the proxy decides with `reconcile-spend --apply`.

import type { Config, ProviderConfig } from '../config/config.js';
import type { Notice } from '../kernel/alert.js';
import { messageOf } from '../kernel/errors.js';
import { nano, usdText } from '../kernel/money.js';
import type { Ledger } from '../ledger/client.js';
import { dayText } from '../ledger/spend.js';
import {
  type Account,
  compare,
  type DayComparison,
  type Days,
  daysBefore,
  fetchReport,
  lastFinalDay,
} from '../reconcile/reconcile.js';
import type { Report } from '../reconcile/report.js';

const LOOK_MS = 60_000;
const MINUTE_MS = 60_000;
/** Invoices of earlier days have been looked at before. */
const DAYS_LOOKED_AT = 3;

export interface ReconcilerOptions {
  readonly config: Config;
  readonly ledger: Pick<Ledger, 'utcTotals' | 'raise'>;
  readonly log: (line: string) => void;
  readonly now: () => number;
  readonly fetch?: (account: Account, days: Days) => Promise<Report>;
}

export class Reconciler {
  readonly #options: ReconcilerOptions;
  readonly #accounts: readonly ProviderConfig[];
  readonly #timer: NodeJS.Timeout;
  #triedAtMs = Number.NEGATIVE_INFINITY;
  #running: Promise<void> | null = null;

  constructor(options: ReconcilerOptions) {
    this.#options = options;
    this.#accounts = Object.values(options.config.providers).filter(
      ({ type, adminKey, mock }) =>
        adminKey !== null && mock === null && (type === 'openai' || type === 'anthropic'),
    );
    this.#timer = setInterval(() => void this.look(), LOOK_MS);
    this.#timer.unref();
  }

  /** Compares when it is time; what it began is returned. */
  look(): Promise<void> | null {
    const { config, now } = this.#options;
    const everyMs = config.reconcile.intervalMinutes * MINUTE_MS;
    const isDue = everyMs > 0 && this.#accounts.length > 0 && now() >= this.#triedAtMs + everyMs;
    if (this.#running !== null || !isDue) return this.#running;
    this.#triedAtMs = now();
    this.#running = this.#compareAll().finally(() => {
      this.#running = null;
    });
    return this.#running;
  }

  close(): void {
    clearInterval(this.#timer);
  }

  async #compareAll(): Promise<void> {
    const { now, log } = this.#options;
    const to = lastFinalDay(now());
    const days = { from: daysBefore(to, DAYS_LOOKED_AT - 1), to };
    for (const provider of this.#accounts) {
      try {
        await this.#compare(provider, days);
      } catch (error) {
        log(`⚠ reconcile ${provider.name}: ${messageOf(error)}`);
      }
    }
  }

  async #compare(provider: ProviderConfig, days: Days): Promise<void> {
    const { config, ledger, fetch = fetchReport } = this.#options;
    const report = await fetch({ provider, sleep: pause }, days);
    const rows = await ledger.utcTotals(days.from, days.to);
    const compared = compare(report, provider.name, days, { config, rows });
    for (const day of compared.days.filter(({ drifts }) => drifts)) {
      await ledger.raise(this.#noticeOf(provider.name, day));
    }
  }

  #noticeOf(provider: string, { utcDate, ledger, adjusted, invoice, difference }: DayComparison) {
    const day = dayText(utcDate);
    const permille = invoice === 0n ? 1_000n : (difference * 1_000n) / invoice;
    const size = permille < 0n ? -permille : permille;
    const notice: Notice = {
      event: 'spend_drift',
      key: `${provider}|${day}`,
      occurredAtMs: this.#options.now(),
      details: {
        provider,
        day,
        ledger_usd: usdText(nano(ledger + adjusted)),
        provider_usd: usdText(invoice),
        drift_pct: `${permille < 0n ? '-' : ''}${size / 10n}.${size % 10n}`,
      },
    };
    return notice;
  }
}

const pause = (ms: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, ms).unref();
  });
