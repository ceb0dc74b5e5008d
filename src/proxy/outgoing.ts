// The body that goes upstream. The client's own bytes wherever possible: only the members that must
// differ are replaced. A translated body is built anew.

import type { Api } from '../kernel/api.js';
import { hasDearerTier } from '../pricing/cost.js';
import { wireOf } from '../upstream/provider.js';
import { editMembers } from '../wire/json.js';
import { OUTPUT_LIMITS } from '../wire/request.js';
import { NO_TOOL_NAMES, type ToolNames } from '../wire/tool-call.js';
import type { Call } from './call.js';
import type { Exchange } from './exchange.js';
import type { Rejection } from './rejection.js';
import { maxTokensField, translate } from './translation.js';

export interface Outgoing {
  readonly wire: Api;
  readonly body: Buffer | string;
  /** The stream's usage event was asked for by us, not by the client: it is taken out again. */
  readonly usageInjected: boolean;
  /** Headers that go in place of the client's own. */
  readonly headers: Readonly<Record<string, string>>;
  /** Tools that the provider knows by another name than the client. */
  readonly toolNames: ToolNames;
  /** Members of the request that a translation left out. */
  readonly dropped: readonly string[];
}

const NO_HEADERS = {};
const NONE: readonly string[] = [];

export function outgoing(exchange: Exchange, call: Call): Outgoing | Rejection {
  const { candidate, clamped, quote } = call;
  const { model } = candidate;
  const wire = wireOf(model.provider.type, exchange.api);
  const maxTokens = clamped ?? (candidate.imposed ? candidate.outputTokens : null);
  const tier = pinnedTier(call, wire);
  if (wire !== exchange.api) {
    const translated = translate(quote, candidate, maxTokens);
    if ('invalid' in translated) {
      return { rejected: 'invalid_request', message: translated.invalid, param: translated.param };
    }
    return {
      wire,
      body: JSON.stringify({ ...translated.body, ...(tier !== null && { service_tier: tier }) }),
      usageInjected: wire === 'messages' && !quote.request.includeUsage,
      headers: translated.headers ?? {},
      toolNames: translated.toolNames ?? NO_TOOL_NAMES,
      dropped: translated.dropped,
    };
  }
  const set: Record<string, string> = {};
  if (quote.request.model !== model.upstreamModel)
    set['model'] = JSON.stringify(model.upstreamModel);
  if (tier !== null) set['service_tier'] = JSON.stringify(tier);
  const remove = maxTokens === null ? [] : limitOutput(set, call, wire, maxTokens);
  const usageInjected =
    (wire === 'chat' || wire === 'completions') &&
    quote.request.stream &&
    !quote.request.includeUsage;
  if (usageInjected) {
    const options = quote.body['stream_options'];
    set['stream_options'] = JSON.stringify({ ...(options as object | null), include_usage: true });
  }
  const untouched = Object.keys(set).length === 0;
  const body = untouched ? exchange.body : editMembers(exchange.body, { set, remove });
  return {
    wire,
    body,
    usageInjected,
    headers: NO_HEADERS,
    toolNames: NO_TOOL_NAMES,
    dropped: NONE,
  };
}

/**
 * Without a word of it the provider's own settings choose the tier, and might choose a dearer one
 * than was reserved. A client that wants them says `auto`.
 */
function pinnedTier({ candidate, quote }: Call, wire: Api): string | null {
  const { price, provider } = candidate.model;
  const isChosen = provider.type === 'openai' || provider.type === 'mock';
  if (!isChosen || (wire !== 'chat' && wire !== 'responses') || !hasDearerTier(price)) return null;
  const { wanted } = quote.request;
  return wanted.tier === 'standard' && quote.body['service_tier'] !== 'default' ? 'default' : null;
}

/** Sets the one maximum that the wire knows, and takes the other spelling out. */
function limitOutput(
  set: Record<string, string>,
  call: Call,
  wire: Api,
  maxTokens: number,
): string[] {
  const names = OUTPUT_LIMITS[wire];
  const given = names.filter((name) => (call.quote.body[name] ?? null) !== null);
  const usual = wire === 'chat' ? maxTokensField(call.candidate.model.upstreamModel) : names[0];
  const field = given[0] ?? usual;
  if (field !== undefined) set[field] = String(maxTokens);
  return given.filter((name) => name !== field);
}
