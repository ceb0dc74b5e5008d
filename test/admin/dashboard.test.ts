import { existsSync } from 'node:fs';
import { type Browser, chromium, type Page } from 'playwright-core';
import t from 'tap';
import { startMock } from '../../src/mock/provider.js';
import { adminOf, asking, CENT_A_TOKEN, started } from '../flow/setup.js';

const CHROMIUM = process.env['CHROMIUM'] ?? '/usr/bin/chromium';
const TOKEN = 'a-token-of-the-test';
/** What the page must show by then. Far above what it takes, since test machines are busy. */
const WAIT_MS = 30_000;

const missing = existsSync(CHROMIUM) ? false : `no browser at ${CHROMIUM}`;

let browser: Browser;
t.before(async () => {
  if (missing === false) {
    browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] });
  }
});
t.teardown(() => browser?.close());

async function open(url: string, faults: string[], look: object = {}): Promise<Page> {
  const page = await browser.newPage(look);
  page.setDefaultTimeout(WAIT_MS);
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) faults.push(message.text());
  });
  page.on('pageerror', (error) => faults.push(error.message));
  page.on('request', (request) => {
    if (!request.url().startsWith(url)) faults.push(`leaves for ${request.url()}`);
  });
  await page.goto(url);
  return page;
}

const shows = (page: Page, selector: string, text: RegExp): Promise<void> =>
  page.locator(selector).filter({ hasText: text }).first().waitFor();

t.test('the dashboard shows what the books say', { skip: missing }, async (t) => {
  const mock = await startMock({ behaviour: CENT_A_TOKEN });
  t.teardown(() => mock.close());
  const limits = 'per_user_limits: { user_limits: { alice: { daily_limit_cents: 1000 } } }';
  const { chat, folder } = await started(t, {
    providerUrl: mock.url,
    budget: `daily_limit_cents: 2000, alert_threshold_pct: 1, clamp_output: false, ${limits}`,
    more: `admin: { port: 0, token: ${TOKEN} }`,
  });
  const admin = adminOf(folder);
  const forged = '<b id=forged>bob</b>';
  for (const user of ['alice', 'alice', forged]) {
    t.equal((await chat(user, asking(20))).status, 200);
  }

  const faults: string[] = [];
  const page = await open(`${admin}/`, faults);
  await page.getByLabel('Token').fill('wrong');
  await page.keyboard.press('Enter');
  await shows(page, '#entry-error', /not the token/);
  await page.getByLabel('Token').fill(TOKEN);
  await page.keyboard.press('Enter');
  await shows(page, '#state', /^Ready$/);
  t.same(
    faults.splice(0).filter((text) => !text.includes('401')),
    [],
    'only the wrong token is complained of',
  );

  const { budgets } = (await (
    await fetch(`${admin}/admin/status`, { headers: { authorization: `Bearer ${TOKEN}` } })
  ).json()) as { budgets: { spent_usd: string }[] };
  const spent = `$${Number(budgets[0]?.spent_usd).toFixed(2)}`;
  await shows(page, '#daily [data-spent]', new RegExp(`^\\${spent}$`));
  t.match(await page.locator('#daily [data-limit]').textContent(), /of \$20\.00/);
  await shows(page, '#users tbody tr', /alice/);
  await shows(page, '#users tbody tr', /<b id=forged>bob/);
  t.equal(await page.locator('#forged').count(), 0, "a user's name is text");
  await shows(page, '#models tbody tr', /gpt-4.*100%/);
  await shows(page, '#alerts li', /1% of the daily limit reached/);
  await shows(page, '#verdict', /^✓/);
  // Both charts are drawn.
  await page.locator('canvas').nth(1).waitFor();
  t.equal(await page.locator('canvas').count(), 2);

  await t.test('a rejection is there within two seconds', async (t) => {
    t.equal((await chat('alice', asking(5_000))).status, 402);
    const began = performance.now();
    await shows(page, '#rejections tbody tr', /budget_exceeded\s*1/);
    // One second is the design; the rest is the machine's.
    t.ok(performance.now() - began < 10_000);
  });

  await t.test('a phone shows it without sideways scrolling, a screen reader too', async (t) => {
    const look = { viewport: { width: 320, height: 640 }, colorScheme: 'dark' };
    const phone = await browser.newContext(look as object);
    const small = await phone.newPage();
    await small.addInitScript(`sessionStorage.setItem('tokenpak.admin.token', '${TOKEN}')`);
    await small.goto(`${admin}/`);
    await shows(small, '#users tbody tr', /alice/);
    // Passed as text: what runs in the page knows a document, and this file does not.
    const width = await small.evaluate('document.documentElement.scrollWidth');
    t.equal(width, 320);
    t.equal(await small.getByRole('main').count(), 1);
    t.equal(await small.getByRole('meter', { name: 'Today' }).count(), 1);
    t.ok((await small.getByRole('columnheader').count()) >= 8);
    t.equal(await small.getByRole('img', { name: /Requests a second/ }).count(), 1);
    const faint = await small.evaluate<string[]>(FAINT_TEXT);
    t.same(faint, [], 'every text stands out from what is behind it');
    await phone.close();
  });

  t.same(faults, [], 'no error in the console, no request elsewhere');
  await page.close();
});

/** Texts of the page whose contrast is below 4.5, as WCAG reckons it. */
const FAINT_TEXT = `(() => {
  const parts = (color) => color.match(/[\\d.]+/g).map(Number);
  const luminance = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((v) => v / 255)
      .map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const behind = (node) => {
    for (let at = node; at; at = at.parentElement) {
      const color = parts(getComputedStyle(at).backgroundColor);
      if (color.length === 3 || color[3] > 0) return color;
    }
    return [255, 255, 255];
  };
  const faint = [];
  for (const node of document.querySelectorAll('main *, header *')) {
    const own = [...node.childNodes].some((child) => child.nodeType === 3 && child.data.trim());
    if (!own || node.closest('[hidden]')) continue;
    const [a, b] = [luminance(parts(getComputedStyle(node).color)), luminance(behind(node))];
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (contrast < 4.5) faint.push(node.textContent + ': ' + contrast.toFixed(1));
  }
  return faint;
})()`;
