// The one schema of the config file: its keys, types, defaults and descriptions.
// Nothing else may hold a default; config.example.yaml shows every key of it. What runs takes only
// its types: read.ts walks schema.json, which `npm run docs` writes out of it, since a builder of
// schemas is 370 modules to load at every start.

import { Type, type Static, type TProperties, type TSchema } from 'typebox';
import type { NanoUsd, PicoUsd } from '../kernel/money.js';

/** What the schema says beside JSON Schema, for read.ts. */
export interface Marks {
  /** Read from the YAML source text as a bigint, never through a float. */
  money?: 'cents' | 'cents_per_1k';
  /** Never printed, not even when it is wrong. */
  secret?: boolean;
}

type Options = Marks & { description: string };

const object = <P extends TProperties>(properties: P, description: string) =>
  Type.Object(properties, { description, additionalProperties: false });

const optional = <S extends TSchema>(schema: S) => Type.Optional(schema);

const text = (options: Options & { default?: string }) => Type.String({ ...options });

const flag = (value: boolean, description: string) => Type.Boolean({ default: value, description });

const choice = <const T extends readonly (string | number)[]>(
  values: T,
  value: T[number],
  description: string,
) => Type.Unsafe<T[number]>({ enum: [...values], default: value, description });

const whole = (range: { minimum: number; maximum: number; default: number }, description: string) =>
  Type.Integer({ ...range, description });

const tokens = (description: string) =>
  Type.Optional(Type.Integer({ minimum: 0, maximum: 100_000_000, description }));

const cents = (description: string) =>
  Type.Optional(Type.Unsafe<NanoUsd>({ type: 'number', money: 'cents', description }));

const centsPer1k = (description: string) =>
  Type.Optional(Type.Unsafe<PicoUsd>({ type: 'number', money: 'cents_per_1k', description }));

const oneOrMany = <S extends TSchema>(item: S, value: Static<S>[], description: string) =>
  Type.Union([item, Type.Array(item, { maxItems: 32 })], { default: value, description });

const LIMITS = {
  daily_limit_cents: cents('Cap per calendar day. 0: nothing may be spent. Absent: no limit.'),
  monthly_limit_cents: cents('Cap per calendar month.'),
};

const TLS = object(
  {
    cert_file: text({
      description: "PEM: the certificate, then the chain. Relative to the config file's folder.",
    }),
    key_file: text({ description: 'PEM: its private key, without a passphrase.' }),
  },
  'HTTPS instead of HTTP. Files that have changed are taken up by new connections.',
);

const SERVER = object(
  {
    host: text({ default: '127.0.0.1', description: 'Address to listen on.' }),
    port: whole({ default: 8000, minimum: 0, maximum: 65_535 }, 'Port; 0 takes a free one.'),
    workers: optional(
      Type.Integer({
        minimum: 1,
        maximum: 64,
        description: 'Worker threads; default: cores, ≤ 8.',
      }),
    ),
    max_body_bytes: whole(
      { default: 33_554_432, minimum: 1024, maximum: 1_073_741_824 },
      'Longest request body.',
    ),
    max_held_bytes: optional(
      Type.Integer({
        minimum: 1_048_576,
        maximum: 1_099_511_627_776,
        description: 'Bodies and whole answers in memory; default: a quarter of what there is.',
      }),
    ),
    max_concurrent_per_user: optional(
      Type.Integer({
        minimum: 1,
        maximum: 1_000_000,
        description: 'Requests of one user in flight at a time; default: any number.',
      }),
    ),
    request_timeout_seconds: whole(
      { default: 600, minimum: 1, maximum: 86_400 },
      'Hard deadline of one request, streams included.',
    ),
    shutdown_grace_seconds: whole(
      { default: 30, minimum: 0, maximum: 3600 },
      'How long requests in flight may take to finish at shutdown.',
    ),
    on_disconnect: choice(
      ['drain', 'abort'],
      'drain',
      'A client leaves a stream: read the provider to its end, or hang up on it too.',
    ),
    response_fields: choice(['on', 'off'], 'on', 'off leaves response bodies untouched.'),
    tls: optional(TLS),
  },
  'The proxy itself.',
);

