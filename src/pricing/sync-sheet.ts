// From a source's models to a sheet of ours: under our providers' names, with what the source
// leaves open taken from the bundled snapshot. Whatever is in doubt is settled upwards: a price or
// a window that is too small would let spend past a cap.

import { parseDecimal, perMillionText } from '../kernel/money.js';
import {
  namesOf,
  type RateTexts,
  type Sheet,
  type SheetModel,
  type TierTexts,
  undated,
} from './sheet.js';
import { isName, sheetModel } from './sync-model.js';
import type { Reading } from './sync-sources.js';

/** What sources call the providers of the bundled snapshot. */
const OUR_NAMES: ReadonlyMap<string, string> = new Map([
  ['gemini', 'google'],
  ['xai', 'x-ai'],
  ['together_ai', 'together'],
  ['togetherai', 'together'],
  ['fireworks_ai', 'fireworks'],
  ['fireworks-ai', 'fireworks'],
  ['moonshot', 'moonshotai'],
  ['cohere_chat', 'cohere'],
  ['text-completion-openai', 'openai'],
]);

export interface SourceSheet {
  readonly sheet: Sheet;
  /** Models that the source names without a price that could be billed at, as `provider/id`. */
  readonly unpriced: ReadonlySet<string>;
}

/** Providers that nobody could reach (no host is known) are left out. */
export function sheetOf({ scale, models }: Reading, bundled: Sheet): SourceSheet {
  const shelves = new Map<string, { hosts: readonly string[]; models: Map<string, SheetModel> }>();
  const unpriced = new Set<string>();
  for (const raw of models) {
    const provider = OUR_NAMES.get(raw.provider) ?? raw.provider;
    const hosts = ownOf(bundled, provider)?.hosts ?? raw.hosts ?? [];
    if (hosts.length === 0 || !isName(raw.id) || !isName(provider)) continue;
    const model = sheetModel(raw, scale);
    if (model === null) unpriced.add(`${provider}/${raw.id}`);
    else {
      const shelf = shelves.get(provider) ?? { hosts, models: new Map<string, SheetModel>() };
      shelf.models.set(raw.id, model);
      shelves.set(provider, shelf);
    }
  }
  const sheet = Object.fromEntries(
    [...shelves].map(([provider, shelf]) => {
      const own = completed(shelf.models, ownOf(bundled, provider)?.models ?? {});
      return [provider, { hosts: shelf.hosts, models: Object.fromEntries(own) }];
    }),
  );
  return { sheet, unpriced };
}

const ownOf = <T>(record: Readonly<Record<string, T>>, name: string): T | undefined =>
  Object.hasOwn(record, name) ? record[name] : undefined;

/** With the names and the classes that the bundled snapshot knows for the same models. */
function completed(
  models: ReadonlyMap<string, SheetModel>,
  known: Readonly<Record<string, SheetModel>>,
): Map<string, SheetModel> {
  const own = new Map(models);
  const aliases = new Map<string, Set<string>>();
  const claim = (alias: string, id: string): void => {
    if (!own.has(alias)) aliases.set(id, (aliases.get(id) ?? new Set()).add(alias));
  };
  const names = namesOf({ hosts: [], models: known });
  for (const [id, model] of models) {
    const twin = names.get(id) ?? names.get(undated(id));
    if (twin !== undefined) own.set(id, filled(model, twin));
  }
  const families = dearestDated(own);
  for (const [id, { aliases: others = [] }] of Object.entries(known)) {
    const group = [id, ...others];
    const named = group.find((name) => own.has(name) || families.has(name)) ?? '';
    const holder = own.has(named) ? named : families.get(named);
    if (holder !== undefined) for (const name of group) claim(name, holder);
  }
  for (const [family, id] of families) claim(family, id);
  for (const [id, others] of aliases) {
    const model = own.get(id) as SheetModel;
    own.set(id, { ...model, aliases: [...others].toSorted() });
  }
  return own;
}

/** A family whose dated models alone are listed answers to its undated name, at the dearest. */
function dearestDated(models: ReadonlyMap<string, SheetModel>): Map<string, string> {
  const found = new Map<string, string>();
  const sum = (id: string): bigint => {
    const model = models.get(id);
    return model === undefined ? -1n : pico(model.input) + pico(model.output);
  };
  for (const id of models.keys()) {
    const family = undated(id);
    if (family === id || models.has(family)) continue;
    if (sum(id) > sum(found.get(family) ?? '')) found.set(family, id);
  }
  return found;
}

const pico = (text: string): bigint => parseDecimal(text, 6) ?? 0n;

const BESIDES = ['cachedInput', 'cacheWrite', 'cacheWrite1h', 'audioInput', 'audioOutput'] as const;

/** What stands in for a class: its price in the twin, in proportion to the ordinary one. */
function inProportion(text: string, from: string, to: string): string {
  const over = pico(from);
  const times = pico(text) * pico(to);
  return perMillionText(over === 0n ? pico(text) : (times + over - 1n) / over);
}

function filled(model: SheetModel, twin: SheetModel): SheetModel {
  const scaled = (rates: RateTexts, rate: keyof RateTexts): string | undefined => {
    const text = rates[rate];
    const base = rate === 'output' || rate === 'audioOutput' ? 'output' : 'input';
    return text === undefined ? undefined : inProportion(text, twin[base], model[base]);
  };
  const others = BESIDES.flatMap((rate) => {
    const text = model[rate] ?? scaled(twin, rate);
    return text === undefined ? [] : [[rate, text] as const];
  });
  const tiers =
    model.tiers ??
    twin.tiers?.map((tier): TierTexts => {
      const rates = (['input', 'output', ...BESIDES] as const).flatMap((rate) => {
        const text = scaled(tier, rate);
        return text === undefined ? [] : [[rate, text] as const];
      });
      return { ...tier, ...Object.fromEntries(rates) };
    });
  const { context, maxOutput, services, webSearch, fileSearch, ...rates } = model;
  const window = larger(context, twin.context);
  const answer = larger(maxOutput, twin.maxOutput);
  const tools = {
    webSearch: webSearch ?? twin.webSearch,
    fileSearch: fileSearch ?? twin.fileSearch,
  };
  const multiples = services ?? twin.services;
  return {
    ...rates,
    ...Object.fromEntries(others),
    ...(tiers !== undefined && { tiers }),
    ...(multiples !== undefined && { services: { ...twin.services, ...multiples } }),
    ...(tools.webSearch !== undefined && { webSearch: tools.webSearch }),
    ...(tools.fileSearch !== undefined && { fileSearch: tools.fileSearch }),
    ...(window !== undefined && { context: window }),
    ...(answer !== undefined && { maxOutput: answer }),
  };
}

const larger = (a: number | undefined, b: number | undefined): number | undefined =>
  a === undefined || b === undefined ? (a ?? b) : Math.max(a, b);
