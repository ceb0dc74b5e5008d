// The head of a provider's answer, as OpenAI sends one.

import { readHead } from '../../src/upstream/response-head.js';
import type { MicroCase } from './case.js';

const HEAD = [
  'HTTP/1.1 200 OK',
  'Date: Wed, 25 Mar 2026 09:45:00 GMT',
  'Content-Type: application/json',
  'Content-Length: 612',
  'Connection: keep-alive',
  'x-request-id: req_0123456789abcdef0123456789abcdef',
  'openai-organization: bench',
  'openai-processing-ms: 412',
  'openai-version: 2020-10-01',
  'x-ratelimit-limit-requests: 10000',
  'x-ratelimit-remaining-requests: 9999',
  'x-ratelimit-reset-requests: 6ms',
  'strict-transport-security: max-age=31536000; includeSubDomains; preload',
  'x-content-type-options: nosniff',
  '',
].join('\r\n');

export const answerHead = (): readonly MicroCase[] => [
  {
    name: `head: read the ${HEAD.length} bytes of an answer's`,
    run(iterations) {
      let bytes = 0;
      for (let i = 0; i < iterations; i++) bytes += readHead(HEAD).bodyBytes;
      return bytes;
    },
  },
];