const ADMIN = object(
  {
    host: text({ default: '127.0.0.1', description: 'Address of the admin listener.' }),
    port: optional(
      Type.Integer({
        minimum: 0,
        maximum: 65_535,
        description: 'Port; 0 takes a free one; default: 8001, or a free one when that is taken.',
      }),
    ),
    token: optional(text({ secret: true, description: 'Needed for anything but loopback.' })),
    metrics_user_labels: flag(false, 'Tell single users in /metrics and OpenTelemetry too.'),
  },
  'Admin API, metrics and dashboard: a listener of its own.',
);

const STORAGE = object(
  {
    path: text({
      default: './tokenpak-data',
      description: "Relative to the config file's folder.",
    }),
    durability: choice(
      ['process', 'power'],
      'process',
      'process: survives kill -9. power: survives power loss too.',
    ),
    retention_days: whole(
      { default: 400, minimum: 0, maximum: 36_500 },
      'How long ledger entries are kept; their totals stay. 0: for ever.',
    ),
    max_journal_bytes: whole(
      { default: 1_073_741_824, minimum: 16_777_216, maximum: 1_099_511_627_776 },
      'All journal files: half for what is not booked yet, half to rebuild the books from.',
    ),
  },
  'Journal and LMDB; one proxy at a time holds it.',
);

const AUTH = object(
  {
    mode: choice(
      ['user', 'keys'],
      'user',
      "user: the bearer token is the user's name. keys: it is a virtual key of tokenpak keys.",
    ),
    trust_network: flag(false, 'Allow mode user on an address that is not loopback.'),
  },
  'Who the caller is.',
);

const PER_USER = object(
  {
    enabled: flag(true, 'false: only the limits of all users together count.'),
    default: object(LIMITS, 'Users that are not listed.'),
    unlisted_users: choice(['allow', 'reject'], 'allow', 'Users that are not listed.'),
    user_limits: Type.Record(Type.String(), object(LIMITS, "A user's own limits."), {
      description: 'By user name.',
    }),
  },
  'Limits of single users.',
);

const BUDGET = object(
  {
    enabled: flag(true, 'false: spend is metered, nothing is limited.'),
    ...LIMITS,
    timezone: text({
      default: 'UTC',
      description: 'IANA name; days and months are counted in it.',
    }),
    mode: choice(
      ['enforce', 'alert', 'shadow'],
      'enforce',
      'alert: count and alert, never reject. shadow: log what would be rejected.',
    ),
    alert_threshold_pct: oneOrMany(
      Type.Number({ minimum: 1, maximum: 100_000, description: 'Percent of a limit.' }),
      [80],
      'Alert when spend reaches this share of a limit; a number or a list.',
    ),
    alert_webhook: oneOrMany(
      Type.String({ secret: true, description: 'https:, http: (loopback only) or mailto:.' }),
      [],
      'Where alerts go; a URL or a list.',
    ),
    reject_on_exceed: flag(true, 'Reject what no longer fits.'),
    fallback_model_on_exceed: optional(
      text({ description: 'Cheaper model to try before rejecting.' }),
    ),
    rejection_status: choice([402, 403, 429], 402, 'HTTP status of a rejection.'),
    reserve: choice(
      ['worst_case', 'expected'],
      'worst_case',
      'worst_case: never over the cap. expected: learned output size, may pass it.',
    ),
    clamp_output: flag(true, 'Lower max_tokens to what the remaining money buys.'),
    clamp_min_tokens: whole(
      { default: 256, minimum: 1, maximum: 1_000_000 },
      'Do not clamp below this many tokens: reject.',
    ),
    per_user_limits: optional(PER_USER),
  },
  'What may be spent.',
);

const ALERTS = object(
  {
    log_file: text({
      default: '/var/log/tokenpak/alerts.log',
      description: 'Falls back to <storage.path>/alerts.log when it cannot be written.',
    }),
    webhook_secret: oneOrMany(
      Type.String({
        secret: true,
        description: 'Standard Webhooks secret: whsec_… or plain text.',
      }),
      [],
      'Signs webhooks; two while one replaces the other.',
    ),
    fallback: optional(
      text({ secret: true, description: 'Takes what a webhook does not take, mostly mailto:.' }),
    ),
    fallback_after_seconds: whole(
      { default: 300, minimum: 0, maximum: 86_400 },
      'How long a webhook may fail before the fallback has the alert.',
    ),
    smtp: optional(
      object(
        {
          url: text({ secret: true, description: 'smtp://user:password@host:port' }),
          from: text({ description: 'Sender address.' }),
        },
        'For mailto: addresses.',
      ),
    ),
  },
  'How alerts are delivered.',
);

