/**
 * UTF-8 read code point by code point, without a string (RFC 3629: no overlong forms, no surrogates, at most
 * U+10FFFF). It must never take bytes for a character that they are not: those are -1.
 */

/** The code point at input[at], within `end`; -1 where there is none. */
export function codePointAt(input: Uint8Array, at: number, end: number): number {
  const first = input[at]!;
  if (first < 0x80) return first;
  const length = codePointBytes(first);
  if (length === 0 || at + length > end) return -1;
  let point = first & (0x7f >> length);
  for (let i = at + 1; i < at + length; i += 1) {
    const byte = input[i]!;
    if ((byte & 0xc0) !== 0x80) return -1;
    point = (point << 6) | (byte & 0x3f);
  }
  if (point < LEAST[length]! || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)) return -1;
  return point;
}

/** Bytes of the code point that begins with `first`; 0 where none does. */
export function codePointBytes(first: number): number {
  if (first < 0x80) return 1;
  if (first < 0xc2) return 0;
  if (first < 0xe0) return 2;
  if (first < 0xf0) return 3;
  return first < 0xf5 ? 4 : 0;
}

/** The least code point of so many bytes. */
const LEAST = [0, 0, 0x80, 0x800, 0x10000];
