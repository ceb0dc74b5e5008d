// Which addresses a webhook may reach. A name is resolved once, by the connection itself, and what
// it resolves to is judged there: nothing can change between the check and the connect.

import { lookup as systemLookup, type LookupAddress } from 'node:dns';
import type { LookupFunction } from 'node:net';
import ipaddr from 'ipaddr.js';
import { isLoopback } from '../config/address.js';
import { TokenPakError } from '../kernel/errors.js';

/** Azure's own services for its machines: public by number, reachable by none but them. */
const AZURE_WIRE_SERVER = '168.63.129.16';

/**
 * Whether an address is anyone's on the internet: not private, link-local, shared or reserved, nor
 * one that holds such an IPv4 address in IPv6. Cloud metadata services have such addresses.
 */
export function isPublic(address: string): boolean {
  if (!ipaddr.isValid(address)) return false;
  const parsed = ipaddr.process(address);
  return parsed.range() === 'unicast' && parsed.toString() !== AZURE_WIRE_SERVER;
}

const refused = (host: string): TokenPakError =>
  new TokenPakError('address_refused', `${host} is at an address that is not public`);

/**
 * The `lookup` of a connection that goes to public addresses only, or, for a host that the config
 * names as loopback, to loopback only.
 */
export function guardedLookup(
  host: string,
  resolve: typeof systemLookup = systemLookup,
): LookupFunction {
  const allowed = isLoopback(host) ? isLoopback : isPublic;
  return (hostname, options, callback) => {
    resolve(hostname, { ...options, all: true }, (error, found) => {
      const addresses = found as LookupAddress[] | undefined;
      const [first] = addresses ?? [];
      if (error !== null || addresses === undefined || first === undefined) {
        return callback(error ?? refused(hostname), '', 0);
      }
      if (!addresses.every(({ address }) => allowed(address))) {
        return callback(refused(hostname), '', 0);
      }
      if (options.all === true) return callback(null, addresses);
      callback(null, first.address, first.family);
    });
  };
}

/** A host that is an address already never comes to `lookup`. Throws `address_refused`. */
export function refuseLiteral(host: string): void {
  const bare = host.replace(/^\[|\]$/g, '');
  if (ipaddr.isValid(bare) && !isLoopback(bare) && !isPublic(bare)) throw refused(bare);
}
