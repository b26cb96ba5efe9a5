/**
 * Reads a name as words: camelCase, PascalCase, snake_case, CAPITALS, digits, short forms (`pt_nm`, `addr1`), plurals,
 * and words written together (`dateofbirth`). A word written together is taken apart only where all of it is known
 * words: nothing is ever found inside another word.
 */
import { DICTIONARIES } from './dictionaries/all.ts';
import {
  ABBREVIATIONS,
  EVENT_WORDS,
  HARMLESS_HEADS,
  HARMLESS_TAILS,
  MACHINE_TIME_WORDS,
  MACHINE_WORDS,
  NUMBER_WORDS,
  SUBJECT_WORDS,
  TIME_WORDS,
} from './phi-words.ts';

/** Words that end in s and are no plurals. */
const NO_PLURAL = /(ss|us|is|os|sms|gps|dns|aws|css|series|always|address)$/;
/** Of two letters only these are taken for parts of a word written together. */
const SHORT_PARTS = new Set('id of nm dt no at by'.split(' '));
/** Shorter words are not taken apart. */
const SHORTEST_COMPOUND = 6;
/** Nobody writes longer ones together; taking apart takes time with the square of the length. */
const LONGEST_COMPOUND = 60;

/** The words of a name in camelCase, PascalCase, snake_case or CAPITALS, in lower case. */
export function wordsOf(name: string): string[] {
  const parts = name
    .replace(/'s\b/g, '')
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .replace(/([A-Z]+)([A-Z][a-z])/g, '$1 $2')
    .replace(/([a-zA-Z])([0-9])/g, '$1 $2')
    .split(/[^A-Za-z0-9]+/);
  return parts.filter((part) => part !== '').map((part) => part.toLowerCase());
}

/** The same words as dictionaries have them: long forms, singular, taken apart; without numbers. */
export function plainWords(name: string): readonly string[] {
  const known = cache.get(name);
  if (known) return known;
  const plain = wordsOf(name)
    .filter((word) => !/^[0-9]+$/.test(word))
    .flatMap((word) => longForm(word))
    .flatMap((word) => takenApart(word));
  if (cache.size < CACHE_LIMIT && name.length <= CACHED_NAME_LIMIT) cache.set(name, plain);
  return plain;
}

/** Names, and characters of each: some megabytes at most. */
const CACHE_LIMIT = 20_000;
const CACHED_NAME_LIMIT = 100;
const cache = new Map<string, readonly string[]>();

function longForm(word: string): readonly string[] {
  return ABBREVIATIONS.get(word) ?? ABBREVIATIONS.get(singular(word)) ?? [singular(word)];
}

function singular(word: string): string {
  if (word.length <= 3 || !word.endsWith('s') || NO_PLURAL.test(word)) return word;
  if (/(ss|x|ch|sh)es$/.test(word)) return word.slice(0, -2);
  return word.endsWith('ies') ? `${word.slice(0, -3)}y` : word.slice(0, -1);
}

/** The fewest known words that are all of `word`; the word itself where there are none. */
function takenApart(word: string): readonly string[] {
  if (word.length < SHORTEST_COMPOUND || word.length > LONGEST_COMPOUND || vocabulary().has(word))
    return [word];
  const best: (readonly string[] | undefined)[] = [[]];
  for (let end = 1; end <= word.length; end++)
    for (let start = 0; start < end; start++) {
      const before = best[start];
      const part = word.slice(start, end);
      if (!before || !isPart(part)) continue;
      if (before.length + 1 < (best[end]?.length ?? Infinity)) best[end] = [...before, part];
    }
  const parts = best[word.length];
  return parts === undefined ? [word] : parts.flatMap((part) => longForm(part));
}

function isPart(part: string): boolean {
  return part.length < 3 ? SHORT_PARTS.has(part) : vocabulary().has(part) || vocabulary().has(singular(part));
}

let words: ReadonlySet<string> | undefined;

/** Every word that means something here. */
function vocabulary(): ReadonlySet<string> {
  words ??= new Set([
    ...DICTIONARIES.flatMap(({ anywhere, whole, within }) => [
      anywhere,
      whole,
      ...within.map(([, names]) => names),
    ])
      .flatMap((names) => Object.values(names).join(' ').split(/[ ,]+/))
      .map((word) => singular(word)),
    ...[
      EVENT_WORDS,
      HARMLESS_HEADS,
      HARMLESS_TAILS,
      MACHINE_TIME_WORDS,
      MACHINE_WORDS,
      NUMBER_WORDS,
      TIME_WORDS,
    ].flatMap((set) => [...set]),
    ...SUBJECT_WORDS.keys(),
  ]);
  return words;
}
