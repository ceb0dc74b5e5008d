// Prices as data: decimal texts by provider and model. The bundled snapshot and the file of synced
// prices are both of this shape.

/** Dollars per million tokens as decimal text. */
export interface RateTexts {
  readonly input: string;
  readonly output: string;
  readonly cachedInput?: string;
  readonly cacheWrite?: string;
  readonly cacheWrite1h?: string;
  readonly audioInput?: string;
  readonly audioOutput?: string;
}

export interface TierTexts extends RateTexts {
  /** The tier's rates are for requests with more input than this. */
  readonly above: number;
}

export interface SheetModel extends RateTexts {
  readonly tiers?: readonly TierTexts[];
  /** Numerator and denominator of what a service tier costs per ordinary price. */
  readonly services?: Readonly<Record<string, readonly number[]>>;
  /** Dollars per thousand calls. */
  readonly webSearch?: string;
  readonly fileSearch?: string;
  readonly context?: number;
  readonly maxOutput?: number;
  readonly aliases?: readonly string[];
}

export interface SheetProvider {
  /** The hosts that mean this provider. */
  readonly hosts: readonly string[];
  readonly models: Readonly<Record<string, SheetModel>>;
}

export type Sheet = Readonly<Record<string, SheetProvider>>;

/** Each model by its id and by its aliases; an id wins. */
export function namesOf({ models }: SheetProvider): Map<string, SheetModel> {
  const names = new Map(Object.entries(models));
  for (const model of Object.values(models)) {
    for (const alias of model.aliases ?? []) if (!names.has(alias)) names.set(alias, model);
  }
  return names;
}

/** `gpt-4o-2024-08-06`, `claude-sonnet-4-20250514`, `claude-sonnet-4@20250514`. */
const DATE = /[-@](?:20\d{2}-\d{2}-\d{2}|20\d{6})$/;

/** The family's name of a dated model. */
export const undated = (model: string): string => model.replace(DATE, '');
