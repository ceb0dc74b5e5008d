// What a valid config is likely to get wrong, with the numbers: limits against each other, against
// the largest single request, prices that are missing, a fallback that does not save.

import { canAppend, fallbackLog } from '../alert/log.js';
import type { Config, Limits } from '../config/config.js';
import { dollars, nano, type NanoUsd } from '../kernel/money.js';
import type { WindowKind } from '../kernel/scope.js';
import { worstCost } from '../pricing/cost.js';
import type { PricedModel, PriceTable } from '../pricing/table.js';

const WINDOWS: readonly WindowKind[] = ['daily', 'monthly'];

export function advise(config: Config, prices: PriceTable): string[] {
  return [
    ...unservedModels(prices),
    ...fallbackAdvice(config, prices),
    ...WINDOWS.flatMap((window) => shareAdvice(config, window)),
    ...headroomAdvice(config, prices),
    ...orderAdvice(config),
    ...logFileAdvice(config),
  ];
}

/** A limit, whose it is, and how the file calls it. */
interface Named {
  readonly owner: string;
  readonly key: string;
  readonly limits: Limits;
}

function namedLimits({ budget }: Config): Named[] {
  const named: Named[] = [{ owner: 'all users together', key: 'budget', limits: budget.global }];
  if (budget.perUser === null) return named;
  const key = 'budget.per_user_limits';
  for (const [user, limits] of Object.entries(budget.perUser.users)) {
    named.push({ owner: user, key: `${key}.user_limits.${user}`, limits });
  }
  named.push({ owner: 'users not listed', key: `${key}.default`, limits: budget.perUser.defaults });
  return named;
}

/** Says the first few and counts the rest: ten thousand users must not become as many lines. */
function few(items: readonly string[]): string {
  const rest = items.length - 3;
  return items.slice(0, 3).join(', ') + (rest > 0 ? ` and ${rest} more` : '');
}

function pricedModels(prices: PriceTable): PricedModel[] {
  return prices.names().flatMap((name) => {
    const model = prices.find(name);
    return typeof model === 'string' ? [] : [model];
  });
}

function unservedModels(prices: PriceTable): string[] {
  return prices.names().flatMap((name) => {
    const model = prices.find(name);
    if (typeof model === 'string') {
      return [
        `models.${name}: has no price, here or in the catalogue, and is refused ` +
          '(model_not_priced): set estimated_input_cost_per_1k and estimated_output_cost_per_1k',
      ];
    }
    if (model.facts.maxOutputTokens !== null) return [];
    return [
      `models.${name}: its maximum output is unknown, so a request without max_tokens has no ` +
        'bound of its own: set max_output_tokens',
    ];
  });
}

/** A pico-dollar per token is a micro-dollar, 1,000 nano-dollars, per million of them. */
export function priceText({ name, price }: PricedModel): string {
  const [input, output] = [price.input, price.output].map((rate) => dollars(nano(rate * 1_000n)));
  return `${name} (${input} in, ${output} out)`;
}

function fallbackAdvice({ budget }: Config, prices: PriceTable): string[] {
  if (budget.fallbackModel === null) return [];
  const key = 'budget.fallback_model_on_exceed';
  const fallback = prices.find(budget.fallbackModel);
  if (typeof fallback === 'string') {
    return [
      `${key}: ${budget.fallbackModel} cannot be served (${fallback}), so nothing falls back`,
    ];
  }
  const cheaper = pricedModels(prices).filter(({ name, price }) => {
    const dearer = fallback.price.input > price.input || fallback.price.output > price.output;
    return name !== fallback.name && dearer;
  });
  if (cheaper.length === 0) return [];
  return [
    `${key}: ${priceText(fallback)} is dearer per million tokens than what it would replace, ` +
      `${few(cheaper.map(priceText))}: choose the cheapest model`,
  ];
}

