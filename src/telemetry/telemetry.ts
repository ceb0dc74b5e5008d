// Booked requests as spans and metrics, sent over OTLP/HTTP as the environment's OTEL_ variables
// say. Loaded only where they ask for it. Queues are bounded by the SDK: what a collector does not
// take is lost, and is told of.

import {
  type Attributes,
  type Context,
  type Counter,
  diag,
  DiagLogLevel,
  type Histogram,
  type HrTime,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  type Tracer,
} from '@opentelemetry/api';
import { getNumberFromEnv, setGlobalErrorHandler } from '@opentelemetry/core';
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-http';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources';
import { MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';
import {
  BasicTracerProvider,
  BatchSpanProcessor,
  RandomIdGenerator,
} from '@opentelemetry/sdk-trace-base';
import { messageOf } from '../kernel/errors.js';
import { requestIdText } from '../kernel/record.js';
import type { TraceParent } from '../kernel/trace.js';
import { inputOf, outputOf } from '../kernel/usage.js';
import type { Entry } from '../ledger/entry.js';
import {
  commonAttributes,
  errorOf,
  type Naming,
  operationOf,
  spanAttributes,
  usdOf,
} from './genai.js';

/** As the conventions advise. */
const TOKEN_EDGES = Array.from({ length: 14 }, (_, power) => 4 ** power);
const SECOND_EDGES = Array.from({ length: 14 }, (_, power) => 2 ** power / 100);
const EXPORT_INTERVAL_MS = 60_000;
/** The SDK tells no more sets of attributes apart than that. */
const ALIKE_MAX = 2_000;

export interface TelemetryOptions {
  /** What is exported. */
  readonly signals: { readonly traces: boolean; readonly metrics: boolean };
  readonly version: string;
  /** Tells this process from every other. */
  readonly instanceId: string;
  /** The configuration in force. */
  readonly naming: () => Naming;
  /** What goes wrong. */
  readonly tell: (message: string) => void;
}

interface Alike {
  readonly error: string | null;
  readonly common: Attributes;
  /** With what went wrong. */
  readonly failed: Attributes;
  readonly input: Attributes;
  readonly output: Attributes;
}

/** A span's id is the request's own, as clients see it in `x-tokenpak-request-id`. */
class RequestIds extends RandomIdGenerator {
  request = 0n;
  override generateSpanId = (): string => requestIdText(this.request);
}

export class Telemetry {
  readonly #naming: () => Naming;
  /** Attributes by what they are made of, under the names that were in force last. */
  readonly #alike = new Map<string, Alike>();
  #named: Naming | null = null;
  readonly #ids = new RequestIds();
  readonly #traces: BasicTracerProvider;
  readonly #metrics: MeterProvider;
  readonly #tracer: Tracer;
  readonly #tokens: Histogram;
  readonly #duration: Histogram;
  readonly #cost: Counter;

  constructor({ signals, version, instanceId, naming, tell }: TelemetryOptions) {
    this.#naming = naming;
    setGlobalErrorHandler((error) => tell(messageOf(error)));
    const warn = (message: string): void => tell(message);
    const silent = (): void => undefined;
    const logger = { error: warn, warn, info: silent, debug: silent, verbose: silent };
    diag.setLogger(logger, { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true });
    const ours = { 'service.name': 'tokenpak', 'service.version': version };
    const resource = resourceFromAttributes({ ...ours, 'service.instance.id': instanceId }).merge(
      detectResources({ detectors: [envDetector] }),
    );
    this.#traces = new BasicTracerProvider({
      resource,
      idGenerator: this.#ids,
      spanProcessors: signals.traces ? [new BatchSpanProcessor(new OTLPTraceExporter())] : [],
    });
    this.#metrics = new MeterProvider({ resource, readers: signals.metrics ? [reader()] : [] });
    this.#tracer = this.#traces.getTracer('tokenpak', version);
    const meter = this.#metrics.getMeter('tokenpak', version);
    this.#tokens = meter.createHistogram('gen_ai.client.token.usage', {
      unit: '{token}',
      description: 'Tokens of a request, as billed.',
      advice: { explicitBucketBoundaries: TOKEN_EDGES },
    });
    this.#duration = meter.createHistogram('gen_ai.client.operation.duration', {
      unit: 's',
      description: 'From the reservation to the end of the answer.',
      advice: { explicitBucketBoundaries: SECOND_EDGES },
    });
    this.#cost = meter.createCounter('tokenpak.cost', {
      unit: '{USD}',
      description: 'What requests have cost.',
    });
  }

  /** Corrections by invoices are no requests. */
  record(entries: readonly Entry[]): void {
    const naming = this.#naming();
    if (naming !== this.#named || this.#alike.size > ALIKE_MAX) this.#alike.clear();
    this.#named = naming;
    for (const entry of entries) if (entry.kind !== 'adjust') this.#record(entry, naming);
  }

  /** Sends what waits. */
  async close(): Promise<void> {
    await Promise.all([this.#traces.shutdown(), this.#metrics.shutdown()]);
  }

  #record(entry: Entry, naming: Naming): void {
    const { reserve, usage, timeMs } = entry;
    const { failed, common, input, output, error } = this.#attributesOf(entry, naming);
    this.#duration.record(Math.max(0, timeMs - reserve.timeMs) / 1000, failed);
    const [inputTokens, outputTokens] = [inputOf(usage), outputOf(usage)];
    if (inputTokens > 0) this.#tokens.record(inputTokens, input);
    if (outputTokens > 0) this.#tokens.record(outputTokens, output);
    if (entry.cost > 0n) this.#cost.add(usdOf(entry), common);
    this.#ids.request = reserve.reservationId;
    const span = this.#tracer.startSpan(
      `${operationOf(entry)} ${reserve.requestedModel}`,
      { kind: SpanKind.CLIENT, startTime: hrTime(reserve.timeMs), attributes: failed },
      contextOf(reserve.trace),
    );
    if (!span.isRecording()) return;
    span.setAttributes(spanAttributes(entry));
    if (error !== null) span.setStatus({ code: SpanStatusCode.ERROR });
    span.end(hrTime(timeMs));
  }

  /** Made once for all requests that are alike: making them costs as much as all the rest. */
  #attributesOf(entry: Entry, naming: Naming): Alike {
    const { api, provider, requestedModel, model, user } = entry.reserve;
    const error = errorOf(entry);
    const who = naming.admin.metricsUserLabels ? user : '';
    const key = [api, provider, requestedModel, model, error, who].join('\n');
    let alike = this.#alike.get(key);
    if (alike === undefined) {
      const common = commonAttributes(entry, naming);
      alike = {
        error,
        common,
        failed: error === null ? common : { ...common, 'error.type': error },
        input: { ...common, 'gen_ai.token.type': 'input' },
        output: { ...common, 'gen_ai.token.type': 'output' },
      };
      this.#alike.set(key, alike);
    }
    return alike;
  }
}

function contextOf(parent: TraceParent | null): Context {
  if (parent === null) return ROOT_CONTEXT;
  const { traceId, spanId, flags: traceFlags } = parent;
  return trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags, isRemote: true });
}

/** Not a number: the SDK takes times before the process began for offsets. */
const hrTime = (ms: number): HrTime => [Math.floor(ms / 1000), (ms % 1000) * 1e6];

function reader(): PeriodicExportingMetricReader {
  const exportIntervalMillis =
    getNumberFromEnv('OTEL_METRIC_EXPORT_INTERVAL') ?? EXPORT_INTERVAL_MS;
  return new PeriodicExportingMetricReader({
    exporter: new OTLPMetricExporter(),
    exportIntervalMillis,
  });
}
