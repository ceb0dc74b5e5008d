import t from 'tap';
import { Rooms } from '../../src/http/rooms.js';

const KB = 1024;

t.test('a room that came back is taken again, by one at a time', async (t) => {
  const rooms = new Rooms();
  const first = rooms.take(400 * KB);
  t.ok(first.length >= 400 * KB);
  t.not(rooms.take(400 * KB), first, 'it is in use');
  rooms.giveBack(first);
  t.equal(rooms.take(300 * KB), first, 'it has room for less');
  t.not(rooms.take(300 * KB), first, 'it is in use again');
});

t.test('a small body pins no large room', async (t) => {
  const rooms = new Rooms();
  rooms.giveBack(rooms.take(1000 * KB));
  for (const size of [5, 100, 400])
    t.ok(rooms.take(size * KB).length < 2 * size * KB, `${size} KB`);
});

t.test('none is given to whom it is too small for', async (t) => {
  const rooms = new Rooms();
  for (const size of [64, 8, 300]) rooms.giveBack(rooms.take(size * KB));
  for (const size of [301, 65, 9, 8]) t.ok(rooms.take(size * KB).length >= size * KB, `${size} KB`);
});

t.test('a few are kept, and no large one', async (t) => {
  const rooms = new Rooms();
  const large = rooms.take(1024 * KB + 1);
  rooms.giveBack(large);
  t.not(rooms.take(1024 * KB + 1), large);
  for (const size of [8, 1024]) {
    const taken = Array.from({ length: 500 }, () => rooms.take(size * KB));
    for (const room of taken) rooms.giveBack(room);
    const again = Array.from({ length: 500 }, () => rooms.take(size * KB));
    const kept = again.filter((room) => taken.includes(room)).length;
    t.ok(kept > 0 && kept * size <= 4096 && kept <= 128, `${kept} of ${size} KB`);
  }
});
