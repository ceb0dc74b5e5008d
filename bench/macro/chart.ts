// A run as a picture: CPU per request and latency added, a bar for each subject, in one SVG that
// needs no script and reads on light and dark.

import type { LaneName } from './lanes.js';
import type { Lane } from './rounds.js';

const ROW = 26;
const LABEL_WIDTH = 130;
const BAR_WIDTH = 380;
const WIDTH = LABEL_WIDTH + BAR_WIDTH + 90;

interface Bar {
  readonly label: string;
  readonly value: number;
}

export function chartOf(lanes: readonly Lane[]): string {
  const bars = (lane: LaneName, value: (lane: Lane) => number | undefined): Bar[] =>
    lanes.flatMap((each) => {
      const found = each.lane === lane ? value(each) : undefined;
      return found === undefined ? [] : [{ label: each.subject, value: found }];
    });
  const groups: [string, Bar[]][] = [
    [
      'CPU per request, µs (300-byte chat, 64 connections)',
      bars('300 B, 64 connections', (lane) => lane.cpuUsPerRequest?.median),
    ],
    [
      'Latency added, p50, µs (300-byte chat, 1 connection)',
      bars('300 B, 1 connection', (lane) => lane.addedP50Us?.median),
    ],
  ];
  let y = 0;
  const parts = groups.map(([title, group]) => {
    const part = groupOf(title, group, y);
    y += ROW * (group.length + 2);
    return part;
  });
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${y}" width="${WIDTH}" ` +
    `font-family="system-ui, sans-serif" font-size="13" fill="#888">\n${parts.join('\n')}\n</svg>`
  );
}

function groupOf(title: string, bars: readonly Bar[], top: number): string {
  const most = Math.max(...bars.map(({ value }) => value), 1);
  const rows = bars.map(({ label, value }, index) => {
    const y = top + ROW * (index + 1) + 8;
    const width = Math.max(1, Math.round((Math.max(0, value) / most) * BAR_WIDTH));
    const colour = label === 'budgets on' ? '#d9480f' : '#8aa';
    return (
      `<text x="${LABEL_WIDTH - 8}" y="${y + 13}" text-anchor="end">${label}</text>` +
      `<rect x="${LABEL_WIDTH}" y="${y}" width="${width}" height="18" fill="${colour}"/>` +
      `<text x="${LABEL_WIDTH + width + 6}" y="${y + 13}">${Math.round(value)}</text>`
    );
  });
  return [`<text x="0" y="${top + 18}" font-weight="bold">${title}</text>`, ...rows].join('\n');
}
