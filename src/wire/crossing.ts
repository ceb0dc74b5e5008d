// The record of one request's way to the other wire: the first thing that cannot cross, and what
// was left behind. Translators note both here and go on, so that none of them returns two kinds of
// value; whoever asked for the translation looks once, at the end.

import type { InvalidRequest } from './request.js';

/** The wires that requests are translated to. */
export type Target = 'chat' | 'messages';

const MENDS: Readonly<Record<Target, string>> = {
  chat: 'to an OpenAI model. Remove it, or choose a model of an anthropic provider.',
  messages: 'to an Anthropic model. Remove it, or choose a model of an openai provider.',
};

/** The names go into a response header, and some come from the client. */
const PLAIN_NAME = /^[\w.-]{1,64}$/;
const DROPPED_MAX = 32;

export class Crossing {
  readonly #mend: string;
  readonly #dropped = new Set<string>();
  #refused: InvalidRequest | null = null;

  constructor(target: Target) {
    this.#mend = MENDS[target];
  }

  /** Of several faults the first is told. */
  refuse(param: string, message: string): void {
    this.#refused ??= { invalid: message, param };
  }

  /** The other wire has nothing of the kind, and without it the answer would be another. */
  unsupported(param: string, what = ''): void {
    this.refuse(param, `'${param}'${what} cannot be translated ${this.#mend}`);
  }

  /** The answer is as good without it; the client is told all the same. */
  drop(name: string): void {
    if (this.#dropped.size < DROPPED_MAX) this.#dropped.add(PLAIN_NAME.test(name) ? name : 'other');
  }

  hasDropped(name: string): boolean {
    return this.#dropped.has(name);
  }

  get refused(): InvalidRequest | null {
    return this.#refused;
  }

  get dropped(): string[] {
    return [...this.#dropped];
  }
}
