import { readFileSync, renameSync } from 'node:fs';
import t from 'tap';
import { AlertLog, canAppend } from '../../src/alert/log.js';

t.test('creates the folder and appends line after line', async (t) => {
  const folder = t.testdir({});
  const logFile = `${folder}/var/log/alerts.log`;
  const log = new AlertLog({ logFile, storagePath: `${folder}/data` });
  t.equal(log.append('one'), logFile);
  t.equal(log.append('two'), logFile);
  t.equal(readFileSync(logFile, 'utf8'), 'one\ntwo\n');
});

t.test('follows a file that logrotate moved away', async (t) => {
  const folder = t.testdir({});
  const logFile = `${folder}/alerts.log`;
  const log = new AlertLog({ logFile, storagePath: folder });
  log.append('one');
  renameSync(logFile, `${logFile}.1`);
  log.append('two');
  t.equal(readFileSync(logFile, 'utf8'), 'two\n');
  t.equal(readFileSync(`${logFile}.1`, 'utf8'), 'one\n');
});

t.test('falls back to the data directory, and fails when that takes nothing either', async (t) => {
  const folder = t.testdir({ file: '' });
  const log = new AlertLog({ logFile: `${folder}/file/a.log`, storagePath: `${folder}/data` });
  t.equal(log.append('one'), `${folder}/data/alerts.log`);
  t.equal(readFileSync(`${folder}/data/alerts.log`, 'utf8'), 'one\n');

  const lost = new AlertLog({ logFile: `${folder}/file/a.log`, storagePath: `${folder}/file/b` });
  t.throws(() => lost.append('one'), { code: 'alert_log_unavailable' });
});

t.test('tells beforehand whether a file can be written', async (t) => {
  const folder = t.testdir({ file: '', inner: {} });
  t.equal(canAppend(`${folder}/file`), true);
  t.equal(canAppend(`${folder}/new/and/deep.log`), true);
  t.equal(canAppend(`${folder}/inner`), false);
  t.equal(canAppend(`${folder}/file/below.log`), false);
});
