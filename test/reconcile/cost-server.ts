// The cost APIs of OpenAI and Anthropic, as they speak: pages, cents as texts, buckets of UTC days.

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { utcStart } from '../../src/kernel/calendar.js';
import { listening, type Teardown } from '../flow/harness.js';

const DAY_S = 86_400;

/** `line_item` → dollars, and `model` → usage, by UTC day. */
export interface OpenAiDay {
  readonly costs: Readonly<Record<string, number | string>>;
  readonly usage?: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

export interface CostServer {
  readonly url: string;
  readonly asked: URL[];
  readonly headers: IncomingMessage['headers'][];
  /** Answers by path; what is not there is a 404. */
  readonly routes: Map<string, (url: URL) => object>;
  /** Statuses to fail the next requests with. */
  readonly failures: { status: number; after?: string }[];
}

export async function costServer(t: Teardown): Promise<CostServer> {
  const asked: URL[] = [];
  const headers: IncomingMessage['headers'][] = [];
  const routes: CostServer['routes'] = new Map();
  const failures: CostServer['failures'] = [];
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    const url = new URL(request.url ?? '', 'http://costs');
    asked.push(url);
    headers.push(request.headers);
    const failure = failures.shift();
    const route = routes.get(url.pathname);
    const status = failure?.status ?? (route === undefined ? 404 : 200);
    if (failure?.after !== undefined) response.setHeader('retry-after', failure.after);
    response.writeHead(status, { 'content-type': 'application/json' });
    const error = { error: { message: 'no', type: 'error' } };
    response.end(JSON.stringify(status === 200 ? route?.(url) : error));
  });
  const url = await listening(t, server);
  return { url, asked, headers, routes, failures };
}

/** One bucket a page, whatever was asked for: whoever reads must turn them. */
function paged(buckets: readonly object[]) {
  return (url: URL): object => {
    const index = Number(url.searchParams.get('page')?.replace('page_', '') ?? 0);
    const more = index + 1 < buckets.length;
    return {
      object: 'page',
      data: buckets.slice(index, index + 1),
      has_more: more,
      next_page: more ? `page_${index + 1}` : null,
    };
  };
}

export function serveOpenAi(server: CostServer, days: Readonly<Record<number, OpenAiDay>>): void {
  const buckets = (rows: (day: OpenAiDay) => object[]) =>
    paged(
      Object.entries(days).map(([date, day]) => {
        const start = utcStart(Number(date)) / 1_000;
        const results = rows(day);
        return { object: 'bucket', start_time: start, end_time: start + DAY_S, results };
      }),
    );
  server.routes.set(
    '/v1/organization/costs',
    buckets(({ costs }) =>
      Object.entries(costs).map(([line_item, value]) => ({
        object: 'organization.costs.result',
        amount: { value, currency: 'usd' },
        line_item,
        project_id: null,
      })),
    ),
  );
  server.routes.set(
    '/v1/organization/usage/completions',
    buckets(({ usage = {} }) =>
      Object.entries(usage).map(([model, counts]) => ({
        object: 'organization.usage.completions.result',
        model,
        ...counts,
      })),
    ),
  );
}

export interface AnthropicRow {
  readonly amount: string;
  readonly model: string | null;
  readonly token_type: string | null;
  readonly workspace_id?: string | null;
}

const spanOf = (date: number) => ({
  starting_at: new Date(utcStart(date)).toISOString(),
  ending_at: new Date(utcStart(date) + DAY_S * 1_000).toISOString(),
});

export function serveAnthropic(
  server: CostServer,
  costs: Readonly<Record<number, readonly AnthropicRow[]>>,
  usage: Readonly<Record<number, readonly object[]>> = {},
): void {
  const buckets = (days: Readonly<Record<number, readonly object[]>>) =>
    paged(Object.entries(days).map(([date, results]) => ({ ...spanOf(Number(date)), results })));
  server.routes.set('/v1/organizations/cost_report', buckets(costs));
  server.routes.set('/v1/organizations/usage_report/messages', buckets(usage));
}

/** The newer API: one row a group, with list prices beside what was paid. */
export function serveAnalytics(
  server: CostServer,
  date: number,
  rows: readonly { model: string; token_type: string; amount: string; list_amount?: string }[],
): void {
  const data = rows.map(({ model, token_type, ...cost }) => ({
    ...spanOf(date),
    group: { model, token_type },
    cost: { currency: 'USD', requests: 1, ...cost },
  }));
  server.routes.set('/v1/organizations/analytics/cost', paged(data));
}
