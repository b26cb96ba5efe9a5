/**
 * Pseudonyms of record keys that have no schema: the key's bytes are the identifier's text, and so is what comes out.
 * The same identifier has the same text here as in a string field of the same domain.
 */
import type { AudienceKeys } from '../keys/audience-keys.ts';
import { identifierHash } from './identifier-hash.ts';
import { IdentifierReader } from './identifier-reader.ts';
import { keyedCache } from './keyed-cache.ts';
import { PseudonymWriter, writeHex } from './pseudonym-text.ts';
import type { PseudonymInstruction } from './pseudonym-text.ts';
import { RecordState } from './record-state.ts';

type Mask = (input: Buffer, start: number, end: number, out: Buffer, at: number) => number;

/** Masks input[start, end) into out[at..]; returns the position after it, which may be beyond `out`. */
export function pseudonymKeyMasker(instruction: PseudonymInstruction, keys: AudienceKeys): Mask {
  const { prefix, encoding = 'hex', normalize } = instruction;
  const cache = keyedCache(identifierHash(keys, instruction));
  const state = new RecordState(0);
  if (prefix === undefined && encoding === 'hex' && normalize === undefined)
    return (input, start, end, out, at) => {
      state.use(input, out);
      const from = cache.find(input, state.inputView, start, end);
      return writeHex(cache.bytes, from, out, at);
    };
  const reader = new IdentifierReader(normalize ?? []);
  const writer = new PseudonymWriter(instruction);
  return (input, start, end, out, at) => {
    state.use(input, out);
    reader.read(input, state.inputView, start, end);
    const from = cache.find(reader.bytes, reader.view, reader.start, reader.end);
    const length = writer.write(cache, from, reader.frame);
    for (let i = 0; i < length; i += 1) out[at + i] = writer.text[i]!;
    return at + length;
  };
}
