// The wire a client speaks. All but Anthropic's Messages are OpenAI's, and share its errors.

/** Records hold its place in this list: append only. */
export const APIS = ['chat', 'messages', 'completions', 'responses', 'embeddings'] as const;
export type Api = (typeof APIS)[number];
