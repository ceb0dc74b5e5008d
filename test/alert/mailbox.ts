// A mailbox: a real SMTP server on loopback that keeps what it was sent, with a certificate made
// for it and for this run alone.

import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { SMTPServer } from 'smtp-server';
import type { Test } from 'tap';

export interface Mail {
  readonly from: string;
  readonly to: readonly string[];
  readonly user: string | undefined;
  readonly encrypted: boolean;
  readonly source: string;
}

export interface Mailbox {
  readonly port: number;
  readonly received: Mail[];
  /** Of the certificate, for `localhost`. */
  readonly ca: string;
  /** The same as a file. */
  readonly caFile: string;
}

export interface MailboxOptions {
  /** Encrypted from the first byte, rather than by STARTTLS. */
  readonly secure?: boolean;
  readonly password?: string;
  /** Offers no STARTTLS. */
  readonly plain?: boolean;
  /** Refuses so many mails before it takes one. */
  readonly refusals?: number;
}

export function certificate(folder: string): { key: string; cert: string; certFile: string } {
  const [keyFile, certFile] = [`${folder}/key.pem`, `${folder}/cert.pem`];
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'];
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const files = ['-keyout', keyFile, '-out', certFile];
  execFileSync('openssl', ['req', '-x509', '-days', '2', ...kind, ...subject, ...files], {
    stdio: 'ignore',
  });
  return { key: readFileSync(keyFile, 'utf8'), cert: readFileSync(certFile, 'utf8'), certFile };
}

export async function mailbox(t: Test, options: MailboxOptions = {}): Promise<Mailbox> {
  const { key, cert, certFile } = certificate(t.testdir());
  const received: Mail[] = [];
  let refusals = options.refusals ?? 0;
  const server = new SMTPServer({
    key,
    cert,
    secure: options.secure ?? false,
    authOptional: options.password === undefined,
    allowInsecureAuth: options.plain ?? false,
    ...(options.plain === true && { disabledCommands: ['STARTTLS'] }),
    onAuth({ username, password }, _, done) {
      if (password !== options.password) return done(new Error('CANARY: no such user'));
      done(null, { user: username });
    },
    onData(stream, session, done) {
      let source = '';
      stream.on('data', (data: Buffer) => (source += data.toString()));
      stream.on('end', () => {
        refusals -= 1;
        if (refusals >= 0) return done(Object.assign(new Error('busy'), { responseCode: 451 }));
        const { mailFrom, rcptTo } = session.envelope;
        received.push({
          from: mailFrom === false ? '' : mailFrom.address,
          to: rcptTo.map(({ address }) => address),
          user: session.user,
          encrypted: session.secure,
          source,
        });
        done();
      });
    },
  });
  // A client that does not trust the certificate hangs up, which is an error here.
  server.on('error', () => undefined);
  const listener = server.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  t.teardown(() => new Promise<void>((closed) => server.close(closed)));
  const { port } = listener.address() as AddressInfo;
  return { port, received, ca: cert, caFile: certFile };
}
