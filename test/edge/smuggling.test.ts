// Requests that two servers could read in two ways, over raw sockets. Each of them carries another
// request behind it, from a caller of its own who must never be heard.

import t from 'tap';
import { get, post, type RunningProxy } from '../flow/harness.js';
import { json, completion, start, type startScripted } from '../flow/scripted.js';
import { BODY, chat, LENGTH, sent, statuses } from './raw.js';

let proxy: RunningProxy;
let provider: Awaited<ReturnType<typeof startScripted>>;
let reached: string[] = [];

t.setTimeout(240_000);

t.before(async () => {
  ({ proxy, provider } = await start(t));
  provider.script = (_, response, body) => {
    reached.push(body);
    json(response, completion(5));
  };
});

const CHUNKED = 'Transfer-Encoding: chunked\r\n';
const SIZE = BODY.length.toString(16);
const CHUNKS = `${SIZE}\r\n${BODY}\r\n0\r\n\r\n`;
const chunked = (body: string): string => chat(CHUNKED, body);
const withLine = (line: string): string => chat(LENGTH).replace(/^[^\r]*/, () => line);
const encoded = (value: string): string => chat(`Transfer-Encoding:${value}\r\n`, CHUNKS);
const long = (value: string): string => chat(`Content-Length:${value}\r\n`);

const REFUSED: Readonly<Record<string, string>> = {
  'chunks and a length': chat(CHUNKED + LENGTH, CHUNKS),
  'a length and chunks': chat(LENGTH + CHUNKED, CHUNKS),
  'the same length twice': chat(LENGTH + LENGTH),
  'two lengths, the right one first': chat(`${LENGTH}Content-Length: 5\r\n`),
  'two lengths, the right one last': chat(`Content-Length: 5\r\n${LENGTH}`),
  'a list of lengths': long(` ${BODY.length}, ${BODY.length}`),
  'a length with a sign': long(` +${BODY.length}`),
  'a length below zero': long(' -1'),
  'a length in hexadecimal': long(` 0x${SIZE}`),
  'a length of nothing': long(' '),
  'a length beyond numbers': long(' 99999999999999999999'),
  'a length with a letter': long(` ${BODY.length}a`),
  'a length in two words': long(` ${BODY.length} 0`),
  'a body without a length': chat(''),
  'a length behind a header without a name': chat(`: a\r\n${LENGTH}`),
  'a folded header': chat(`X-A: b\r\n c\r\n${LENGTH}`),
  'a header folded by a tab': chat(`X-A: b\r\n\tc\r\n${LENGTH}`),
  'a folded encoding': encoded('\r\n chunked'),
  'a space before the colon': chat(`X-A : b\r\n${LENGTH}`),
  'an encoding with a space before the colon': chat(
    `Transfer-Encoding : chunked\r\n${LENGTH}`,
    CHUNKS,
  ),
  'a length with a space before the colon': chat(`Content-Length : ${BODY.length}\r\n`),
  'a space before the first header': withLine('POST /v1/chat/completions HTTP/1.1\r\n A: b'),
  'lines that end in LF': chat(LENGTH).replaceAll('\r\n', '\n'),
  'an encoding behind a bare LF': chat(`X-A: b\nTransfer-Encoding: chunked\r\n${LENGTH}`, CHUNKS),
  'an encoding behind a bare CR': chat(`X-A: b\rTransfer-Encoding: chunked\r\n${LENGTH}`, CHUNKS),
  'a NUL in a value': chat(`X-A: a\0b\r\n${LENGTH}`),
  'a NUL in a name': chat(`X\0A: a\r\n${LENGTH}`),
  'a NUL in the credential': chat(LENGTH, BODY, 'an\0n'),
  'a control character in a value': chat(`X-A: a\x01b\r\n${LENGTH}`),
  'a header without a colon': chat(`X-A\r\n${LENGTH}`),
  'a name with brackets': chat(`X(A): a\r\n${LENGTH}`),
  'chunked, identity': encoded(' chunked, identity'),
  'gzip, chunked': encoded(' gzip, chunked'),
  xchunked: encoded(' xchunked'),
  'chunked in quotes': encoded(' "chunked"'),
  'chunked with a parameter': encoded(' chunked;q=1'),
  'chunked behind a vertical tab': encoded(' \x0bchunked'),
  'identity and a length': chat(`Transfer-Encoding: identity\r\n${LENGTH}`),
  'an encoding of nothing': chat(`Transfer-Encoding: \r\n${LENGTH}`),
  'chunked twice': chat(CHUNKED + CHUNKED, CHUNKS),
  'chunked and identity': chat(`${CHUNKED}Transfer-Encoding: identity\r\n`, CHUNKS),
  'a chunk size of letters': chunked(`zz\r\n${BODY}\r\n0\r\n\r\n`),
  'a chunk size below zero': chunked(`-1\r\n${BODY}\r\n0\r\n\r\n`),
  'a chunk size with 0x': chunked(`0x${SIZE}\r\n${BODY}\r\n0\r\n\r\n`),
  'a chunk size with a sign': chunked(`+${SIZE}\r\n${BODY}\r\n0\r\n\r\n`),
  'a chunk size beyond numbers': chunked(`FFFFFFFFFFFFFFFFF\r\n${BODY}\r\n0\r\n\r\n`),
  'a chunk size that wraps around': chunked(`100000000000000${SIZE}\r\n${BODY}\r\n0\r\n\r\n`),
  'a chunk without a size': chunked(`\r\n${BODY}\r\n0\r\n\r\n`),
  'a chunk that is longer than it says': chunked(`5\r\n${BODY}\r\n0\r\n\r\n`),
  'a chunk extension': chunked(`${SIZE};a=b\r\n${BODY}\r\n0\r\n\r\n`),
  'a chunk extension that ends in LF': chunked(`${SIZE};a\n${BODY}\r\n0\r\n\r\n`),
  'two hosts': chat(`Host: y\r\n${LENGTH}`),
  'no host': chat(LENGTH).replace('Host: x\r\n', ''),
  'two credentials': chat(`Authorization: Bearer bob\r\n${LENGTH}`),
  'an absolute target': withLine('POST http://elsewhere.test/v1/chat/completions HTTP/1.1'),
  'a tunnel': withLine('CONNECT elsewhere.test:443 HTTP/1.1'),
  'a target without a slash': withLine('POST v1/chat/completions HTTP/1.1'),
  'a NUL in the target': withLine('POST /v1/chat/completions\0 HTTP/1.1'),
  'a space in the target': withLine('POST /v1/chat completions HTTP/1.1'),
  'two spaces': withLine('POST  /v1/chat/completions HTTP/1.1'),
  tabs: withLine('POST\t/v1/chat/completions\tHTTP/1.1'),
  'no version': withLine('POST /v1/chat/completions'),
  'HTTP/1.0': withLine('POST /v1/chat/completions HTTP/1.0'),
  'HTTP/1.2': withLine('POST /v1/chat/completions HTTP/1.2'),
  'HTTP/2.0': `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${chat(LENGTH)}`,
  'too many headers': chat('X-A: b\r\n'.repeat(200) + LENGTH),
};

