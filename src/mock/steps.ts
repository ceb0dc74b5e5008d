// The order in which the mock provider's stream brings its answer: thinking, text, then the calls,
// each in pieces.

import { cutInPieces, type Answer } from './answer.js';

export type Step =
  | { readonly kind: 'thinking' | 'text'; readonly piece: string }
  /** `isFirst`: names the call, and brings none of its arguments yet. */
  | {
      readonly kind: 'call';
      readonly call: number;
      readonly isFirst: boolean;
      readonly piece: string;
    };

const THINKING_PIECES = 3;
const CALL_PIECES = 4;

function callSteps(given: Answer): Step[] {
  const each = given.calls.map(({ arguments: args }, call) => [
    { kind: 'call', call, isFirst: true, piece: '' } as const,
    ...cutInPieces(args, CALL_PIECES).map(
      (piece) => ({ kind: 'call', call, isFirst: false, piece }) as const,
    ),
  ]);
  if (!given.interleavesCalls) return each.flat();
  const turns = Math.max(0, ...each.map((steps) => steps.length));
  return Array.from({ length: turns }, (_, turn) =>
    each.flatMap((steps) => steps.slice(turn, turn + 1)),
  ).flat();
}

export function stepsOf(given: Answer): Step[] {
  const thinking = cutInPieces(given.thinking, THINKING_PIECES);
  return [
    ...thinking.map((piece) => ({ kind: 'thinking', piece }) as const),
    ...given.pieces.map((piece) => ({ kind: 'text', piece }) as const),
    ...callSteps(given),
  ];
}
