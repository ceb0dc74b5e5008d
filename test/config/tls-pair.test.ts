import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { validateConfig } from '../../src/cli/validate-config.js';
import { pairFault } from '../../src/config/tls-pair.js';
import { PriceTable } from '../../src/pricing/table.js';
import { FIRST, SECOND } from '../edge/certificates.js';

const folder = t.testdir({
  'first.pem': FIRST.certificate,
  'first.key': FIRST.key,
  'second.key': SECOND.key,
  'no.pem': 'no certificate',
  folder: {},
});

const fault = (certificate: string, key: string) =>
  pairFault({ certFile: join(folder, certificate), keyFile: join(folder, key) });

t.test('a pair is taken that belongs together, any other with a reason refused', async (t) => {
  t.equal(fault('first.pem', 'first.key'), null);
  const faults = {
    'there is no .*none.pem: expected a certificate': fault('none.pem', 'first.key'),
    'there is no .*none.key: expected a private key': fault('first.pem', 'none.key'),
    'no.pem is not a certificate in PEM': fault('no.pem', 'first.key'),
    'first.pem is not a private key in PEM': fault('first.pem', 'first.pem'),
    'folder cannot be read': fault('folder', 'first.key'),
    'second.key is not the key of the certificate in': fault('first.pem', 'second.key'),
  };
  for (const [why, found] of Object.entries(faults)) t.match(found?.why, new RegExp(why));
});

t.test('validate-config says which file of server.tls is at fault, and fails', async (t) => {
  const file = join(folder, 'config.yaml');
  const validated = (key: string) => {
    writeFileSync(
      file,
      `server:\n  tls:\n    cert_file: first.pem\n    key_file: ${key}\nproviders: { p: { type: mock } }\n`,
    );
    return validateConfig(file, {}, (config) => new PriceTable(config));
  };
  t.equal(validated('first.key').exitCode, 0);
  const { exitCode, lines } = validated('second.key');
  t.equal(exitCode, 2);
  t.match(lines, [/^✗ .*config\.yaml:4:5 server\.tls\.key_file: .*second\.key is not the key/]);
});
