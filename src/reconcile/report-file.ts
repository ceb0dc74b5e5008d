// A saved cost report instead of the API's answer: the JSON of either provider (one page, or a list
// of pages), or a CSV with a day, an amount and perhaps a model in each row.

import { readFileSync } from 'node:fs';
import { utcDate } from '../kernel/calendar.js';
import { messageOf, TokenPakError } from '../kernel/errors.js';
import { exactJson, itemsOf, type Json, membersOf } from '../kernel/exact-json.js';
import { addAnthropicCosts } from './anthropic.js';
import { addOpenAiCosts } from './openai.js';
import { amountOf, classOf, Report } from './report.js';

const NO_FILTER = { projects: [], workspaces: [], apiKeys: [] };

export function readReport(path: string): Report {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw bad(path, messageOf(error));
  }
  return /^\s*[[{]/.test(text) ? fromJson(path, text) : fromCsv(path, text);
}

function fromJson(path: string, text: string): Report {
  const report = new Report();
  let pages: readonly Json[];
  try {
    const root = exactJson(text);
    pages = Array.isArray(root) ? (root as readonly Json[]) : [root];
  } catch (error) {
    throw bad(path, `it is no JSON: ${messageOf(error)}`);
  }
  const buckets = pages.flatMap((page) => itemsOf(membersOf(page)['data']));
  for (const bucket of buckets) {
    const { start_time, starting_at } = membersOf(bucket);
    if (start_time !== undefined) addOpenAiCosts(report, bucket);
    else if (starting_at !== undefined) addAnthropicCosts(report, bucket, NO_FILTER);
    else throw bad(path, 'its buckets have neither start_time nor starting_at');
  }
  if (buckets.length === 0) throw bad(path, 'it holds no buckets of costs');
  return report;
}

/** Columns by the names that the providers' exports give them. */
const COLUMNS = {
  day: ['usage_date_utc', 'start_time_iso', 'start_time', 'date', 'day'],
  dollars: ['amount_value', 'cost_usd', 'amount_usd', 'cost', 'amount'],
  model: ['model', 'line_item'],
  tokenClass: ['token_type', 'line_item'],
} as const;

function fromCsv(path: string, text: string): Report {
  const report = new Report();
  const [head = [], ...rows] = csvRows(text);
  const columnOf = (names: readonly string[]): number =>
    names.map((name) => head.indexOf(name)).find((index) => index >= 0) ?? -1;
  const day = columnOf(COLUMNS.day);
  const dollars = columnOf(COLUMNS.dollars);
  if (day < 0 || dollars < 0) {
    const wanted = `one of ${COLUMNS.day.join(', ')} and one of ${COLUMNS.dollars.join(', ')}`;
    throw bad(path, `it is no JSON, and as a CSV it needs the columns ${wanted}`);
  }
  const [model, tokenClass] = [columnOf(COLUMNS.model), columnOf(COLUMNS.tokenClass)];
  for (const [index, row] of rows.entries()) {
    const timeMs = timeOf(row[day] ?? '');
    const cost = amountOf(row[dollars] ?? '', 9);
    if (Number.isNaN(timeMs) || cost === null) {
      throw bad(path, `row ${index + 2} has no day, or no amount`);
    }
    const item = /^(.+), [^,]+$/.exec(row[model] ?? '')?.[1] ?? row[model] ?? null;
    const name = classOf(row[tokenClass] ?? '');
    report.add({ utcDate: utcDate(timeMs), model: item, tokenClass: name, cost });
  }
  return report;
}

const timeOf = (text: string): number =>
  /^\d{9,10}$/.test(text) ? Number(text) * 1_000 : Date.parse(text.trim());

/** Quoted cells may hold commas, line ends and doubled quotes. */
function csvRows(text: string): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  const cell = /("(?:[^"]|"")*"|[^",\r\n]*)(,|\r?\n|$)/gy;
  const body = text.replace(/^\uFEFF/, '').trimEnd();
  for (let match = cell.exec(body); match !== null; match = cell.exec(body)) {
    const [, raw = '', end = ''] = match;
    row.push(raw.startsWith('"') ? raw.slice(1, -1).replaceAll('""', '"') : raw.trim());
    if (end === ',') continue;
    rows.push(row);
    row = [];
    if (end === '' || cell.lastIndex >= body.length) break;
  }
  return rows;
}

const bad = (path: string, why: string): TokenPakError =>
  new TokenPakError('bad_usage', `--from-file ${path}: ${why}`);
