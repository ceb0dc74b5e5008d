// What is skimmed counts the same as what is read. Streams of events that are like one another but
// for their texts, now and then spelled as nobody would, against readers that parse each.

import t from 'tap';
import { ChatReader, CHUNK } from '../../src/wire/chat-reader.js';
import { ChatMeter } from '../../src/wire/chat-stream.js';
import { editMembers } from '../../src/wire/json.js';
import { MessagesReader } from '../../src/wire/messages-reader.js';
import { MessagesMeter } from '../../src/wire/messages-stream.js';
import { parseReport } from '../../src/wire/shape.js';
import { Skimmer } from '../../src/wire/skim.js';
import { SseScanner } from '../../src/wire/sse.js';
import type { StreamMeter } from '../../src/wire/stream.js';
import { seeded } from '../pricing/prices.js';
import { settlements } from './fixture.js';

const SEED = Number(process.env['STREAM_SEED'] ?? Date.now() % 1_000_000);
const STREAMS = 500;
const EVENTS = 30;

const random = seeded(SEED);
const below = (count: number): number => Math.floor(random() * count);
const oneIn = (count: number): boolean => below(count) === 0;
const oneOf = <T>(values: readonly T[]): T => values[below(values.length)] as T;

/** Where a template has a text, which differs from event to event. */
const TEXT = '"¤"';
const TEXTS = [
  'a',
  ' the',
  'Hé',
  '🌍',
  '\\n',
  '\\"',
  '\\\\',
  '\\u00e9',
  '\\u4e2d',
  '\\ud83c\\udf0d',
  '\\ud800',
  '\\u0000',
  '\\u12',
  '\\x',
  '\t',
  '{\\"usage\\":1}',
  '","usage":"',
  'x'.repeat(70),
];
/** Nearly always of what is well formed. */
const text = (): string => (oneIn(8) ? oneOf(TEXTS) : oneOf(TEXTS.slice(0, 10)));
/** Where it has nearly always the first of these. */
const mostly = (...values: readonly string[]): string => `«${values.join('|')}»`;
const ODD = ['true', '0', '-1.5e+3', '0.25', '01', '1.', '-', 'nul', '"x"', '[]', '{}', '[1,{}]'];
const value = (): string => (oneIn(3) ? mostly('null', ...ODD) : TEXT);

/** The template with all that differs filled in. */
const filled = (template: string): string =>
  template
    .replaceAll(/«(.*?)»/g, (_, values: string) => {
      const all = values.split('|');
      return oneIn(9) ? oneOf(all) : (all[0] ?? '');
    })
    .replaceAll('¤', () => (oneIn(9) ? '' : text() + text()));

const gap = (): string => (oneIn(20) ? oneOf([' ', '  ', '\t']) : '');

/** Some of the members; now and then one of them twice, or its name in other letters. */
function object(members: Readonly<Record<string, string>>): string {
  const kept = Object.entries(members).filter(() => !oneIn(5));
  if (oneIn(30) && kept[0] !== undefined) kept.push(oneOf(kept));
  if (oneIn(8)) kept.reverse();
  const parts = kept.map(([name, json]) => {
    const spelled = oneIn(60) ? name.replace('e', '\\u0065') : name;
    return `${gap()}"${spelled}"${gap()}:${gap()}${json}${gap()}`;
  });
  return `{${parts.join(',')}}`;
}

const called = (): string => object({ name: TEXT, arguments: TEXT });

const delta = (): string =>
  object({
    role: '"assistant"',
    content: value(),
    refusal: value(),
    reasoning_content: value(),
    reasoning: value(),
    reasoning_details: value(),
    audio: value(),
    function_call: oneIn(2) ? called() : value(),
    tool_calls: oneIn(2) ? `[{"index":0,"function":${called()}}]` : value(),
  });

const choice = (): string =>
  object({
    index: mostly('0', '1', '"0"'),
    delta: oneIn(9) ? value() : delta(),
    text: value(),
    logprobs: value(),
    finish_reason: mostly('null', '"stop"'),
  });

const chunk = (): string =>
  object({
    id: '"1"',
    model: mostly('"gpt-4"', '"gpt-5"', 'null'),
    service_tier: mostly('"flex"', '"default"', 'null'),
    choices: oneIn(9)
      ? oneOf(['[]', 'null', '[1]'])
      : `[${choice()}${oneIn(6) ? `,${choice()}` : ''}]`,
    usage: mostly('null', '0'),
    obfuscation: TEXT,
  });

const blockDelta = (): string =>
  object({
    type: mostly('"content_block_delta"', '"ping"', 'null'),
    index: '0',
    content_block: oneIn(5) ? '{"text":"a","name":"b"}' : value(),
    delta: object({ type: TEXT, text: value(), thinking: value(), partial_json: value() }),
    message: value(),
  });

/** The data of a stream's events. Now and then a byte of one is broken. */
function datas(template: () => string): Buffer[] {
  let last = template();
  return Array.from({ length: EVENTS }, () => {
    if (oneIn(6)) last = template();
    const bytes = Buffer.from(filled(last));
    if (oneIn(20)) bytes[below(bytes.length)] = oneOf([0x00, 0x22, 0x2c, 0x5c, 0x7d, 0xc3, 0xff]);
    return bytes;
  });
}

