/**
 * The dictionaries as tables that a name is looked up in, spelled as `plainWords` spells names. Made once; it decides
 * nothing.
 */
import type { TagName } from '../../schemas/tags.ts';
import { plainWords } from '../name-words.ts';
import { DICTIONARIES } from './all.ts';
import type { Names } from './dictionary.ts';

/** What a dictionary says of a name. */
export interface Entry {
  readonly tag: TagName;
  readonly source: string;
}

/** Names that mean something only inside records of these names. */
export interface RecordEntry {
  readonly source: string;
  readonly records: readonly string[];
  readonly within: ReadonlyMap<string, TagName>;
}

function entriesOf(names: Names): (readonly [name: string, tag: TagName])[] {
  return Object.entries(names).flatMap(([tag, text]) =>
    text.split(', ').map((name) => [plainWords(name).join(' '), tag as TagName] as const),
  );
}

/** The first dictionary that has a name is the one quoted. */
function tableOf(part: 'anywhere' | 'whole'): ReadonlyMap<string, Entry> {
  const table = new Map<string, Entry>();
  for (const { name: source, [part]: names } of DICTIONARIES)
    for (const [name, tag] of entriesOf(names)) if (!table.has(name)) table.set(name, { tag, source });
  return table;
}

/** Words that speak wherever they stand, in the spelling of `plainWords`. */
export const PHRASES: ReadonlyMap<string, Entry> = tableOf('anywhere');
/** Whole names. */
export const WHOLES: ReadonlyMap<string, Entry> = tableOf('whole');
/** Words. */
export const LONGEST_PHRASE: number = Math.max(
  ...[...PHRASES.keys()].map((phrase) => phrase.split(' ').length),
);
/** Whole names inside records of a certain name. */
export const RECORDS: readonly RecordEntry[] = DICTIONARIES.flatMap(({ name: source, within }) =>
  within.map(([records, names]) => ({
    source,
    records: records.split(', ').map((record) => plainWords(record).join(' ')),
    within: new Map(entriesOf(names)),
  })),
);
