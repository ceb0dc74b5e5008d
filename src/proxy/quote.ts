// What a request is and the most it may cost: its account, the models that may serve it (the
// requested one, then the fallback), and for each an upper bound on its tokens. Sends nothing,
// holds nothing.

import type { Account } from '../budget/account.js';
import { messageOf } from '../kernel/errors.js';
import type { NanoUsd } from '../kernel/money.js';
import { type Extras, worstCost } from '../pricing/cost.js';
import type { PricedModel } from '../pricing/table.js';
import { boundedByContext, boundFor, inputBound } from '../tokens/bound.js';
import { TOOL_PREAMBLE_TOKENS } from '../tokens/media.js';
import { speaks, wireOf } from '../upstream/provider.js';
import { DEPTH_MAX, outline, VALUES_MAX } from '../wire/json.js';
import { shortened } from '../wire/shortened.js';
import { type ModelRequest, readRequest } from '../wire/request.js';
import type { Request } from './asked-again.js';
import { type Caller, mayUse } from './caller.js';
import type { Exchange } from './exchange.js';
import type { Proxy } from './proxy.js';
import type { Rejection } from './rejection.js';
import { unpricedIn } from './unpriced.js';

/**
 * Reserved, and written into the request, where neither client, config nor catalogue gives a
 * maximum.
 */
const OUTPUT_TOKENS_DEFAULT = 16_384;

/** One model that may serve the request. */
export interface Candidate {
  readonly model: PricedModel;
  readonly inputTokens: number;
  /** Output tokens of one choice at most. */
  readonly outputTokens: number;
  /** The maximum is ours, not the client's or the model's: it must be written into the request. */
  readonly imposed: boolean;
  readonly fallback: boolean;
  readonly extras: Extras;
}

type Body = Record<string, unknown>;

export interface Quote {
  readonly account: Account;
  /** Its long texts may be cut short. */
  readonly body: Body;
  /** The body with all it says. Throws when it is no JSON after all. */
  readonly whole: () => Body;
  readonly request: ModelRequest;
  readonly candidates: readonly Candidate[];
  /** The same bytes of the same caller were refused before. */
  readonly wasRefused?: boolean;
}

export function worstOf(request: ModelRequest, candidate: Candidate): NanoUsd {
  const { choices, wanted } = request;
  return worstCost(candidate.model.price, {
    inputTokens: candidate.inputTokens,
    outputTokens: (candidate.outputTokens + wanted.predictedTokens) * choices,
    extras: candidate.extras,
  });
}

/** What a request holds while it runs: its worst case, or what its model is expected to bring. */
export function heldFor(
  proxy: Proxy,
  request: ModelRequest,
  candidate: Candidate,
  worst = worstOf(request, candidate),
): NanoUsd {
  if (proxy.config.budget.reserve === 'worst_case') return worst;
  const expected = proxy.learned.expected(candidate.model.name);
  if (expected === null || expected >= candidate.outputTokens) return worst;
  return worstOf(request, { ...candidate, outputTokens: expected });
}

export function quoteFor(proxy: Proxy, exchange: Exchange, caller: Caller): Quote | Rejection {
  const again = proxy.askedAgain.find(proxy, exchange, caller);
  const read = again ?? requestFrom(proxy, exchange, caller);
  if ('rejected' in read) return read;
  const account = proxy.accounts.of(caller.user, proxy.calendar.dateAt(proxy.now()));
  if (account === null) {
    return {
      rejected: 'ledger_unavailable',
      message: 'The budget counters cannot hold this caller now. Nothing was sent.',
    };
  }
  const { body, whole, request, candidates } = read;
  return { account, body, whole, request, candidates, wasRefused: again !== null };
}

function requestFrom(proxy: Proxy, exchange: Exchange, caller: Caller): Request | Rejection {
  const parsed = parseBriefly(exchange.body);
  if ('rejected' in parsed) return parsed;
  const { body, whole } = parsed;
  const request = readRequest(exchange.api, body);
  if ('invalid' in request) {
    const { code, invalid, param } = request;
    return { rejected: code ?? 'invalid_request', message: invalid, param };
  }
  const model = findModel(proxy, caller, request.model);
  if ('rejected' in model) return model;
  if (!servable(exchange, model)) {
    return {
      rejected: 'invalid_request',
      message:
        `Model ${model.name} is served by provider ${model.provider.name}, which has no ` +
        `${exchange.api} API.`,
      param: 'model',
    };
  }
  const unpriced = unpricedIn(request.wanted, model);
  if (unpriced !== null) return unpriced;
  if (request.hiddenContext && model.facts.contextTokens === null) {
    return {
      rejected: 'invalid_request',
      message:
        'What this request refers to or looks for is billed as input, and nothing bounds it: the ' +
        `context window of ${model.name} is not known. Send the whole input instead.`,
      param: request.wanted.rounds > 1 ? 'tools' : 'previous_response_id',
    };
  }
  const bound = inputBound(exchange.api, body, exchange.body.length);
  const boundsOf = (each: PricedModel) => ({
    bound: boundFor(bound, each) + preambleTokens(exchange, body, each),
    extras: extrasOf(exchange, request, each),
  });
  const candidates = [candidateOf(request, model, boundsOf(model), false)];
  const fallback = fallbackFor(proxy, exchange, model, request);
  if (fallback !== null && mayUse(caller, fallback.name)) {
    candidates.push(candidateOf(request, fallback, boundsOf(fallback), true));
  }
  return { body, whole, request, candidates };
}

