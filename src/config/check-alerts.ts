// The rules of alerts: where they may go, what goes with what. Adds problems and warnings to the
// report; changes nothing, and repeats no URL: it may hold a secret.

import { checkWebhook } from './address.js';
import type { Report } from './problem.js';
import type { ConfigFile } from './schema.js';

const WHSEC = /^whsec_[A-Za-z0-9+/]{22,88}={0,2}$/;
const MAILBOX = /^[^\s@<>",;:]+@[^\s@<>",;:]+$/;

export function checkAlerts({ budget, alerts }: ConfigFile, report: Report): void {
  const webhooks = [budget.alert_webhook].flat();
  const seen = new Set<string>();
  for (const [index, webhook] of webhooks.entries()) {
    const key = webhooks.length > 1 ? `budget.alert_webhook.${index}` : 'budget.alert_webhook';
    checkReceiver(key, webhook, { seen, smtp: alerts.smtp !== undefined }, report);
  }
  if (alerts.fallback !== undefined && alerts.fallback !== '') {
    const key = 'alerts.fallback';
    checkReceiver(key, alerts.fallback, { seen, smtp: alerts.smtp !== undefined }, report);
    if (webhooks.length === 0) {
      report.problem(key, 'is only used after budget.alert_webhook: move it there');
    }
  }
  for (const secret of [alerts.webhook_secret].flat()) {
    if (!secret.startsWith('whsec_') || WHSEC.test(secret)) continue;
    report.problem(
      'alerts.webhook_secret',
      'is not whsec_ and base64 of 16 to 64 bytes: copy it whole, or use plain text',
    );
  }
  checkSmtp(alerts.smtp, report);
}

function checkReceiver(
  key: string,
  text: string,
  known: { readonly seen: Set<string>; readonly smtp: boolean },
  report: Report,
): void {
  const checked = checkWebhook(text);
  if (!checked.ok) return report.problem(key, checked.why);
  if (known.seen.has(checked.url)) report.problem(key, 'is named twice: remove one');
  known.seen.add(checked.url);
  if (checked.url.startsWith('mailto:') && !known.smtp) {
    report.warning(key, 'mail needs alerts.smtp (url and from): nothing is sent to it without');
  }
}

function checkSmtp(smtp: ConfigFile['alerts']['smtp'], report: Report): void {
  if (smtp === undefined) return;
  const url = URL.canParse(smtp.url) ? new URL(smtp.url) : null;
  const known = url?.protocol === 'smtp:' || url?.protocol === 'smtps:';
  if (!report.spoken('alerts.smtp.url') && (url === null || !known || url.hostname === '')) {
    report.problem(
      'alerts.smtp.url',
      'expected smtp://user:password@host:587 (STARTTLS) or smtps://user:password@host:465',
    );
  }
  if (!report.spoken('alerts.smtp.from') && !MAILBOX.test(smtp.from)) {
    report.problem('alerts.smtp.from', 'expected an address, such as tokenpak@example.com');
  }
}
