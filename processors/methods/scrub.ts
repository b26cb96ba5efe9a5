/**
 * scrub: a text without what is known of the record's person, and without what the recognisers of text/ find; each
 * replaced by a word that says what stood there, `[NAME]`. What nobody recognises stays: it is no de-identification
 * by itself (45 CFR 164.514(b)(2) does not allow it), and must never be the default for free text.
 */
import { z } from 'zod';
import { writeInt } from '../avro-bytes.ts';
import type { MaskingMethod } from '../method.ts';
import { scrubbed } from '../text/scrubber.ts';
import { TEXT_TABLES_SHA256, wordLists } from '../text/word-lists.ts';

export const SCRUB: MaskingMethod<'scrub'> = {
  name: 'scrub',
  promise:
    'A text without the tagged values of its own record in any usual form, and without what recognisers find: no promise that nothing is left.',
  parameters: z.strictObject({
    /** A raw topic of the policy whose newest records say more of each person, such as the patients. */
    dictionary: z.string().min(1).optional(),
  }),
  oneToOne: false,
  keepsJoins: false,
  reversible: 'no',
  strictness: 40,
  tableSha256: TEXT_TABLES_SHA256,
  rows: [
    { type: 'string', comesOut: 'the text with [NAME], [DATE], [ID] ... in it', derivedSchema: 'string' },
    { type: 'all others', comesOut: 'refused', derivedSchema: '-' },
  ],
  examples: [
    {
      type: 'string',
      instruction: { method: 'scrub' },
      given: 'Dr. Ada Quill saw her on 2/3/2020; call (555) 010-4477. BP 120/80.',
      gives: 'Dr. [NAME] saw her on [DATE]; call [PHONE]. BP 120/80.',
    },
  ],
  needsPerson: false,
  accepts: (leaf) => leaf.kind === 'string' && leaf.logical === null,

  maskValue: (value, _leaf, _instruction, { known }) => scrubbed(value as string, known ?? null),

  compile() {
    // Wrong lists are found before the first record.
    wordLists();
    return (input, start, end, out, at, state) => {
      const text = Buffer.from(input.buffer, input.byteOffset + start, end - start).toString('utf8');
      const bytes = Buffer.from(scrubbed(text, state.known?.values ?? null), 'utf8');
      const from = writeInt(out, at, bytes.length);
      const next = from + bytes.length;
      if (next <= out.length) out.set(bytes, from);
      return next;
    };
  },
};
