// The life of a reservation, in memory (`budget/admit.ts`) and in the books (`ledger/fold.ts`): one
// beginning, five ends, and nothing after an end. Whatever takes place is a step of this table or a
// defect.

import type { NanoUsd } from './money.js';
import type { ReserveRecord } from './record.js';
import type { UsageSource } from './usage.js';

export type ReservationEnd = 'settled' | 'settled_over' | 'voided' | 'expired' | 'recovered';
export type ReservationState = 'reserved' | ReservationEnd;

/**
 * `settle`: the cost is known or estimated. `settle_over`: and is more than the worst case.
 * `void`: nothing was billed. `expire`: the deadline passed first. `recover`: whoever held it died.
 */
export type ReservationEvent = 'settle' | 'settle_over' | 'void' | 'expire' | 'recover';

const NOTHING = {
  settle: null,
  settle_over: null,
  void: null,
  expire: null,
  recover: null,
} as const;

/** State × event → state; `null` where the event must not take place. */
export const TRANSITIONS: Readonly<
  Record<ReservationState, Readonly<Record<ReservationEvent, ReservationEnd | null>>>
> = {
  reserved: {
    settle: 'settled',
    settle_over: 'settled_over',
    void: 'voided',
    expire: 'expired',
    recover: 'recovered',
  },
  settled: NOTHING,
  settled_over: NOTHING,
  voided: NOTHING,
  expired: NOTHING,
  recovered: NOTHING,
};

/** What the books hold of an end. */
export interface Ending {
  readonly kind: 'settle' | 'void';
  readonly reserve: Pick<ReserveRecord, 'worst'>;
  readonly cost: NanoUsd;
  readonly source: UsageSource | null;
  readonly status: number;
  readonly overrun: boolean;
}

/** The status of a request that its deadline has ended. */
export const EXPIRED_STATUS = 504;

/** The event that ended a reservation, as its record tells it. */
export function eventOf({ kind, source, status, overrun }: Ending): ReservationEvent {
  if (kind === 'void') return 'void';
  if (source === 'unsettled') return 'recover';
  if (overrun) return 'settle_over';
  return source === 'estimated' && status === EXPIRED_STATUS ? 'expire' : 'settle';
}

/** What an end may cost: what the books hold otherwise is a defect of whoever wrote it. */
export function isConsistent(ending: Ending): boolean {
  const { cost, reserve } = ending;
  switch (eventOf(ending)) {
    case 'void':
      return cost === 0n && ending.source === null;
    case 'recover':
      return cost === reserve.worst;
    case 'settle_over':
      return cost > reserve.worst;
    case 'settle':
    case 'expire':
      return cost <= reserve.worst && ending.source !== null;
  }
}
