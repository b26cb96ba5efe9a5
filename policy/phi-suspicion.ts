/**
 * Says which identifier a name speaks of, and by which words. A suspicion is no proof, and its absence proves nothing:
 * it only ever asks a person to look. It sees names and types of a schema, never a value.
 */
import type { TagName } from '../schemas/tags.ts';
import { LONGEST_PHRASE, PHRASES, RECORDS, WHOLES } from './dictionaries/tables.ts';
import { aboutWhat, isOfOrganization, quoted, subjectWord } from './name-subject.ts';
import type { About } from './name-subject.ts';
import { plainWords } from './name-words.ts';
import {
  EDGE_NAMES,
  EVENT_WORDS,
  HARMLESS_HEADS,
  HARMLESS_TAILS,
  MACHINE_TIME_WORDS,
  MACHINE_WORDS,
  NUMBER_WORDS,
  SUBJECT_WORDS,
  TIME_WORDS,
} from './phi-words.ts';
import type { LeafPlace } from './schema-places.ts';
import { fittingTag } from './tag-type-fit.ts';

export interface Suspicion {
  readonly tag: TagName;
  /** The words that made it, in quotes, and what else is around them. */
  readonly words: string;
  /** The dictionary that has them; empty where the words together say it. */
  readonly source: string;
}

/** Words of a name, and what is around it. */
interface Reading extends About {
  readonly words: readonly string[];
  readonly place: LeafPlace;
}

/** Names that are parts of a person's name or address beside others of them, and anything elsewhere. */
const NEEDS_PERSON = new Set(
  'prefix suffix alias line place home policy member face voice tag unit iris tract mail cell residence locality'.split(
    ' ',
  ),
);
/** Tags of which a thing in the name right before, or a record of a thing, makes something else. */
const OF_THINGS: ReadonlySet<TagName> = new Set<TagName>([
  'PHI_NAME',
  'PHI_GEO',
  'PHI_URL',
  'PHI_LICENSE',
  'PHI_ID',
  'PHI_FREE_TEXT',
  'PHI_AGE',
  'PHI_ACCOUNT',
  'PHI_MEMBER_ID',
  'PROVIDER_ID',
  'PROVIDER_NAME',
]);

/** The identifier that the name of a leaf speaks of, in its record; null where it looks harmless. */
export function nameSuspicion(place: LeafPlace): Suspicion | null {
  const found = anySuspicion(place);
  return found && REACHES.has(found.tag) && isOfOrganization(place) ? null : found;
}

const REACHES: ReadonlySet<TagName> = new Set<TagName>([
  'PHI_GEO',
  'PHI_ZIP',
  'PHI_PHONE',
  'PHI_FAX',
  'PHI_EMAIL',
  'PHI_URL',
]);

/** The same, of organisations too: for those who ask rather than refuse. */
export function anySuspicion(place: LeafPlace): Suspicion | null {
  const words = place.mapKey
    ? keyWords(plainWords(place.name))
    : place.mapValue
      ? valueWords(plainWords(place.name))
      : plainWords(place.name);
  if (words.length === 0 || isQuestion(words)) return null;
  const reading = { words, place, ...aboutWhat(place) };
  const found =
    insideRecord(reading) ??
    phraseIn(reading) ??
    wholeName(reading) ??
    dateOf(reading) ??
    numberOf(reading) ??
    nameOf(reading) ??
    staffOf(reading);
  const suspicion = found && ofStaff(found, reading);
  const tag = suspicion && fittingTag(suspicion.tag, place.type);
  return tag ? { ...suspicion, tag } : null;
}

/** `phonesByMrn`: the keys are what stands behind `by`, or the persons that the map is of. */
function keyWords(words: readonly string[]): readonly string[] {
  const by = words.lastIndexOf('by');
  if (by > 0) return words.slice(by + 1);
  return SUBJECT_WORDS.get(words.at(-1) ?? '') === 'person' ? [words.at(-1)!, 'id'] : [];
}

function valueWords(words: readonly string[]): readonly string[] {
  const by = words.lastIndexOf('by');
  return by > 0 && by < words.length - 1 ? words.slice(0, by) : words;
}

/** Whose number says nothing: of a tree, of a call. */
const NO_NUMBERS_OF = new Set(
  'request parent child schedule scheduling transfer holder owner self human'.split(' '),
);

