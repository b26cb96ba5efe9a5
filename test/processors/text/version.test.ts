/**
 * A replay compares bytes: recognisers that find something else are another version of them.
 */
import { createHash } from 'node:crypto';
import { expect, test } from '@jest/globals';
import { scrubbed } from '../../../processors/text/scrubber.ts';
import { TEXT_TABLES_SHA256 } from '../../../processors/text/word-lists.ts';

const TEXTS = [
  'Pt Ada Quill (MRN 00471188, DOB 2/3/1931) seen by Dr. J. van der Berg, MD on Feb. 3rd, 2020 at 10:30.',
  'QUILL, ADA reports improvement. Lives in Palm Desert, CA 92260. Call (555) 010-4477 x12 or 0490 75 40 81.',
  'Metformin 500 mg bid, Parkinson disease, BP 120/80, SpO2 98 %. A 93-year-old, born in 1931, retired at 65.',
  'SSN 987-65-4321, card 4111 1111 1111 1111, IBAN GB82 WEST 1234 5698 7654 32, 192.0.2.17, a@example.org.',
  'her daughter Hope phoned; my name is john smith; UDI (01)00012345678905(17)300101(10)A213B1(21)1234',
  'krisztián szöllösy, 12 Hill Street Apt. 4, Szeged; Tuesday, in March, since 12/24; see www.example.org/x',
];

test('the recognisers find what their version finds; where this fails, raise RECOGNISERS_VERSION and both hashes', () => {
  const hash = createHash('sha256');
  for (const text of TEXTS) hash.update(`${scrubbed(text, null)}\n`);
  expect([TEXT_TABLES_SHA256.slice(0, 12), hash.digest('hex').slice(0, 12)]).toEqual([
    '0126691983e1',
    '42e071cee58f',
  ]);
});
