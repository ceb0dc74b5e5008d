// What a client sent where it does not belong: the body of another API, a member that makes no
// sense here, an input of the wrong shape. Answered before the members are read, with the mend.

import type { Api } from '../kernel/api.js';
import { inputCount, INPUTS_MAX } from './inputs.js';
import type { InvalidRequest } from './request.js';
import { isAbsent, type JsonObject } from './shape.js';

const invalid = (param: string, message: string): InvalidRequest => ({ invalid: message, param });

const CHAT_ASTRAY =
  "This is a Chat Completions request ('messages') on another route. " +
  'Send it to /v1/chat/completions, or send ';

const INPUT_KINDS =
  `a text, a list of at most ${INPUTS_MAX} texts, ` +
  `a list of token ids, or a list of at most ${INPUTS_MAX} such lists`;

function misplacedMessages(api: Api, body: JsonObject): InvalidRequest | null {
  if (Array.isArray(body['messages'])) return null;
  if (api === 'chat' && !isAbsent(body['input'])) {
    return invalid(
      'input',
      "This is a Responses request ('input' without 'messages') on the Chat Completions route. " +
        "Set the client to the Chat Completions API, or send 'messages'.",
    );
  }
  return invalid('messages', "'messages' must be a list of messages. Add it to the request.");
}

function misplacedPrompt({ prompt, messages }: JsonObject): InvalidRequest | null {
  if (isAbsent(prompt)) {
    // Without a prompt OpenAI starts from nothing.
    return isAbsent(messages) ? null : invalid('messages', `${CHAT_ASTRAY}'prompt'.`);
  }
  return inputCount(prompt) === null ? invalid('prompt', `'prompt' must be ${INPUT_KINDS}.`) : null;
}

function misplacedInput({ input, messages }: JsonObject): InvalidRequest | null {
  if (isAbsent(input) && !isAbsent(messages)) return invalid('messages', `${CHAT_ASTRAY}'input'.`);
  // A stored prompt or an earlier response may be the whole input.
  if (isAbsent(input) || typeof input === 'string' || Array.isArray(input)) return null;
  return invalid('input', "'input' must be a text or a list of items.");
}

function misplacedTexts({ input, stream }: JsonObject): InvalidRequest | null {
  if (stream === true) {
    return invalid('stream', "Embeddings are not streamed. Remove 'stream' from the request.");
  }
  return inputCount(input) === null ? invalid('input', `'input' must be ${INPUT_KINDS}.`) : null;
}

/** Something that does not belong here, `null` when all does. */
export function misplaced(api: Api, body: JsonObject): InvalidRequest | null {
  if (body['background'] === true) {
    const message = "'background': true is billed after the call ends. Send it without.";
    return { invalid: message, param: 'background', code: 'unmetered_endpoint' };
  }
  switch (api) {
    case 'completions':
      return misplacedPrompt(body);
    case 'responses':
      return misplacedInput(body);
    case 'embeddings':
      return misplacedTexts(body);
    default:
      return misplacedMessages(api, body);
  }
}
