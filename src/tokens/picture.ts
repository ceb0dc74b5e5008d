// The most input tokens that a picture can be billed as: by the published formulas of the model's
// family where its size is known, else by the most that the family bills for any. Rounded up, and
// up again where a figure is not certain.

import type { ProviderType } from '../config/config.js';
import { type Json, isJson } from './media.js';
import { type Size, sizeOfBase64 } from './picture-size.js';

/** Who is going to see it. */
export interface Viewer {
  readonly provider: { readonly type: ProviderType };
  readonly upstreamModel: string;
}

/** Tokens for a picture at a `detail`; without a size, for any picture. */
type Rule = (size: Size | null, detail: unknown) => number;

/** The largest that common decoders open, 179 megapixels, in squares of 32 × 32; rounded up. */
const SQUARES_MAX = 180_000;

/**
 * Seen in tiles of 512 × 512, once it fits 2,048 × 2,048 and is shrunk to 768 on its short side. A
 * small picture may be enlarged to 768 × 768; none has more than 2 × 4 tiles but very long ones.
 */
const tiled =
  (base: number, tile: number): Rule =>
  (size, detail) => {
    if (detail === 'low') return base;
    if (size === null) return base + 8 * tile;
    const { width, height } = size;
    const fit = Math.min(1, 2_048 / Math.max(width, height));
    const shrink = fit * Math.min(1, 768 / (fit * Math.min(width, height)));
    const tiles = (side: number): number => Math.ceil(Math.ceil(side * shrink) / 512);
    return base + tile * Math.max(4, tiles(width) * tiles(height));
  };

/** Seen in squares of 32 × 32, shrunk until there are at most so many. */
const squared =
  (times: number, most: (detail: unknown) => number): Rule =>
  (size, detail) => {
    const { width, height } = size ?? { width: Infinity, height: Infinity };
    const squares = Math.ceil(width / 32) * Math.ceil(height / 32);
    return Math.ceil(Math.min(squares, most(detail)) * times);
  };

/** OpenAI, "Images and vision": most of their squares. */
const shrunk = (): number => 1_536;

/** 2,500 squares where asked for, with a margin since that was measured and not published. */
const originalOf =
  (original: number) =>
  (detail: unknown): number =>
    detail === 'low' || detail === 'high' ? 3_000 : original;

/** The dearest of OpenAI's published ones. */
const DEAREST_TILES = tiled(2_833, 5_667);

/** A family whose formula is not published: as dear as any that is. */
const unknown: Rule = (size, detail) =>
  size === null
    ? 50_000
    : Math.max(DEAREST_TILES(size, 'high'), squared(2.46, originalOf(10_000))(size, detail));

const SNAPSHOT = '(?:-\\d{4}-\\d{2}-\\d{2})?$';

/** By OpenAI's name of the model, the first that fits. */
const OPENAI_RULES: readonly (readonly [RegExp, Rule])[] = [
  [/^gpt-4o-mini/, DEAREST_TILES],
  [/^gpt-4\.1-mini|^gpt-5-mini/, squared(1.62, shrunk)],
  [/^gpt-4\.1-nano|^gpt-5-nano/, squared(2.46, shrunk)],
  [/^o4-mini/, squared(1.72, shrunk)],
  [/^(?:chatgpt-4o|gpt-4o|gpt-4\.1|gpt-4\.5|gpt-4-turbo|gpt-4-vision)(?=$|-)/, tiled(85, 170)],
  // 70 + 140 and 75 + 150 by memory; they are not dearer than the older ones.
  [new RegExp(`^(?:gpt-5(?:-chat-latest)?|o1|o3)(?:-pro)?${SNAPSHOT}`), tiled(85, 170)],
  [/^gpt-5\.4-mini/, squared(1.62, originalOf(10_000))],
  [/^gpt-5\.5/, squared(1.2, originalOf(10_000))],
  // No limit was seen on what they take at its full size.
  [/^gpt-(?:5\.[6-9]|[6-9])/, squared(1.2, originalOf(SQUARES_MAX))],
];

/** Twice the most that was measured. */
const CLAUDE_TOKENS_MAX = 8_000;

/** Squares of 28 × 28, by an older page a token for each 750 pixels; large ones are shrunk. */
const claude: Rule = (size) => {
  if (size === null) return CLAUDE_TOKENS_MAX;
  const { width, height } = size;
  const squares = Math.ceil(width / 28) * Math.ceil(height / 28);
  return Math.min(CLAUDE_TOKENS_MAX, Math.max(squares, Math.ceil((width * height) / 750)) + 8);
};

/** `null`: another maker's server, which may do anything with what it is sent. */
function ruleFor({ provider, upstreamModel }: Viewer): Rule | null {
  if (provider.type === 'openai-compatible') return null;
  if (provider.type === 'anthropic' || upstreamModel.startsWith('claude')) return claude;
  return OPENAI_RULES.find(([name]) => name.test(upstreamModel))?.[1] ?? unknown;
}

const PICTURES = new Set(['image_url', 'image', 'input_image', 'computer_screenshot']);

export const isPicture = (part: Json): boolean => PICTURES.has(part['type'] as string);

/** The base64 of a data URL; `null` when it holds its data in another way, or lies elsewhere. */
function base64Of(url: unknown): string | null {
  if (typeof url !== 'string' || !url.startsWith('data:')) return null;
  const comma = url.indexOf(',');
  return /;base64$/i.test(url.slice(0, comma)) ? url.slice(comma + 1) : null;
}

/** Where the part carries the picture's file: in Anthropic's way, else in one of OpenAI's. */
function fileOf(part: Json): string | null {
  const { source, image_url: image } = part;
  if (part['type'] !== 'image') return base64Of(isJson(image) ? image['url'] : image);
  if (!isJson(source) || source['type'] !== 'base64') return null;
  return typeof source['data'] === 'string' ? source['data'] : null;
}

function detailOf(part: Json): unknown {
  const image = part['image_url'];
  return part['detail'] ?? (isJson(image) ? image['detail'] : null);
}

export interface Picture {
  readonly size: Size | null;
  readonly detail: unknown;
  /** Characters of the body that are its file. */
  readonly carried: number;
}

export function pictureOf(part: Json): Picture {
  const file = fileOf(part);
  const size = file === null ? null : sizeOfBase64(file);
  return { size, detail: detailOf(part), carried: file?.length ?? 0 };
}

/** The most that the viewer bills for these pictures. */
export function picturesMax(pictures: readonly Picture[], viewer: Viewer): number {
  if (pictures.length === 0) return 0;
  const rule = ruleFor(viewer);
  return pictures.reduce((sum, { size, detail, carried }) => {
    if (rule !== null && size !== null) return sum + rule(size, detail);
    // What is no picture that we know may be read as text, and each byte of it billed.
    return sum + Math.max((rule ?? unknown)(null, detail), carried);
  }, 0);
}
