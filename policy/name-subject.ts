/**
 * Whom or what a name is about: by its own words, and by the records and fields that hold it. Names of the schema
 * only.
 */
import { plainWords } from './name-words.ts';
import { ORGANIZATION_WORDS, SUBJECT_WORDS } from './phi-words.ts';
import type { Subject } from './phi-words.ts';
import type { LeafPlace } from './schema-places.ts';

/** What the records around a leaf are about. */
export interface About {
  readonly about: Subject | null;
  /** The word that says so. */
  readonly aboutWord: string;
}

/** The nearest level that says whom or what the record is about. */
export function aboutWhat(place: LeafPlace): About {
  for (const level of place.around)
    for (const name of level) {
      const word = subjectWord([
        ...plainWords(name),
        ...(SUBJECT_WORDS.has(name.toLowerCase()) ? [name.toLowerCase()] : []),
      ]);
      if (word !== undefined) return { about: SUBJECT_WORDS.get(word)!, aboutWord: word };
    }
  return { about: null, aboutWord: '' };
}

/** The last word that is about somebody or something. */
export function subjectWord(words: readonly string[]): string | undefined {
  return words.findLast((word) => SUBJECT_WORDS.has(word));
}

/** Where an organisation is and how it is reached is no identifier of a patient, unless it is the employer. */
export function isOfOrganization({ name, around }: LeafPlace): boolean {
  const words = plainWords(name);
  const own = words.findLast((word) => ORGANIZATION_WORDS.has(word) || isOfPeople(word));
  if (own !== undefined) return ORGANIZATION_WORDS.has(own);
  const holder = around
    .flat()
    .map((each) =>
      plainWords(each).findLast((word) => SUBJECT_WORDS.has(word) || ORGANIZATION_WORDS.has(word)),
    );
  const nearest = holder.find((word) => word !== undefined);
  return nearest !== undefined && ORGANIZATION_WORDS.has(nearest);
}

function isOfPeople(word: string): boolean {
  return SUBJECT_WORDS.get(word) === 'person' || SUBJECT_WORDS.get(word) === 'staff';
}

/** The words as a message quotes them, with the record that made them speak. */
export function quoted(words: readonly string[], record = ''): string {
  return `"${words.join(' ')}"${record === '' ? '' : ` in ${record}`}`;
}
