// The certificate of `server.tls` while the proxy runs: one that was renewed, and fits its key, is
// told of. A pair that does not fit changes nothing.

import type { TlsFiles } from '../config/config.js';
import { pairFault } from '../config/tls-pair.js';
import { WatchedFiles } from './watched-files.js';

/** Why a worker that starts now could not use it; `null`: it could, or there is none to use. */
export const certificateFault = (tls: TlsFiles | null): string | null =>
  tls === null ? null : (pairFault(tls)?.why ?? null);

export function watchCertificate(
  tls: TlsFiles,
  { onRenewed, log }: { readonly onRenewed: () => void; readonly log: (line: string) => void },
): WatchedFiles {
  return new WatchedFiles([tls.certFile, tls.keyFile], () => {
    const fault = certificateFault(tls);
    if (fault !== null) return log(`⚠ certificate: the old one stays in force: ${fault}`);
    onRenewed();
    log('certificate: read again, new connections have it');
  });
}