/** Pitfall 3 of the recipe: no user's limit above total / users × 1.2, nor all of them together. */
function shareAdvice({ budget }: Config, window: WindowKind): string[] {
  const total = budget.global[window];
  const users = Object.entries(budget.perUser?.users ?? {});
  if (total === null || users.length === 0) return [];
  const share = nano((total * 12n) / (BigInt(users.length) * 10n));
  const formula = `${dollars(total)} / ${users.length} × 1.2 = ${dollars(share)}`;
  const limited = users.flatMap(([user, limits]) => {
    const limit = limits[window];
    return limit === null ? [] : [{ user, limit }];
  });
  const advice: string[] = [];
  const greedy = limited.filter(({ limit }) => limit > share || limit >= total);
  if (greedy.length > 0) {
    const names = few(greedy.map(({ user, limit }) => `${user} (${dollars(limit)})`));
    advice.push(
      `budget.per_user_limits: ${window} limit above total / users × 1.2, ${formula}, of ${names}`,
    );
  }
  const sum = nano(limited.reduce((added, { limit }) => added + limit, 0n));
  const sumMax = nano((total * 12n) / 10n);
  if (sum > sumMax) {
    advice.push(
      `budget.per_user_limits: the ${window} limits add up to ${dollars(sum)}, above the total ` +
        `× 1.2 (${dollars(total)} × 1.2 = ${dollars(sumMax)}): one user may spend another's`,
    );
  }
  return advice;
}

interface Largest {
  readonly model: string;
  readonly tokens: string;
  readonly cost: NanoUsd;
}

/** What a model's dearest request costs: its context filled, with as much output as it can give. */
function largestOf({ name, price, facts }: PricedModel): Largest | null {
  const output = facts.maxOutputTokens ?? facts.contextTokens;
  if (output === null) return null;
  const context = facts.contextTokens ?? output;
  const answer = Math.min(output, context);
  const shapes = [
    { inputTokens: context - answer, outputTokens: answer },
    { inputTokens: context, outputTokens: 0 },
  ];
  return shapes
    .map((shape) => ({
      model: name,
      tokens: `${shape.inputTokens} in, ${shape.outputTokens} out`,
      cost: worstCost(price, shape),
    }))
    .reduce((a, b) => (b.cost > a.cost ? b : a));
}

/** Pitfall 4 of the recipe: a limit that two requests can exhaust. */
function headroomAdvice(config: Config, prices: PriceTable): string[] {
  const largest = pricedModels(prices)
    .map(largestOf)
    .reduce((a, b) => (a === null || (b !== null && b.cost > a.cost) ? b : a), null);
  if (largest === null) return [];
  const twice = nano(largest.cost * 2n);
  return WINDOWS.flatMap((window) => {
    const tight = namedLimits(config).flatMap(({ owner, limits }) => {
      const limit = limits[window];
      // A limit of 0 is meant: nothing may be spent.
      return limit === null || limit === 0n || limit >= twice ? [] : [{ owner, limit }];
    });
    if (tight.length === 0) return [];
    const owners = few(tight.map(({ owner, limit }) => `${owner} (${dollars(limit)})`));
    return [
      `budget: ${window} limit of ${owners} is below twice the largest single request, ` +
        `${dollars(largest.cost)} × 2 = ${dollars(twice)} (${largest.model}: ${largest.tokens}): ` +
        'raise the limit or lower max_output_tokens',
    ];
  });
}

function orderAdvice(config: Config): string[] {
  const odd = namedLimits(config).flatMap(({ key, limits: { daily, monthly } }) => {
    if (daily === null || monthly === null || monthly >= daily) return [];
    return [`${key} (${dollars(monthly)} a month, ${dollars(daily)} a day)`];
  });
  return odd.length === 0
    ? []
    : [`monthly limit below the daily one, which can then never be reached: ${few(odd)}`];
}

function logFileAdvice({ alerts, storage }: Config): string[] {
  if (canAppend(alerts.logFile)) return [];
  return [
    `alerts.log_file: ${alerts.logFile} cannot be written: alerts are logged to ` +
      `${fallbackLog(storage.path)} until it can`,
  ];
}
