// One admitted request from its reserve record to its one end. Whatever happens to client, provider
// or clock, exactly one of `settle` and `release` runs, and the journal hears of it.

import type { Reservation } from '../budget/admit.js';
import { messageOf } from '../kernel/errors.js';
import { centsText, type NanoUsd } from '../kernel/money.js';
import { requestIdText } from '../kernel/record.js';
import { EXPIRED_STATUS } from '../kernel/reservation.js';
import { NO_USAGE, type Usage, type UsageSource } from '../kernel/usage.js';
import { costOf } from '../pricing/cost.js';
import { NOTHING_MORE, type Wanted } from '../wire/wanted.js';
import type { Deadline } from '../upstream/deadlines.js';
import type { Candidate, Quote } from './quote.js';
import type { Admitted } from './admission.js';
import type { Exchange } from './exchange.js';
import type { Proxy } from './proxy.js';

export interface Settlement {
  /** Decimal text, as in every answer. */
  readonly costCents: string;
  /** The caller's tally for the day, this request included. */
  readonly tallyCents: string;
}

/** What came of an answer whose usage never did. */
export interface Seen {
  readonly outputBytes: number;
  /** The input as the stream's first event told it. */
  readonly begun?: Usage | null | undefined;
}

/** The same, with all that was asked for as if it had come: of sound and text, the dearer. */
const withAll = (text: Usage, wanted: Wanted): Usage => ({
  ...text,
  ...(wanted.audioInput && { inputTokens: 0, audioInputTokens: text.inputTokens }),
  ...(wanted.audioOutput && { outputTokens: 0, audioOutputTokens: text.outputTokens }),
  webSearches: wanted.webSearches,
  fileSearches: wanted.fileSearches,
  ...(wanted.dearerTier && { serviceTier: 'other' }),
});

/** What the books hold of how a request came. */
type Asked = Pick<Exchange, 'api' | 'retryCount' | 'trace'>;

export class Call {
  readonly quote: Quote;
  readonly candidate: Candidate;
  readonly clamped: number | null;
  readonly reservation: Reservation;
  /** The most it can cost: beyond it, the provider has billed what it should not. */
  readonly worst: NanoUsd;
  readonly id: bigint;
  #requestId: string | null = null;
  #proxy: Proxy;
  #deadline: Deadline | null = null;
  #isLate = false;
  #kept: Exchange | null = null;

  /** Appends the reserve record. Throws, holding nothing, when the journal takes no more. */
  constructor(proxy: Proxy, quote: Quote, admitted: Admitted, asked: Asked) {
    this.#proxy = proxy;
    this.quote = quote;
    this.candidate = admitted.candidate;
    this.clamped = admitted.clamped;
    this.reservation = admitted.reservation;
    this.worst = admitted.worst;
    const { model, inputTokens, outputTokens } = admitted.candidate;
    const timeMs = proxy.now();
    try {
      this.id = proxy.journal.reserve({
        timeMs,
        date: quote.account.date,
        user: quote.account.user,
        model: model.name,
        requestedModel: quote.request.model,
        provider: model.provider.name,
        amount: admitted.reservation.amount,
        worst: admitted.worst,
        inputBoundTokens: inputTokens,
        maxOutputTokens: outputTokens * quote.request.choices,
        priceVersion: model.price.version,
        deadlineMs: timeMs + proxy.deadlines.timeoutMs,
        retryCount: asked.retryCount,
        api: asked.api,
        trace: asked.trace,
      });
    } catch (error) {
      this.reservation.release();
      throw error;
    }
    proxy.tally.count('admitted');
    if (this.candidate.fallback) proxy.tally.count('fallbacks');
    if (this.clamped !== null) proxy.tally.count('clamps');
  }

