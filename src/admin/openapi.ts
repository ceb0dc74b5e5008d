// The OpenAPI 3.1 document of the admin API, made of the table of routes: it cannot name what is
// not there, nor leave out what is.

import type { Route } from './route.js';

const ERROR = {
  type: 'object',
  required: ['error'],
  properties: {
    error: {
      type: 'object',
      required: ['code', 'message'],
      properties: { code: { type: 'string' }, message: { type: 'string' } },
    },
  },
};

export function openApi(routes: readonly Route[], version: string): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const route of routes) {
    paths[route.path] = { ...paths[route.path], [route.method.toLowerCase()]: operation(route) };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'TokenPak admin API',
      version,
      description: 'Money is exact decimal text in US dollars, times are RFC 3339 in UTC.',
    },
    security: [{ token: [] }],
    paths,
    components: {
      securitySchemes: {
        token: {
          type: 'http',
          scheme: 'bearer',
          description: 'admin.token of the configuration; without one, only loopback is answered.',
        },
      },
      schemas: { Error: ERROR },
      responses: {
        Error: {
          description: 'What is wrong, by a code to match and a message to read.',
          content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } },
        },
      },
    },
  };
}

function operation(route: Route): object {
  const {
    method,
    path,
    summary,
    open = false,
    query = {},
    body,
    type = 'application/json',
  } = route;
  const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }));
  const inQuery = Object.entries(query).map(([name, { description, ...schema }]) => ({
    name,
    in: 'query',
    ...(description !== undefined && { description }),
    schema,
  }));
  const isJson = type === 'application/json';
  return {
    operationId: operationId(method, path),
    summary,
    ...(open && { security: [] }),
    parameters: [...inPath, ...inQuery],
    ...(body && {
      requestBody: { required: true, content: { 'application/json': { schema: body } } },
    }),
    responses: {
      '2XX': {
        description: 'Done.',
        content: { [type]: { schema: { type: isJson ? 'object' : 'string' } } },
      },
      default: { $ref: '#/components/responses/Error' },
    },
  };
}

/** `GET /admin/raises/{id}` → `getAdminRaisesId` */
const operationId = (method: string, path: string): string =>
  [method.toLowerCase(), ...path.split(/\W+/).filter((word) => word !== '')]
    .map((word, index) => (index === 0 ? word : word.charAt(0).toUpperCase() + word.slice(1)))
    .join('');
