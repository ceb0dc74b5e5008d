// What was refused is asked again, often at once and in the same bytes: by a client in a loop. What
// they say is then not read anew; whether it is let in is decided anew, each time. It must never
// give one caller what another asked.

import type { Api } from '../kernel/api.js';
import type { Config } from '../config/config.js';
import type { PriceTable } from '../pricing/table.js';
import type { Caller } from './caller.js';
import type { Exchange } from './exchange.js';
import type { Proxy } from './proxy.js';
import type { Quote } from './quote.js';

/** What a request says, of whatever day: the account is another matter. */
export type Request = Omit<Quote, 'account'>;

/** All that a request was read with. */
interface Refused {
  readonly api: Api;
  readonly body: Buffer;
  readonly models: Caller['models'];
  readonly config: Config;
  readonly prices: PriceTable;
  readonly said: Request;
}

/** Bodies of at most 1 MiB in a worker. */
const BODY_BYTES_MAX = 16 * 1024;
const USERS_MAX = 64;

export class AskedAgain {
  /** The last one of each user. */
  readonly #refused = new Map<string, Refused>();

  refused({ config, prices }: Proxy, { api, body }: Exchange, caller: Caller, said: Request): void {
    const { user, models } = caller;
    const known = this.#refused.get(user);
    if (known?.said.request === said.request || body.length > BODY_BYTES_MAX) return;
    if (known === undefined && this.#refused.size >= USERS_MAX) this.#refused.clear();
    this.#refused.set(user, { api, body, models, config, prices, said });
  }

  /** What the same bytes of the same caller said, `null` for others. */
  find({ config, prices }: Proxy, { api, body }: Exchange, caller: Caller): Request | null {
    const known = this.#refused.get(caller.user);
    const isSame =
      known !== undefined &&
      known.api === api &&
      known.models === caller.models &&
      known.config === config &&
      known.prices === prices &&
      known.body.equals(body);
    return isSame ? known.said : null;
  }
}
