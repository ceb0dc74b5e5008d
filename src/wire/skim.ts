// Tells of an event whether a reader would take from it what it took from the one before but for
// the texts, of which only the bytes count. Nearly none has to be parsed then; what is out of the
// ordinary in any way does not match, and is left to be read.

import {
  CLOSE_BRACE,
  CLOSE_BRACKET,
  COMMA,
  JsonCursor,
  OPEN_BRACE,
  OPEN_BRACKET,
  QUOTE,
} from './json-cursor.js';
import { PlainEvent, type SseEvent } from './sse.js';

/**
 * What a value is to the reader. `text`: a string of which the bytes are counted, and nothing else
 * matters but whether there are any. `same`: nothing but a string, number or literal, and the one
 * that it was before. What is not named does not matter at all.
 */
export type Shape = 'text' | 'same' | ObjectShape | readonly [ObjectShape];
export interface ObjectShape {
  readonly [name: string]: Shape;
}

/** A shape made ready: names as bytes, each with its node; a list has its items' alone. */
export interface Node {
  readonly kind: 'text' | 'same' | 'object' | 'list';
  readonly names: readonly Buffer[];
  readonly nodes: readonly Node[];
}

export function nodeOf(shape: Shape): Node {
  if (typeof shape === 'string') return { kind: shape, names: [], nodes: [] };
  if (isList(shape)) return { kind: 'list', names: [], nodes: shape.map(nodeOf) };
  const names = Object.keys(shape).map((name) => Buffer.from(name));
  return { kind: 'object', names, nodes: Object.values(shape).map(nodeOf) };
}

const isList = (shape: Shape): shape is readonly [ObjectShape] => Array.isArray(shape);

/** One for all streams of a thread, as what follows: an event is skimmed in one go. */
const cursor = new JsonCursor();

/**
 * What an event shows, texts apart: of each member that matters its number and its value. A value
 * of JSON holds none of these marks, so that two events show the same only if they are.
 */
const SHOWN = Buffer.alloc(256);
const VALUE_END = 0;
const TEXT = 1;
const EMPTY_TEXT = 2;
const MEMBER = 0x80;

const NOTHING = Buffer.alloc(0);

export class Skimmer {
  /** Of the event that matched, what the reader would count: its texts as UTF-8. */
  textBytes = 0;
  /** In its memory, where the member to cut out stands. */
  cutStart = 0;
  cutEnd = 0;
  readonly #node: Node;
  /** The member to cut out is the top's of this number. */
  readonly #cut: number;
  /** A character is a byte. A buffer's few would hold on to memory of the pool's, for hours. */
  #learned: string | null = null;
  #shownEnd = 0;
  #isShown = false;

  constructor(node: Node, cut: string | null = null) {
    this.#node = node;
    this.#cut = node.names.findIndex((name) => name.toString() === cut);
  }

  /** When it does not the event has to be read, and nothing is known until `learn`. */
  matches(event: SseEvent): boolean {
    const learned = this.#learned;
    this.#learned = null;
    this.#isShown = event instanceof PlainEvent && this.#skim(event);
    if (!this.#isShown) this.cutEnd = 0;
    if (!this.#isShown || learned === null || !this.#showsThe(learned)) return false;
    this.#learned = learned;
    return true;
  }

  /**
   * The event that did not match has been read, and so many bytes were counted. Where those are not
   * its texts' (a reader may take one of two), neither would they be of the next.
   */
  learn(outputBytes: number): void {
    if (!this.#isShown || outputBytes !== this.textBytes) return;
    this.#learned = SHOWN.toString('latin1', 0, this.#shownEnd);
  }

  #showsThe(learned: string): boolean {
    if (learned.length !== this.#shownEnd) return false;
    for (let at = 0; at < learned.length; at++) {
      if (learned.charCodeAt(at) !== SHOWN[at]) return false;
    }
    return true;
  }

  #skim({ memory, dataStart, dataEnd }: PlainEvent): boolean {
    this.#shownEnd = 0;
    this.textBytes = 0;
    this.cutStart = 0;
    this.cutEnd = 0;
    cursor.start(memory, dataStart, dataEnd);
    const isWhole = memory[cursor.at] === OPEN_BRACE && this.#members(this.#node);
    cursor.space();
    const isSkimmed = isWhole && cursor.isDone && this.#shownEnd <= SHOWN.length;
    cursor.start(NOTHING, 0, 0);
    return isSkimmed;
  }

  #value(node: Node): boolean {
    const byte = cursor.bytes[cursor.at];
    if (byte === OPEN_BRACE) return node.kind === 'object' && this.#members(node);
    if (byte === OPEN_BRACKET) return node.kind === 'list' && this.#items(node.nodes[0] as Node);
    const start = cursor.at;
    if (!cursor.scalar()) return false;
    if (node.kind === 'text' && byte === QUOTE) {
      this.textBytes += cursor.stringBytes;
      this.#show(cursor.stringBytes > 0 ? TEXT : EMPTY_TEXT);
      return true;
    }
    for (let at = start; at < cursor.at; at++) this.#show(cursor.bytes[at] as number);
    this.#show(VALUE_END);
    return true;
  }

  #items(node: Node): boolean {
    this.#show(OPEN_BRACKET);
    cursor.mark(OPEN_BRACKET);
    if (cursor.bytes[cursor.at] !== CLOSE_BRACKET) {
      do {
        if (cursor.bytes[cursor.at] !== OPEN_BRACE || !this.#members(node)) return false;
        cursor.space();
      } while (cursor.mark(COMMA));
    }
    this.#show(CLOSE_BRACKET);
    return cursor.close(CLOSE_BRACKET);
  }

  #members(node: Node): boolean {
    const { bytes } = cursor;
    let seen = 0;
    this.#show(OPEN_BRACE);
    cursor.mark(OPEN_BRACE);
    if (bytes[cursor.at] !== CLOSE_BRACE) {
      do {
        const keyStart = cursor.at;
        if (!cursor.key()) return false;
        // An escape may spell any name.
        if (cursor.stringBytes !== cursor.stringEnd - keyStart - 2) return false;
        const member = memberAt(node, keyStart + 1, cursor.stringBytes);
        if (member === UNNAMED) {
          if (!cursor.value()) return false;
        } else {
          // Of two the reader takes the last.
          if ((seen & (1 << member)) !== 0) return false;
          seen |= 1 << member;
          this.#show(MEMBER + member);
          if (!this.#value(node.nodes[member] as Node)) return false;
          if (member === this.#cut && node === this.#node) this.#place(keyStart);
        }
        cursor.space();
      } while (cursor.mark(COMMA));
    }
    this.#show(CLOSE_BRACE);
    return cursor.close(CLOSE_BRACE);
  }

  #place(keyStart: number): void {
    this.cutStart = keyStart;
    this.cutEnd = cursor.at;
  }

  #show(byte: number): void {
    SHOWN[this.#shownEnd++] = byte;
  }
}

const UNNAMED = -1;

/** The number of the member with the name that stands here. */
function memberAt({ names }: Node, start: number, length: number): number {
  for (let member = 0; member < names.length; member++) {
    const name = names[member] as Buffer;
    if (name.length === length && isHere(name, start)) return member;
  }
  return UNNAMED;
}

function isHere(name: Buffer, start: number): boolean {
  for (let index = 0; index < name.length; index++) {
    if (cursor.bytes[start + index] !== name[index]) return false;
  }
  return true;
}
