// The rules that need more than one value or more than a type: what names what, what goes with
// what. Adds problems and warnings to the report; changes nothing.

import { USER_BYTES_MAX } from '../kernel/scope.js';
import { checkBaseUrl, checkPriceSource, isLoopback } from './address.js';
import { checkAlerts } from './check-alerts.js';
import { didYouMean, type Report } from './problem.js';
import type { ConfigFile } from './schema.js';

export function checkFile(file: ConfigFile, report: Report): void {
  checkListeners(file, report);
  checkBudget(file, report);
  checkProviders(file, report);
  checkModels(file, report);
  checkAlerts(file, report);
  const source = checkPriceSource(file.pricing.source, '.');
  if (!source.ok) report.problem('pricing.source', source.why);
}

function checkListeners({ server, admin, auth }: ConfigFile, report: Report): void {
  if (!isLoopback(server.host) && !auth.trust_network && auth.mode === 'user') {
    report.warning(
      'server.host',
      `${server.host} is not loopback, and anyone who reaches it may name any user: ` +
        'set auth.mode: keys, auth.trust_network: true if the network is trusted, or use 127.0.0.1',
      true,
    );
  }
  if (!isLoopback(admin.host) && (admin.token ?? '') === '' && !report.spoken('admin.token')) {
    report.problem('admin.host', `${admin.host} is not loopback and needs admin.token`);
  }
  if (server.port !== 0 && server.port === admin.port) {
    report.problem('admin.port', `${admin.port} is also server.port: choose another`);
  }
}

function checkBudget({ budget, models, providers }: ConfigFile, report: Report): void {
  if (!isTimeZone(budget.timezone)) {
    report.problem(
      'budget.timezone',
      `found "${budget.timezone}", expected an IANA name such as UTC or Europe/Berlin` +
        didYouMean(budget.timezone, Intl.supportedValuesOf('timeZone')),
    );
  }
  const thresholds = budget.alert_threshold_pct;
  if (Array.isArray(thresholds) && new Set(thresholds).size < thresholds.length) {
    report.problem('budget.alert_threshold_pct', 'names a threshold twice: remove one');
  }

  const fallback = budget.fallback_model_on_exceed;
  const catalogue = Object.values(providers).some((p) => p.allow_models === 'catalogue');
  if (fallback !== undefined && models[fallback] === undefined && !catalogue) {
    report.problem(
      'budget.fallback_model_on_exceed',
      `"${fallback}" is not under models: add it there${didYouMean(fallback, Object.keys(models))}`,
    );
  }
  for (const user of Object.keys(budget.per_user_limits?.user_limits ?? {})) {
    const key = `budget.per_user_limits.user_limits.${user}`;
    checkName(key, user, report);
    if (!/^[\x20-\x7e]*$/.test(user)) {
      report.problem(key, 'a user name travels in a header: use visible ASCII characters');
    }
  }
}

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name }).format(0);
    return true;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}

// oxlint-disable-next-line no-control-regex -- it is what must not be in a name
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/;

function checkName(key: string, name: string, report: Report): void {
  if (name === '') report.problem(key, 'a name cannot be empty');
  if (CONTROL.test(name)) report.problem(key, 'a name cannot hold control characters');
  if (Buffer.byteLength(name) > USER_BYTES_MAX) {
    report.problem(key, `a name has at most ${USER_BYTES_MAX} bytes`);
  }
}

function checkProviders({ providers }: ConfigFile, report: Report): void {
  if (Object.keys(providers).length === 0) {
    report.warning('providers', 'none is configured, no request can be served: add one', true);
  }
  for (const [name, provider] of Object.entries(providers)) {
    const key = `providers.${name}`;
    checkName(key, name, report);
    if (report.spoken(`${key}.type`)) continue;
    const mock = provider.type === 'mock';
    if (!mock && provider.mock !== undefined) {
      report.problem(`${key}.mock`, `is for type: mock only, found type: ${provider.type}`);
    }
    if (mock && provider.base_url !== undefined) {
      report.problem(`${key}.base_url`, 'type: mock is embedded and has no address: remove it');
    }
    checkAddress(key, provider, report);
    checkKeys(key, provider, report);
  }
}

type ProviderFile = ConfigFile['providers'][string];

function checkAddress(key: string, { type, base_url }: ProviderFile, report: Report): void {
  if (type === 'mock' || report.spoken(`${key}.base_url`)) return;
  if (base_url === undefined) {
    if (type === 'openai-compatible') {
      report.problem(
        `${key}.base_url`,
        'is missing: type: openai-compatible has no address of its own',
      );
    }
    return;
  }
  const checked = checkBaseUrl(base_url);
  if (!checked.ok) report.problem(`${key}.base_url`, checked.why);
}

function checkKeys(key: string, provider: ProviderFile, report: Report): void {
  const { type, api_key, admin_key } = provider;
  const needsKey = type === 'openai' || type === 'anthropic';
  if (needsKey && (api_key ?? '') === '' && !report.spoken(`${key}.api_key`)) {
    report.problem(`${key}.api_key`, `is missing: type: ${type} needs it, as in \${API_KEY}`);
  }
  for (const [name, value] of Object.entries({ api_key, admin_key })) {
    // It becomes an HTTP header: a line break in it would be another header.
    if (value === undefined || /^[\x21-\x7e]*$/.test(value)) continue;
    report.problem(`${key}.${name}`, 'holds a space, a line break or a character beyond ASCII');
  }
}

function checkModels({ models, providers }: ConfigFile, report: Report): void {
  const names = Object.keys(providers);
  for (const [name, model] of Object.entries(models)) {
    const key = `models.${name}`;
    checkName(key, name, report);
    if (providers[model.provider] !== undefined) continue;
    const hint = didYouMean(model.provider, names) || ` (there are: ${names.join(', ') || 'none'})`;
    report.problem(`${key}.provider`, `"${model.provider}" is not under providers${hint}`);
  }
}
