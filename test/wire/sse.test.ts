import t from 'tap';
import { EVENT_BYTES_MAX, SseScanner, withData, type SseEvent } from '../../src/wire/sse.js';
import { splits } from './fixture.js';

/** Events hold until the next chunk comes: this scanner keeps copies of them. */
class Scanner {
  readonly #events: SseEvent[] = [];
  readonly #scanner = new SseScanner(({ raw, event, data, dataSpan }) => {
    this.#events.push({ raw: Buffer.from(raw), event, data, dataSpan });
  });

  push(chunk: Uint8Array): SseEvent[] {
    // In memory that is used again, as a connection's is.
    const memory = Buffer.from(chunk);
    this.#scanner.push(memory);
    memory.fill('?');
    return this.#events.splice(0);
  }

  end(): SseEvent | null {
    return this.#scanner.end();
  }

  rest(): string {
    return Buffer.from(this.#scanner.rest()).toString();
  }
}

function scan(chunks: readonly Uint8Array[]): { events: SseEvent[]; rest: string } {
  const scanner = new Scanner();
  const events = chunks.flatMap((chunk) => scanner.push(chunk));
  return { events, rest: scanner.rest() };
}

const told = (events: readonly SseEvent[]) => events.map(({ event, data }) => ({ event, data }));

const STREAM =
  ': hi\n\nevent: ping\ndata: {"é":"🌍"}\n\nid: 1\ndata:a\ndata:  b\nretry: 5\n\ndata\n\n';
const EVENTS = [
  { event: null, data: null },
  { event: 'ping', data: '{"é":"🌍"}' },
  { event: null, data: 'a\n b' },
  { event: null, data: '' },
];

t.test('reads events with any line ending, split at any byte', async (t) => {
  for (const eol of ['\n', '\r\n', '\r']) {
    const bytes = Buffer.from(STREAM.replaceAll('\n', eol) + 'data: half');
    for (const chunks of splits(bytes)) {
      const { events, rest } = scan(chunks);
      if (JSON.stringify(told(events)) !== JSON.stringify(EVENTS)) {
        t.same(told(events), EVENTS, `${JSON.stringify(eol)} cut at ${chunks[0]?.length}`);
      }
      const whole = Buffer.concat(events.map((event) => event.raw)).toString() + rest;
      if (whole !== bytes.toString()) t.equal(whole, bytes.toString(), 'no byte is lost');
      if (rest !== 'data: half') t.equal(rest, 'data: half');
    }
    t.pass(JSON.stringify(eol));
  }
});

t.test('keeps blank lines and the second half of a CRLF with the event they end', async (t) => {
  const { events } = scan([Buffer.from('\n\r\ndata: a\r\n\r'), Buffer.from('\n\n')]);
  t.same(
    events.map((event) => Buffer.from(event.raw).toString()),
    ['\n', '\r\n', 'data: a\r\n\r\n', '\n'],
  );
});

t.test('copies nothing when an event lies in one chunk', async (t) => {
  const chunk = Buffer.from('data: a\n\ndata: b\n\n');
  const memories: unknown[] = [];
  new SseScanner((event) => memories.push(event.raw.buffer)).push(chunk);
  t.equal(memories.length, 2);
  t.ok(memories.every((memory) => memory === chunk.buffer));
});

t.test('a CR counts, though it came in a chunk before', async (t) => {
  const { events } = scan([Buffer.from('data: a\rdata: '), Buffer.from('b\n\n')]);
  t.same(told(events), [{ event: null, data: 'a\nb' }]);
});

t.test('streams side by side keep their parts apart', async (t) => {
  const texts = ['a', 'b', 'c'].map((text) => text.repeat(10_000));
  const begin = (text: string): Scanner => {
    const scanner = new Scanner();
    scanner.push(Buffer.from(`data: ${text}`));
    return scanner;
  };
  // The memory that the first event came together in may serve one of those that follow.
  begin('first'.repeat(10_000)).push(Buffer.from('\n\n'));
  const scanners = texts.map(begin);
  t.same(
    scanners.map((scanner) => scanner.push(Buffer.from('\n\n'))[0]?.data),
    texts,
  );
});

t.test('passes an event that is too long on, unread, and reads the next', async (t) => {
  const scanner = new Scanner();
  const chunk = Buffer.alloc(1024 * 1024, 'a');
  let passed = scanner.push(Buffer.from('data: ')).length;
  let bytes = 6;
  for (let sent = 0; sent <= EVENT_BYTES_MAX + chunk.length; sent += chunk.length) {
    for (const event of scanner.push(chunk)) {
      t.equal(event.data, null);
      bytes += event.raw.length;
      passed++;
    }
  }
  t.equal(passed, 1, 'as soon as it is too long');
  const [tail, next] = scanner.push(Buffer.from('\n\ndata: b\n\n'));
  t.equal(tail?.data, null);
  t.equal(next?.data, 'b');
});

t.test('an event that the end of the stream cuts is offered as it is', async (t) => {
  const scanner = new Scanner();
  t.equal(scanner.end(), null);
  scanner.push(Buffer.from('data: [DONE]\r\r'));
  t.equal(scanner.end()?.data, '[DONE]');
  t.equal(scanner.rest(), '');
});

t.test('rewrites data in place, and data of several lines as lines', async (t) => {
  const [one] = new Scanner().push(Buffer.from('event: x\ndata:{"a":1}\r\nid: 7\n\n'));
  const [two] = new Scanner().push(Buffer.from('event: x\ndata: {"a":\ndata: 1}\n\n'));
  const bump = (data: Buffer): Buffer => Buffer.from(data.toString().replace('1', '2'));
  t.equal(Buffer.from(withData(one!, bump)).toString(), 'event: x\ndata:{"a":2}\r\nid: 7\n\n');
  t.equal(Buffer.from(withData(two!, bump)).toString(), 'event: x\ndata: {"a":\ndata: 2}\n\n');
});

t.test('broken UTF-8 in the data stays as broken as it was', async (t) => {
  const raw = Buffer.concat([Buffer.from('data: {"a":"'), Buffer.of(0xff), Buffer.from('"}\n\n')]);
  const [event] = new Scanner().push(raw);
  t.equal(event?.data, '{"a":"\ufffd"}');
  t.same(
    withData(event!, (data) => data),
    raw,
  );
});
