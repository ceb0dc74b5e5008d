import t from 'tap';
import {
  JOURNAL_ID_MAX,
  journalOf,
  reservationIdOf,
  SEQUENCE_MAX,
} from '../../src/kernel/record.js';

t.test('the journal stands above 40 bits of a reservation, however high its number', async (t) => {
  for (const journalId of [0, 1, 2 ** 13 - 1, 2 ** 13, JOURNAL_ID_MAX]) {
    for (const sequence of [0, 7, 2 ** 31, 2 ** 32 + 1, SEQUENCE_MAX]) {
      const id = reservationIdOf(journalId, sequence);
      t.equal(id, BigInt(journalId) * 2n ** 40n + BigInt(sequence));
      t.equal(journalOf(id), journalId);
    }
  }
});
