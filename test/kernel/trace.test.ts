import t from 'tap';
import { traceParentOf, traceParentText } from '../../src/kernel/trace.js';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const SPAN = '00f067aa0ba902b7';

t.test('a traceparent is read as W3C Trace Context has it', async (t) => {
  const parent = { traceId: TRACE, spanId: SPAN, flags: 1 };
  t.same(traceParentOf(`00-${TRACE}-${SPAN}-01`), parent);
  t.same(traceParentOf(`00-${TRACE}-${SPAN}-ff`), { ...parent, flags: 255 });
  t.same(traceParentOf(`cc-${TRACE}-${SPAN}-01`), parent, 'a later version');
  t.same(traceParentOf(`cc-${TRACE}-${SPAN}-01-what-the-future-adds`), parent);
});

t.test('what goes on is the first version, and no word of the client', async (t) => {
  t.equal(traceParentText({ traceId: TRACE, spanId: SPAN, flags: 1 }), `00-${TRACE}-${SPAN}-01`);
  const later = traceParentOf(`cc-${TRACE}-${SPAN}-ff-password`);
  t.equal(later && traceParentText(later), `00-${TRACE}-${SPAN}-ff`);
});

t.test('what is no traceparent joins no trace', async (t) => {
  for (const header of [
    '',
    TRACE,
    `00-${TRACE}-${SPAN}`,
    `ff-${TRACE}-${SPAN}-01`,
    `00-${TRACE}-${SPAN}-01-more`,
    `00-${TRACE}-${SPAN}-011`,
    `00-${'0'.repeat(32)}-${SPAN}-01`,
    `00-${TRACE}-${'0'.repeat(16)}-01`,
    `00-${TRACE.toUpperCase()}-${SPAN}-01`,
    ` 00-${TRACE}-${SPAN}-01`,
  ]) {
    t.equal(traceParentOf(header), null, header);
  }
});
