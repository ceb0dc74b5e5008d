// HTTPS as clients see it: their own SDK, a certificate that is renewed under them, and what is no
// TLS at all.

import { once } from 'node:events';
import { renameSync, writeFileSync } from 'node:fs';
import { connect } from 'node:tls';
import { OpenAI } from 'openai';
import t from 'tap';
import { Agent, setGlobalDispatcher } from 'undici';
import { type RunningProxy, temporaryFolder } from '../flow/harness.js';
import { asking } from '../flow/setup.js';
import { FIRST, type Pair, SECOND } from './certificates.js';
import { startHeldProxy } from './held-proxy.js';
import { dial } from './raw.js';

t.setTimeout(60_000);

const folder = temporaryFolder(t);
const files = { certificate: `${folder}/tls.pem`, key: `${folder}/tls.key` };

function put(pair: Pick<Pair, 'certificate' | 'key'>): void {
  writeFileSync(files.certificate, pair.certificate);
  writeFileSync(files.key, pair.key);
}

/** Whose certificate a new connection is shown. */
async function shownBy({ url }: RunningProxy): Promise<string> {
  const ca = FIRST.certificate + SECOND.certificate;
  const socket = connect({ host: '127.0.0.1', port: Number(new URL(url).port), ca });
  await once(socket, 'secureConnect');
  const { subject } = socket.getPeerCertificate();
  socket.destroy();
  return String(subject.CN);
}

put(FIRST);
const { proxy, provider, killWorker } = await startHeldProxy(t, {
  folder,
  server: 'tls: { cert_file: tls.pem, key_file: tls.key }',
});

t.test('an SDK streams over HTTPS, and its stream outlives the certificate', async (t) => {
  t.match(proxy.readyLine, /https:\/\/127\.0\.0\.1:\d+/);
  t.equal(await shownBy(proxy), FIRST.name);
  setGlobalDispatcher(new Agent({ connect: { ca: FIRST.certificate } }));
  const client = new OpenAI({ baseURL: `${proxy.url}/v1`, apiKey: 'ann', maxRetries: 0 });
  const messages = [{ role: 'user' as const, content: 'Hi' }];
  const asked = { model: 'gpt-4', max_tokens: 10, messages };
  const opened = client.chat.completions.create({ ...asked, stream: true });
  const held = await provider.next();
  held.begin();
  const parts = (await opened)[Symbol.asyncIterator]();
  t.match(await parts.next(), { value: { choices: [{ delta: { content: 'Hi' } }] } });

  put(SECOND);
  await proxy.said('certificate: read again');
  // Each of two workers has yet to hear of it. Who comes between the last look at a socket and its
  // end is reset.
  while ((await shownBy(proxy).catch(() => FIRST.name)) === FIRST.name);
  held.finish(5);
  t.match(await parts.next(), { done: false }, 'the stream goes on');
  for (let part = await parts.next(); part.done !== true;) part = await parts.next();
});

t.test('a certificate without its key changes nothing', async (t) => {
  put({ certificate: FIRST.certificate, key: SECOND.key });
  await proxy.said('the old one stays in force');
  t.match(proxy.output(), /tls\.key is not the key of the certificate in .*tls\.pem/);
  t.equal(await shownBy(proxy), SECOND.name);
});

t.test(
  'a worker that dies beside such a pair waits for another, and the others serve',
  async (t) => {
    killWorker();
    await proxy.said('is not started again for now');
    t.match(proxy.output(), /not started again for now: .*tls\.key is not the key/);
    t.equal(await shownBy(proxy), SECOND.name);
    put(FIRST);
    await proxy.said('was started again');
    while ((await shownBy(proxy)) === SECOND.name);
    t.match(proxy.output(), /worker \d was started again/);
  },
);

t.test('so does one that dies while a file is away, until it is there again', async (t) => {
  const before = proxy.output().length;
  const said = async (text: RegExp): Promise<void> => {
    // A connection to the worker that dies breaks off.
    while (!text.test(proxy.output().slice(before))) await shownBy(proxy).catch(() => undefined);
  };
  renameSync(files.key, `${folder}/away.key`);
  killWorker();
  await said(/not started again for now: .*tls\.key/);
  renameSync(`${folder}/away.key`, files.key);
  await said(/worker \d was started again/);
  t.equal(await shownBy(proxy), FIRST.name);
});

t.test('plain HTTP is hung up on', async (t) => {
  const socket = dial(proxy.url);
  let answer = '';
  socket.on('data', (data: Buffer) => (answer += data.toString('latin1')));
  socket.write(`POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n\r\n${JSON.stringify(asking(1))}`);
  await once(socket, 'close');
  t.notMatch(answer, /HTTP/);
  t.equal(await proxy.end(), 0);
});
