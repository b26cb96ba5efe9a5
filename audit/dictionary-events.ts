/**
 * The events of a person dictionary: records of a raw topic were read into memory, so that texts of other topics can be
 * scrubbed; and what a masking transaction pins of it. Built from coordinates, counts and hashes.
 */
import type { EventBody } from './audit-chain.ts';
import { replayRead } from './replay-events.ts';

/** The point of a dictionary that a transaction masked by. */
export interface DictionaryPin {
  readonly topic: string;
  /** Where each partition had been read to. */
  readonly offsets: readonly number[];
  /** Hex. */
  readonly sha256: string;
}

export const EXT_DICTIONARY_TOPIC = 'dictionary.topic';
export const EXT_DICTIONARY_OFFSETS = 'dictionary.offsets';
export const EXT_DICTIONARY_SHA256 = 'dictionary.sha256';

/** The same event as one of a dictionary: no group has a position in it, and nobody got anything. */
export function forDictionary(body: EventBody): EventBody {
  const { range } = body;
  const ext = [{ k: 'dictionary', v: range?.topic ?? '' }];
  return { ...body, recipient: null, accounting: 'NOT_PHI', group: null, ext: [...body.ext, ...ext] };
}

/** Records were read into a dictionary. */
export function dictionaryRead(batch: EventBody): EventBody {
  return forDictionary(replayRead(batch));
}

/** A batch event with the dictionary that its records were masked by. */
export function withDictionary(batch: EventBody, pin: DictionaryPin | null): EventBody {
  if (!pin) return batch;
  const facts = {
    [EXT_DICTIONARY_TOPIC]: pin.topic,
    [EXT_DICTIONARY_OFFSETS]: pin.offsets.join(','),
    [EXT_DICTIONARY_SHA256]: pin.sha256,
  };
  return { ...batch, ext: [...batch.ext, ...Object.entries(facts).map(([k, v]) => ({ k, v }))] };
}
