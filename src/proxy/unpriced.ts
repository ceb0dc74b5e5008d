// What a request asks for that its model has no price for. Never guessed: refused, with the mend.

import type { PricedModel } from '../pricing/table.js';
import type { Wanted } from '../wire/wanted.js';
import type { Rejection } from './rejection.js';

const unpriced = (message: string, param: string): Rejection => ({
  rejected: 'invalid_request',
  message,
  param,
});

/** `null`: everything that is asked for has a price, or nothing beyond text is. */
export function unpricedIn(wanted: Wanted, model: PricedModel): Rejection | null {
  const { price, name } = model;
  const { tier } = wanted;
  if ((tier === 'flex' || tier === 'priority') && price.services[tier] === undefined) {
    const mend = "Remove 'service_tier', or send 'default'.";
    return unpriced(
      `${name} has no known price for the service tier ${tier}. ${mend}`,
      'service_tier',
    );
  }
  if (wanted.audioInput && price.audioInput === null) {
    const mend = 'Send text, or use a model that the catalogue prices for audio.';
    return unpriced(`${name} has no known price for audio input. ${mend}`, 'messages');
  }
  if (wanted.audioOutput && price.audioOutput === null) {
    const mend = 'Ask for text, or use a model that the catalogue prices for audio.';
    return unpriced(`${name} has no known price for audio output. ${mend}`, 'modalities');
  }
  if (wanted.webSearches > 0 && price.fees.webSearch === null) {
    return unpriced(`${name} has no known price for web searches. Remove the tool.`, 'tools');
  }
  if (wanted.fileSearches > 0 && price.fees.fileSearch === null) {
    return unpriced(`${name} has no known price for file searches. Remove the tool.`, 'tools');
  }
  return null;
}
