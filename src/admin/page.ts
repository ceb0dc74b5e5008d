// The dashboard's files, as they lie in the package: no build step, nothing from elsewhere. The
// policy lets the browser run and load these and nothing more.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Route } from './route.js';

// Compiled to dist/src/admin, three folders below the package's root.
const page = new URL('../../../src/admin/page/', import.meta.url);
const chart = (file: string): string =>
  createRequire(import.meta.url).resolve(`uplot/dist/${file}`);

const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const TYPES = {
  html: 'text/html; charset=utf-8',
  css: 'text/css; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  svg: 'image/svg+xml',
} as const;

const FILES: readonly { readonly path: string; readonly file: string | URL }[] = [
  { path: '/', file: new URL('index.html', page) },
  { path: '/page.css', file: new URL('page.css', page) },
  { path: '/app.js', file: new URL('app.js', page) },
  { path: '/show.js', file: new URL('show.js', page) },
  { path: '/charts.js', file: new URL('charts.js', page) },
  { path: '/icon.svg', file: new URL('icon.svg', page) },
  { path: '/uplot.js', file: chart('uPlot.esm.js') },
  { path: '/uplot.css', file: chart('uPlot.min.css') },
];

/** They hold no one's figures, so they need no token: the page asks for it. */
export const PAGE_ROUTES: readonly Route[] = FILES.map(({ path, file }) => {
  const extension = String(file).split('.').at(-1) as keyof typeof TYPES;
  let text: Buffer | null = null;
  return {
    method: 'GET',
    path,
    summary: path === '/' ? 'The dashboard.' : 'A file of the dashboard.',
    open: true,
    type: TYPES[extension],
    answer: () => ({
      text: (text ??= readFileSync(file)),
      type: TYPES[extension],
      headers: { 'content-security-policy': POLICY },
    }),
  };
});
