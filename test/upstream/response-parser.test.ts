import { isDeepStrictEqual } from 'node:util';
import t from 'tap';
import { MalformedResponse, type ResponseHead } from '../../src/upstream/response-head.js';
import { HEAD_BYTES_MAX, ResponseParser } from '../../src/upstream/response-parser.js';

interface Read {
  readonly status: number;
  readonly headers: readonly string[];
  readonly body: string;
  readonly keepAlive: boolean;
  /** Whether the answer was whole, and what stood behind it. */
  readonly whole: boolean;
  readonly rest: string;
}

/** Reads an answer that comes in these pieces and then ends, or tells why it cannot be read. */
function read(pieces: readonly Buffer[]): Read | string {
  let head: ResponseHead | null = null;
  let body = '';
  let ends = 0;
  const parser = new ResponseParser({
    head: (got) => (head = got),
    body: (bytes) => (body += bytes.toString('latin1')),
    end: () => (ends += 1),
  });
  parser.expect();
  let rest = '';
  try {
    for (const piece of pieces) {
      // The parser may move bytes about.
      const own = Buffer.from(piece);
      const taken = parser.push(own);
      rest += piece.subarray(taken).toString('latin1');
    }
    parser.finish();
  } catch (error) {
    if (!(error instanceof MalformedResponse)) throw error;
    return error.message;
  }
  if (ends > 1) return `ended ${ends} times`;
  const { status = 0, headers = [], keepAlive = false } = (head ?? {}) as Partial<ResponseHead>;
  return { status, headers, body, keepAlive, whole: ends === 1, rest };
}

/** The longest text that is split at every place of it. */
const SPLIT_BYTES_MAX = 300;

/** The same bytes whole, one by one, and in two pieces at every place. */
function* splits(text: string): Generator<readonly Buffer[]> {
  const bytes = Buffer.from(text, 'latin1');
  yield [bytes];
  yield Array.from(bytes, (_, at) => bytes.subarray(at, at + 1));
  const last = Math.min(bytes.length, SPLIT_BYTES_MAX);
  for (let at = 1; at < last; at++) yield [bytes.subarray(0, at), bytes.subarray(at)];
}

const OK = 'HTTP/1.1 200 OK\r\n';
const CHUNKED = `${OK}transfer-encoding: chunked\r\n\r\n`;
const whole = { status: 200, body: 'hello world', keepAlive: true, whole: true, rest: '' };

const SOUND: Readonly<Record<string, readonly [string, Partial<Read>]>> = {
  'a length': [`${OK}Content-Length: 11\r\n\r\nhello world`, whole],
  'the same length twice': [
    `${OK}Content-Length: 11\r\nCONTENT-LENGTH:11 \r\n\r\nhello world`,
    { ...whole, headers: ['content-length', '11', 'content-length', '11'] },
  ],
  'no body': [`${OK}content-length: 0\r\n\r\n`, { ...whole, body: '' }],
  'a status without reason': [
    'HTTP/1.1 500\r\ncontent-length: 0\r\n\r\n',
    { status: 500, body: '' },
  ],
  'a status that has no body': [
    'HTTP/1.1 204 No\r\n\r\n',
    { status: 204, body: '', whole: true, keepAlive: true },
  ],
  'one that has none though it says so': [
    'HTTP/1.1 304 Not Modified\r\ncontent-length: 5\r\n\r\n',
    { status: 304, body: '', whole: true, keepAlive: false },
  ],
  'interim answers before it': [
    `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nlink: x\r\n\r\n${OK}content-length: 1\r\n\r\n!`,
    { ...whole, body: '!', headers: ['content-length', '1'] },
  ],
  'all until the end': [`${OK}\r\nhello world`, { ...whole, keepAlive: false }],
  'an old server': ['HTTP/1.0 200 OK\r\n\r\nhi', { body: 'hi', whole: true, keepAlive: false }],
  'an old server that gives a length': [
    'HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nhi',
    { body: 'hi', whole: true, keepAlive: false },
  ],
  'a goodbye': [
    `${OK}connection: foo, Close\r\ncontent-length: 2\r\n\r\nhi`,
    { body: 'hi', whole: true, keepAlive: false },
  ],
  chunks: [`${CHUNKED}5\r\nhello\r\n006\r\n world\r\n0\r\n\r\n`, whole],
  'chunks with extensions and trailers': [
    `${CHUNKED}B;a="b"\r\nhello world\r\n0 ;last\r\nx-checksum: 1\r\ny: 2\r\n\r\n`,
    whole,
  ],
  'CRLF within a chunk': [`${CHUNKED}4\r\n\r\n\r\n\r\n0\r\n\r\n`, { ...whole, body: '\r\n\r\n' }],
  'odd bytes in a value': [
    `${OK}x: caf\xe9\tau lait\r\nempty:\r\ncontent-length: 0\r\n\r\n`,
    { headers: ['x', 'caf\xe9\tau lait', 'empty', '', 'content-length', '0'], whole: true },
  ],
  'more than the answer': [
    `${OK}content-length: 2\r\n\r\nhiHTTP/1.1 200 OK`,
    { body: 'hi', whole: true, rest: 'HTTP/1.1 200 OK' },
  ],
  'more than the last chunk': [`${CHUNKED}0\r\n\r\n!`, { body: '', whole: true, rest: '!' }],
  'less than the length': [`${OK}content-length: 3\r\n\r\nhi`, { body: 'hi', whole: false }],
  'less than all chunks': [`${CHUNKED}2\r\nhi\r\n`, { body: 'hi', whole: false }],
  'half a head': ['HTTP/1.1 200 OK\r\ncontent-', { status: 0, whole: false }],
};

