/**
 * The eighteen identifiers of 45 CFR 164.514(b)(2)(i), as the regulation orders them, and what of each may stay.
 * Words only: what is allowed is decided by regimes.ts, and these must say the same.
 */
import { TAGS } from '../schemas/tags.ts';
import type { TagName } from '../schemas/tags.ts';

/** One item of the list. */
export interface Identifier {
  /** `A` to `R`. */
  readonly letter: string;
  readonly title: string;
  readonly mayStay: string;
}

const NOTHING = 'nothing';

/** All of them are meant of the individual and of relatives, employers and household members. */
export const SAFE_HARBOR_LIST: readonly Identifier[] = [
  { letter: 'A', title: 'Names', mayStay: 'nothing, initials neither' },
  {
    letter: 'B',
    title: 'Places smaller than a State',
    mayStay: 'State; three digits of a ZIP code where more than 20,000 people share them, else 000',
  },
  {
    letter: 'C',
    title: 'Dates of a person, ages over 89',
    mayStay: 'the year, unless it tells an age over 89; ages to 89; one group of 90 or older',
  },
  { letter: 'D', title: 'Telephone numbers', mayStay: NOTHING },
  { letter: 'E', title: 'Fax numbers', mayStay: NOTHING },
  { letter: 'F', title: 'Electronic mail addresses', mayStay: NOTHING },
  { letter: 'G', title: 'Social security numbers', mayStay: 'nothing, the last four digits neither' },
  { letter: 'H', title: 'Medical record numbers', mayStay: NOTHING },
  { letter: 'I', title: 'Health plan beneficiary numbers', mayStay: NOTHING },
  { letter: 'J', title: 'Account numbers', mayStay: NOTHING },
  { letter: 'K', title: 'Certificate and license numbers', mayStay: NOTHING },
  { letter: 'L', title: 'Vehicle identifiers and serial numbers, license plates', mayStay: NOTHING },
  { letter: 'M', title: 'Device identifiers and serial numbers', mayStay: NOTHING },
  { letter: 'N', title: 'Web addresses (URLs)', mayStay: NOTHING },
  { letter: 'O', title: 'Internet Protocol addresses', mayStay: NOTHING },
  { letter: 'P', title: 'Biometric identifiers', mayStay: NOTHING },
  { letter: 'Q', title: 'Full face photographs and comparable images', mayStay: NOTHING },
  {
    letter: 'R',
    title: 'Any other unique number, characteristic or code',
    mayStay: 'nothing; a code under 164.514(c) may not be derived from the identifier, as pseudonyms are',
  },
];

/** The tags that mark an item of the list. */
export function tagsOfLetter(letter: string): readonly TagName[] {
  return (Object.keys(TAGS) as TagName[]).filter((tag) => TAGS[tag].letter === letter);
}
