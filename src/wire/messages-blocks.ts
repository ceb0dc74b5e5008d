// Writes the content blocks of a translated Anthropic stream. Blocks follow one another there,
// while the tool calls of a chat may come in pieces of several at once: the block under way goes
// out as it comes, and what belongs to a later one waits until it is done.

import type { Output } from './output.js';
import type { JsonObject } from './shape.js';
import type { SseEvent } from './sse.js';

/** One event of an Anthropic stream. */
export function frame(type: string, members: JsonObject): SseEvent {
  const data = JSON.stringify({ type, ...members });
  const head = `event: ${type}\ndata: `;
  const raw = Buffer.from(`${head}${data}\n\n`);
  return { raw, event: type, data, dataSpan: { start: head.length, end: raw.length - 2 } };
}

/** Follows the pieces of a JSON object to its end; the text itself is not kept. */
class JsonEnd {
  isReached = false;
  #depth = 0;
  #isInString = false;
  #isEscaped = false;

  push(piece: string): void {
    for (const char of piece) {
      if (this.#isEscaped) this.#isEscaped = false;
      else if (this.#isInString) {
        if (char === '\\') this.#isEscaped = true;
        else if (char === '"') this.#isInString = false;
      } else if (char === '"') this.#isInString = true;
      else if (char === '{' || char === '[') this.#depth++;
      else if ((char === '}' || char === ']') && --this.#depth === 0) this.isReached = true;
    }
  }
}

interface TextSlot {
  readonly kind: 'text' | 'thinking';
  /** What waits to be sent. */
  pending: string;
}

interface ToolSlot {
  readonly kind: 'tool';
  readonly position: number;
  readonly end: JsonEnd;
  id: string;
  name: string;
  pending: string;
}

type Slot = TextSlot | ToolSlot;

/** A piece of a tool call; what it does not tell is empty. */
export interface CallPiece {
  readonly index: number;
  readonly id: string;
  readonly name: string;
  readonly arguments: string;
}

/**
 * The rest of the arguments may still come, unless their object is closed. Text can end anywhere.
 */
const isDone = (slot: Slot): boolean => slot.kind !== 'tool' || slot.end.isReached;

const isReady = (slot: Slot): boolean =>
  slot.kind !== 'tool' || (slot.id !== '' && slot.name !== '');

function deltaOf(slot: Slot, piece: string): JsonObject {
  switch (slot.kind) {
    case 'text':
      return { type: 'text_delta', text: piece };
    case 'thinking':
      return { type: 'thinking_delta', thinking: piece };
    case 'tool':
      return { type: 'input_json_delta', partial_json: piece };
  }
}

/** How the writer names what the provider left without a name or called otherwise. */
export interface BlockNames {
  readonly toolName: (name: string) => string;
  readonly madeUpId: (position: number) => string;
}

export class BlockWriter {
  /** Calls seen so far. */
  calls = 0;
  readonly #names: BlockNames;
  readonly #tools = new Map<number, ToolSlot>();
  readonly #waiting: Slot[] = [];
  #open: Slot | null = null;
  #index = -1;

  constructor(names: BlockNames) {
    this.#names = names;
  }

  text(kind: 'text' | 'thinking', piece: string, out: Output): void {
    if (piece === '') return;
    const last = this.#waiting.at(-1) ?? this.#open;
    const slot = last?.kind === kind ? last : this.#queue({ kind, pending: '' });
    this.#give(slot, piece, out);
  }

  call(piece: CallPiece, out: Output): void {
    const slot = this.#slotOf(piece);
    slot.id ||= piece.id;
    slot.name ||= piece.name;
    // What follows the end of the arguments is none of theirs.
    const args = slot.end.isReached ? '' : piece.arguments;
    slot.end.push(args);
    this.#give(slot, args, out);
  }

  /** Nothing more will come: what waits goes out, and the last block ends. */
  finish(out: Output): void {
    this.#advance(out, true);
    this.#close(out);
  }

  /** Some servers number every call 0, and tell a new one by its id alone. */
  #slotOf({ index, id, name }: CallPiece): ToolSlot {
    const known = this.#tools.get(index);
    const isAnother = known !== undefined && id !== '' && name !== '' && (known.id || id) !== id;
    if (known !== undefined && !isAnother) return known;
    const position = this.calls++;
    const slot: ToolSlot = { kind: 'tool', position, end: new JsonEnd(), id, name, pending: '' };
    this.#tools.set(index, slot);
    return this.#queue(slot);
  }

  #queue<Kind extends Slot>(slot: Kind): Kind {
    this.#waiting.push(slot);
    return slot;
  }

  #give(slot: Slot, piece: string, out: Output): void {
    if (slot === this.#open) this.#delta(slot, piece, out);
    else slot.pending += piece;
    this.#advance(out, false);
  }

  /** Opens what waits as far as the blocks before it are done; all of it at the end. */
  #advance(out: Output, isEnd: boolean): void {
    for (;;) {
      const next = this.#waiting[0];
      if (next === undefined) return;
      if (!isEnd && this.#open !== null && !isDone(this.#open)) return;
      if (!isEnd && !isReady(next)) return;
      this.#waiting.shift();
      // A call without a name calls nothing.
      if (next.kind === 'tool' && next.name === '') continue;
      this.#close(out);
      this.#start(next, out);
    }
  }

  #start(slot: Slot, out: Output): void {
    this.#open = slot;
    this.#index++;
    const content_block = this.#opening(slot);
    out.push(frame('content_block_start', { index: this.#index, content_block }).raw);
    this.#delta(slot, slot.pending, out);
    slot.pending = '';
  }

  #opening(slot: Slot): JsonObject {
    switch (slot.kind) {
      case 'text':
        return { type: 'text', text: '' };
      case 'thinking':
        // Only Anthropic can sign a thought; none is made up.
        return { type: 'thinking', thinking: '', signature: '' };
      case 'tool': {
        const id = slot.id || this.#names.madeUpId(slot.position);
        return { type: 'tool_use', id, name: this.#names.toolName(slot.name), input: {} };
      }
    }
  }

  #delta(slot: Slot, piece: string, out: Output): void {
    if (piece === '') return;
    const delta = deltaOf(slot, piece);
    out.push(frame('content_block_delta', { index: this.#index, delta }).raw);
  }

  #close(out: Output): void {
    if (this.#open === null) return;
    this.#open = null;
    out.push(frame('content_block_stop', { index: this.#index }).raw);
  }
}
