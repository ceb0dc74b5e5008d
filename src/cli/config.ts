// How every verb but `validate-config` takes its configuration: whole, or not at all.

import type { Config, ProviderConfig, ProviderType } from '../config/config.js';
import { formatProblem, loadConfig, type Problem } from '../config/load.js';
import { TokenPakError } from '../kernel/errors.js';

export interface LoadOptions {
  /** The verb sends requests to providers, so their keys must be there. */
  readonly needsKeys: boolean;
  /** The verb sends alerts: their addresses and secrets must be there. */
  readonly needsAlerts?: boolean;
  /** The verb asks for invoices: the accounts' own keys must be there. */
  readonly needsAdminKeys?: boolean;
  /** Providers whose key is missing become the embedded mock. */
  readonly mockMissingKeys?: boolean;
}

/** Throws `bad_config`, its message one line a problem. */
export function configFor(file: string, options: LoadOptions): Config {
  const loaded = loadConfig(file, process.env);
  if (!loaded.ok) throw badConfig(loaded.problems);
  const mocked = options.mockMissingKeys === true;
  const missing = loaded.missingEnv.filter(
    ({ key }) =>
      (options.needsKeys && !(mocked && /^providers\.[^.]+\.api_key$/.test(key))) ||
      (options.needsAdminKeys === true && /^providers\.[^.]+\.admin_key$/.test(key)) ||
      (options.needsAlerts === true && /^(budget\.alert_webhook|alerts\.)/.test(key)),
  );
  const blocking = options.needsKeys
    ? [...loaded.warnings.filter(({ blocksProxy }) => blocksProxy), ...loaded.blockers]
    : [];
  if (missing.length + blocking.length > 0) throw badConfig([...missing, ...blocking]);
  return mocked ? withMocks(loaded.config) : loaded.config;
}

const badConfig = (problems: readonly Problem[]): TokenPakError =>
  new TokenPakError('bad_config', problems.map(formatProblem).join('\n✗ '));

/** The others run without a key, or are the mock already. */
const NEEDS_KEY: ReadonlySet<ProviderType> = new Set(['openai', 'anthropic']);
const MOCK_DEFAULTS = { latencyMs: 0, inputTokens: null, outputTokens: null, errorStatus: null };

/** The provider keeps its type, and with it its wire; only its address will be the mock's. */
function withMocks(config: Config): Config {
  const providers = Object.values(config.providers).map((provider): [string, ProviderConfig] => [
    provider.name,
    provider.apiKey === null && NEEDS_KEY.has(provider.type)
      ? { ...provider, apiKey: 'mock', mock: MOCK_DEFAULTS }
      : provider,
  ]);
  return { ...config, providers: Object.fromEntries(providers) };
}
