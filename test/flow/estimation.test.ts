import t from 'tap';
import { type MockProvider, startMock } from '../../src/mock/provider.js';
import { type Answer, post, type RunningProxy, startProxy, temporaryFolder } from './harness.js';
import { budgets, CENT_A_TOKEN, noonZone, places } from './setup.js';

const MEGABYTES_2 = 2 << 20;
const SMALL_REQUESTS = 60;
const SMALL_AT_ONCE = 4;
/** Against a run without the large prompt; two cores for the whole suite are no laboratory. */
const SLOWER_AT_MOST = 25;

let mock: MockProvider;
let proxy: RunningProxy;

t.teardown(() => mock.close());
/** `ann` has to be counted exactly, every time: one token less than the bound decides. */
t.before(async () => {
  mock = await startMock({ behaviour: CENT_A_TOKEN });
  const folder = temporaryFolder(t);
  proxy = await startProxy(t, {
    folder,
    config: `
budget:
  timezone: ${noonZone()}
  clamp_output: false
  per_user_limits:
    user_limits:
      poor: { daily_limit_cents: 200 }
      rich: { daily_limit_cents: 2000 }
      ann: { daily_limit_cents: 100 }
    default: { daily_limit_cents: 0.2 }
${places(folder, mock.url)}
models:
  gpt-4o: { provider: openai, estimated_input_cost_per_1k: 3, estimated_output_cost_per_1k: 6 }
  claude:
    provider: anthropic
    upstream_model: claude-sonnet-4-5
    estimated_input_cost_per_1k: 3
    estimated_output_cost_per_1k: 6
`,
  });
});

const chat = (user: string, content: string): Promise<Answer> =>
  post(`${proxy.url}/v1/chat/completions`, user, {
    model: 'gpt-4o',
    max_tokens: 10,
    messages: [{ role: 'user', content }],
  });

interface Load {
  readonly statuses: number[];
  /** The 90th percentile. */
  readonly slowMs: number;
}

/** Small requests, a few at once; each of another text, so that no count is remembered. */
async function smallRequests(): Promise<Load> {
  const statuses: number[] = [];
  const took: number[] = [];
  let left = SMALL_REQUESTS;
  const client = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      const start = performance.now();
      statuses.push((await chat('ann', `What is ${left} times ${left}?`)).status);
      took.push(performance.now() - start);
    }
  };
  await Promise.all(Array.from({ length: SMALL_AT_ONCE }, client));
  took.sort((a, b) => a - b);
  return { statuses, slowMs: took[Math.floor(took.length * 0.9)] ?? 0 };
}

const repeated = (text: string): string =>
  text.repeat(Math.ceil(MEGABYTES_2 / text.length)).slice(0, MEGABYTES_2);

/** Bytes without a pattern, the same in every run. */
function base64(seed = 1): string {
  const bytes = Buffer.alloc((MEGABYTES_2 / 4) * 3);
  let state = seed;
  for (let at = 0; at < bytes.length; at++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    bytes[at] = state >>> 24;
  }
  return bytes.toString('base64');
}

/** What the exact count admits and the bytes would not. */
const exact = async (users: string): Promise<number[]> => {
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, index) => chat(`${users}${index}`, `Is ${index} odd?`)),
  );
  return answers.map(({ status }) => status);
};

t.test('prompts of 2 MB do not cost others the exact count', async (t) => {
  await exact('first');
  t.same(new Set(await exact('alone')), new Set([200]));
  const large = Promise.all([1, 2, 3, 4].map((seed) => chat('rich', base64(seed))));
  const beside = await exact('beside');
  const refused = beside.filter((status) => status !== 200);
  t.same(refused, [], 'nobody is refused for a bound that the exact count would have admitted');
  t.same(
    (await large).map(({ status }) => status),
    [200, 200, 200, 200],
  );
});

t.test('2 MB in one prompt are answered, and so is everyone else', async (t) => {
  await smallRequests();
  const alone = await smallRequests();
  t.same(new Set(alone.statuses), new Set([200]));
  const prompts = {
    'one letter': repeated('a'),
    'a special token': repeated('<|endoftext|>'),
    base64: base64(),
  };
  for (const [name, prompt] of Object.entries(prompts)) {
    const large = Promise.all([chat('poor', prompt), chat('rich', prompt)]);
    const beside = await smallRequests();
    const [poor, rich] = await large;
    t.same(new Set(beside.statuses), new Set([200]), `${name}: small requests are served`);
    t.ok(
      beside.slowMs <= SLOWER_AT_MOST * alone.slowMs,
      `${name}: ${beside.slowMs.toFixed(1)} ms beside it, ${alone.slowMs.toFixed(1)} ms alone`,
    );
    t.equal(poor.status, 402, `${name}: the window is dearer than the budget: ${poor.text}`);
    t.equal(rich.status, 200, `${name}: where a whole window fits it is the provider's to judge`);
  }
  for (const user of ['poor', 'rich', 'ann']) {
    t.match((await budgets(proxy, user))[0], { reserved_usd: '0.00' }, user);
  }
  t.equal(await proxy.end(), 0);
});
