// OpenTelemetry, where the environment asks for it: follows the books once a second and hands on
// what they have gained. No worker knows of it, and no request waits for it.

import { randomUUID } from 'node:crypto';
import { messageOf } from '../kernel/errors.js';
import type { Ledger } from '../ledger/client.js';
import { VERSION } from './control.js';
import type { Telemetry, TelemetryOptions } from '../telemetry/telemetry.js';

const LOOK_MS = 1_000;
/** A batch of the exporter: between two of them it gets its turn. */
const PAGE_ENTRIES = 512;
/** As long as alerts have. What is not sent by then is lost. */
const FLUSH_MS = 5_000;
/** A collector that is down fails every few seconds, in few words. */
const TELL_EVERY_MS = 600_000;
const TOLD_MAX = 20;

export interface Signals {
  readonly traces: boolean;
  readonly metrics: boolean;
}

/** What the environment wants exported; `null`: nothing. */
export function signalsOf(env: NodeJS.ProcessEnv): Signals | null {
  const wants = (signal: 'TRACES' | 'METRICS'): boolean => {
    const own = env[`OTEL_EXPORTER_OTLP_${signal}_ENDPOINT`];
    const endpoint = own || env['OTEL_EXPORTER_OTLP_ENDPOINT'] || '';
    return endpoint !== '' && env[`OTEL_${signal}_EXPORTER`] !== 'none';
  };
  const signals = { traces: wants('TRACES'), metrics: wants('METRICS') };
  const isOff = env['OTEL_SDK_DISABLED'] === 'true' || !(signals.traces || signals.metrics);
  return isOff ? null : signals;
}

interface FollowerOptions extends Pick<TelemetryOptions, 'signals' | 'naming'> {
  readonly ledger: Pick<Ledger, 'recent'>;
  readonly log: (line: string) => void;
}

export class TelemetryFollower {
  readonly #ledger: FollowerOptions['ledger'];
  readonly #telemetry: Pick<Telemetry, 'record' | 'close'>;
  readonly #tell: (message: string) => void;
  readonly #timer: NodeJS.Timeout;
  #looking: Promise<void> | null = null;

  constructor(
    ledger: FollowerOptions['ledger'],
    telemetry: Pick<Telemetry, 'record' | 'close'>,
    tell: (message: string) => void,
  ) {
    this.#ledger = ledger;
    this.#telemetry = telemetry;
    this.#tell = tell;
    this.#timer = setInterval(() => void this.look(), LOOK_MS);
    this.#timer.unref();
  }

  /** The SDK is loaded here, and never where nobody asks for it. `null`: it cannot be set up. */
  static async start(options: FollowerOptions): Promise<TelemetryFollower | null> {
    const { ledger, log, ...rest } = options;
    const tell = teller((message) => log(`⚠ OpenTelemetry: ${message}`));
    try {
      const { Telemetry } = await import('../telemetry/telemetry.js');
      const instance = { version: VERSION, instanceId: randomUUID() };
      return new TelemetryFollower(ledger, new Telemetry({ ...rest, ...instance, tell }), tell);
    } catch (error) {
      tell(`${messageOf(error)}; nothing is exported`);
      return null;
    }
  }

  /** Hands on all that is booked by now. */
  look(): Promise<void> {
    this.#looking ??= this.#look().finally(() => {
      this.#looking = null;
    });
    return this.#looking;
  }

  async #look(): Promise<void> {
    try {
      for (;;) {
        const { entries, lost } = await this.#ledger.recent(PAGE_ENTRIES);
        if (lost > 0) this.#tell(`${lost} requests were booked faster than they could be told`);
        this.#telemetry.record(entries);
        if (entries.length < PAGE_ENTRIES) return;
      }
    } catch (error) {
      this.#tell(messageOf(error));
    }
  }

  /** The books are complete: sends the rest, for some seconds at most. */
  async end(): Promise<void> {
    clearInterval(this.#timer);
    const sent = this.look()
      .then(() => this.look())
      .then(() => this.#telemetry.close());
    await Promise.race([sent.catch((error: unknown) => this.#tell(messageOf(error))), pause()]);
  }
}

/** The same is told once in a while. */
export function teller(
  tell: (message: string) => void,
  now: () => number = Date.now,
): (message: string) => void {
  const told = new Set<string>();
  let sinceMs = now();
  return (message) => {
    if (now() - sinceMs >= TELL_EVERY_MS) {
      told.clear();
      sinceMs = now();
    }
    if (told.has(message) || told.size >= TOLD_MAX) return;
    told.add(message);
    tell(message);
  };
}

const pause = (): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, FLUSH_MS).unref();
  });
