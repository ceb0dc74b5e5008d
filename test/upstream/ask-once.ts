// Asks the URL of its argument once, in a process of its own: the certificates that Node trusts are
// read when a process starts.

import { ask, upstreamAt } from './asking.js';

const upstream = upstreamAt(process.argv[2] ?? '');
process.stdout.write(await ask(upstream));
upstream.close();
