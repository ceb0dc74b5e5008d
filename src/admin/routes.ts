// The table of routes. A route that is not here does not exist; the OpenAPI document is made of it.

import { messageOf } from '../kernel/errors.js';
import { ADJUSTMENTS, adjustments } from './adjustments.js';
import { REPLAY, replayAlerts } from './alerts.js';
import { KEY_ROUTES } from './keys.js';
import { openApi } from './openapi.js';
import { PAGE_ROUTES } from './page.js';
import { RAISE_ROUTES } from './raises.js';
import { REPORT_ROUTES } from './reports.js';
import { Refused, type Route } from './route.js';
import { statusView } from './status.js';

/** Prometheus' text format; in step with what the library that writes it calls it. */
const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

export const ROUTES: readonly Route[] = [
  {
    method: 'GET',
    path: '/healthz',
    summary: 'Whether the proxy lets requests in.',
    open: true,
    answer: (running) => {
      const status = running.state();
      return { status: status === 'ready' ? 200 : 503, json: { status } };
    },
  },
  {
    method: 'GET',
    path: '/metrics',
    summary: "Everything countable, in Prometheus' text format.",
    type: METRICS_TYPE,
    answer: async (running) => {
      // Its library is loaded with the first scrape.
      const { metricsText } = await import('./metrics.js');
      return { text: await metricsText(running), type: METRICS_TYPE };
    },
  },
  {
    method: 'GET',
    path: '/admin/status',
    summary: 'The proxy at a glance: workers, budgets, reservations, the state of the books.',
    answer: async (running) => ({ json: await statusView(running) }),
  },
  {
    method: 'GET',
    path: '/admin/events',
    summary: 'Server-sent events: what the dashboard shows, every second.',
    type: 'text/event-stream',
    answer: (_, { feed }) => ({
      stream: (response) => {
        if (!feed.attach(response)) response.writeHead(503).end();
      },
    }),
  },
  {
    method: 'POST',
    path: '/admin/alerts/replay',
    summary: 'Sends an alert again, or all that some channel has given up.',
    body: REPLAY,
    answer: replayAlerts,
  },
  {
    method: 'POST',
    path: '/admin/adjustments',
    summary: "Corrects the books, and everyone's budgets, by what invoices say.",
    body: ADJUSTMENTS,
    answer: adjustments,
  },
  ...REPORT_ROUTES,
  {
    method: 'POST',
    path: '/admin/reload',
    summary: 'Reads the configuration file again; a bad one changes nothing and is told.',
    answer: async (running) => {
      try {
        return { json: { reloaded: true, needs_restart: await running.reload() } };
      } catch (error) {
        throw new Refused(422, 'invalid_request', messageOf(error));
      }
    },
  },
  ...RAISE_ROUTES,
  ...KEY_ROUTES,
  {
    method: 'GET',
    path: '/admin/openapi.json',
    summary: 'This document.',
    answer: ({ version }) => ({ json: openApi(ROUTES, version) }),
  },
  ...PAGE_ROUTES,
];
