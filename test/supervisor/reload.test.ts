import t from 'tap';
import type { Config } from '../../src/config/config.js';
import { reloaded } from '../../src/supervisor/reload.js';

const admin = (host: string, token: string | null): Config =>
  ({ server: {}, budget: {}, storage: {}, auth: {}, admin: { host, port: 1, token } }) as never;

t.test('a listener that others reach keeps its token until a restart', async (t) => {
  const open = admin('0.0.0.0', 'secret');
  const { config, kept } = reloaded(open, admin('127.0.0.1', null));
  t.match(config.admin, { host: '0.0.0.0', token: 'secret' });
  t.same(kept, ['admin.host', 'admin.token']);
  t.equal(reloaded(open, admin('0.0.0.0', 'other')).config.admin.token, 'other');
  t.equal(reloaded(admin('127.0.0.1', 'x'), admin('127.0.0.1', null)).config.admin.token, null);
});
