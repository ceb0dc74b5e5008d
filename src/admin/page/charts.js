// The two charts. Colours are the page's own; both are drawn anew when the light changes, and both
// say in words what they show.

import uPlot from './uplot.js';
import { dollars } from './show.js';

const POINTS_MAX = 900;
/** Between two labels, in seconds: they tell no shorter time. */
const MINUTES = [60, 120, 300];
const HEIGHT = 190;

const requests = {
  holder: document.getElementById('requests-chart'),
  plot: null,
  data: [[], [], []],
};
const days = { holder: document.getElementById('days-chart'), plot: null, data: null, limit: null };

const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

const axis = () => ({
  stroke: color('--soft'),
  font: '12px system-ui, sans-serif',
  grid: { stroke: color('--line'), width: 1 },
  ticks: { show: false },
});

const size = (holder) => ({ width: Math.max(200, holder.clientWidth), height: HEIGHT });

const plain = { legend: { show: false }, cursor: { show: false } };

/** The quarter of an hour before now, as the server remembers it. */
export function startCharts(points) {
  requests.data = points;
  renderRequests();
}

export function drawRequests(point) {
  if (point === null || point[0] === requests.data[0].at(-1)) return;
  for (const [index, value] of point.entries()) {
    requests.data[index].push(value);
    if (requests.data[index].length > POINTS_MAX) requests.data[index].shift();
  }
  if (requests.plot === null) renderRequests();
  else requests.plot.setData(requests.data);
  const [, admitted, rejected] = point.map((value) => Math.round(value));
  requests.holder.setAttribute(
    'aria-label',
    `Requests a second over the last quarter of an hour; now ${admitted} admitted, ${rejected} rejected`,
  );
}

function renderRequests() {
  const { holder, data } = requests;
  requests.plot?.destroy();
  requests.plot = null;
  if (data[0].length < 2) return;
  const line = (name, fill) => ({
    stroke: color(name),
    width: 1.5,
    points: { show: false },
    ...(fill && { fill: `${color(name)}22` }),
  });
  const options = {
    ...size(holder),
    ...plain,
    // Room for the last label.
    padding: [null, 24, null, null],
    scales: { y: { range: (_, min, max) => [0, Math.max(1, max * 1.1)] } },
    axes: [
      { ...axis(), space: 70, size: 26, incrs: MINUTES, values: timeLabels },
      { ...axis(), size: 44 },
    ],
    series: [{}, line('--accent', true), line('--bad', false)],
  };
  requests.plot = new uPlot(options, data, holder);
}

export function drawDays({ days: rows, limit_usd }) {
  const times = rows.map(({ day }) => Date.parse(`${day}T00:00:00Z`) / 1000);
  const costs = rows.map(({ cost_usd }) => Number(cost_usd));
  days.limit = limit_usd === null ? null : Number(limit_usd);
  days.data = [times, costs];
  const total = dollars(costs.reduce((sum, cost) => sum + cost, 0));
  const most = dollars(Math.max(...costs));
  days.holder.setAttribute(
    'aria-label',
    `Spend of each of the last 30 days: ${total} in all, ${most} on the dearest day`,
  );
  renderDays();
}

function renderDays() {
  const { holder, data, limit } = days;
  if (data === null) return;
  days.plot?.destroy();
  const bars = uPlot.paths.bars({ size: [0.7, 28], radius: 0.15 });
  const options = {
    ...size(holder),
    ...plain,
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), 'UTC'),
    scales: {
      x: { range: (_, min, max) => [min - 43_200, max + 43_200] },
      y: { range: (_, min, max) => [0, Math.max(max, limit ?? 0, 0.01) * 1.1] },
    },
    axes: [
      { ...axis(), space: 60, size: 26, grid: { show: false }, values: dayLabels },
      { ...axis(), size: 56, values: dollarLabels },
    ],
    series: [{}, { fill: color('--accent'), paths: bars, points: { show: false } }],
    hooks: { draw: [(plot) => limit !== null && drawCap(plot, limit)] },
  };
  days.plot = new uPlot(options, data, holder);
}

const dayName = new Intl.DateTimeFormat([], { day: 'numeric', month: 'short', timeZone: 'UTC' });

const timeOfDay = new Intl.DateTimeFormat([], { hour: '2-digit', minute: '2-digit' });

const timeLabels = (_, ticks) => ticks.map((tick) => timeOfDay.format(tick * 1000));

const dayLabels = (_, ticks) => ticks.map((tick) => dayName.format(tick * 1000));

const dollarLabels = (_, ticks) => {
  const digits = ticks.every(Number.isInteger) ? 0 : 2;
  return ticks.map((tick) => `$${tick.toFixed(digits)}`);
};

function drawCap(plot, limit) {
  const { ctx, bbox } = plot;
  const y = Math.round(plot.valToPos(limit, 'y', true));
  ctx.save();
  ctx.strokeStyle = color('--bad');
  ctx.lineWidth = 1.5 * devicePixelRatio;
  ctx.setLineDash([6 * devicePixelRatio, 4 * devicePixelRatio]);
  ctx.beginPath();
  ctx.moveTo(bbox.left, y);
  ctx.lineTo(bbox.left + bbox.width, y);
  ctx.stroke();
  ctx.restore();
}

const renderAll = () => {
  renderRequests();
  renderDays();
};

matchMedia('(prefers-color-scheme: dark)').addEventListener('change', renderAll);

new ResizeObserver(() => {
  requests.plot?.setSize(size(requests.holder));
  days.plot?.setSize(size(days.holder));
}).observe(document.getElementById('main'));