/** `hasPhone`, `totalContacts`, `numberOfNotes` ask whether and how many. */
function isQuestion([first = '', second]: readonly string[]): boolean {
  if (HARMLESS_HEADS.has(first)) return true;
  return second === 'of' && (first === 'number' || HARMLESS_TAILS.has(first));
}

/** Names that mean something only inside a record of a certain name. */
function insideRecord({ words, place }: Reading): Suspicion | null {
  const [near = [], far = []] = place.around.map((level) => level.map((name) => plainWords(name).join(' ')));
  const holders = [...far.flatMap((above) => near.map((name) => `${above} ${name}`)), ...near];
  const name = words.join(' ');
  for (const holder of holders)
    for (const { within, source, records } of RECORDS) {
      const record = records.find((each) => holder === each || holder.endsWith(` ${each}`));
      const tag = record === undefined ? undefined : within.get(name);
      if (tag) return { tag, words: `"${name}" in ${record}`, source };
    }
  return null;
}

/** The longest words of a dictionary that stand anywhere in the name, unless what follows makes them harmless. */
function phraseIn(reading: Reading, isProse = false): Suspicion | null {
  const { words } = reading;
  for (let length = Math.min(words.length, LONGEST_PHRASE); length > 0; length--)
    for (let start = words.length - length; start >= 0; start--) {
      const phrase = words.slice(start, start + length).join(' ');
      const found = PHRASES.get(phrase);
      if (!found) continue;
      const { tag, source } = found;
      const tail = words.slice(start + length);
      if ((isProse ? tail.slice(0, 1) : tail).some((word) => HARMLESS_TAILS.has(word))) return null;
      // What a name is comes last in English: `renderingProviderNpi` is a number.
      const later = tail.length > 0 ? phraseIn({ ...reading, words: tail }, isProse) : null;
      if (later) return later;
      if (words[start - 1] === 'at' && words.slice(0, start).some((word) => HARMLESS_TAILS.has(word)))
        return null;
      if (tag !== 'PHI_BIRTH_DATE' && tag !== 'PHI_DEATH_DATE' && tail.some((word) => TIME_WORDS.has(word)))
        return { tag: 'PHI_DATE', words: quoted(words), source: '' };
      if (tag === 'PHI_FREE_TEXT' && tail.some((word) => NUMBER_WORDS.has(word))) return null;
      if (length < words.length && OF_THINGS.has(tag) && MACHINE_WORDS.has(words[start - 1] ?? ''))
        return null;
      if (tag === 'PHI_URL' && reading.about === 'thing') return null;
      return { tag, words: `"${phrase}"`, source };
    }
  return null;
}

function wholeName({ words, about }: Reading): Suspicion | null {
  const name = words.join(' ');
  const found = WHOLES.get(name);
  if (!found) return null;
  if (about === 'thing' && OF_THINGS.has(found.tag) && found.tag !== 'PHI_ID' && found.tag !== 'PROVIDER_ID')
    return null;
  if (NEEDS_PERSON.has(name) && about !== 'person' && about !== 'staff') return null;
  return { ...found, words: `"${name}"` };
}

const PATIENT_MARKS: ReadonlySet<TagName> = new Set<TagName>([
  'PHI_MRN',
  'PHI_BIRTH_DATE',
  'PHI_SSN',
  'PHI_MEMBER_ID',
]);

const patientMarks = new WeakMap<readonly string[], { readonly mark: string | null }>();

/** The field that shows that a record is about one person, whatever it is called: its dates are that person's. */
function patientMark(names: readonly string[]): string | null {
  const known = patientMarks.get(names) ?? { mark: names.find((name) => marksPatient(name)) ?? null };
  patientMarks.set(names, known);
  return known.mark;
}

function marksPatient(name: string): boolean {
  const words = plainWords(name);
  const found = phraseIn({ words, place: NOWHERE, about: null, aboutWord: '' });
  return words.includes('patient') || (found !== null && PATIENT_MARKS.has(found.tag));
}

/** No date, but a place in a day, a week or a year. */
const IN_A_CYCLE = /\b(day|hour|month|time|week) of (the )?(day|week|month|year)\b/;

