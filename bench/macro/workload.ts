// The workloads: chats of some length, answered by a canned completion with its usage, or by a
// stream of events on a clock.

const CONTENT_END = 'Why is the sky blue? ';

/** A chat request of so many bytes; 300 is the canonical one. */
export function chatBody(bytes: number, more: object = {}): string {
  const bodyOf = (content: string): string =>
    JSON.stringify({
      model: 'gpt-4',
      max_tokens: 256,
      messages: [
        { role: 'system', content: 'You are a terse assistant.' },
        { role: 'user', content },
      ],
      ...more,
    });
  const words = 'Air scatters short wavelengths more than long ones. ';
  const left = bytes - bodyOf('').length - CONTENT_END.length;
  const filler = bytes > 1_000 ? words.repeat(Math.ceil(left / words.length)) : '.'.repeat(left);
  return bodyOf(filler.slice(0, left) + CONTENT_END);
}

export const CHAT_PATH = '/v1/chat/completions';

export const headersOf = (user: string): Readonly<Record<string, string>> => ({
  'content-type': 'application/json',
  authorization: `Bearer ${user}`,
});

/** Whoever has budget, and who has none. */
export const USER = 'bench';
export const SPENT_USER = 'spent';

/** A stream's events, and how far they lie apart. */
export const STREAM_EVENTS = 64;
export const STREAM_GAP_MS = 20;
/** With this member a stream sends one event a second, until it is told to end. */
export const SLOW_MARK = '"seed":1000';
export const SLOW_GAP_MS = 1_000;

export const CANNED_ANSWER = JSON.stringify({
  id: 'chatcmpl-bench',
  object: 'chat.completion',
  created: 1_774_432_800,
  model: 'gpt-4',
  choices: [
    {
      index: 0,
      message: {
        role: 'assistant',
        content: 'Air scatters short wavelengths of sunlight more than long ones. '.repeat(4),
      },
      logprobs: null,
      finish_reason: 'stop',
    },
  ],
  usage: {
    prompt_tokens: 61,
    completion_tokens: 48,
    total_tokens: 109,
    prompt_tokens_details: { cached_tokens: 0, audio_tokens: 0 },
    completion_tokens_details: { reasoning_tokens: 0, audio_tokens: 0 },
  },
  system_fingerprint: null,
});

const chunk = (choices: unknown[], usage: unknown): string =>
  `data: ${JSON.stringify({
    id: 'chatcmpl-bench',
    object: 'chat.completion.chunk',
    created: 1_774_432_800,
    model: 'gpt-4',
    choices,
    usage,
  })}\n\n`;

export const STREAM_EVENT = chunk([{ index: 0, delta: { content: 'scatters ' } }], null);
export const STREAM_END =
  chunk([{ index: 0, delta: {}, finish_reason: 'stop' }], null) +
  chunk([], { prompt_tokens: 61, completion_tokens: 64, total_tokens: 125 }) +
  'data: [DONE]\n\n';