/** uWebSockets reads these: nothing behind them may be read as a request. */
const LENIENT: Readonly<Record<string, string>> = {
  'a chunk size with a space': chunked(`${SIZE} \r\n${BODY}\r\n0\r\n\r\n`),
  'chunks that end in LF': chunked(`${SIZE}\n${BODY}\n0\n\n`),
  'a chunk that ends in something else': chunked(`${SIZE}\r\n${BODY}XX0\r\n\r\n`),
  'a last chunk that ends in LF': chunked(`${SIZE}\r\n${BODY}\r\n0\n\n`),
  'a trailer': chunked(`${SIZE}\r\n${BODY}\r\n0\r\nX-A: b\r\n\r\n`),
  'a GET with a length': `GET /healthz HTTP/1.1\r\nHost: x\r\n${LENGTH}\r\n${BODY}`,
  'a GET with chunks': `GET /healthz HTTP/1.1\r\nHost: x\r\n${CHUNKED}\r\n${CHUNKS}`,
  'a GET with a header without a name': `GET /healthz HTTP/1.1\r\nHost: x\r\n: a\r\n${LENGTH}\r\n`,
};

const SMUGGLED = chat(LENGTH, BODY.replace('Hi', 'Yo'), 'smuggled');

async function sendAll(corpus: Readonly<Record<string, string>>): Promise<Map<string, number[]>> {
  const all = Object.entries(corpus).map(async ([what, bytes]) => {
    const answer = await sent(proxy, bytes + SMUGGLED);
    return [what, statuses(answer)] as const;
  });
  return new Map(await Promise.all(all));
}

async function heldOrSpent(user: string): Promise<string> {
  const { json: view } = await get(`${proxy.url}/v1/budget`, user);
  const [day] = view['budgets'] as { spent_usd: string; reserved_usd: string }[];
  return `${day?.spent_usd} spent, ${day?.reserved_usd} held`;
}

const NOTHING = '0.00 spent, 0.00 held';

t.test('what can be read in two ways is refused, and costs nobody a thing', async (t) => {
  reached = [];
  for (const [what, answers] of await sendAll(REFUSED)) {
    t.ok(answers.length <= 1, `${what}: the connection is closed after ${answers.join(', ')}`);
    for (const status of answers) t.match(String(status), /^4|^505$/, what);
  }
  t.same(reached, [], 'the provider hears of none');
  for (const user of ['ann', 'bob', 'smuggled']) t.equal(await heldOrSpent(user), NOTHING, user);
});

t.test('nothing is read behind a body whose end is not beyond doubt', async (t) => {
  reached = [];
  for (const [what, answers] of await sendAll(LENIENT)) t.ok(answers.length <= 1, what);
  t.same(
    reached.filter((body) => body.includes('Yo')),
    [],
    'the provider hears no second request',
  );
  t.equal(await heldOrSpent('smuggled'), NOTHING);
});

t.test('the worker goes on as before', async (t) => {
  const { status } = await post(`${proxy.url}/v1/chat/completions`, 'carl', BODY);
  t.equal(status, 200);
  t.notMatch(proxy.output(), /defect/);
  t.match(await sent(proxy, chat(CHUNKED, CHUNKS, 'carl')), /^HTTP\/1\.1 200/, 'chunks are read');
});