for (const [what, [text, expected]] of Object.entries(SOUND)) {
  t.test(`reads an answer with ${what}, wherever it is split`, async (t) => {
    const [first = [], ...others] = [...splits(text)];
    const got = read(first);
    t.match(got, expected);
    const otherwise = others.find((pieces) => !isDeepStrictEqual(read(pieces), got));
    t.equal(otherwise, undefined, 'and the same in pieces');
  });
}

const UNSOUND: Readonly<Record<string, string>> = {
  'no HTTP at all': 'SSH-2.0-OpenSSH_9.6\r\n',
  'another version': 'HTTP/2.0 200 OK\r\n\r\n',
  'a status of two digits': 'HTTP/1.1 20 OK\r\n\r\n',
  'a status of four digits': 'HTTP/1.1 2000 OK\r\n\r\n',
  'a status line with a tab': 'HTTP/1.1\t200 OK\r\n\r\n',
  'a change of protocol': 'HTTP/1.1 101 Switching\r\nupgrade: x\r\n\r\n',
  'two lengths': `${OK}content-length: 1\r\ncontent-length: 2\r\n\r\nhi`,
  'a list of lengths': `${OK}content-length: 2, 2\r\n\r\nhi`,
  'a signed length': `${OK}content-length: +2\r\n\r\nhi`,
  'a negative length': `${OK}content-length: -1\r\n\r\n`,
  'a hexadecimal length': `${OK}content-length: 0x2\r\n\r\nhi`,
  'an empty length': `${OK}content-length: \r\n\r\nhi`,
  'a length beyond all numbers': `${OK}content-length: 99999999999999999999\r\n\r\n`,
  'a blank that is none before a length': `${OK}content-length:\xa02\r\n\r\nhi`,
  'a length and chunks': `${OK}content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`,
  'another transfer encoding': `${OK}transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n`,
  'chunks twice': `${OK}transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`,
  'chunks from an old server': 'HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
  'a space before the colon': `${OK}content-length : 2\r\n\r\nhi`,
  'a folded header': `${OK}x: a\r\n b\r\ncontent-length: 0\r\n\r\n`,
  'a header without a colon': `${OK}content-length\r\n\r\n`,
  'a header without a name': `${OK}: x\r\n\r\n`,
  'a NUL in a header': `${OK}x: a\0b\r\ncontent-length: 0\r\n\r\n`,
  'a bare CR in a header': `${OK}x: a\rb\r\ncontent-length: 0\r\n\r\n`,
  'bare LF for line ends': 'HTTP/1.1 200 OK\ncontent-length: 0\n\n',
  'one bare LF': `${OK}x: a\ncontent-length: 0\r\n\r\n`,
  'a chunk without size': `${CHUNKED}\r\nhi\r\n`,
  'a negative chunk': `${CHUNKED}-1\r\nhi\r\n`,
  'a chunk of 0x': `${CHUNKED}0x2\r\nhi\r\n`,
  'a chunk beyond all numbers': `${CHUNKED}fffffffffffffff\r\n`,
  'a chunk that is longer than it says': `${CHUNKED}1\r\nhi\r\n0\r\n\r\n`,
  'a chunk size that ends in LF': `${CHUNKED}2\nhi\r\n0\r\n\r\n`,
  'an extension that ends in LF': `${CHUNKED}2;x\nhi\r\n0\r\n\r\n`,
  'a chunk that ends in LF': `${CHUNKED}2\r\nhi\n0\r\n\r\n`,
  'a trailer that ends in LF': `${CHUNKED}0\r\nx: y\n\r\n`,
  'an extension without end': `${CHUNKED}2;${'x'.repeat(5_000)}`,
  'trailers without end': `${CHUNKED}0\r\n${'x: y\r\n'.repeat(1_000)}`,
};

for (const [what, text] of Object.entries(UNSOUND)) {
  t.test(`refuses an answer with ${what}, wherever it is split`, async (t) => {
    for (const pieces of splits(text)) {
      if (typeof read(pieces) === 'string') continue;
      t.fail(`read in ${pieces.length} from ${pieces[0]?.length}`);
      break;
    }
    t.match(read([Buffer.from(text, 'latin1')]), /^its answer is malformed: /);
  });
}

t.test('a head without end is refused when it is too long', async (t) => {
  const line = Buffer.from(`x: ${'y'.repeat(1_000)}\r\n`);
  let lines = 0;
  const parser = new ResponseParser({ head: () => 0, body: () => 0, end: () => 0 });
  parser.expect();
  parser.push(Buffer.from(OK));
  const feed = (): void => {
    for (; lines < 1_000; lines++) parser.push(line);
  };
  t.throws(feed, MalformedResponse);
  t.ok(lines * line.length <= HEAD_BYTES_MAX);
  const interim = Buffer.from('HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(10_000));
  parser.expect();
  t.throws(() => parser.push(interim), MalformedResponse, 'interim answers without end');
});
