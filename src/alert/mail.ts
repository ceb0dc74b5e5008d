// The channel of one mailbox: a mail for each alert over SMTP, as text and as HTML. A password
// never goes over a connection that is not encrypted, but to this machine itself.

import type { ConnectionOptions } from 'node:tls';
import type { Transporter } from 'nodemailer';
import { isLoopback } from '../config/address.js';
import type { AlertEvent, ChannelPlan } from '../kernel/alert.js';
import type { Channel, Delivery } from './channel.js';
import { facts, sentence } from './sentence.js';

export interface MailOptions {
  /** `mailto:ops@example.com`. */
  readonly url: string;
  readonly plan: ChannelPlan;
  /** `null`: the config names no server, and nothing can be sent. */
  readonly smtp: { readonly url: string; readonly from: string } | null;
  /** Of the connection, in tests. */
  readonly tls?: ConnectionOptions;
}

const TIMEOUT_MS = 10_000;
const LANES = 2;

function transportOptions(smtp: { readonly url: string }, tls: ConnectionOptions = {}) {
  const url = new URL(smtp.url);
  const secure = url.protocol === 'smtps:';
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const user = decodeURIComponent(url.username);
  return {
    host,
    port: url.port === '' ? (secure ? 465 : 587) : Number(url.port),
    secure,
    requireTLS: user !== '' && !isLoopback(host),
    tls,
    connectionTimeout: TIMEOUT_MS,
    greetingTimeout: TIMEOUT_MS,
    socketTimeout: TIMEOUT_MS,
    dnsTimeout: TIMEOUT_MS,
    disableFileAccess: true,
    disableUrlAccess: true,
    ...(user !== '' && { auth: { user, pass: decodeURIComponent(url.password) } }),
  };
}

export class MailChannel implements Channel {
  readonly plan: ChannelPlan;
  readonly kind = 'mail';
  readonly label: string;
  readonly lanes = LANES;
  readonly page = 16;
  readonly #to: string;
  readonly #smtp: MailOptions['smtp'];
  readonly #tls: ConnectionOptions | undefined;
  /** Made with the first mail, and its library loaded: a start pays for neither. */
  #transport: Transporter | null = null;

  constructor({ url, plan, smtp, tls }: MailOptions) {
    this.plan = plan;
    this.label = url;
    this.#to = url.slice('mailto:'.length);
    this.#smtp = smtp;
    this.#tls = tls;
  }

  send(event: AlertEvent): Promise<Delivery> {
    return this.#try(async (transport, from) => {
      await transport.sendMail({
        from: { name: 'TokenPak', address: from },
        to: { name: '', address: this.#to },
        subject: `[TokenPak] ${sentence(event)}`,
        // The same for each attempt: what arrives twice after all shows as one.
        messageId: `<${event.eventId}.${this.plan.name}@tokenpak.invalid>`,
        date: new Date(event.occurredAtMs),
        headers: { 'Auto-Submitted': 'auto-generated' },
        text: mailText(event),
        html: mailHtml(event),
      });
    });
  }

  /** Connects and logs in; sends nothing. */
  probe(): Promise<Delivery> {
    return this.#try(async (transport) => {
      await transport.verify();
    });
  }

  close(): void {
    this.#transport?.close();
  }

  async #try(act: (transport: Transporter, from: string) => Promise<void>): Promise<Delivery> {
    const smtp = this.#smtp;
    if (smtp === null) return { ok: false, error: 'alerts.smtp is not set: add url and from' };
    try {
      const { createTransport } = await import('nodemailer');
      this.#transport ??= createTransport(transportOptions(smtp, this.#tls));
      await act(this.#transport, smtp.from);
      return { ok: true };
    } catch (error) {
      return { ok: false, error: reasonOf(error) };
    }
  }
}

/** Code and SMTP status, never the server's words: they may quote what we sent. */
function reasonOf(error: unknown): string {
  const { code, responseCode } = error as { code?: unknown; responseCode?: unknown };
  const name = typeof code === 'string' ? code : 'failed';
  return typeof responseCode === 'number' ? `SMTP ${responseCode} (${name})` : `SMTP ${name}`;
}

export function mailText(event: AlertEvent): string {
  const rows = facts(event);
  const width = Math.max(...rows.map(([name]) => name.length));
  const lines = rows.map(([name, value]) => `${`${name}:`.padEnd(width + 2)}${value}`);
  return `${sentence(event)}\n\n${lines.join('\n')}\n`;
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
};
const escaped = (text: string): string => text.replace(/[&<>"]/g, (sign) => ENTITIES[sign] ?? '');

export function mailHtml(event: AlertEvent): string {
  const rows = facts(event).map(
    ([name, value]) =>
      '<tr><th align="left" style="padding:4px 24px 4px 0;font-weight:normal;color:#666">' +
      `${escaped(name)}</th><td style="padding:4px 0">${escaped(value)}</td></tr>`,
  );
  return (
    '<!doctype html><html lang="en"><body ' +
    'style="margin:24px;font:15px/1.5 system-ui,sans-serif;color:#1a1a1a;background:#fff">' +
    `<p style="font-size:18px;margin:0 0 16px">${escaped(sentence(event))}</p>` +
    `<table style="border-collapse:collapse">${rows.join('')}</table></body></html>\n`
  );
}