/** Reads a body without its long texts, which are read when somebody asks for them. */
function parseBriefly(bytes: Buffer): Pick<Quote, 'body' | 'whole'> | Rejection {
  const brief = shortened(bytes);
  const parsed = parseBody(brief);
  if ('rejected' in parsed) return parsed;
  const { body } = parsed;
  if (brief === bytes) return { body, whole: () => body };
  let whole: Body | null = null;
  const all = (): Body => (whole ??= JSON.parse(bytes.toString('utf8')) as Body);
  // Its bound is the length of what it says.
  if (!('prediction' in body)) return { body, whole: all };
  const reparsed = parseBody(bytes);
  return 'rejected' in reparsed ? reparsed : { ...reparsed, whole: () => reparsed.body };
}

const UNPARSED = {
  'too deep': `The body nests objects and lists more than ${DEPTH_MAX} deep.`,
  'too many values': `The body holds more than ${VALUES_MAX} values.`,
} as const;

export function parseBody(bytes: Buffer): { body: Body } | Rejection {
  const { members, fault } = outline(bytes);
  if (fault !== null) return { rejected: 'invalid_request', message: UNPARSED[fault] };
  let body: unknown;
  try {
    body = JSON.parse(bytes.toString('utf8'));
  } catch (error) {
    // Without what the runtime quotes: the body may hold secrets, and errors get into logs.
    const reason = messageOf(error).replace(/, [^]*is not valid JSON$/, '');
    return { rejected: 'invalid_request', message: `The body is not JSON: ${reason}` };
  }
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    return { rejected: 'invalid_request', message: 'The body must be a JSON object.' };
  }
  // Of two members with one name we would price the last; the provider might take the first.
  const names = Object.keys(body);
  const odd = names.find((name) => !/^[a-z0-9_]*$/.test(name));
  if (odd !== undefined) {
    // Some providers read names without regard to case: `Max_Tokens` would pass unpriced.
    return {
      rejected: 'invalid_request',
      message: `${JSON.stringify(odd.slice(0, 64))} is no member of this API.`,
    };
  }
  if (members !== names.length) {
    return { rejected: 'invalid_request', message: 'A member of the body is given twice.' };
  }
  return { body: body as Body };
}

export function findModel(proxy: Proxy, caller: Caller, name: string): PricedModel | Rejection {
  const model = proxy.prices.find(name);
  if (model === 'model_not_found' || !mayUse(caller, name)) {
    return {
      rejected: 'model_not_found',
      message:
        `The model ${JSON.stringify(name.slice(0, 64))} is not configured for you. ` +
        'GET /v1/models lists what is.',
      param: 'model',
    };
  }
  if (model === 'model_not_priced') {
    return {
      rejected: 'model_not_priced',
      message:
        `The model ${JSON.stringify(name)} has no price, so it is refused. Set ` +
        'estimated_input_cost_per_1k and estimated_output_cost_per_1k under it in the config.',
      param: 'model',
    };
  }
  return model;
}

/** Of the wires, chat and messages are translated to each other; the rest go as they came. */
const servable = ({ api }: Exchange, { provider }: PricedModel): boolean =>
  api === 'chat' || api === 'messages' || speaks(provider.type, api);

/** What Anthropic says of its own where there are tools, which a chat's bound knows nothing of. */
function preambleTokens({ api }: Exchange, body: Record<string, unknown>, model: PricedModel) {
  const isTranslated = api === 'chat' && wireOf(model.provider.type, api) === 'messages';
  return isTranslated && Array.isArray(body['tools']) ? TOOL_PREAMBLE_TOKENS : 0;
}

function fallbackFor(
  proxy: Proxy,
  exchange: Exchange,
  model: PricedModel,
  request: ModelRequest,
): PricedModel | null {
  const name = proxy.config.budget.fallbackModel;
  if (!proxy.config.budget.enabled || name === null || name === model.name) return null;
  const fallback = proxy.prices.find(name);
  // Another model's vectors are no vectors of this one.
  if (exchange.api === 'embeddings') return null;
  if (typeof fallback !== 'object' || !servable(exchange, fallback)) return null;
  return unpricedIn(request.wanted, fallback) === null ? fallback : null;
}

function inputTokensOf(request: ModelRequest, { facts }: PricedModel, bound: number): number {
  // Context that the provider keeps is billed again, and can only be bounded by the whole window.
  if (request.hiddenContext && facts.contextTokens !== null) {
    return facts.contextTokens * request.prompts;
  }
  return boundedByContext(bound, facts, request.prompts);
}

/**
 * An hour in the cache costs Claude's input twice, and has to be asked for in so many letters.
 * Where letters are escaped they may hide it.
 */
function extrasOf({ body }: Exchange, { wanted }: ModelRequest, { price }: PricedModel): Extras {
  const isDearer = price.cacheWrite1h > price.cacheWrite;
  if (!isDearer || body.includes('1h') || body.includes('\\u')) return wanted;
  return { ...wanted, longWrites: false };
}

function candidateOf(
  request: ModelRequest,
  model: PricedModel,
  { bound, extras }: { readonly bound: number; readonly extras: Extras },
  fallback: boolean,
): Candidate {
  const { maxOutputTokens, contextTokens } = model.facts;
  const known = maxOutputTokens ?? contextTokens;
  const asked = request.maxOutputTokens;
  // The fallback was not the client's choice: it is asked for what it can give.
  const output =
    fallback && asked !== null && maxOutputTokens !== null
      ? Math.min(asked, maxOutputTokens)
      : (asked ?? known ?? OUTPUT_TOKENS_DEFAULT);
  return {
    model,
    inputTokens: inputTokensOf(request, model, bound),
    outputTokens: output,
    // The config's maximum is no limit of the model's own: the provider has to be told.
    imposed:
      request.maxIsDefault ||
      (asked === null ? known === null || model.outputTokensConfigured : output < asked),
    fallback,
    extras,
  };
}
