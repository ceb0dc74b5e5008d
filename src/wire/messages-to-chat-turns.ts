// The conversation of a Messages request as chat messages. One Anthropic turn can hold what chat
// spreads over several messages: tool results first, each its own, then what the user says.

import type { Crossing } from './crossing.js';
import { isAbsent, isObject, listOf, textOf, type JsonObject } from './shape.js';
import { chatToolName, toolCallId } from './tool-call.js';

/** A block, and where it stands in the request. */
interface Placed {
  readonly block: JsonObject;
  readonly at: string;
}

/** What models were seen to understand; OpenAI's tool messages have no flag for it. */
const ERROR_MARK = '[tool_error] ';

/** A tool message must say something, and cannot hold a picture. */
const SEE_BELOW = 'The result follows in the next message.';

const textPart = (text: string): JsonObject => ({ type: 'text', text });

const isTextPart = (part: JsonObject): boolean => part['type'] === 'text';

/** The blocks of a content; a plain string is one of text. */
function blocksOf(content: unknown, param: string, crossing: Crossing): Placed[] {
  if (typeof content === 'string') return [{ block: textPart(content), at: param }];
  if (!Array.isArray(content)) {
    crossing.refuse(param, `'${param}' must be a text or a list of content blocks.`);
  }
  return listOf(content).map((block, index) => ({
    block: isObject(block) ? block : {},
    at: `${param}[${index}]`,
  }));
}

function textIn({ block, at }: Placed, crossing: Crossing): string {
  const { text } = block;
  if (typeof text !== 'string') crossing.refuse(at, `'${at}': a text block needs a text.`);
  return textOf(text);
}

const unsupported = ({ block, at }: Placed, crossing: Crossing): [] => {
  crossing.unsupported(at, ` of type ${textOf(block['type']) || 'unknown'}`);
  return [];
};

/** The texts of content that can hold nothing else. */
function textsOf(content: unknown, param: string, crossing: Crossing): string[] {
  return blocksOf(content, param, crossing).flatMap((placed) =>
    placed.block['type'] === 'text' ? [textIn(placed, crossing)] : unsupported(placed, crossing),
  );
}

function imagePart(placed: Placed, crossing: Crossing): JsonObject[] {
  const { source } = placed.block;
  const { type, media_type: mediaType, data, url } = isObject(source) ? source : {};
  if (type === 'base64') {
    const dataUrl = `data:${textOf(mediaType)};base64,${textOf(data)}`;
    return [{ type: 'image_url', image_url: { url: dataUrl } }];
  }
  if (type === 'url') return [{ type: 'image_url', image_url: { url: textOf(url) } }];
  crossing.unsupported(`${placed.at}.source`, ` of type ${textOf(type) || 'unknown'}`);
  return [];
}

function documentParts({ block, at }: Placed, crossing: Crossing): JsonObject[] {
  const { source, title, context } = block;
  const { type, media_type: mediaType, data, content } = isObject(source) ? source : {};
  const heading = [textOf(title), textOf(context)].filter((text) => text !== '');
  if (type === 'text') return [textPart([...heading, textOf(data)].join('\n\n'))];
  if (type === 'content') {
    const parts = blocksOf(content, `${at}.source.content`, crossing);
    return [...heading.map(textPart), ...parts.flatMap((part) => userParts(part, crossing))];
  }
  if (type === 'base64' && mediaType === 'application/pdf') {
    const file = {
      filename: textOf(title) || 'document.pdf',
      file_data: `data:application/pdf;base64,${textOf(data)}`,
    };
    const about = textOf(context);
    return [...(about === '' ? [] : [textPart(about)]), { type: 'file', file }];
  }
  crossing.unsupported(`${at}.source`, ` of type ${textOf(type) || 'unknown'}`);
  return [];
}

function userParts(placed: Placed, crossing: Crossing): JsonObject[] {
  switch (placed.block['type']) {
    case 'text':
      return [textPart(textIn(placed, crossing))];
    case 'image':
      return imagePart(placed, crossing);
    case 'document':
      return documentParts(placed, crossing);
    default:
      return unsupported(placed, crossing);
  }
}

