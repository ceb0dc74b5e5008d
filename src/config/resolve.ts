// From the file's shape to the program's: units in the name, paths absolute, absent as null.
// Only for a file without problems; decides nothing that the schema or check.ts could refuse.

import { dirname, resolve } from 'node:path';
import { checkBaseUrl, checkPriceSource, checkWebhook } from './address.js';
import type { BudgetConfig, Config, Limits, ModelConfig, ProviderConfig } from './config.js';
import type { ConfigFile } from './schema.js';

export function resolveFile(file: ConfigFile, path: string): Config {
  const { server, admin, storage, auth, alerts, pricing, reconcile } = file;
  const folder = dirname(resolve(path));
  return {
    server: {
      host: server.host,
      port: server.port,
      workers: server.workers ?? null,
      maxBodyBytes: server.max_body_bytes,
      maxHeldBytes: server.max_held_bytes ?? null,
      requestTimeoutMs: server.request_timeout_seconds * 1000,
      shutdownGraceMs: server.shutdown_grace_seconds * 1000,
      responseFields: server.response_fields === 'on',
      onDisconnect: server.on_disconnect,
      tls:
        server.tls === undefined
          ? null
          : {
              certFile: resolve(folder, server.tls.cert_file),
              keyFile: resolve(folder, server.tls.key_file),
            },
    },
    admin: {
      host: admin.host,
      port: admin.port ?? null,
      token: textOrNull(admin.token),
      metricsUserLabels: admin.metrics_user_labels,
    },
    storage: {
      path: resolve(folder, storage.path),
      durability: storage.durability,
      retentionDays: storage.retention_days,
      maxJournalBytes: storage.max_journal_bytes,
    },
    auth: { mode: auth.mode, trustNetwork: auth.trust_network },
    budget: resolveBudget(file.budget, server.max_concurrent_per_user),
    alerts: {
      logFile: resolve(folder, alerts.log_file),
      webhookSecrets: [alerts.webhook_secret].flat().filter((secret) => secret !== ''),
      fallback: (alerts.fallback ?? '') === '' ? null : normalWebhook(alerts.fallback ?? ''),
      fallbackAfterMs: alerts.fallback_after_seconds * 1000,
      smtp: alerts.smtp ?? null,
    },
    pricing: {
      source: resolveSource(pricing.source, folder),
      syncIntervalMinutes: pricing.sync_interval_minutes,
    },
    reconcile: {
      intervalMinutes: reconcile.interval_minutes,
      tolerancePct: reconcile.tolerance_pct,
    },
    providers: mapRecord(file.providers, resolveProvider),
    models: mapRecord(file.models, resolveModel),
  };
}

/** Without a prototype, so that a name such as `constructor` finds nothing that is not there. */
function mapRecord<T, U>(record: Record<string, T>, map: (value: T, name: string) => U) {
  const mapped = Object.create(null) as Record<string, U>;
  for (const [name, value] of Object.entries(record)) mapped[name] = map(value, name);
  return mapped;
}

const textOrNull = (text: string | undefined): string | null =>
  text === '' ? null : (text ?? null);

type LimitsFile = NonNullable<ConfigFile['budget']['per_user_limits']>['default'];

const limits = (file: LimitsFile): Limits => ({
  daily: file.daily_limit_cents ?? null,
  monthly: file.monthly_limit_cents ?? null,
});

const NO_LIMITS: Limits = { daily: null, monthly: null };

function resolveBudget(
  budget: ConfigFile['budget'],
  maxConcurrentPerUser: number = Infinity,
): BudgetConfig {
  const perUser = budget.per_user_limits;
  return {
    enabled: budget.enabled,
    maxConcurrentPerUser,
    timezone: budget.timezone,
    mode: budget.mode,
    rejectOnExceed: budget.reject_on_exceed,
    rejectionStatus: budget.rejection_status,
    reserve: budget.reserve,
    clampOutput: budget.clamp_output,
    clampMinTokens: budget.clamp_min_tokens,
    fallbackModel: budget.enabled ? (budget.fallback_model_on_exceed ?? null) : null,
    global: budget.enabled ? limits(budget) : NO_LIMITS,
    perUser:
      budget.enabled && perUser?.enabled === true
        ? {
            defaults: limits(perUser.default),
            unlistedUsers: perUser.unlisted_users,
            users: mapRecord(perUser.user_limits, limits),
          }
        : null,
    alertThresholdsPct: [budget.alert_threshold_pct].flat().toSorted((a, b) => a - b),
    alertWebhooks: [budget.alert_webhook].flat().map(normalWebhook),
  };
}

function resolveSource(text: string, folder: string): string {
  const checked = checkPriceSource(text, folder);
  return checked.ok ? checked.url : text;
}

function normalWebhook(text: string): string {
  const checked = checkWebhook(text);
  return checked.ok ? checked.url : text;
}

const BASE_URLS = {
  openai: 'https://api.openai.com/v1',
  anthropic: 'https://api.anthropic.com',
  'openai-compatible': '',
  mock: '',
} as const;

function resolveProvider(provider: ConfigFile['providers'][string], name: string): ProviderConfig {
  const { type, mock } = provider;
  const baseUrl = checkBaseUrl(provider.base_url ?? BASE_URLS[type]);
  return {
    name,
    type,
    baseUrl: baseUrl.ok ? baseUrl.url : '',
    apiKey: textOrNull(provider.api_key),
    adminKey: textOrNull(provider.admin_key),
    reconcile: {
      projects: [provider.reconcile.projects].flat(),
      workspaces: [provider.reconcile.workspaces].flat(),
      apiKeys: [provider.reconcile.api_keys].flat(),
    },
    allowModels: provider.allow_models,
    connectTimeoutMs: provider.connect_timeout_seconds * 1000,
    firstByteTimeoutMs: provider.first_byte_timeout_seconds * 1000,
    mock:
      type === 'mock'
        ? {
            latencyMs: mock?.latency_ms ?? 0,
            inputTokens: mock?.input_tokens ?? null,
            outputTokens: mock?.output_tokens ?? null,
            errorStatus: mock?.error_status ?? null,
          }
        : null,
  };
}

const resolveModel = (model: ConfigFile['models'][string], name: string): ModelConfig => ({
  name,
  provider: model.provider,
  upstreamModel: model.upstream_model ?? name,
  inputPrice: model.estimated_input_cost_per_1k ?? null,
  outputPrice: model.estimated_output_cost_per_1k ?? null,
  cachedInputPrice: model.estimated_cached_input_cost_per_1k ?? null,
  maxOutputTokens: model.max_output_tokens ?? null,
});
