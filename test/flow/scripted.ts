// A provider that answers as each test scripts it, well or badly, and a proxy in front of it.

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { listening, startProxy, type Teardown, temporaryFolder } from './harness.js';

export type Script = (request: IncomingMessage, response: ServerResponse, body: string) => void;

export const completion = (outputTokens: number): string =>
  JSON.stringify({
    choices: [{ index: 0, message: { role: 'assistant', content: 'Hi' }, finish_reason: 'stop' }],
    usage: { prompt_tokens: 10, completion_tokens: outputTokens },
  });

export const json = (response: ServerResponse, text: string, headers: object = {}): void => {
  response.writeHead(200, { 'content-type': 'application/json', ...headers });
  response.end(text);
};

export const delta = (content: string): string =>
  `data: ${JSON.stringify({ choices: [{ index: 0, delta: { content } }] })}\n\n`;

export const STREAM_END =
  'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n' +
  'data: {"choices":[],"usage":{"prompt_tokens":10,"completion_tokens":20}}\n\n' +
  'data: [DONE]\n\n';

export const eventStream = { 'content-type': 'text/event-stream' };

/** A provider that answers every request as the script at hand says, and keeps the last one. */
export async function startScripted(t: Teardown) {
  const server = createServer();
  const scripted = {
    server,
    url: '',
    lastBody: '',
    lastUrl: '',
    lastHeaders: {} as IncomingMessage['headers'],
    /** No request is read before this. */
    reading: Promise.resolve(),
    script: ((_, response) => json(response, completion(5))) as Script,
  };
  server.on('request', (request, response) => {
    const chunks: Buffer[] = [];
    void scripted.reading.then(() => request.on('data', (data: Buffer) => chunks.push(data)));
    request.on('end', () => {
      scripted.lastUrl = request.url ?? '';
      scripted.lastHeaders = request.headers;
      scripted.lastBody = Buffer.concat(chunks).toString();
      scripted.script(request, response, scripted.lastBody);
    });
  });
  scripted.url = await listening(t, server);
  return scripted;
}

interface Setting {
  readonly budget?: string;
  readonly server?: string;
}

export async function start(t: Teardown, setting: Setting = {}) {
  const folder = temporaryFolder(t);
  const provider = await startScripted(t);
  const price = 'estimated_input_cost_per_1k: 3, estimated_output_cost_per_1k: 6';
  const config = `
budget: { ${setting.budget ?? 'daily_limit_cents: 100000'} }
server: { ${setting.server ?? ''} }
storage: { path: ${folder}/data }
alerts: { log_file: ${folder}/alerts.log }
providers:
  openai: { type: openai, base_url: "${provider.url}/v1", api_key: sk-upstream }
  compatible: { type: openai-compatible, base_url: "${provider.url}/v1", api_key: sk-upstream }
  anthropic: { type: anthropic, base_url: "${provider.url}", api_key: sk-upstream }
models:
  gpt-4: { provider: openai, ${price} }
  gpt-3.5-turbo:
    provider: openai
    estimated_input_cost_per_1k: 0.05
    estimated_output_cost_per_1k: 0.15
  capped: { provider: compatible, upstream_model: some-model, max_output_tokens: 500, ${price} }
  claude: { provider: anthropic, upstream_model: claude-sonnet-4-5, ${price} }
`;
  const proxy = await startProxy(t, { folder, config, workers: 1 });
  return { proxy, provider, folder };
}
