import t from 'tap';
import { LearnedOutput } from '../../src/proxy/learned.js';

t.test('expects nothing of a model before it has seen enough of it', async (t) => {
  const learned = new LearnedOutput();
  for (let request = 0; request < 15; request++) learned.learn('gpt-4', 100);
  t.equal(learned.expected('gpt-4'), null);
  learned.learn('gpt-4', 100);
  t.equal(learned.expected('gpt-4'), 100);
  t.equal(learned.expected('gpt-5'), null, 'each model for itself');
});

t.test('expects what nineteen in twenty stay within', async (t) => {
  const learned = new LearnedOutput();
  for (let request = 1; request <= 64; request++) learned.learn('gpt-4', request);
  t.equal(learned.expected('gpt-4'), 61);
  for (let request = 0; request < 3; request++) learned.learn('gpt-4', 100_000);
  t.equal(learned.expected('gpt-4'), 64, 'three in sixty-four are no rule');
  learned.learn('gpt-4', 100_000);
  t.equal(learned.expected('gpt-4'), 100_000, 'four are');
});

t.test('forgets what is long ago', async (t) => {
  const learned = new LearnedOutput();
  for (let request = 0; request < 64; request++) learned.learn('gpt-4', 100_000);
  for (let request = 0; request < 64; request++) learned.learn('gpt-4', 10);
  t.equal(learned.expected('gpt-4'), 10);
});

t.test('remembers a thousand models, whatever names come', async (t) => {
  const learned = new LearnedOutput();
  for (let model = 0; model < 2_000; model++) {
    for (let request = 0; request < 16; request++) learned.learn(`model-${model}`, 5);
  }
  t.equal(learned.expected('model-1023'), 5);
  t.equal(learned.expected('model-1024'), null);
});
