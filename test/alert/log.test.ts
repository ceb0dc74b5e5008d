import { readFileSync, renameSync } from 'node:fs';
import t from 'tap';
import { alertLine } from '../../src/alert/line.js';
import { canAppend, LogChannel } from '../../src/alert/log.js';
import { NOTICE, RECIPE_ALERT } from './event.js';

const [FIRST, SECOND] = [RECIPE_ALERT, NOTICE].map((event) => `${alertLine(event)}\n`);

t.test('creates the folder and appends line after line', async (t) => {
  const folder = t.testdir({});
  const logFile = `${folder}/var/log/alerts.log`;
  const log = new LogChannel({ logFile, storagePath: `${folder}/data` });
  t.same(await log.send(RECIPE_ALERT), { ok: true });
  t.same(await log.send(NOTICE), { ok: true });
  t.equal(readFileSync(logFile, 'utf8'), `${FIRST}${SECOND}`);
});

t.test('follows a file that logrotate moved away', async (t) => {
  const folder = t.testdir({});
  const logFile = `${folder}/alerts.log`;
  const log = new LogChannel({ logFile, storagePath: folder });
  await log.send(RECIPE_ALERT);
  renameSync(logFile, `${logFile}.1`);
  await log.send(NOTICE);
  t.equal(readFileSync(logFile, 'utf8'), SECOND);
  t.equal(readFileSync(`${logFile}.1`, 'utf8'), FIRST);
});

t.test('falls back to the data directory, and fails when that takes nothing either', async (t) => {
  const folder = t.testdir({ file: '' });
  const logFile = `${folder}/file/a.log`;
  const log = new LogChannel({ logFile, storagePath: `${folder}/data` });
  t.same(await log.probe(), { ok: true });
  t.same(await log.send(RECIPE_ALERT), { ok: true });
  t.equal(readFileSync(`${folder}/data/alerts.log`, 'utf8'), FIRST);

  const lost = new LogChannel({ logFile, storagePath: `${folder}/file/b` });
  t.match(await lost.probe(), { ok: false });
  t.match(await lost.send(RECIPE_ALERT), { ok: false, error: /E\w+: .*; ENOTDIR: / });
});

t.test('tells beforehand whether a file can be written', async (t) => {
  const folder = t.testdir({ file: '', inner: {} });
  t.equal(canAppend(`${folder}/file`), true);
  t.equal(canAppend(`${folder}/new/and/deep.log`), true);
  t.equal(canAppend(`${folder}/inner`), false);
  t.equal(canAppend(`${folder}/file/below.log`), false);
});
