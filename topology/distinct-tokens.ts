/**
 * How many different tokens there are, counted without an object for any of them. Tokens are keyed hashes: nobody who lacks
 * the key can choose them so that they fall on one place, and their first bits are spread already.
 */
import { SUBJECT_TOKEN_BYTES } from '../schemas/access-codecs.ts';

const SLOTS_MIN = 1_024;
const WORDS = SUBJECT_TOKEN_BYTES / 4;

export class DistinctTokens {
  /** For each slot the number of a token, counted from 1; 0 where it is free. */
  private slots = new Int32Array(SLOTS_MIN);

  /** Different tokens in `tokens`, whose length is a multiple of a token's; zeros are none. */
  count(tokens: Buffer): number {
    const words = wordsOf(tokens);
    const { slots, mask } = this.emptySlots(words.length / WORDS);
    let found = 0;
    for (let at = 0; at < words.length; at += WORDS) {
      const low = words[at]!;
      const high = words[at + 1]!;
      if (low === 0 && high === 0) continue;
      let slot = low & mask;
      for (;;) {
        const other = (slots[slot]! - 1) * WORDS;
        if (other < 0) {
          slots[slot] = at / WORDS + 1;
          found += 1;
          break;
        }
        if (words[other] === low && words[other + 1] === high) break;
        slot = (slot + 1) & mask;
      }
    }
    return found;
  }

  /** Gives memory back. */
  shrink(): void {
    if (this.slots.length > SLOTS_MIN) this.slots = new Int32Array(SLOTS_MIN);
  }

  /** Twice as many as there are tokens, or more. */
  private emptySlots(tokens: number): { readonly slots: Int32Array; readonly mask: number } {
    let size = SLOTS_MIN;
    while (size < 2 * tokens) size *= 2;
    if (size > this.slots.length) this.slots = new Int32Array(size);
    else this.slots.fill(0, 0, size);
    return { slots: this.slots, mask: size - 1 };
  }
}

/** In whatever order the machine has them: they are only compared. */
function wordsOf(tokens: Buffer): Int32Array {
  const { buffer, byteOffset, length } = tokens;
  if (byteOffset % 4 === 0) return new Int32Array(buffer, byteOffset, length / 4);
  return new Int32Array(Uint8Array.from(tokens).buffer);
}
