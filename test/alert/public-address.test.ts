import type { LookupAddress } from 'node:dns';
import t from 'tap';
import { guardedLookup, isPublic } from '../../src/alert/public-address.js';

t.test('only what anyone on the internet can have is public', async (t) => {
  const inside = [
    '0.0.0.0 10.1.2.3 100.100.100.200 127.0.0.1 169.254.169.254 172.16.0.1 192.168.1.1',
    '192.0.0.192 198.18.0.1 203.0.113.5 224.0.0.1 240.0.0.1 255.255.255.255 168.63.129.16',
    ':: ::1 fe80::1 fc00::1 fd00:ec2::254 ff02::1 fec0::1 2001:db8::1',
    '::ffff:10.0.0.1 ::ffff:a9fe:a9fe ::127.0.0.1 64:ff9b::a9fe:a9fe 2002:7f00:1::',
  ].flatMap((line) => line.split(' '));
  for (const address of [...inside, 'no address', '']) t.notOk(isPublic(address), address);
  for (const address of ['8.8.8.8', '172.32.0.1', '2606:4700::1111', '::ffff:8.8.8.8']) {
    t.ok(isPublic(address), address);
  }
});

type Resolve = NonNullable<Parameters<typeof guardedLookup>[1]>;

/** A resolver that knows one answer, and how often it was asked. */
function resolver(...addresses: string[]) {
  let asked = 0;
  const resolve = (_: string, __: object, done: (e: null, found: LookupAddress[]) => void) => {
    asked += 1;
    done(
      null,
      addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
    );
  };
  return { resolve: resolve as unknown as Resolve, asked: () => asked };
}

const look = (host: string, resolve: Resolve, all: boolean): Promise<unknown> =>
  new Promise((found, failed) => {
    guardedLookup(host, resolve)(host, { all }, (error, address) =>
      error === null ? found(address) : failed(error),
    );
  });

t.test('what a name resolves to is judged by the connection that uses it', async (t) => {
  const { resolve, asked } = resolver('8.8.8.8', '2606:4700::1111');
  t.equal(await look('example.com', resolve, false), '8.8.8.8');
  t.match(await look('example.com', resolve, true), [{ address: '8.8.8.8' }, { family: 6 }]);
  t.equal(asked(), 2, 'once for each connection: no second answer can differ from the first');
});

t.test('one address inside spoils a name', async (t) => {
  const refusal = { code: 'address_refused', message: /example.com is at an address/ };
  for (const address of ['169.254.169.254', '::ffff:10.0.0.1', '127.0.0.1']) {
    await t.rejects(look('example.com', resolver('8.8.8.8', address).resolve, true), refusal);
  }
  await t.rejects(look('example.com', resolver().resolve, true), refusal);
});

t.test('a host that is named as loopback leads nowhere else', async (t) => {
  t.equal(await look('localhost', resolver('127.0.0.1').resolve, false), '127.0.0.1');
  await t.rejects(look('localhost', resolver('8.8.8.8').resolve, false));
  await t.rejects(look('localhost', resolver('10.0.0.1').resolve, false));
});
