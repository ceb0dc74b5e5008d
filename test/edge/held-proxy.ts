// Two workers in front of a provider that answers when the test says so. One of them dies for each
// time that the test wants it.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Test } from 'tap';
import { doomedWorkers } from '../flow/doomed-workers.js';
import { type RunningProxy, startProxy } from '../flow/harness.js';
import { type HeldProvider, startHeldProvider } from '../flow/held-provider.js';
import { config } from '../flow/setup.js';

export interface HeldProxy {
  readonly proxy: RunningProxy;
  readonly provider: HeldProvider;
  readonly killWorker: () => void;
}

/** `server` are that key's members, in YAML's flow style. */
export async function startHeldProxy(
  t: Test,
  { folder, server }: { folder: string; server: string },
): Promise<HeldProxy> {
  const provider = await startHeldProvider(t);
  const trigger = join(folder, 'trigger');
  const proxy = await startProxy(t, {
    folder,
    workers: 2,
    config: config({
      folder,
      providerUrl: provider.url,
      budget: 'daily_limit_cents: 100000, clamp_output: false',
      more: `server: { ${server} }`,
    }),
    env: doomedWorkers(folder, trigger),
  });
  return { proxy, provider, killWorker: () => writeFileSync(trigger, '') };
}
