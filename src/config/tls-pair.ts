// A certificate and its key as they stand on disk now: whether the proxy can show them to clients.
// Reads them, keeps nothing, and never says what the key holds.

import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { messageOf } from '../kernel/errors.js';
import type { TlsFiles } from './config.js';

export interface PairFault {
  /** The key of `server.tls` at fault. */
  readonly key: 'cert_file' | 'key_file';
  readonly why: string;
}

/** `null` for a pair that belongs together. */
export function pairFault({ certFile, keyFile }: TlsFiles): PairFault | null {
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(readFileSync(certFile));
  } catch (error) {
    return { key: 'cert_file', why: unreadable(certFile, error, 'a certificate in PEM') };
  }
  let key: KeyObject;
  try {
    key = createPrivateKey(readFileSync(keyFile));
  } catch (error) {
    const wanted = 'a private key in PEM, without a passphrase';
    return { key: 'key_file', why: unreadable(keyFile, error, wanted) };
  }
  if (certificate.checkPrivateKey(key)) return null;
  return { key: 'key_file', why: `${keyFile} is not the key of the certificate in ${certFile}` };
}

function unreadable(path: string, error: unknown, wanted: string): string {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  if (code === 'ENOENT') return `there is no ${path}: expected ${wanted}`;
  // The system's reasons name the path; those of the parser are about bytes, and say no more.
  if (code.startsWith('E') && !code.startsWith('ERR_')) {
    return `${path} cannot be read (${messageOf(error)})`;
  }
  return `${path} is not ${wanted}`;
}
