// The one canonical workload: a 300-byte chat, answered by a canned completion with its usage.

const bodyOf = (content: string): string =>
  JSON.stringify({
    model: 'gpt-4',
    max_tokens: 256,
    messages: [
      { role: 'system', content: 'You are a terse assistant.' },
      { role: 'user', content },
    ],
  });

const BODY_BYTES = 300;

export const CHAT_PATH = '/v1/chat/completions';
export const CHAT_BODY = bodyOf(
  'Why is the sky blue? '.padEnd(BODY_BYTES - bodyOf('').length, '.'),
);

export const CHAT_HEADERS: Readonly<Record<string, string>> = {
  'content-type': 'application/json',
  authorization: 'Bearer bench',
};

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
