// The wire a client speaks: OpenAI's Chat Completions or Anthropic's Messages.

export type Api = 'chat' | 'messages';
