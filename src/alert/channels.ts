// The channels of a config: the log, each webhook and mailbox, and the fallback.

import { createHash } from 'node:crypto';
import type { Config } from '../config/config.js';
import { type ChannelPlan, LOG_CHANNEL } from '../kernel/alert.js';
import type { Channel } from './channel.js';
import { LogChannel } from './log.js';
import { MailChannel } from './mail.js';
import { WebhookChannel } from './webhook.js';

/** A webhook's name in the ledger: its URL may be a secret, a hash of it is not. */
export const channelOf = (url: string): string =>
  createHash('sha256').update(url).digest('hex').slice(0, 16);

/** Those that alerts go to: while limits are only tried out nobody is to be called. */
export const channelsInUse = (config: Config): Channel[] =>
  channelsOf(config).filter(
    ({ plan }) => config.budget.mode !== 'shadow' || plan.name === LOG_CHANNEL,
  );

export function channelsOf({ alerts, budget, storage }: Config): Channel[] {
  const remote = (url: string, standbyMs: number | null): Channel => {
    const plan: ChannelPlan = { name: channelOf(url), standbyMs };
    return url.startsWith('mailto:')
      ? new MailChannel({ url, plan, smtp: alerts.smtp })
      : new WebhookChannel({ url, plan, secrets: alerts.webhookSecrets });
  };
  return [
    new LogChannel({ logFile: alerts.logFile, storagePath: storage.path }),
    ...budget.alertWebhooks.map((url) => remote(url, null)),
    ...(alerts.fallback === null ? [] : [remote(alerts.fallback, alerts.fallbackAfterMs)]),
  ];
}
