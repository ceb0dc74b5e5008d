// A booked request in the words of OpenTelemetry's conventions for generative AI. Pure. There is no
// prompt, no answer and no key in the books, so none can come out here; a user is named only when
// that is asked for.

import type { Attributes } from '@opentelemetry/api';
import type { Config, ProviderConfig } from '../config/config.js';
import type { Api } from '../kernel/api.js';
import { usdText } from '../kernel/money.js';
import { requestIdText } from '../kernel/record.js';
import { eventOf } from '../kernel/reservation.js';
import { inputOf, outputOf } from '../kernel/usage.js';
import type { Entry } from '../ledger/entry.js';

export type Naming = Pick<Config, 'admin' | 'providers'>;

const OPERATIONS: Readonly<Record<Api, string>> = {
  chat: 'chat',
  messages: 'chat',
  responses: 'chat',
  completions: 'text_completion',
  embeddings: 'embeddings',
};

/** A request that was open when its proxy ended has lost its API: nearly all are chats. */
export const operationOf = ({ reserve: { api } }: Entry): string => OPERATIONS[api ?? 'chat'];

/** Here alone, as in Prometheus' text, money is a float: there is no other number. */
export const usdOf = ({ cost }: Entry): number => Number(usdText(cost));

/** What both metrics and spans are told apart by: few values of each. */
export function commonAttributes(entry: Entry, { admin, providers }: Naming): Attributes {
  const { provider: name, requestedModel, model, user } = entry.reserve;
  const provider = providers[name];
  return {
    'gen_ai.operation.name': operationOf(entry),
    'gen_ai.provider.name': provider === undefined ? name : wellKnownName(provider),
    'gen_ai.request.model': requestedModel,
    'gen_ai.response.model': model,
    ...(provider !== undefined && serverAttributes(provider)),
    ...(admin.metricsUserLabels && { 'user.id': user }),
  };
}

/** The convention has a name for OpenAI and Anthropic, whatever the config calls them. */
const wellKnownName = ({ type, name }: ProviderConfig): string =>
  type === 'openai' || type === 'anthropic' ? type : name;

const servers = new WeakMap<ProviderConfig, Attributes>();

function serverAttributes(provider: ProviderConfig): Attributes {
  let attributes = servers.get(provider);
  if (attributes === undefined) {
    const { hostname, port, protocol } = new URL(provider.baseUrl);
    const usual = protocol === 'https:' ? 443 : 80;
    attributes = { 'server.address': hostname, 'server.port': Number(port) || usual };
    servers.set(provider, attributes);
  }
  return attributes;
}

/** Why it has no good end; `null` when it has one. */
export function errorOf(entry: Entry): string | null {
  const { kind, status } = entry;
  const event = eventOf({ ...entry, kind: kind === 'void' ? 'void' : 'settle' });
  if (event === 'recover') return 'unsettled';
  if (event === 'expire') return 'timeout';
  return status >= 400 ? String(status) : status === 0 ? '_OTHER' : null;
}

/** What a span has beyond the common attributes. */
export function spanAttributes(entry: Entry): Attributes {
  const { reserve, usage, source, status, priceVersion } = entry;
  const attributes: Attributes = {
    'tokenpak.request_id': requestIdText(reserve.reservationId),
    'tokenpak.cost_usd': usdOf(entry),
    'tokenpak.provider': reserve.provider,
  };
  if (status > 0) attributes['http.response.status_code'] = status;
  if (reserve.retryCount > 0) attributes['http.request.resend_count'] = reserve.retryCount;
  if (source === null) return attributes;
  attributes['tokenpak.usage_source'] = source;
  attributes['tokenpak.price_version'] = priceVersion;
  attributes['gen_ai.usage.input_tokens'] = inputOf(usage);
  attributes['gen_ai.usage.output_tokens'] = outputOf(usage);
  const more = {
    'gen_ai.usage.cache_read.input_tokens': usage.cachedInputTokens,
    'gen_ai.usage.cache_creation.input_tokens': usage.cacheWriteTokens + usage.cacheWrite1hTokens,
    'gen_ai.usage.reasoning.output_tokens': usage.reasoningTokens,
  };
  for (const [name, tokens] of Object.entries(more)) if (tokens > 0) attributes[name] = tokens;
  return attributes;
}