  /** As clients and exports show it. */
  get requestId(): string {
    return (this.#requestId ??= requestIdText(this.id));
  }

  /** What the exchange holds is needed to the call's end, whenever its client leaves. */
  keep(exchange: Exchange): void {
    exchange.keep();
    this.#kept = exchange;
  }

  /** It is sent: from now on it may expire. */
  underway(expire: () => void): void {
    // A request that cannot be sent at all has ended within `forward`.
    if (this.reservation.state !== 'reserved') return;
    // Nobody waits while the provider is at work; its answer will tell of it.
    this.#requestId = requestIdText(this.id);
    this.#deadline = this.#proxy.deadlines.add(() => {
      this.#isLate = true;
      expire();
    });
  }

  /** Books what the provider reported; without a report, the input and what was streamed. */
  settle(reported: Usage | null, seen: Seen, status: number): Settlement {
    const usage = reported ?? this.#estimate(seen);
    const source: UsageSource = reported === null ? 'estimated' : 'provider';
    const { price } = this.candidate.model;
    const cost = costOf(price, usage);
    if (reported !== null && this.#proxy.config.budget.reserve === 'expected') {
      const { choices } = this.quote.request;
      const outputTokens = Math.ceil(reported.outputTokens / choices);
      this.#proxy.learned.learn(this.candidate.model.name, outputTokens);
    }
    const overrun = cost > this.worst;
    const expired = this.#isLate && reported === null && !overrun;
    const event = overrun ? 'settle_over' : expired ? 'expire' : 'settle';
    const tally = this.reservation.settle(cost, event);
    this.#kept?.letGo();
    this.#proxy.tally.count(reported === null ? 'settled_estimated' : 'settled_provider');
    if (overrun) this.#proxy.tally.count('overruns');
    const timeMs = this.#proxy.now();
    this.#record(() => {
      this.#proxy.journal.settle({
        reservationId: this.id,
        timeMs,
        cost,
        usage,
        source,
        status: expired ? EXPIRED_STATUS : status,
        priceVersion: price.version,
        overrun,
      });
    });
    return { costCents: centsText(cost), tallyCents: centsText(tally) };
  }

  /** Nothing was billed: nothing was sent, or the provider answered an error without usage. */
  release(status: number): void {
    this.stopDeadline();
    this.reservation.release();
    this.#kept?.letGo();
    this.#proxy.tally.count('voided');
    const timeMs = this.#proxy.now();
    this.#record(() => {
      this.#proxy.journal.void({ reservationId: this.id, timeMs, status });
    });
  }

  /** The two members of a body or event; nothing when the config leaves bodies untouched. */
  costMembers({ costCents, tallyCents }: Settlement): string {
    if (!this.#proxy.config.server.responseFields) return '';
    return `"request_cost_cents":${costCents},"cost_cents":${tallyCents}`;
  }

  #estimate({ outputBytes, begun }: Seen): Usage {
    const { choices, wanted } = this.quote.request;
    const { inputTokens, outputTokens } = this.candidate;
    const outputMax = (outputTokens + wanted.predictedTokens) * choices;
    // A token is at least a byte, so this is never below what was streamed.
    const output = Math.min(outputBytes, outputMax);
    const text: Usage = {
      // What a stream begins with tells the input of the first of several rounds.
      ...(begun && wanted.rounds === 1 ? begun : { ...NO_USAGE, inputTokens }),
      outputTokens: output,
    };
    return wanted === NOTHING_MORE ? text : withAll(text, wanted);
  }

  /**
   * The answer is over. A stream that is settled may still hang: its deadline goes on till then.
   */
  stopDeadline(): void {
    if (this.#deadline !== null) this.#proxy.deadlines.remove(this.#deadline);
  }

  // The journal keeps room for every open reservation's end. If it fails all the same, the worker
  // has been told to stop, and the reservation is charged in full when the ledger next starts.
  #record(append: () => void): void {
    try {
      append();
    } catch (error) {
      if (this.#proxy.journal.failed) return;
      process.emitWarning(`request ${this.requestId} ends without a record: ${messageOf(error)}`);
    }
  }
}
