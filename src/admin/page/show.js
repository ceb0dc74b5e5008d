// Puts what the stream says into the page. All text goes in as text: a user's name is whatever a
// caller sent.

const byId = (id) => document.getElementById(id);

const setText = (node, text) => {
  if (node.textContent !== text) node.textContent = text;
};

const STATES = {
  ready: 'Ready',
  draining: 'Shutting down',
  ledger_unavailable: 'Ledger unavailable: nothing is admitted',
  gone: 'Not reachable, trying again',
  locked: 'Waiting for the token',
};

export function showState(state) {
  const node = byId('state');
  setText(node, STATES[state] ?? state);
  node.className = `state ${state === 'ready' ? 'ready' : state === 'locked' ? '' : 'bad'}`;
}

/** Exact decimals come in; people read cents, or four digits where there are fewer. */
export function dollars(text) {
  const value = Number(text);
  const digits = value !== 0 && Math.abs(value) < 0.1 ? 4 : 2;
  return value.toLocaleString('en-US', {
    style: 'currency',
    currency: 'USD',
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
}

const whole = (value) => value.toLocaleString('en-US');

const rate = (value) => (value > 0 && value < 10 ? value.toFixed(1) : whole(Math.round(value)));

function duration(seconds) {
  const units = [
    ['d', 86_400],
    ['h', 3_600],
    ['min', 60],
    ['s', 1],
  ];
  const first = units.findIndex(([, size]) => seconds >= size);
  if (first === -1) return '0 s';
  const [unit, size] = units[first];
  const [next, nextSize] = units[first + 1] ?? [];
  const rest = next === undefined ? 0 : Math.floor((seconds % size) / nextSize);
  return `${Math.floor(seconds / size)} ${unit}${rest > 0 ? ` ${rest} ${next}` : ''}`;
}

const duringDay = new Intl.DateTimeFormat([], { hour: '2-digit', minute: '2-digit' });
const withDay = new Intl.DateTimeFormat([], {
  day: 'numeric',
  month: 'short',
  hour: '2-digit',
  minute: '2-digit',
});

function clockTime(text) {
  const time = new Date(text);
  const today = new Date().toDateString() === time.toDateString();
  return (today ? duringDay : withDay).format(time);
}

const micros = (us) => (us === null ? '–' : us < 1_000 ? `≤ ${us} µs` : `≤ ${us / 1_000} ms`);

const level = (share) => (share >= 1 ? 'over' : share >= 0.8 ? 'near' : '');

const percent = (share) => `${Math.floor(share * 100)}%`;

export function showLive(live) {
  showState(live.state);
  setText(byId('address'), live.address);
  setText(byId('version'), live.version);
  setText(byId('uptime'), duration(live.uptime_seconds));
  for (const budget of live.budgets) showBudget(byId(budget.window), budget);
  const { requests } = live;
  const burn = live.burn_usd_per_hour;
  setFigure('burn', burn === null ? '–' : dollars(burn), burn === null ? '' : 'an hour');
  setFigure('admitted-rate', rate(requests.per_second.admitted), 'a second');
  setFigure('rejected-rate', rate(requests.per_second.rejected), 'a second');
  setFigure('active', whole(requests.active), requests.active === 1 ? 'request' : 'requests');
  setFigure('overhead-p50', micros(requests.overhead_us.p50), '');
  setFigure('overhead-p99', micros(requests.overhead_us.p99), '');
  const lag = Math.max(0, ...live.workers.map((worker) => worker.lag_us));
  setText(byId('loop'), `p99 ${(lag / 1_000).toFixed(1)} ms, ${live.workers.length} workers`);
  showRejections(requests.rejected);
}

function setFigure(id, figure, unit) {
  const node = byId(id);
  const small = node.querySelector('small') ?? document.createElement('small');
  if (node.dataset.figure === figure && small.textContent === unit) return;
  node.dataset.figure = figure;
  small.textContent = unit;
  node.replaceChildren(`${figure} `, small);
}

for (const card of document.querySelectorAll('.budget')) {
  card.append(byId('budget').content.cloneNode(true));
  const meter = card.querySelector('.meter');
  meter.setAttribute('aria-labelledby', card.getAttribute('aria-labelledby'));
}

function showBudget(card, budget) {
  const part = (name) => card.querySelector(`[data-${name}]`);
  const spent = Number(budget.spent_usd);
  const limit = budget.limit_usd === null ? null : Number(budget.limit_usd);
  const share = limit === null ? 0 : limit === 0 ? 1 : spent / limit;
  const held = limit ? Math.min(1 - Math.min(1, share), Number(budget.reserved_usd) / limit) : 0;
  card.classList.toggle('near', level(share) === 'near');
  card.classList.toggle('over', level(share) === 'over');
  setText(part('spent'), dollars(budget.spent_usd));
  setText(part('limit'), limit === null ? 'no cap' : `of ${dollars(limit)} · ${percent(share)}`);
  setText(part('left'), budget.remaining_usd === null ? '–' : dollars(budget.remaining_usd));
  setText(part('held'), dollars(budget.reserved_usd));
  setText(part('forecast'), forecastText(budget));
  part('forecast').className = budget.cap_reached_at === null ? '' : 'over';
  setText(part('resets'), clockTime(budget.resets_at));
  const meter = card.querySelector('.meter');
  meter.style.setProperty('--settled', `${Math.min(100, share * 100)}%`);
  meter.style.setProperty('--held', `${held * 100}%`);
  meter.setAttribute('aria-valuenow', String(Math.min(100, Math.floor(share * 100))));
  meter.setAttribute('aria-valuetext', `${dollars(spent)} ${part('limit').textContent}`);
}

function forecastText({ forecast_usd, cap_reached_at, window }) {
  if (cap_reached_at !== null) return `the cap at ${clockTime(cap_reached_at)}`;
  if (forecast_usd === null) return 'not known yet';
  return `${dollars(forecast_usd)} by ${window === 'daily' ? 'midnight' : 'its end'}`;
}

function showRejections(rejected) {
  const rows = Object.entries(rejected).toSorted(([, a], [, b]) => b - a);
  fill(
    byId('rejections'),
    rows.map(([reason, count]) => [heading(reason), number(whole(count))]),
    'None',
  );
}

export function showBooks({ books, users, models, prices, alerts, outbox }) {
  const total = models.reduce((sum, row) => sum + Number(row.cost_usd), 0);
  fill(byId('users'), users.map(userRow), 'Nobody has spent anything yet');
  fill(
    byId('models'),
    models.map((row) => modelRow(row, total)),
    'No model has been used yet',
  );
  setText(byId('entries'), whole(books.entries));
  setText(byId('lag'), `${whole(books.lag_records)} records`);
  setText(byId('open'), whole(books.open_reservations));
  setText(byId('drift'), dollars(books.drift_usd));
  setText(byId('prices'), `${prices.version}, ${duration(prices.age_seconds)} old`);
  showVerdict(books);
  const { pending, dead } = outbox;
  const waiting = [
    pending > 0 && `${whole(pending)} to be delivered`,
    dead > 0 && `${whole(dead)} given up`,
  ];
  setText(byId('outbox'), waiting.filter(Boolean).join(', '));
  showAlerts(alerts);
}

function showVerdict(books) {
  const faults = [
    Number(books.drift_usd) !== 0 && 'counters and books disagree',
    books.stray_ends > 0 && 'ends without a reservation',
    books.overdue_reservations > 0 && 'reservations are overdue',
  ].filter(Boolean);
  const node = byId('verdict');
  node.classList.toggle('bad', faults.length > 0);
  const well = '✓ Counters and books agree';
  setText(node, faults.length === 0 ? well : `✗ ${faults.join(', ')}: run tokenpak ledger verify`);
}

function userRow(row) {
  const limit = row.limit_usd === null ? null : Number(row.limit_usd);
  const share = limit === null ? null : limit === 0 ? 1 : Number(row.cost_usd) / limit;
  const name = row.name === '' ? 'corrections by invoices' : row.name;
  return [heading(name), number(whole(row.requests)), number(dollars(row.cost_usd)), bar(share)];
}

function modelRow(row, total) {
  const share = total === 0 ? 0 : Number(row.cost_usd) / total;
  const name = row.name === '' ? 'corrections by invoices' : row.name;
  const cells = [heading(name), number(whole(row.requests)), number(dollars(row.cost_usd))];
  return [...cells, bar(share, false)];
}

function showAlerts(alerts) {
  const list = byId('alerts');
  const key = alerts.map(({ id, delivery }) => `${id}${delivery}`).join();
  if (list.dataset.shown === key) return;
  list.dataset.shown = key;
  if (alerts.length === 0) {
    list.replaceChildren(element('li', 'None so far'));
    return;
  }
  list.replaceChildren(
    ...alerts.map(({ at, text, delivery }) => {
      const time = element('time', clockTime(at));
      time.dateTime = at;
      const what = element('span', delivery);
      what.className = 'what';
      const item = document.createElement('li');
      item.append(time, element('strong', text), what);
      return item;
    }),
  );
}

function element(tag, text) {
  const node = document.createElement(tag);
  node.textContent = text;
  return node;
}

function heading(text) {
  const cell = element('th', text);
  cell.scope = 'row';
  cell.title = text;
  return cell;
}

function number(text) {
  const cell = element('td', text);
  cell.className = 'number';
  return cell;
}

/** A share as a bar and in figures; `null` is no cap. */
function bar(share, judged = true) {
  const cell = document.createElement('td');
  if (share === null) {
    cell.textContent = 'no cap';
    cell.className = 'share none';
    return cell;
  }
  cell.className = `share ${judged ? level(share) : ''}`;
  const meter = document.createElement('div');
  meter.className = 'meter';
  const settled = document.createElement('i');
  settled.className = 'settled';
  meter.append(settled);
  meter.style.setProperty('--settled', `${Math.min(100, share * 100)}%`);
  cell.append(meter, element('span', percent(share)));
  return cell;
}

function fill(table, rows, nothing) {
  const body = table.tBodies[0];
  if (rows.length === 0) {
    const cell = element('td', nothing);
    cell.className = 'none';
    cell.colSpan = table.tHead.rows[0].cells.length;
    rows = [[cell]];
  }
  body.replaceChildren(
    ...rows.map((cells) => {
      const row = document.createElement('tr');
      row.append(...cells);
      return row;
    }),
  );
}
