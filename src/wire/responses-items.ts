// Which Responses requests bring more input than they show: the provider adds what it has stored,
// and bills it again. Their own bytes bound nothing; only the model's window does.

import { isAbsent, isObject, listOf, textOf, type JsonObject } from './shape.js';

/** Members that name a context which the provider keeps. */
const STORED_CONTEXT = ['previous_response_id', 'conversation', 'prompt'] as const;

/** Items that hold all there is of them. Any other may stand for something stored. */
const WHOLE_ITEMS = new Set([
  'message',
  'function_call',
  'function_call_output',
  'custom_tool_call',
  'custom_tool_call_output',
  'local_shell_call',
  'local_shell_call_output',
  'apply_patch_call',
  'apply_patch_call_output',
]);

function isWhole(item: unknown): boolean {
  if (!isObject(item)) return true;
  const { type } = item;
  // A message may leave its type out.
  if (isAbsent(type)) return !isAbsent(item['role']);
  // Without its content, reasoning is looked up by its id.
  if (type === 'reasoning') {
    return textOf(item['encrypted_content']) !== '' || listOf(item['content']).length > 0;
  }
  return WHOLE_ITEMS.has(textOf(type));
}

/** The provider adds to this request's input what no one here can see. */
export const hasHiddenContext = (body: JsonObject): boolean =>
  STORED_CONTEXT.some((name) => !isAbsent(body[name])) ||
  !listOf(body['input']).every((item) => isWhole(item));
