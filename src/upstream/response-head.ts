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

const STATUS_LINE = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: [\t\x20-\x7e\x80-\xff]*)?\r\n/;
/** Lines of visible characters alone: whatever ends one is its CRLF. */
const LINES = /^(?:[\t\x20-\x7e\x80-\xff]+\r\n)*$/;
const NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** Header names as providers write them, in lower case. They are few; a bound holds off the odd. */
const names = new Map<string, string>();
const NAMES_MAX = 512;

/** `null` for what is no header name. */
function nameOf(written: string): string | null {
  const known = names.get(written);
  if (known !== undefined) return known;
  if (!NAME.test(written)) return null;
  const name = copyOf(written.toLowerCase());
  if (names.size < NAMES_MAX) names.set(copyOf(written), name);
  return name;
}

/** A part of a text keeps all of it: here, somebody's whole head. */
const copyOf = (part: string): string => Buffer.from(part).toString();

const TAB = 0x09;
const SPACE = 0x20;

const isBlank = (text: string, at: number): boolean => {
  const code = text.codePointAt(at);
  return code === SPACE || code === TAB;
};

/** Without the blanks around it, and no others: `trim` takes letters that are no blanks here. */
function valueOf(text: string, from: number, to: number): string {
  let start = from;
  let end = to;
  while (start < end && isBlank(text, start)) start++;
  while (end > start && isBlank(text, end - 1)) end--;
  return text.slice(start, end);
}

/** Reads a head whose last line ends the text; the blank line after it is not part of it. */
export function readHead(text: string): ResponseHead {
  const line = STATUS_LINE.exec(text);
  if (line === null) throw new MalformedResponse('it does not begin with an HTTP/1 status line');
  const status = Number(line[2]);
  const isSound = LINES.test(text);
  const headers: string[] = [];
  for (let at = line[0].length; at < text.length;) {
    const colon = text.indexOf(':', at);
    const end = text.indexOf('\r\n', at);
    const name = isSound && colon > 0 && colon < end ? nameOf(text.slice(at, colon)) : null;
    if (name === null) throw new MalformedResponse('a header line is none', status);
    headers.push(name, valueOf(text, colon + 1, end));
    at = end + 2;
  }
  return framed(status, headers, line[1] === '1');
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
    bodyBytes = Number(length);
  }
  return { status, headers, framing, bodyBytes, keepAlive, keepAliveMs };
}
