// The head of a provider's answer: its text to status, headers and the one way its body is framed.
// Strict, since two readings of one head are how answers get swapped: what could be read in two
// ways is refused, never guessed at.

export interface ResponseHead {
  readonly status: number;
  /** Names in lower case, each followed by its value. */
  readonly headers: readonly string[];
  readonly framing: Framing;
  /** How many bytes follow, of a `sized` body. */
  readonly bodyBytes: number;
  /** The connection may carry another request after this answer. */
  readonly keepAlive: boolean;
  /** How long the provider says it keeps an idle connection, `null` when it does not say. */
  readonly keepAliveMs: number | null;
}

export type Framing = 'sized' | 'chunked' | 'until_close';

/** An answer that is no HTTP/1.1, or could be read in two ways. */
export class MalformedResponse extends Error {
  /** As far as it could be read; 0 when it could not. */
  readonly status: number;

  constructor(what: string, status = 0) {
    super(`its answer is malformed: ${what}`);
    this.name = 'MalformedResponse';
    this.status = status;
  }
}

/** A body of more bytes than a number holds exactly has no length. */
const LENGTH_DIGITS_MAX = 15;

/** `HTTP/1.1 200`: what stands before the status is as long in both versions. */
const PROTOCOL = 'HTTP/1.';
const MINOR_AT = PROTOCOL.length;
const STATUS_AT = MINOR_AT + 2;
const STATUS_END = STATUS_AT + 3;

const TAB = 0x09;
const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
const DIGIT_0 = 0x30;
const COLON = 0x3a;
const DELETE = 0x7f;

/** The lower-case letter of each byte that a name is made of; 0 for others. */
const ofName = new Uint8Array(256);
for (const byte of Buffer.from("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz")) {
  ofName[byte] = byte;
}
for (const byte of Buffer.from('ABCDEFGHIJKLMNOPQRSTUVWXYZ')) ofName[byte] = byte | 0x20;

/** Names as providers write them are few: each is made once, and found where its hash says. */
const names: string[] = Array.from({ length: 512 }, () => '');

/** The name that stands here, in lower case. */
function nameAt(text: string, from: number, to: number, hash: number): string {
  const slot = (hash ^ (hash >>> 9)) & (names.length - 1);
  const known = names[slot] as string;
  if (isNameAt(known, text, from, to)) return known;
  // A copy: a part of a text keeps all of it, here somebody's whole head.
  const name = Buffer.from(text.slice(from, to).toLowerCase()).toString();
  names[slot] = name;
  return name;
}

function isNameAt(name: string, text: string, from: number, to: number): boolean {
  if (name.length !== to - from) return false;
  for (let at = 0; at < name.length; at++) {
    if (ofName[text.charCodeAt(from + at)] !== name.charCodeAt(at)) return false;
  }
  return true;
}

const isBlank = (code: number): boolean => code === SPACE || code === TAB;

/** Without the blanks around it, and no others: `trim` takes letters that are no blanks here. */
function valueOf(text: string, from: number, to: number): string {
  let start = from;
  let end = to;
  while (start < end && isBlank(text.charCodeAt(start))) start++;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--;
  return text.slice(start, end);
}

/**
 * The place behind the CRLF that ends this line; -1 when something ends it before, that another
 * reader may take for an end too.
 */
function lineEnd(text: string, from: number): number {
  let at = from;
  for (; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if ((code < SPACE && code !== TAB) || code === DELETE) break;
  }
  return text.charCodeAt(at) === CR && text.charCodeAt(at + 1) === LF ? at + 2 : -1;
}

const isDigit = (code: number): boolean => code >= DIGIT_0 && code <= DIGIT_0 + 9;

/** Of decimal digits alone, and so few that the number is exact. */
function numberAt(text: string, from: number, to: number): number {
  let number = 0;
  for (let at = from; at < to; at++) number = 10 * number + text.charCodeAt(at) - DIGIT_0;
  return number;
}