/** A result's text, and what of it no tool message can hold. */
function toolResult({ block, at }: Placed, crossing: Crossing) {
  const { tool_use_id: id, content, is_error: isError } = block;
  const blocks = isAbsent(content) ? [] : blocksOf(content, `${at}.content`, crossing);
  const parts = blocks.flatMap((each) => userParts(each, crossing));
  const shown = parts.filter((part) => !isTextPart(part));
  const texts = parts.filter(isTextPart).map((part) => textOf(part['text']));
  const text = texts.join('\n') || (shown.length > 0 ? SEE_BELOW : '');
  const turn = {
    role: 'tool',
    tool_call_id: toolCallId(id),
    content: isError === true ? ERROR_MARK + text : text,
  };
  return { turn, shown };
}

/** One text stands for itself. */
function contentOf(parts: readonly JsonObject[]): unknown {
  const [only] = parts;
  if (only === undefined) return '';
  return parts.length === 1 && isTextPart(only) ? only['text'] : parts;
}

function userTurns(content: unknown, param: string, crossing: Crossing): JsonObject[] {
  const blocks = blocksOf(content, param, crossing);
  const isResult = ({ block }: Placed): boolean => block['type'] === 'tool_result';
  const results = blocks.filter(isResult).map((each) => toolResult(each, crossing));
  const said = blocks.filter((each) => !isResult(each));
  const parts = [
    ...results.flatMap(({ shown }) => shown),
    ...said.flatMap((each) => userParts(each, crossing)),
  ];
  const turns: JsonObject[] = results.map(({ turn }) => turn);
  if (parts.length > 0 || turns.length === 0) {
    turns.push({ role: 'user', content: contentOf(parts) });
  }
  return turns;
}

function assistantTurn(content: unknown, param: string, crossing: Crossing): JsonObject {
  let text = '';
  const calls: JsonObject[] = [];
  for (const placed of blocksOf(content, param, crossing)) {
    const { type, id, name, input } = placed.block;
    switch (type) {
      case 'text':
        // An assistant's blocks are one continuous text.
        text += textIn(placed, crossing);
        break;
      case 'tool_use':
        calls.push({
          id: toolCallId(id),
          type: 'function',
          function: { name: chatToolName(textOf(name)), arguments: JSON.stringify(input ?? {}) },
        });
        break;
      case 'thinking':
      case 'redacted_thinking':
        crossing.drop('thinking');
        break;
      default:
        unsupported(placed, crossing);
    }
  }
  if (calls.length === 0) return { role: 'assistant', content: text };
  return { role: 'assistant', content: text === '' ? null : text, tool_calls: calls };
}

function turnsOf(message: unknown, param: string, crossing: Crossing): JsonObject[] {
  const { role, content } = isObject(message) ? message : {};
  const at = `${param}.content`;
  switch (role) {
    case 'user':
      return userTurns(content, at, crossing);
    case 'assistant':
      return [assistantTurn(content, at, crossing)];
    case 'system':
      return [{ role, content: textsOf(content, at, crossing).join('\n\n') }];
    default:
      crossing.refuse(`${param}.role`, `'${param}.role' must be user, assistant or system.`);
      return [];
  }
}

/** Every message for the chat; history's thinking is left behind and noted as `thinking`. */
export function chatTurns(body: JsonObject, crossing: Crossing): JsonObject[] {
  const { system, messages } = body;
  const isEmpty = isAbsent(system) || (Array.isArray(system) && system.length === 0);
  const texts = isEmpty ? [] : textsOf(system, 'system', crossing);
  return [
    ...(isEmpty ? [] : [{ role: 'system', content: texts.join('\n\n') }]),
    ...listOf(messages).flatMap((message, index) =>
      turnsOf(message, `messages[${index}]`, crossing),
    ),
  ];
}