const PRICING = object(
  {
    source: text({
      default: 'bundled',
      description: 'bundled, models.dev, litellm, openrouter, an https URL or a .json file.',
    }),
    sync_interval_minutes: whole({ default: 60, minimum: 0, maximum: 525_600 }, '0: never.'),
  },
  'Where prices come from that models do not give.',
);

const RECONCILE = object(
  {
    interval_minutes: whole({ default: 60, minimum: 0, maximum: 525_600 }, '0: never.'),
    tolerance_pct: Type.Number({
      default: 0.5,
      minimum: 0,
      maximum: 100,
      description: 'Difference to the invoice that is no drift.',
    }),
  },
  "Comparison with the providers' own cost reports.",
);

const MOCK = object(
  {
    latency_ms: whole({ default: 0, minimum: 0, maximum: 600_000 }, 'Delay of an answer.'),
    input_tokens: tokens("Input tokens to report; absent: the request's own text is counted."),
    output_tokens: tokens('Output tokens to report.'),
    error_status: optional(
      Type.Integer({ minimum: 400, maximum: 599, description: 'HTTP status to fail with.' }),
    ),
  },
  'Behaviour of the embedded provider.',
);

const ids = (description: string) =>
  oneOrMany(Type.String({ description: 'An id, as the provider writes it.' }), [], description);

const COST_FILTER = object(
  {
    projects: ids('OpenAI project ids; a value or a list.'),
    workspaces: ids('Anthropic workspace ids.'),
    api_keys: ids('Ids of API keys (not the keys).'),
  },
  'What of the account this proxy spends; by default all of it.',
);

const PROVIDER = object(
  {
    type: Type.Unsafe<'openai' | 'anthropic' | 'openai-compatible' | 'mock'>({
      enum: ['openai', 'anthropic', 'openai-compatible', 'mock'],
      description: 'The wire it speaks.',
    }),
    base_url: optional(
      text({
        secret: true,
        description: 'As the SDKs take it: openai with /v1, anthropic without.',
      }),
    ),
    api_key: optional(text({ secret: true, description: 'Sent to the provider only.' })),
    admin_key: optional(text({ secret: true, description: 'For reconcile-spend.' })),
    reconcile: COST_FILTER,
    allow_models: choice(
      ['listed', 'catalogue'],
      'listed',
      'listed: those under models. catalogue: also any model the catalogue prices.',
    ),
    connect_timeout_seconds: whole(
      { default: 10, minimum: 1, maximum: 300 },
      'How long a connection to it may take.',
    ),
    first_byte_timeout_seconds: whole(
      { default: 600, minimum: 1, maximum: 86_400 },
      'How long it may be silent before its answer begins.',
    ),
    mock: optional(MOCK),
  },
  'A provider, by a name of your own.',
);

const MODEL = object(
  {
    provider: text({ description: 'A name under providers.' }),
    upstream_model: optional(text({ description: 'When the provider calls it something else.' })),
    estimated_input_cost_per_1k: centsPer1k('Cents per 1,000 input tokens.'),
    estimated_output_cost_per_1k: centsPer1k('Cents per 1,000 output tokens.'),
    estimated_cached_input_cost_per_1k: centsPer1k('Cents per 1,000 input tokens from a cache.'),
    max_output_tokens: optional(
      Type.Integer({ minimum: 1, maximum: 100_000_000, description: 'Most output of one answer.' }),
    ),
  },
  'A model, by the name that clients ask for.',
);

export const CONFIG_SCHEMA = object(
  {
    server: SERVER,
    admin: ADMIN,
    storage: STORAGE,
    auth: AUTH,
    budget: BUDGET,
    alerts: ALERTS,
    pricing: PRICING,
    reconcile: RECONCILE,
    providers: Type.Record(Type.String(), PROVIDER, { description: 'By name.' }),
    models: Type.Record(Type.String(), MODEL, { description: 'By name.' }),
  },
  'config.yaml',
);

/** The file as read: defaults filled in, `${…}` replaced, money exact. */
export type ConfigFile = Static<typeof CONFIG_SCHEMA>;
