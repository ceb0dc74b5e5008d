import t, { type Test } from 'tap';
import { MailChannel, mailHtml, mailText } from '../../src/alert/mail.js';
import { alertOf, NOTICE, RECIPE_ALERT } from './event.js';
import { type Mailbox, mailbox } from './mailbox.js';

const PLAN = { name: 'mail', standbyMs: null };
const URL = 'mailto:ops@example.com';
const FROM = 'tokenpak@example.com';

function channel(t: Test, url: string, box: Mailbox | null): MailChannel {
  const tls = box === null ? {} : { tls: { ca: box.ca } };
  const mail = new MailChannel({ url: URL, plan: PLAN, smtp: { url, from: FROM }, ...tls });
  t.teardown(() => mail.close());
  return mail;
}

/** Of a mail's source, with its lines joined again. */
const unfolded = (source: string): string =>
  source.replaceAll('=\r\n', '').replaceAll(/\r\n[ \t]/g, ' ');

t.test('arrives in the mailbox, encrypted, as text and as HTML', async (t) => {
  const box = await mailbox(t, { password: 'p@ss word' });
  const mail = channel(t, `smtp://me:p%40ss%20word@localhost:${box.port}`, box);
  t.same(await mail.send(RECIPE_ALERT), { ok: true });
  const [received] = box.received;
  t.match(received, { from: FROM, to: ['ops@example.com'], user: 'me', encrypted: true });
  const source = unfolded(received!.source);
  t.match(source, /^From: TokenPak <tokenpak@example\.com>\r$/m);
  t.match(
    source,
    /^Subject: \[TokenPak\] user-a: 80% of the daily limit reached, \$9\.00 of \$3\.00\r$/m,
  );
  t.match(source, /^Message-ID: <evt_1\.mail@tokenpak\.invalid>\r$/m);
  t.match(source, /^Auto-Submitted: auto-generated\r$/m);
  t.match(source, /^Content-Type: text\/plain/m);
  t.match(source, /^Content-Type: text\/html/m);
  t.match(source, /^Limit: +\$3\.00 \(300% spent\)\r$/m);
});

t.test('speaks TLS from the first byte to smtps: servers', async (t) => {
  const box = await mailbox(t, { secure: true });
  const mail = channel(t, `smtps://localhost:${box.port}`, box);
  t.same(await mail.send(NOTICE), { ok: true });
  t.match(box.received, [{ encrypted: true, user: undefined }]);
});

t.test('trusts no certificate that nobody vouches for', async (t) => {
  for (const secure of [true, false]) {
    const box = await mailbox(t, { secure });
    const mail = channel(t, `smtp${secure ? 's' : ''}://localhost:${box.port}`, null);
    t.match(await mail.send(RECIPE_ALERT), { ok: false, error: /^SMTP E/ });
    t.same(box.received, []);
  }
});

t.test('gives no password to a server without encryption, but on this machine', async (t) => {
  const box = await mailbox(t, { plain: true, password: 'secret' });
  const here = channel(t, `smtp://me:secret@127.0.0.1:${box.port}`, box);
  t.same(await here.send(RECIPE_ALERT), { ok: true });
  // Also loopback, but not by its name.
  const elsewhere = channel(t, `smtp://me:secret@[::ffff:127.0.0.1]:${box.port}`, box);
  t.match(await elsewhere.send(RECIPE_ALERT), { ok: false, error: /^SMTP/ });
  t.equal(box.received.length, 1);
});

t.test('says what the server said by its number only', async (t) => {
  const box = await mailbox(t, { password: 'secret', refusals: 1 });
  const wrong = channel(t, `smtp://me:wrong@localhost:${box.port}`, box);
  t.same(await wrong.send(RECIPE_ALERT), { ok: false, error: 'SMTP 535 (EAUTH)' });
  const right = channel(t, `smtp://me:secret@localhost:${box.port}`, box);
  t.same(await right.send(RECIPE_ALERT), { ok: false, error: 'SMTP 451 (EMESSAGE)' });
  t.same(await right.send(RECIPE_ALERT), { ok: true });
  const none = new MailChannel({ url: URL, plan: PLAN, smtp: null });
  t.match(await none.send(RECIPE_ALERT), { ok: false, error: /alerts\.smtp is not set/ });
});

t.test('a probe logs in and sends nothing', async (t) => {
  const box = await mailbox(t, { password: 'secret' });
  t.same(await channel(t, `smtp://me:secret@localhost:${box.port}`, box).probe(), { ok: true });
  t.match(await channel(t, `smtp://me:no@localhost:${box.port}`, box).probe(), { ok: false });
  t.match(await channel(t, 'smtp://localhost:1', box).probe(), {
    ok: false,
    error: 'SMTP ESOCKET',
  });
  t.same(box.received, []);
});

t.test('no name adds a header, a line or an element', async (t) => {
  const box = await mailbox(t);
  const user = 'eve\r\nBcc: x@example.com\r\n\r\n<script>&"';
  const event = alertOf({ scope: `user:${user}` });
  t.same(await channel(t, `smtp://localhost:${box.port}`, box).send(event), { ok: true });
  t.same(box.received[0]!.to, ['ops@example.com']);
  t.notMatch(unfolded(box.received[0]!.source), /^Bcc/m);
  t.match(mailText(event), /^eve\uFFFD\uFFFDBcc: x@example\.com/);
  t.match(mailHtml(event), '&lt;script&gt;&amp;&quot;');
  t.notMatch(mailHtml(event), '<script>');
});

t.test('says each event in a sentence', async (t) => {
  const budget = (event: string, details = {}) =>
    mailText({ ...RECIPE_ALERT, event: event as 'test', details }).split('\n')[0];
  const notice = (event: string, details = {}) =>
    mailText({ ...NOTICE, event: event as 'test', details }).split('\n')[0];
  t.match(budget('budget_exceeded'), /^user-a: the daily limit leaves no room/);
  t.match(budget('budget_forecast'), /^user-a: the daily limit will be reached/);
  t.match(budget('budget_forecast', { state: 'cleared' }), /will hold after all/);
  t.match(budget('stream_without_cost'), /brought no usage/);
  t.match(budget('settlement_overrun'), /above its own maximum/);
  t.match(notice('ledger_unavailable'), /^The ledger cannot be written/);
  t.match(notice('pricing_stale', { source: 'litellm' }), /fetched from litellm/);
  t.match(notice('spend_drift', { provider: 'openai' }), /invoice of openai$/);
  t.match(notice('test'), /^A test/);
  t.match(mailText(alertOf({ scope: 'global', limit: null })), /^All users together: .* \$9\.00\n/);
});
