// `tokenpak sync-pricing`: fetches prices, shows what they change, stores them. A running proxy
// takes them up by itself.

import type { Config } from '../config/config.js';
import { checkPriceSource } from '../config/address.js';
import { TokenPakError } from '../kernel/errors.js';
import { nano, dollars } from '../kernel/money.js';
import { removePrices } from '../pricing/prices-file.js';
import { Catalogue } from '../pricing/catalogue.js';
import type { SheetModel } from '../pricing/sheet.js';
import { type PriceChange, perMillion } from '../pricing/sync-check.js';
import { DEFAULT_SOURCE, syncPrices, type SyncResult } from '../pricing/sync.js';
import { configFor } from './config.js';
import { printMarked } from './print.js';
import { columnsOf, plainName } from './table.js';

export interface SyncFlags {
  readonly config: string;
  readonly provider?: string;
  readonly source?: string;
  readonly dryRun?: boolean;
  readonly force?: boolean;
  readonly json?: boolean;
}

/** Rows for people; `--json` has them all. */
const ROWS_MAX = 60;

export async function syncPricingCommand(flags: SyncFlags): Promise<void> {
  const config = configFor(flags.config, { needsKeys: false });
  const source = sourceOf(config, flags);
  if (source === 'bundled') return backToBundled(config, flags);
  const result = await syncPrices({
    config,
    source,
    provider: flags.provider,
    force: flags.force === true,
    dryRun: flags.dryRun === true,
    now: () => Date.now(),
  });
  const isRefused = result.problems.length > 0 && flags.force !== true;
  if (isRefused) process.exitCode = 1;
  if (flags.json === true) {
    process.stdout.write(`${JSON.stringify(syncJson(result))}\n`);
    return;
  }
  process.stdout.write(renderChanges(result));
  printMarked([
    ...result.problems.map((problem) => (isRefused ? `✗ ${problem}` : `⚠ ${problem}`)),
    ...ownPrices(config, result),
    outcome(result, flags, isRefused),
  ]);
}

function sourceOf(config: Config, flags: SyncFlags): string {
  if (flags.source === undefined) {
    return config.pricing.source === 'bundled' ? DEFAULT_SOURCE : config.pricing.source;
  }
  const checked = checkPriceSource(flags.source, process.cwd());
  if (!checked.ok) throw new TokenPakError('bad_usage', `--source: ${checked.why}`);
  return checked.url;
}

function backToBundled({ storage }: Config, { dryRun, json }: SyncFlags): void {
  const removed = dryRun !== true && removePrices(storage.path);
  if (json === true) {
    process.stdout.write(`${JSON.stringify({ source: 'bundled', stored: removed })}\n`);
    return;
  }
  printMarked([removed ? '✓ Back to the bundled prices' : '✓ The bundled prices are in force']);
}

function outcome({ version, stored }: SyncResult, flags: SyncFlags, isRefused: boolean): string {
  if (isRefused)
    return '✗ Refused: the old prices stay in force (--force takes these all the same)';
  if (!stored) return '✓ Dry run: nothing is stored';
  const scope = flags.provider === undefined ? '' : ` (${flags.provider} only)`;
  return `✓ Stored as ${version}${scope}; a running proxy takes them up within a second`;
}

function renderChanges({ changes, source, providers, models, shape }: SyncResult): string {
  const of = providers.length > 4 ? `${providers.length} providers` : providers.join(', ');
  const fresh = changes.filter(({ before }) => before === null).length;
  const changed = changes.length - fresh;
  const title = `Prices of ${of} from ${source}: ${models} models, ${changed} changed, ${fresh} new`;
  if (shape === null) return `${title} (the list is the one that is stored)\n`;
  const sorted = changes.toSorted((a, b) => Number(a.before === null) - Number(b.before === null));
  const rows = sorted.slice(0, ROWS_MAX).map((change) => cells(change, providers.length > 1));
  const lines = [title];
  if (rows.length > 0) {
    const head = ['per million tokens', 'input', 'output', 'cached input', ''];
    lines.push(...columnsOf([head, ...rows]));
  }
  if (changes.length > rows.length)
    lines.push(`… and ${changes.length - rows.length} more (--json)`);
  return `${lines.join('\n')}\n`;
}

function cells({ provider, model, before, after }: PriceChange, several: boolean): string[] {
  const name = plainName(several ? `${provider}/${model}` : model);
  const arrow = (rate: 'input' | 'output' | 'cachedInput'): string => {
    const to = after[rate] ?? after.input;
    if (before === null) return shown(to);
    const from = before[rate] ?? before.input;
    return from === to ? shown(to) : `${shown(from)} → ${shown(to)}`;
  };
  const classes = [arrow('input'), arrow('output'), arrow('cachedInput')];
  const plain = before !== null && !classes.some((text) => text.includes('→'));
  const note = before === null ? 'new' : plain ? otherClasses(before, after) : '';
  return [name, ...classes, note];
}

const shown = (text: string): string => perMillion(text).replace('/M', '');

/** Which of the classes without a column have changed. */
function otherClasses(before: SheetModel, after: SheetModel): string {
  const names = {
    cacheWrite: 'cache write',
    cacheWrite1h: '1 h cache write',
    audioInput: 'audio',
    audioOutput: 'audio',
    tiers: 'long prompts',
    services: 'service tiers',
    webSearch: 'web search',
    fileSearch: 'file search',
  } as const;
  const changed = (Object.keys(names) as (keyof typeof names)[]).filter(
    (key) => JSON.stringify(before[key]) !== JSON.stringify(after[key]),
  );
  return [...new Set(changed.map((key) => names[key]))].join(', ');
}

/** Models whose price stands in the configuration: it wins, and may be out of date. */
function ownPrices({ models, providers }: Config, result: SyncResult): string[] {
  const { sheet, version } = result;
  const catalogue = new Catalogue(sheet, version);
  return Object.values(models).flatMap(({ name, inputPrice, outputPrice, ...model }) => {
    const provider = providers[model.provider];
    if (inputPrice === null || outputPrice === null || provider === undefined) return [];
    const known = catalogue.find(provider, model.upstreamModel)?.price;
    if (known === undefined) return [];
    const own = [inputPrice, outputPrice].map(perMillionDollars).join(' and ');
    const theirs = [known.input, known.output].map(perMillionDollars).join(' and ');
    if (own === theirs) return [`✓ models.${name}: the config's own price is the source's: ${own}`];
    return [
      `⚠ models.${name}: the config's own price wins, ${own} per million tokens; the source has ` +
        `${theirs}. Remove its estimated_… keys to follow the source.`,
    ];
  });
}

const perMillionDollars = (pico: bigint): string => dollars(nano(pico * 1_000n));

const syncJson = (result: SyncResult): object => ({
  source: result.source,
  version: result.version,
  providers: result.providers,
  models: result.models,
  changes: result.changes,
  problems: result.problems,
  stored: result.stored,
});
