// The body that goes upstream. The client's own bytes wherever possible: only the members that must
// differ are replaced. A translated body is built anew.

import type { Api } from '../kernel/api.js';
import { wireOf } from '../upstream/provider.js';
import { editMembers } from '../wire/json.js';
import { messagesToChat } from '../wire/translate.js';
import type { Call } from './call.js';
import type { Exchange } from './exchange.js';
import type { Rejection } from './rejection.js';

export interface Outgoing {
  readonly wire: Api;
  readonly body: Buffer | string;
  /** The stream's usage event was asked for by us, not by the client: it is taken out again. */
  readonly usageInjected: boolean;
}

/**
 * OpenAI's reasoning models refuse `max_tokens`; older models and other servers know nothing else.
 */
const COMPLETION_TOKENS_MODELS = /^(o\d|gpt-[5-9])/;

const maxTokensField = (upstreamModel: string): 'max_completion_tokens' | 'max_tokens' =>
  COMPLETION_TOKENS_MODELS.test(upstreamModel) ? 'max_completion_tokens' : 'max_tokens';

export function outgoing(exchange: Exchange, call: Call): Outgoing | Rejection {
  const { candidate, clamped, quote } = call;
  const { model } = candidate;
  const wire = wireOf(model.provider.type, exchange.api);
  const maxTokens = clamped ?? (candidate.imposed ? candidate.outputTokens : null);
  if (wire !== exchange.api) {
    const translated = messagesToChat(quote.body, {
      upstreamModel: model.upstreamModel,
      maxTokensField: maxTokensField(model.upstreamModel),
      maxTokens,
    });
    if ('invalid' in translated) {
      return { rejected: 'invalid_request', message: translated.invalid, param: translated.param };
    }
    return { wire, body: JSON.stringify(translated.body), usageInjected: false };
  }
  const set: Record<string, string> = {};
  if (quote.request.model !== model.upstreamModel)
    set['model'] = JSON.stringify(model.upstreamModel);
  const remove = maxTokens === null ? [] : limitOutput(set, call, wire, maxTokens);
  const usageInjected = wire === 'chat' && quote.request.stream && !quote.request.includeUsage;
  if (usageInjected) {
    const options = quote.body['stream_options'];
    set['stream_options'] = JSON.stringify({ ...(options as object | null), include_usage: true });
  }
  const untouched = Object.keys(set).length === 0;
  const body = untouched ? exchange.body : editMembers(exchange.body, { set, remove });
  return { wire, body, usageInjected };
}

/** Sets the one maximum that the wire knows, and takes the other spelling out. */
function limitOutput(
  set: Record<string, string>,
  call: Call,
  wire: Api,
  maxTokens: number,
): string[] {
  const given = ['max_completion_tokens', 'max_tokens'].filter(
    (name) => call.quote.body[name] !== undefined && call.quote.body[name] !== null,
  );
  const field =
    wire === 'messages'
      ? 'max_tokens'
      : (given[0] ?? maxTokensField(call.candidate.model.upstreamModel));
  set[field] = String(maxTokens);
  return given.filter((name) => name !== field);
}
