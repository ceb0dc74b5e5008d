// A request in the other API's wire, for a candidate whose provider does not speak the client's.

import { wireOf } from '../upstream/provider.js';
import { toMessagesRequest } from '../wire/chat-to-messages-request.js';
import { toChatRequest } from '../wire/messages-to-chat-request.js';
import type { InvalidRequest } from '../wire/request.js';
import type { ToolNames } from '../wire/tool-call.js';
import type { Exchange } from './exchange.js';
import type { Candidate, Quote } from './quote.js';

export interface Translation {
  readonly body: Readonly<Record<string, unknown>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly toolNames?: ToolNames;
  readonly dropped: readonly string[];
}

/**
 * OpenAI's reasoning models refuse `max_tokens`; older models and other servers know nothing else.
 */
const COMPLETION_TOKENS_MODELS = /^(o\d|gpt-[5-9])/;

export const maxTokensField = (upstreamModel: string): 'max_completion_tokens' | 'max_tokens' =>
  COMPLETION_TOKENS_MODELS.test(upstreamModel) ? 'max_completion_tokens' : 'max_tokens';

/** `maxTokens`: in place of the client's own; `null` keeps that. */
export function translate(
  quote: Quote,
  { model, outputTokens }: Candidate,
  maxTokens: number | null,
): Translation | InvalidRequest {
  const { facts, upstreamModel } = model;
  if (wireOf(model.provider.type, 'messages') === 'chat') {
    const field = maxTokensField(upstreamModel);
    return toChatRequest(quote.whole(), { upstreamModel, maxTokensField: field, maxTokens });
  }
  // Anthropic refuses more than the model can answer.
  const most = Math.min(maxTokens ?? outputTokens, facts.maxOutputTokens ?? outputTokens);
  return toMessagesRequest(quote.whole(), { upstreamModel, maxTokens: most });
}

/** Whether the candidate's provider can be asked this at all. */
export function canSend({ api }: Exchange, quote: Quote, candidate: Candidate): boolean {
  if (wireOf(candidate.model.provider.type, api) === api) return true;
  try {
    return !('invalid' in translate(quote, candidate, null));
  } catch {
    // A text that was left out before is no JSON, so nothing can be translated.
    return false;
  }
}
