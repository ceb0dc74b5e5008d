import t from 'tap';
import { shortened } from '../../src/wire/shortened.js';

const LONG = 'words "quoted" \\ and\nbroken, ünïcode too. '.repeat(600);

const brief = (value: unknown): unknown => {
  const bytes = Buffer.from(JSON.stringify(value));
  return JSON.parse(shortened(bytes).toString()) as unknown;
};

t.test('long texts are left out, everything else stays as it is', async (t) => {
  const body = (content: string, text: string) => ({
    model: 'gpt-4',
    messages: [
      { role: 'user', content },
      {
        content: [
          { type: 'text', text },
          { type: 'image_url', image_url: { url: LONG } },
        ],
      },
      { role: 'assistant', content: 'short', 'not content': LONG, audio: { data: LONG } },
    ],
    metadata: { key: 'content' },
    content: ['not a text', LONG],
    n: 2,
  });
  t.same(brief(body(LONG, LONG)), body('x', 'x'));
});

t.test('space around a colon is no matter', async (t) => {
  const bytes = Buffer.from(`{ "text" \n:\t${JSON.stringify(LONG)} , "a" : 1 }`);
  t.same(JSON.parse(shortened(bytes).toString()), { text: 'x', a: 1 });
});

t.test('a body without a long text is not touched', async (t) => {
  const many = { messages: Array.from({ length: 900 }, () => ({ content: 'a "short" text' })) };
  for (const value of [{}, { content: 'short' }, many, { content: { text: [LONG] } }, [LONG]]) {
    const bytes = Buffer.from(JSON.stringify(value));
    t.equal(shortened(bytes), bytes);
  }
});

t.test('what is no JSON does not become JSON', async (t) => {
  const whole = JSON.stringify({ content: LONG, text: LONG });
  for (const cut of [1, 2, 3, LONG.length, LONG.length + 60, whole.length - 20]) {
    const bytes = Buffer.from(whole.slice(0, -cut));
    t.throws(() => JSON.parse(shortened(bytes).toString()), SyntaxError, `cut by ${cut}`);
  }
  const escaped = Buffer.from(`{"content":"${'y'.repeat(20_000)}\\"`);
  t.throws(() => JSON.parse(shortened(escaped).toString()), SyntaxError);
});
