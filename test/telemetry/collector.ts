// An OTLP/HTTP collector on loopback that keeps what it is sent, as JSON.

import { createServer } from 'node:http';
import { listening, type Teardown } from '../flow/harness.js';

interface Value {
  readonly stringValue?: string;
  readonly intValue?: number;
  readonly doubleValue?: number;
}
type Attributes = readonly { readonly key: string; readonly value: Value }[];

interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: Attributes;
  readonly status: { readonly code: number };
}

interface Point {
  readonly attributes: Attributes;
  /** Of a histogram. */
  readonly count?: number;
  readonly sum?: number;
  /** Of a counter. */
  readonly asDouble?: number;
}

interface Metric {
  readonly name: string;
  readonly histogram?: { readonly dataPoints: readonly Point[] };
  readonly sum?: { readonly dataPoints: readonly Point[] };
}

interface Resource {
  readonly resource: { readonly attributes: Attributes };
  readonly scopeSpans?: readonly { readonly spans: readonly Span[] }[];
  readonly scopeMetrics?: readonly { readonly metrics: readonly Metric[] }[];
}

/** Attributes by name. */
export const named = (attributes: Attributes): Record<string, string | number | undefined> =>
  Object.fromEntries(
    attributes.map(({ key, value }) => [
      key,
      value.stringValue ?? value.intValue ?? value.doubleValue,
    ]),
  );

export async function startCollector(t: Teardown) {
  const sent: { readonly path: string; readonly token: unknown; readonly text: string }[] = [];
  const server = createServer((request, response) => {
    let text = '';
    request.on('data', (data: Buffer) => (text += data.toString()));
    request.on('end', () => {
      sent.push({ path: request.url ?? '', token: request.headers['x-token'], text });
      response.setHeader('content-type', 'application/json').end('{}');
    });
  });
  const url = await listening(t, server);
  const resources = (member: 'resourceSpans' | 'resourceMetrics'): readonly Resource[] =>
    sent.flatMap(({ text }) => (JSON.parse(text) as Record<string, Resource[]>)[member] ?? []);
  return {
    url,
    sent,
    resource: () => named(resources('resourceSpans')[0]?.resource.attributes ?? []),
    spans: () =>
      resources('resourceSpans').flatMap(({ scopeSpans = [] }) =>
        scopeSpans.flatMap(({ spans }) => spans),
      ),
    /** Points are cumulative: those sent last hold all. */
    points(name: string): readonly Point[] {
      const metrics = (resources('resourceMetrics').at(-1)?.scopeMetrics ?? []).flatMap(
        (scope) => scope.metrics,
      );
      const metric = metrics.find((each) => each.name === name);
      return (metric?.histogram ?? metric?.sum)?.dataPoints ?? [];
    },
  };
}