/** Whether it begins with a status line, whatever its reason is. */
function hasStatus(text: string): boolean {
  const minor = text.charCodeAt(MINOR_AT);
  const behind = text.charCodeAt(STATUS_END);
  return (
    text.startsWith(PROTOCOL) &&
    (minor === DIGIT_0 || minor === DIGIT_0 + 1) &&
    text.charCodeAt(MINOR_AT + 1) === SPACE &&
    text.charCodeAt(STATUS_AT) !== DIGIT_0 &&
    isDigit(text.charCodeAt(STATUS_AT)) &&
    isDigit(text.charCodeAt(STATUS_AT + 1)) &&
    isDigit(text.charCodeAt(STATUS_AT + 2)) &&
    (behind === SPACE || behind === CR) &&
    lineEnd(text, STATUS_END) > 0
  );
}

/** Reads a head whose last line ends the text; the blank line after it is not part of it. */
export function readHead(text: string): ResponseHead {
  if (!hasStatus(text)) {
    throw new MalformedResponse('it does not begin with an HTTP/1 status line');
  }
  const status = numberAt(text, STATUS_AT, STATUS_END);
  const headers: string[] = [];
  for (let at = lineEnd(text, STATUS_END); at < text.length;) {
    const start = at;
    let hash = 0;
    let letter = ofName[text.charCodeAt(at)] ?? 0;
    while (letter > 0) {
      hash = (31 * hash + letter) | 0;
      at += 1;
      letter = ofName[text.charCodeAt(at)] ?? 0;
    }
    const end = lineEnd(text, at);
    if (at === start || text.charCodeAt(at) !== COLON || end < 0) {
      throw new MalformedResponse('a header line is none', status);
    }
    headers.push(nameAt(text, start, at, hash), valueOf(text, at + 1, end - 2));
    at = end;
  }
  return framed(status, headers, text.charCodeAt(MINOR_AT) !== DIGIT_0);
}

function framed(status: number, headers: readonly string[], isHttp11: boolean): ResponseHead {
  let length: string | null = null;
  let isChunked = false;
  let keepAlive = isHttp11;
  let keepAliveMs: number | null = null;
  for (let at = 0; at < headers.length; at += 2) {
    const value = headers[at + 1] as string;
    switch (headers[at]) {
      case 'content-length':
        if (length !== null && length !== value) {
          throw new MalformedResponse('it has two lengths', status);
        }
        length = value;
        break;
      case 'transfer-encoding':
        if (isChunked || value.toLowerCase() !== 'chunked' || !isHttp11) {
          throw new MalformedResponse('its transfer encoding is not chunked', status);
        }
        isChunked = true;
        break;
      case 'connection':
        if (/(^|[,\t ])close($|[,\t ])/i.test(value)) keepAlive = false;
        break;
      case 'keep-alive': {
        const seconds = /(?:^|[,\t ])timeout=(\d{1,6})/i.exec(value)?.[1];
        if (seconds !== undefined) keepAliveMs = Number(seconds) * 1000;
        break;
      }
      default:
    }
  }
  if (isChunked && length !== null) {
    throw new MalformedResponse('it is chunked and has a length', status);
  }
  let framing: Framing = isChunked ? 'chunked' : 'sized';
  let bodyBytes = 0;
  if (status < 200 || status === 204 || status === 304) {
    framing = 'sized';
    // A body that came all the same would be read as the answer to the next request.
    if (isChunked || (length !== null && !/^0+$/.test(length))) keepAlive = false;
  } else if (!isChunked && length === null) {
    framing = 'until_close';
    keepAlive = false;
  } else if (length !== null) {
    if (!/^\d+$/.test(length) || length.length > LENGTH_DIGITS_MAX) {
      throw new MalformedResponse('its length is no number', status);
    }
    bodyBytes = numberAt(length, 0, length.length);
  }
  return { status, headers, framing, bodyBytes, keepAlive, keepAliveMs };
}
