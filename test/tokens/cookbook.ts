// The six messages whose counts OpenAI's cookbook checks against its API: 129 tokens with
// cl100k_base, 124 with o200k_base.

const said = (role: string, content: string, name?: string) => ({
  role,
  ...(name !== undefined && { name }),
  content,
});

export const COOKBOOK = [
  said(
    'system',
    'You are a helpful, pattern-following assistant that translates corporate jargon into plain English.',
  ),
  said('system', 'New synergies will help drive top-line growth.', 'example_user'),
  said('system', 'Things working well together will increase revenue.', 'example_assistant'),
  said(
    'system',
    "Let's circle back when we have more bandwidth to touch base on opportunities for increased leverage.",
    'example_user',
  ),
  said(
    'system',
    "Let's talk later when we're less busy about how to do better.",
    'example_assistant',
  ),
  said(
    'user',
    "This late pivot means we don't have time to boil the ocean for the client deliverable.",
  ),
];
