// Which path is which endpoint. What is not named here is refused: nothing unmetered passes.

import type { Api } from '../kernel/api.js';

/** A metered API, or one of the endpoints that cost nothing. */
export type Route = Api | 'count_tokens' | 'models' | 'budget' | 'healthz' | 'readyz' | 'unmetered';

const POST_ROUTES: ReadonlyMap<string, Route> = new Map([
  ['/chat/completions', 'chat'],
  ['/completions', 'completions'],
  ['/responses', 'responses'],
  ['/embeddings', 'embeddings'],
  ['/messages', 'messages'],
  ['/messages/count_tokens', 'count_tokens'],
]);

const GET_ROUTES: ReadonlyMap<string, Route> = new Map([
  ['/models', 'models'],
  ['/budget', 'budget'],
  ['/healthz', 'healthz'],
  ['/readyz', 'readyz'],
]);

const NO_ROUTES: ReadonlyMap<string, Route> = new Map();

/** With or without `/v1` (people append it twice), with or without a trailing slash. */
export function routeOf(method: string, path: string): Route {
  let bare = path;
  while (bare.startsWith('/v1/')) bare = bare.slice(3);
  if (bare.length > 1 && bare.endsWith('/')) bare = bare.slice(0, -1);
  return routesOf(method).get(bare) ?? 'unmetered';
}

function routesOf(method: string): ReadonlyMap<string, Route> {
  if (method === 'post') return POST_ROUTES;
  return method === 'get' || method === 'head' ? GET_ROUTES : NO_ROUTES;
}
