// `tokenpak demo`: plays the whole recipe against the embedded provider, on the real path: the same
// command line in a process of its own, real HTTP, a real webhook. No key, no network, nothing
// left.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import colors from 'picocolors';
import { TokenPakError } from '../kernel/errors.js';
import { type MockProvider, startMock } from '../mock/provider.js';

const RECIPE = fileURLToPath(new URL('../../../fixtures/recipe.yaml', import.meta.url));
const MAIN = fileURLToPath(new URL('./main.js', import.meta.url));
const WEBHOOK_WAIT_MS = 10_000;

/** What the recipe's provider bills: 20,000 tokens in and out, 180 cents on gpt-4. */
const BILL = { latencyMs: 0, inputTokens: 20_000, outputTokens: 20_000, errorStatus: null };

const say = (line = ''): void => {
  process.stdout.write(`${line}\n`);
};
const step = (title: string): void => say(`\n${colors.bold(title)}`);
const shell = (line: string): void => say(colors.dim(`$ ${line}`));

interface Stage {
  readonly folder: string;
  readonly mock: MockProvider;
  readonly webhook: Server;
  readonly webhookBody: Promise<string>;
}

export async function demoCommand(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'tokenpak-demo-'));
  const mock = await startMock({ behaviour: BILL });
  const { server, body } = await startWebhook();
  const stage: Stage = { folder, mock, webhook: server, webhookBody: body };
  try {
    await validateStep(stage);
    await spendStep(stage);
    await limitStep(stage);
    say(`\n${colors.green('✓')} That was the recipe. Next: tokenpak init, then tokenpak proxy.`);
  } finally {
    server.close();
    await mock.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function validateStep({ folder }: Stage): Promise<void> {
  step('Step 1: validate the config');
  const file = join(folder, 'config.yaml');
  writeFileSync(file, readFileSync(RECIPE, 'utf8'));
  shell('tokenpak validate-config config.yaml');
  const child = tokenpak(['validate-config', file]);
  for await (const line of linesOf(child)) if (line.startsWith('✓')) say(line);
}

async function spendStep(stage: Stage): Promise<void> {
  step('Step 2: start the proxy and make requests');
  const proxy = await startProxy(stage, 'first');
  shell(`for i in {1..5}; do curl ${proxy.url}/v1/messages -H "Authorization: Bearer user-c" …`);
  for (let request = 1; request <= 5; request++) {
    const { json } = await ask(proxy.url, 'user-c', {});
    say(`${String(json['cost_cents'])}${request === 5 ? '   <- This triggers 80% alert' : ''}`);
  }
  step('Step 3: verify the alert was sent');
  const webhook = await Promise.race([stage.webhookBody, timeout()]);
  await proxy.end();
  shell('grep "budget.*threshold" alerts.log');
  const log = readFileSync(join(stage.folder, 'alerts.log'), 'utf8').split('\n');
  for (const line of log) if (line.includes('budget_threshold')) say(line);
  say(colors.dim('# and the webhook received'));
  say(webhook);
}

async function limitStep(stage: Stage): Promise<void> {
  step('Step 4: exceed the limit and verify rejection');
  const proxy = await startProxy(stage, 'second');
  shell(`curl ${proxy.url}/v1/messages -H "Authorization: Bearer user-a" …   # limit $3.00`);
  for (let request = 1; request <= 2; request++) {
    say(String((await ask(proxy.url, 'user-a', {})).json['cost_cents']));
  }
  const rejected = await ask(proxy.url, 'user-a', {});
  say(`HTTP ${rejected.status}`);
  say(JSON.stringify(rejected.json['error'], null, 2));

  step('And the fallback: what no longer fits on gpt-4 is served by gpt-3.5-turbo');
  for (let request = 1; request <= 2; request++) {
    say(String((await ask(proxy.url, 'user-b', {})).json['cost_cents']));
  }
  shell(
    'curl … -H "Authorization: Bearer user-b" -d \'{"model": "gpt-4", "max_tokens": 30000, …}\'',
  );
  const fallback = await ask(proxy.url, 'user-b', { max_tokens: 30_000 });
  for (const name of ['x-tokenpak-model', 'x-tokenpak-fallback', 'x-tokenpak-cost-cents']) {
    say(`${name}: ${fallback.headers.get(name) ?? ''}`);
  }
  await proxy.end();
}

/**
 * The recipe's file with the embedded provider's address, and the data of this scene in the folder.
 */
async function startProxy({ folder, mock, webhook }: Stage, scene: string) {
  const file = join(folder, `${scene}.yaml`);
  const config = readFileSync(RECIPE, 'utf8')
    .replace('type: openai', `type: openai\n    base_url: ${mock.url}/v1`)
    .replace(/alert_webhook: .*/, `alert_webhook: ${urlOf(webhook)}/budget-alert`);
  const places = `storage: { path: ${scene} }\nalerts: { log_file: ${folder}/alerts.log }\n`;
  writeFileSync(file, `${config}\n${places}`);
  shell('tokenpak proxy --config config.yaml');
  const child = tokenpak(['proxy', '--config', file, '--port', '0', '--workers', '2']);
  let trouble = '';
  child.stderr?.on('data', (data: Buffer) => (trouble += data.toString()));
  for await (const line of linesOf(child)) {
    const url = /http:\/\/\S+/.exec(line)?.[0];
    if (url === undefined) continue;
    say(line);
    const end = async (): Promise<void> => {
      child.kill('SIGTERM');
      await once(child, 'exit');
    };
    return { url, end };
  }
  throw new TokenPakError('cannot_start', `the proxy of the demo did not start: ${trouble}`);
}

function tokenpak(args: readonly string[]): ChildProcess {
  return spawn(process.execPath, [MAIN, ...args], {
    env: { ...process.env, OPENAI_API_KEY: 'sk-demo' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

const linesOf = (child: ChildProcess) =>
  createInterface({ input: child.stdout as NodeJS.ReadableStream });

async function ask(url: string, user: string, extra: object) {
  const response = await fetch(`${url}/v1/messages`, {
    method: 'POST',
    headers: { authorization: `Bearer ${user}` },
    body: JSON.stringify({
      model: 'gpt-4',
      messages: [{ role: 'user', content: 'Write 100 words of code' }],
      ...extra,
    }),
  });
  const json = (await response.json()) as Record<string, unknown>;
  return { status: response.status, headers: response.headers, json };
}

/** The first body that is posted to it. */
async function startWebhook(): Promise<{ server: Server; body: Promise<string> }> {
  const server = createServer();
  const body = new Promise<string>((resolve) => {
    server.on('request', (request, response) => {
      let text = '';
      request.on('data', (data: Buffer) => (text += data.toString()));
      request.on('end', () => {
        response.end();
        resolve(text);
      });
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { server, body };
}

const urlOf = (server: Server): string =>
  `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

function timeout(): Promise<never> {
  return new Promise((_, reject) => {
    const late = new TokenPakError('upstream_timeout', 'the alert did not arrive');
    setTimeout(() => reject(late), WEBHOOK_WAIT_MS).unref();
  });
}