const event = (data: Uint8Array, name = ''): Buffer =>
  Buffer.concat([Buffer.from(`${name}data: `), data, Buffer.from('\n\n')]);

/** What the meter makes of each, in one memory that is used again. */
function pushed(meter: StreamMeter, events: readonly Buffer[]): string {
  const memory = Buffer.alloc(Math.max(...events.map(({ length }) => length)));
  const sent = events.map((bytes) => {
    memory.set(bytes);
    return Buffer.from(meter.push(memory.subarray(0, bytes.length)) ?? []);
  });
  return Buffer.concat(sent).toString('latin1');
}

t.test(`chunks count the same, and lose the same, STREAM_SEED=${SEED}`, async (t) => {
  const report = { prompt_tokens: 5, completion_tokens: 6 };
  for (let stream = 0; stream < STREAMS; stream++) {
    const stripUsage = oneIn(2);
    const { options, usages } = settlements({ stripUsage });
    const meter = new ChatMeter(options);
    const reader = new ChatReader();
    const events = datas(chunk);
    const expected = events.map((data) => {
      const parsed = parseReport(data.toString());
      if (parsed !== null) reader.read(parsed);
      const isAdded = stripUsage && parsed?.['usage'] === null;
      return event(isAdded ? editMembers(data, { remove: ['usage'] }) : data);
    });
    const sent = pushed(
      meter,
      events.map((data) => event(data)),
    );
    const isSame = sent === Buffer.concat(expected).toString('latin1');
    const { outputBytes, model } = meter;
    pushed(meter, [Buffer.from(`data: {"usage":${JSON.stringify(report)}}\n\n`)]);
    reader.read({ usage: report });
    meter.end();
    const { usage, isFinished } = reader;
    const seen = { isSame, outputBytes, model, usages, complete: meter.complete };
    const read = { outputBytes: reader.outputBytes, model: reader.model, complete: isFinished };
    if (!t.same(seen, { isSame: true, ...read, usages: [usage] }, `stream ${stream}`)) return;
  }
});

t.test(`deltas of a block count the same, STREAM_SEED=${SEED}`, async (t) => {
  for (let stream = 0; stream < STREAMS; stream++) {
    const meter = new MessagesMeter(settlements().options);
    const reader = new MessagesReader();
    const name = oneOf(['', 'event: content_block_delta\n']);
    const events = datas(blockDelta);
    for (const data of events) {
      const body = parseReport(data.toString());
      const type = body?.['type'] ?? (name === '' ? null : 'content_block_delta');
      if (body !== null) reader.read({ ...body, type });
    }
    const whole = events.map((data) => event(data, name));
    const isSame = pushed(meter, whole) === Buffer.concat(whole).toString('latin1');
    if (!isSame || meter.outputBytes !== reader.outputBytes) {
      t.match(meter, reader, `stream ${stream}`);
      return;
    }
  }
  t.pass(`${STREAMS} streams`);
});

/** Whether the second matches when the first has been read. */
function matches(first: string, second: string | Buffer, counted = 1): boolean {
  const skimmer = new Skimmer(CHUNK, 'usage');
  const found: boolean[] = [];
  const scanner = new SseScanner((event) => {
    found.push(skimmer.matches(event));
    skimmer.learn(counted);
  });
  scanner.push(event(Buffer.from(first)));
  scanner.push(event(Buffer.from(second)));
  return found[1] ?? false;
}

t.test('an event like the one before it but for texts is not parsed', async (t) => {
  const told = (content: string, more = ''): string =>
    `{"id":"1","model":"m","choices":[{"index":0,"delta":{"content":${content}}}]${more}}`;
  const first = told('"a"', ',"usage":null,"obfuscation":"x"');
  for (const second of [
    first,
    told('"b \\n é 🌍 \\u00e9"', ',"usage":null'),
    told('"b"', ' , "usage" : null , "padding" : [{"a":[]},-0.5e3,true]  '),
  ]) {
    t.ok(matches(first, second), second);
  }
  const broken = Buffer.from(first);
  broken[broken.indexOf('"a"') + 1] = 0xff;
  t.notOk(matches(first, broken), 'broken UTF-8');
  const twice = (text: string): string =>
    `{"choices":[{"delta":{"reasoning_content":"a","reasoning":"${text}"}}]}`;
  t.notOk(matches(twice('a'), twice('b')), 'where one of two texts counts');
  for (const second of [
    told('""', ',"usage":null'),
    told('null', ',"usage":null'),
    told('"b"'),
    told('"b"', ',"usage":{}'),
    told('"b"', ',"usage":{"prompt_tokens":1}'),
    told('"b"', ',"usage":null,"usage":null'),
    told('"b"', ',"usage":null,"us\\u0061ge":{"prompt_tokens":1}'),
    told('"b"', ',"usage":null,"error":{}'),
    told('"b"', ',"usage":null').replace('"index":0', '"index":1'),
    told('"b"', ',"usage":null').replace('"index":0', '"index":0,"finish_reason":"stop"'),
    told('"b"', ',"usage":null,"service_tier":"flex"'),
    told('"b"', ',"usage":null').replace('"m"', '"n"'),
    told('"b"', ',"usage":null,"a":01'),
    told('"b"', ',"usage":null') + '}',
  ]) {
    t.notOk(matches(first, second), second);
  }
});
