// POST /v1/messages/count_tokens: costs nothing, so it holds nothing. A provider that has the
// endpoint counts for itself; for other models our tokenizer does, or the byte bound where there is
// none.

import type { PricedModel } from '../pricing/table.js';
import { boundFor, inputBound } from '../tokens/bound.js';
import { picturesMax } from '../tokens/picture.js';
import { hiddenTokensMax, promptTexts } from '../tokens/prompt.js';
import { speaks } from '../upstream/provider.js';
import type { Upstream } from '../upstream/upstream.js';
import { editMembers } from '../wire/json.js';
import type { Caller } from './caller.js';
import type { Exchange, Headers } from './exchange.js';
import type { Proxy } from './proxy.js';
import { findModel, parseBody } from './quote.js';
import { reject } from './rejection.js';

/** A count is one small object; nothing larger is passed on. */
const ANSWER_BYTES_MAX = 64 * 1024;

export function countTokens(
  proxy: Proxy,
  exchange: Exchange,
  caller: Caller,
  newId: () => string,
): void {
  const parsed = parseBody(exchange.body);
  if ('rejected' in parsed) return reject(exchange, newId(), parsed);
  const { body } = parsed;
  const name = body['model'];
  if (typeof name !== 'string' || !Array.isArray(body['messages'])) {
    const message = "Give 'model', the name of a model, and 'messages', a list.";
    return reject(exchange, newId(), { rejected: 'invalid_request', message });
  }
  const model = findModel(proxy, caller, name);
  if ('rejected' in model) return reject(exchange, newId(), model);
  if (speaks(model.provider.type, 'messages')) return pass(proxy, exchange, model, newId);
  void count(proxy, exchange, model, body).then((tokens) => {
    exchange.reply(200, [['content-type', 'application/json']], `{"input_tokens":${tokens}}`);
  });
}

async function count(
  proxy: Proxy,
  exchange: Exchange,
  model: PricedModel,
  body: Record<string, unknown>,
): Promise<number> {
  const { encoding, upstreamModel } = model;
  const bound = boundFor(inputBound('messages', body, exchange.body.length), model);
  if (encoding === null) return bound;
  try {
    const { texts, fixedTokens, pictures } = promptTexts('messages', body);
    const tokens = await proxy.tokens.count(texts, encoding);
    if (tokens === null) return bound;
    const seen = picturesMax(pictures, model);
    return Math.min(bound, tokens + fixedTokens + seen + hiddenTokensMax(upstreamModel));
  } catch {
    // A prompt that nobody foresaw: the bound is an answer too.
    return bound;
  }
}

/** To the provider and back, byte for byte but for the model's name. */
function pass(proxy: Proxy, exchange: Exchange, model: PricedModel, newId: () => string): void {
  const upstream = proxy.upstreams.get(model.provider.name) as Upstream;
  const set = { model: JSON.stringify(model.upstreamModel) };
  const deadline = proxy.deadlines.add(() =>
    forwarding.abort({ message: 'took too long to count', isLate: true }),
  );
  const chunks: Buffer[] = [];
  let head: { status: number; headers: Headers } | null = null;
  let bytes = 0;
  const forwarding = upstream.forward(
    {
      target: 'count_tokens',
      body: editMembers(exchange.body, { set }),
      headers: exchange.forwarded,
    },
    {
      onStart(status, headers) {
        head = { status, headers };
      },
      onData(chunk) {
        bytes += chunk.length;
        if (bytes <= ANSWER_BYTES_MAX) chunks.push(Buffer.from(chunk));
        else forwarding.abort({ message: 'sent a count of more than 64 KiB', isLate: false });
      },
      onEnd() {
        proxy.deadlines.remove(deadline);
        if (head !== null) exchange.reply(head.status, head.headers, Buffer.concat(chunks));
      },
      onFailure({ message, isLate }) {
        proxy.deadlines.remove(deadline);
        reject(exchange, newId(), {
          rejected: isLate ? 'upstream_timeout' : 'upstream_unreachable',
          message: `Provider ${model.provider.name} ${message}.`,
        });
      },
    },
  );
}
