// The wire a client speaks. All but Anthropic's Messages are OpenAI's, and share its errors.

export type Api = 'chat' | 'messages' | 'completions' | 'responses' | 'embeddings';
