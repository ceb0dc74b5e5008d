import t from 'tap';
import { crc32c } from '../../src/kernel/crc32c.js';

const bytes = (text: string): Buffer => Buffer.from(text);

t.test('agrees with the check values of RFC 3720', async (t) => {
  t.equal(crc32c(bytes('123456789'), 0, 9), 0xe3069283);
  t.equal(crc32c(Buffer.alloc(32), 0, 32), 0x8a9136aa);
  t.equal(crc32c(Buffer.alloc(32, 0xff), 0, 32), 0x62a8ab43);
});

t.test('goes on from an earlier part', async (t) => {
  const whole = bytes('123456789');
  t.equal(crc32c(whole, 4, 9, crc32c(whole, 0, 4)), 0xe3069283);
});
