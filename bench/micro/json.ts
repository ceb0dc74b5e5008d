// The bodies of one request: parsed on the way in; its answer's cost members spliced in on the way
// out.

import { appendMembers, topLevelMembers } from '../../src/wire/json.js';
import { CANNED_ANSWER, chatBody } from '../macro/workload.js';
import type { MicroCase } from './case.js';

export function json(): readonly MicroCase[] {
  const body = Buffer.from(chatBody(300));
  const answer = Buffer.from(CANNED_ANSWER);
  return [
    {
      name: `json: parse a ${body.length}-byte chat`,
      run(iterations) {
        let keys = 0;
        for (let i = 0; i < iterations; i++) {
          keys += Object.keys(JSON.parse(body.toString()) as object).length;
        }
        return keys;
      },
    },
    {
      name: `json: members of a ${answer.length}-byte answer`,
      run(iterations) {
        let members = 0;
        for (let i = 0; i < iterations; i++) members += topLevelMembers(answer).size;
        return members;
      },
    },
    {
      name: 'json: append the cost members',
      run(iterations) {
        let bytes = 0;
        for (let i = 0; i < iterations; i++) {
          bytes += appendMembers(answer, '"request_cost_cents":0.471,"cost_cents":180').length;
        }
        return bytes;
      },
    },
  ];
}
