// The configuration as the rest of the program sees it: checked, defaults filled in, money exact,
// secrets resolved. A plain value that crosses threads by structured clone.

import type { NanoUsd, PicoUsd } from '../kernel/money.js';

export interface Limits {
  /** `null`: no limit. Zero: nothing may be spent. */
  readonly daily: NanoUsd | null;
  readonly monthly: NanoUsd | null;
}

export interface BudgetConfig {
  readonly enabled: boolean;
  /** Requests of one user in flight at a time, whatever they cost. Infinity: no limit. */
  readonly maxConcurrentPerUser: number;
  readonly timezone: string;
  readonly mode: 'enforce' | 'alert' | 'shadow';
  readonly rejectOnExceed: boolean;
  readonly rejectionStatus: 402 | 403 | 429;
  readonly reserve: 'worst_case' | 'expected';
  readonly clampOutput: boolean;
  readonly clampMinTokens: number;
  readonly fallbackModel: string | null;
  readonly global: Limits;
  /** `null` when `per_user_limits` is absent or not enabled. */
  readonly perUser: {
    readonly defaults: Limits;
    readonly unlistedUsers: 'allow' | 'reject';
    readonly users: Readonly<Record<string, Limits>>;
  } | null;
  /** Ascending, whole or fractional percent. */
  readonly alertThresholdsPct: readonly number[];
  /** URLs: `https:`, `http:` (loopback), `mailto:`. */
  readonly alertWebhooks: readonly string[];
}

export type ProviderType = 'openai' | 'anthropic' | 'openai-compatible' | 'mock';

/** What counts of an account when its costs are compared; nothing given counts all. */
export interface CostFilter {
  readonly projects: readonly string[];
  readonly workspaces: readonly string[];
  readonly apiKeys: readonly string[];
}

export interface ProviderConfig {
  readonly name: string;
  readonly type: ProviderType;
  /** As the official SDKs take it; without a trailing slash. Empty for `mock`. */
  readonly baseUrl: string;
  readonly apiKey: string | null;
  readonly adminKey: string | null;
  readonly reconcile: CostFilter;
  readonly allowModels: 'listed' | 'catalogue';
  readonly connectTimeoutMs: number;
  /** Between the request's last byte and the answer's first. */
  readonly firstByteTimeoutMs: number;
  /** `type: mock` only. */
  readonly mock: MockBehaviour | null;
}

export interface MockBehaviour {
  readonly latencyMs: number;
  /** Tokens to report whatever was sent; `null` counts the request's own text. */
  readonly inputTokens: number | null;
  readonly outputTokens: number | null;
  /** HTTP status to fail with; `null` succeeds. */
  readonly errorStatus: number | null;
}

export interface ModelConfig {
  readonly name: string;
  readonly provider: string;
  /** What the provider calls it. */
  readonly upstreamModel: string;
  /** Pico-dollars per token; `null` where the catalogue decides. */
  readonly inputPrice: PicoUsd | null;
  readonly outputPrice: PicoUsd | null;
  readonly cachedInputPrice: PicoUsd | null;
  readonly maxOutputTokens: number | null;
}

/** What the proxy shows to clients over HTTPS: paths, since they may be renewed at any time. */
export interface TlsFiles {
  readonly certFile: string;
  readonly keyFile: string;
}

export interface Config {
  readonly server: {
    readonly host: string;
    readonly port: number;
    readonly workers: number | null;
    readonly maxBodyBytes: number;
    /** Over all workers. `null`: a quarter of the memory that this machine or container has. */
    readonly maxHeldBytes: number | null;
    readonly requestTimeoutMs: number;
    readonly shutdownGraceMs: number;
    readonly responseFields: boolean;
    /** What becomes of a provider's stream whose client has left. */
    readonly onDisconnect: 'drain' | 'abort';
    /** `null`: plain HTTP. */
    readonly tls: TlsFiles | null;
  };
  readonly admin: {
    readonly host: string;
    /** `null`: 8001, or any free one when that is taken. */
    readonly port: number | null;
    readonly token: string | null;
    readonly metricsUserLabels: boolean;
  };
  readonly storage: {
    readonly path: string;
    readonly durability: 'process' | 'power';
    /** 0: entries are kept for ever. */
    readonly retentionDays: number;
    readonly maxJournalBytes: number;
  };
  readonly auth: { readonly mode: 'user' | 'keys'; readonly trustNetwork: boolean };
  readonly budget: BudgetConfig;
  readonly alerts: {
    readonly logFile: string;
    /** The first is the present one; all sign. */
    readonly webhookSecrets: readonly string[];
    /** A URL as in `alertWebhooks`. */
    readonly fallback: string | null;
    readonly fallbackAfterMs: number;
    readonly smtp: { readonly url: string; readonly from: string } | null;
  };
  readonly pricing: { readonly source: string; readonly syncIntervalMinutes: number };
  readonly reconcile: { readonly intervalMinutes: number; readonly tolerancePct: number };
  readonly providers: Readonly<Record<string, ProviderConfig>>;
  readonly models: Readonly<Record<string, ModelConfig>>;
}
