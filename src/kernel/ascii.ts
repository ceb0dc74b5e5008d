// Short texts into bytes. A loop over a few dozen characters takes less than the way into native
// code, most of all when that code has not run for a while.

export function isAscii(text: string): boolean {
  for (let at = 0; at < text.length; at++) if (text.charCodeAt(at) > 0x7f) return false;
  return true;
}

/** Writes a text of ASCII alone; returns the place behind it. There must be room. */
export function putAscii(into: Uint8Array, from: number, text: string): number {
  for (let at = 0; at < text.length; at++) into[from + at] = text.charCodeAt(at);
  return from + text.length;
}