/** Dates of events of care, and any date in a record of care or of a person. */
function dateOf({ words, place, about, aboutWord }: Reading): Suspicion | null {
  const last = words.at(-1)!;
  if (HARMLESS_TAILS.has(last) || IN_A_CYCLE.test(words.join(' '))) return null;
  const isTime =
    words.some((word) => TIME_WORDS.has(word)) || (words.length > 1 && (last === 'at' || last === 'on'));
  const isEdge = EDGE_NAMES.has(last) && (words.length === 1 || (last !== 'period' && last !== 'when'));
  const event = words.find((word) => EVENT_WORDS.has(word) && (isTime || word !== last));
  const isMachine = words.some((word) => MACHINE_TIME_WORDS.has(word));
  const date = (of: string): Suspicion => ({ tag: 'PHI_DATE', words: of, source: '' });
  if (event !== undefined && !isMachine && (isTime || (isEdge && words.length > 1)))
    return date(quoted(words));
  const isOfPerson = about === 'person' || about === 'care';
  if (isMachine || !(isTime || (isEdge && words.length === 1))) return null;
  if (isOfPerson) return date(quoted(words, aboutWord));
  const mark = place.beside.map((names) => patientMark(names)).find((name) => name !== null);
  return !mark ? null : date(`${quoted(words)} beside ${mark}`);
}

/** Numbers that are the record's own; a key, a token or a reference may be anything's. */
const OWN_NUMBERS = /^(id|identifier|number|uuid|guid|uid|barcode|csn)$/;

/** Numbers of persons, staff, and of what happens to persons. */
function numberOf({ words, about, aboutWord }: Reading): Suspicion | null {
  const last = words.at(-1)!;
  if (!NUMBER_WORDS.has(last)) return null;
  const own = subjectWord(words.slice(0, -1));
  const isOfRecord = words.length === 1 || (own === undefined && (about === 'person' || about === 'staff'));
  const of = isOfRecord ? about : (SUBJECT_WORDS.get(own ?? '') ?? null);
  if (NO_NUMBERS_OF.has(own ?? '') || of === null || of === 'thing') return null;
  if (isOfRecord && (!OWN_NUMBERS.test(last) || MACHINE_WORDS.has(words.at(-2) ?? ''))) return null;
  return {
    tag: of === 'staff' ? 'PROVIDER_ID' : 'PHI_ID',
    words: quoted(words, isOfRecord ? aboutWord : ''),
    source: '',
  };
}

/** `name` beside a word of persons, or alone where no thing is near. */
function nameOf({ words, about, aboutWord }: Reading): Suspicion | null {
  if (words.at(-1) !== 'name') return null;
  const own = subjectWord(words.slice(0, -1));
  if (own !== undefined) {
    const of = SUBJECT_WORDS.get(own);
    return of === 'person' || of === 'staff' ? { tag: 'PHI_NAME', words: quoted(words), source: '' } : null;
  }
  if (words.length > 1 && (MACHINE_WORDS.has(words.at(-2)!) || about !== 'person')) return null;
  if (about === 'thing' || about === 'care') return null;
  return {
    tag: 'PHI_NAME',
    words: quoted(words, aboutWord),
    source: '',
  };
}

/** `orderingProvider`, `signedBy` in records of care. */
function staffOf({ words, about }: Reading): Suspicion | null {
  const last = words.at(-1)!;
  const isOfCare = about === 'care' || about === 'person' || about === 'staff';
  if (words.length > 1 && isOfCare && (last === 'by' || SUBJECT_WORDS.get(last) === 'staff'))
    return { tag: 'PROVIDER_NAME', words: quoted(words), source: '' };
  if (words.length > 1 && last === 'person') return { tag: 'PHI_NAME', words: quoted(words), source: '' };
  return null;
}

/** In records of staff, and beside words of them, names and numbers are theirs. */
function ofStaff(found: Suspicion, { words, about }: Reading): Suspicion {
  const own = subjectWord(words);
  const isStaff = own === undefined ? about === 'staff' : SUBJECT_WORDS.get(own) === 'staff';
  if (!isStaff) return found;
  if (found.tag === 'PHI_NAME') return { ...found, tag: 'PROVIDER_NAME' };
  return found.tag === 'PHI_ID' || found.tag === 'PHI_LICENSE' ? { ...found, tag: 'PROVIDER_ID' } : found;
}

/** What dictionaries find in prose, such as a doc. */
export function phraseSuspicion(text: string): Suspicion | null {
  const words = plainWords(text);
  if (words.length === 0 || isQuestion(words)) return null;
  return phraseIn({ words, place: NOWHERE, about: null, aboutWord: '' }, true);
}

const NOWHERE: LeafPlace = {
  name: '',
  around: [],
  type: null,
  doc: null,
  beside: [],
  mapKey: false,
  mapValue: false,
};
