// Requests that a seed breaks, over raw sockets, at both listeners of a proxy: what is wrong with
// the answers, and whether all goes on as before.

import { once } from 'node:events';
import { startMock } from '../../src/mock/provider.js';
import {
  get,
  post,
  type RunningProxy,
  startProxy,
  type Teardown,
  temporaryFolder,
} from '../flow/harness.js';
import { adminOf, atRest, CENT_A_TOKEN, config } from '../flow/setup.js';
import { BODY, chat, dial, LENGTH, statuses } from './raw.js';

/** Requests of a round, all at once. */
export const AT_ONCE = 20;

export interface Target {
  readonly proxy: RunningProxy;
  readonly admin: string;
}

export async function startTarget(t: Teardown): Promise<Target> {
  const mock = await startMock({ behaviour: CENT_A_TOKEN });
  t.teardown(() => mock.close());
  const folder = temporaryFolder(t);
  const budget = 'daily_limit_cents: 100000000';
  const more = 'admin: { port: 0 }';
  const text = config({ folder, providerUrl: mock.url, budget, more });
  const proxy = await startProxy(t, { folder, config: text });
  return { proxy, admin: adminOf(folder) };
}

type Below = (max: number) => number;

/** A Lehmer generator: whole numbers below `max`. */
export function numbers(seed: number): Below {
  let state = (seed % 2_147_483_646) + 1;
  return (max) => (state = (state * 48_271) % 2_147_483_647) % max;
}

const SCRAPS = ['\r\n', '\n', '\0', ':', ' ', '{', '"', '[[[[', '-1', '1e999', '\xff', 'null', '%'];

function broken(text: string, below: Below): string {
  const at = below(text.length);
  switch (below(5)) {
    case 0:
      return text.slice(0, at);
    case 1:
      return text.slice(0, at) + text.slice(at + 1 + below(8));
    case 2:
      return text.slice(0, at) + SCRAPS[below(SCRAPS.length)] + text.slice(at);
    case 3:
      return text.slice(0, at) + String.fromCharCode(below(256)) + text.slice(at + 1);
    default:
      return Array.from({ length: 1 + below(400) }, () => String.fromCharCode(below(256))).join('');
  }
}

/** A body that is broken, behind a head that is whole. */
const hostile = (below: Below): string => {
  const body = broken(BODY, below);
  return chat(`Content-Length: ${body.length}\r\n`, body, 'fuzz');
};

const ASKED = chat(LENGTH, BODY, 'fuzz');
const TO_ADMIN =
  'POST /admin/raises HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}' +
  'GET /admin/spend?from=2026-01-01 HTTP/1.1\r\nHost: localhost\r\n\r\n';

/** Says that it has ended: nobody waits for the rest. */
export async function cutOff(url: string, bytes: string): Promise<string> {
  const socket = dial(url);
  let answer = '';
  socket.on('data', (data: Buffer) => (answer += data.toString('latin1')));
  socket.end(Buffer.from(bytes, 'latin1'));
  await once(socket, 'close');
  return answer;
}

/** Breaks so many requests; returns what was answered by a 5xx that nobody designed. */
export async function hostileRound({ proxy, admin }: Target, below: Below): Promise<string[]> {
  const sent = Array.from({ length: AT_ONCE }, (_, index) => {
    const toAdmin = index % 4 === 0;
    const whole = toAdmin ? TO_ADMIN : ASKED;
    const bytes = index % 4 === 1 ? hostile(below) : broken(whole, below);
    return { url: toAdmin ? admin : proxy.url, bytes };
  });
  const found = sent.map(async ({ url, bytes }) => {
    const faults = statuses(await cutOff(url, bytes)).filter((is) => is > 499 && is !== 505);
    return faults.map((status) => `${status} to ${JSON.stringify(bytes)}`);
  });
  return (await Promise.all(found)).flat();
}

/** Waits until no money is held; returns what is not as it was before all of it. */
export async function afterwards({ proxy, admin }: Target): Promise<string[]> {
  await atRest(proxy, 'fuzz');
  const served = await post(`${proxy.url}/v1/chat/completions`, 'ann', BODY);
  const health = await get(`${admin}/healthz`, null);
  return [
    ...(served.status === 200 ? [] : [`a good request gets ${served.status}: ${served.text}`]),
    ...(health.status === 200 ? [] : [`the admin listener's health is ${health.status}`]),
    ...(/defect|started again/.test(proxy.output()) ? [proxy.output()] : []),
  ];
}
