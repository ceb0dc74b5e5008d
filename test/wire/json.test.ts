import t from 'tap';
import {
  appendMembers,
  editMembers,
  isTooDeep,
  outline,
  topLevelMembers,
} from '../../src/wire/json.js';

const bytes = (text: string): Buffer => Buffer.from(text);

const SAMPLES = [
  '{}',
  ' { } \n',
  '{"a":1}',
  '{"a":"}","b":[1,{"c":"]"}],"d":null}\n',
  '{\n  "a\\"b" : "\\\\" ,\n "é🌍" : -1.5e3 , "n": {"a": 1}, "t":true\n}\n',
  '{"a":1,"b":2,"a":3}',
  '{"\\u0061":1,"a\\\\":"\\\\\\""}',
];

t.test('finds each top-level member where JSON.parse sees it', async (t) => {
  for (const sample of SAMPLES) {
    const found = topLevelMembers(bytes(sample));
    const values = [...found].map(([key, { valueStart, valueEnd }]) => [
      key,
      JSON.parse(bytes(sample).toString('utf8', valueStart, valueEnd)) as unknown,
    ]);
    t.same(Object.fromEntries(values), JSON.parse(sample), sample);
    for (const [key, { keyStart, valueStart }] of found) {
      const name = bytes(sample).toString('utf8', keyStart, valueStart);
      t.match(name.trimStart(), /^".*"\s*:\s*$/, `${key} begins at its quote`);
    }
  }
});

t.test('sets every duplicate of a member and leaves the other bytes', async (t) => {
  const edited = (text: string, set: Record<string, string>): string =>
    editMembers(bytes(text), { set }).toString();
  t.equal(edited('{"a" : 1, "b":2,"a":{"x":3}}\n', { a: '9' }), '{"a" : 9, "b":2,"a":9}\n');
  t.equal(edited('{"\\u0061":1}', { a: '9' }), '{"\\u0061":9}', 'however it is written');
  t.equal(edited('{"b":2}', { a: '[1]' }), '{"b":2,"a":[1]}', 'added last when absent');
  t.equal(edited('{}', { a: '1', b: '2' }), '{"a":1,"b":2}');
});

t.test('removes members with their comma, wherever they stand', async (t) => {
  for (const sample of [
    '{"a":1,"b":2,"c":3}',
    '{ "a" : 1 ,\n "b" : [2] , "c" : 3 }',
    '{"a":1,"a":2}',
  ]) {
    for (const remove of [
      ['a'],
      ['b'],
      ['c'],
      ['a', 'b'],
      ['b', 'c'],
      ['a', 'c'],
      ['a', 'b', 'c'],
      ['x'],
    ]) {
      const expected = JSON.parse(sample) as Record<string, unknown>;
      for (const name of remove) delete expected[name];
      const edited = editMembers(bytes(sample), { remove }).toString();
      t.same(JSON.parse(edited), expected, `${sample} without ${remove.join()}: ${edited}`);
    }
  }
  t.equal(
    editMembers(bytes('{"a":1, "b":2}'), { remove: ['a'], set: { b: '3', a: '4' } }).toString(),
    '{"b":3,"a":4}',
  );
});

t.test('appends members behind the last one', async (t) => {
  const appended = (text: string): string => appendMembers(bytes(text), '"x":1').toString();
  t.equal(appended('{}'), '{"x":1}');
  t.equal(appended('{ }'), '{"x":1 }');
  t.equal(appended('{"a":{}}'), '{"a":{},"x":1}');
  t.equal(appended('{"a":"{"}'), '{"a":"{","x":1}');
  t.equal(appended('{\n  "a": 1\n}\r\n'), '{\n  "a": 1,"x":1\n}\r\n', 'the space around it stays');
  const far = appendMembers(bytes('{"a":"é"}\n'), '"modèle":"🌍"').toString();
  t.equal(far, '{"a":"é","modèle":"🌍"}\n', 'in UTF-8');
  const same = bytes('{"a":1}');
  t.equal(appendMembers(same, ''), same, 'nothing to append: the same bytes');
  for (const text of ['', '[DONE]', 'upstream overloaded', '{']) {
    t.equal(appended(text), text, 'no object to append to');
  }
});

t.test('does not read past the end of broken bytes', async (t) => {
  for (const broken of ['', '{', '{"a', '{"a":', '{"a":"x\\', '{"a":[{', 'null']) {
    t.ok(topLevelMembers(bytes(broken)) instanceof Map, JSON.stringify(broken));
  }
});

// Quadratic work here would take hours and run into the runner's time limit.
t.test('edits megabytes of quotes, backslashes and members', async (t) => {
  const quoted = bytes(JSON.stringify({ a: '\\"'.repeat(1_000_000), b: 1 }));
  const nested = bytes(`{"a":[${'{"k":"v"},'.repeat(200_000)}0],"b":1}`);
  const many = bytes(`{${'"a":1,'.repeat(100_000)}"b":1}`);
  for (const large of [quoted, nested, many]) {
    t.equal(editMembers(large, { remove: ['a'] }).toString(), '{"b":1}');
  }
});

t.test('finds the end of strings of every length, whatever is escaped in them', async (t) => {
  const misread: unknown[] = [];
  for (let length = 0; length < 80; length++) {
    for (const tail of ['', '\\', '"', '\\"', '\\\\', 'é"']) {
      const body = { a: 'x'.repeat(length) + tail, b: 1, c: { d: ['"', tail] } };
      const bytes = Buffer.from(JSON.stringify(body));
      const span = topLevelMembers(bytes).get('a') as { valueStart: number; valueEnd: number };
      const read: unknown = JSON.parse(bytes.toString('utf8', span.valueStart, span.valueEnd));
      const { members, fault } = outline(bytes);
      if (members !== 3 || fault !== null || read !== body.a) misread.push(body);
    }
  }
  t.same(misread, []);
  t.equal(outline(bytes('{"a":1, "a":2}')).members, 2, 'duplicates count');
});

t.test('JSON may nest 128 deep, in objects and lists alike, and in strings as it likes', (t) => {
  const fault = (text: string) => outline(bytes(text)).fault;
  const lists = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);
  t.equal(fault(lists(128)), null);
  t.equal(fault(lists(129)), 'too deep');
  t.equal(fault('{"a":'.repeat(129)), 'too deep', 'closed or not');
  t.equal(fault(`{"a":"${'['.repeat(500)}"}`), null);
  t.equal(fault(`[${'[],{},'.repeat(500)}[]]`), null, 'side by side');
  t.ok(isTooDeep(`{"a":${'['.repeat(2000)}`));
  t.end();
});

t.test('a body may hold half a million values, an answer any number', (t) => {
  const list = (values: number): Buffer => bytes(`[${'0,'.repeat(values - 1)}0]`);
  t.equal(outline(list(500_000)).fault, null);
  t.equal(outline(list(500_001)).fault, 'too many values');
  t.equal(isTooDeep(list(500_001)), false);
  t.end();
});
