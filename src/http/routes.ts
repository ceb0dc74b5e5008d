// Which path is which endpoint. What is not named here is refused: nothing unmetered passes.

export type Route = 'chat' | 'messages' | 'models' | 'budget' | 'healthz' | 'readyz' | 'unmetered';

const POST_ROUTES: Readonly<Record<string, Route>> = {
  '/chat/completions': 'chat',
  '/messages': 'messages',
};

const GET_ROUTES: Readonly<Record<string, Route>> = {
  '/models': 'models',
  '/budget': 'budget',
  '/healthz': 'healthz',
  '/readyz': 'readyz',
};

/** With or without `/v1` (people append it twice), with or without a trailing slash. */
export function routeOf(method: string, path: string): Route {
  let bare = path;
  while (bare.startsWith('/v1/')) bare = bare.slice(3);
  if (bare.length > 1 && bare.endsWith('/')) bare = bare.slice(0, -1);
  const routes = method === 'post' ? POST_ROUTES : method === 'get' ? GET_ROUTES : {};
  return Object.hasOwn(routes, bare) ? (routes[bare] as Route) : 'unmetered';
}
