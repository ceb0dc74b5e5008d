// The certificate of `server.tls` while the proxy runs: one that was renewed, and fits its key, is
// told of. A pair that does not fit changes nothing.

import type { TlsFiles } from '../config/config.js';
import { pairFault } from '../config/tls-pair.js';
import { WatchedFiles } from './watched-files.js';

export function watchCertificate(
  tls: TlsFiles,
  { onRenewed, log }: { readonly onRenewed: () => void; readonly log: (line: string) => void },
): WatchedFiles {
  return new WatchedFiles([tls.certFile, tls.keyFile], () => {
    const fault = pairFault(tls);
    if (fault !== null) return log(`⚠ certificate: the old one stays in force: ${fault.why}`);
    onRenewed();
    log('certificate: read again, new connections have it');
  });
}
