// What the doctor finds out about providers: whether each answers, takes its key, and shows the
// same time as this machine. It asks for the list of models, which nobody bills.

import { request } from 'undici';
import type { Config, ProviderConfig } from '../config/config.js';
import { isMocked } from '../supervisor/listen.js';
import { baseHeaders } from '../upstream/provider.js';
import type { Finding } from './finding.js';

const TIMEOUT_MS = 8_000;
/** A signature or a window that is off by so much begins to matter. */
const CLOCK_OFF_MS = 60_000;

export const providerFindings = async (config: Config): Promise<Finding[]> =>
  (await Promise.all(Object.values(config.providers).map(reach))).flat();

async function reach(provider: ProviderConfig): Promise<Finding[]> {
  const about = `Provider ${provider.name}`;
  if (isMocked(provider)) return [{ verdict: 'ok', about, found: 'the embedded mock' }];
  const { host } = new URL(provider.baseUrl);
  try {
    const { statusCode, headers, body } = await request(modelsUrl(provider), {
      headers: baseHeaders(provider),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    await body.dump();
    const date = Date.parse(String(headers['date'] ?? ''));
    return [judge(about, host, statusCode), ...clockFindings(host, date)];
  } catch (error) {
    const found = `${host} cannot be reached: ${reasonOf(error)}`;
    const mend = 'check the network, a firewall or proxy in between, and base_url';
    return [{ verdict: 'failure', about, found, mend, unreachable: true }];
  }
}

const modelsUrl = ({ type, baseUrl }: ProviderConfig): string =>
  type === 'anthropic' ? `${baseUrl}/v1/models` : `${baseUrl}/models`;

function judge(about: string, host: string, status: number): Finding {
  if (status < 300) return { verdict: 'ok', about, found: `${host} answers and takes the key` };
  if (status === 401 || status === 403) {
    const found = `${host} refuses the key (${status})`;
    return { verdict: 'failure', about, found, mend: 'set another api_key' };
  }
  if (status >= 500) {
    const mend = 'it has trouble of its own: try later';
    return { verdict: 'warning', about, found: `${host} answers ${status}`, mend };
  }
  // Some compatible servers have no list of models: that they answer is what counts.
  return { verdict: 'ok', about, found: `${host} answers (${status} for its models)` };
}

function clockFindings(host: string, theirsMs: number): Finding[] {
  const offMs = Date.now() - theirsMs;
  if (Number.isNaN(offMs) || Math.abs(offMs) < CLOCK_OFF_MS) return [];
  const seconds = Math.round(Math.abs(offMs) / 1000);
  const found = `${seconds} s ${offMs > 0 ? 'ahead of' : 'behind'} ${host}`;
  const mend = 'set the clock, and keep it set: timedatectl set-ntp true';
  return [{ verdict: 'warning', about: 'Clock', found, mend }];
}

/** Never the URL or a header: the error of a request may repeat both. */
function reasonOf(error: unknown): string {
  if (error instanceof DOMException && error.name === 'TimeoutError') {
    return `no answer within ${TIMEOUT_MS / 1000} s`;
  }
  const { code, cause } = error as { code?: string; cause?: { code?: string } };
  return code ?? cause?.code ?? 'the connection failed';
}
