// The dashboard's thread of action: opens the stream, hands each event to what shows it, comes back
// when it breaks off. The token lives in this tab and goes into a header, never into an address.

import { drawDays, drawRequests, startCharts } from './charts.js';
import { showBooks, showLive, showState } from './show.js';

const TOKEN = 'tokenpak.admin.token';
const RETRY_MS = [500, 1_000, 2_000, 5_000];

const entry = document.getElementById('entry');
const main = document.getElementById('main');
const input = document.getElementById('token');

const events = {
  history: startCharts,
  live(live) {
    showLive(live);
    drawRequests(live.point);
  },
  books: showBooks,
  days: drawDays,
};

/** Reads the stream to its end. Throws when it breaks off; true when it was refused for the token. */
async function listen() {
  const token = sessionStorage.getItem(TOKEN);
  const headers = token === null ? {} : { authorization: `Bearer ${token}` };
  const response = await fetch('/admin/events', { headers });
  if (response.status === 401) return { refused: true, begun: false };
  if (!response.ok) throw new Error(`the listener answers ${response.status}`);
  entry.hidden = true;
  main.hidden = false;
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return { refused: false };
    text += value;
    const blocks = text.split('\n\n');
    text = blocks.pop();
    for (const block of blocks) tell(block);
  }
}

/** `event: name`, a line break, `data: json` */
function tell(block) {
  const [, name, data] = /^event: (\w+)\ndata: (.*)$/s.exec(block) ?? [];
  events[name]?.(JSON.parse(data));
}

async function run() {
  for (let attempt = 0; ; attempt = Math.min(attempt + 1, RETRY_MS.length - 1)) {
    try {
      const { refused } = await listen();
      if (refused) return askForToken();
      attempt = 0;
    } catch {
      // The proxy is gone or restarts: the state says so, and we come back.
    }
    showState('gone');
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS[attempt]));
  }
}

function askForToken() {
  const had = sessionStorage.getItem(TOKEN) !== null;
  sessionStorage.removeItem(TOKEN);
  showState('locked');
  main.hidden = true;
  entry.hidden = false;
  document.getElementById('entry-error').textContent = had ? 'That is not the token.' : '';
  input.value = '';
  input.focus();
}

entry.addEventListener('submit', (event) => {
  event.preventDefault();
  sessionStorage.setItem(TOKEN, input.value.trim());
  void run();
});

void run();
