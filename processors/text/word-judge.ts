/**
 * Judges single words of a text: is it a name of the list, how ordinary is it, may it stay, does it belong to medicine.
 * It must never look further than a few characters or words around the word.
 */
import {
  CONTRACTION,
  EPONYMS,
  EPONYM_NOUNS,
  MAY_STAY,
  MEDICAL_BEGINNING,
  MEDICAL_ENDING,
  MEDICAL_NAMES,
} from './spoken-words.ts';
import type { WordLists } from './word-lists.ts';
import type { Word } from './words.ts';

/** Levels of the list of ordinary words: the commonest, which no cue makes a name; common ones; the rarest. */
export const COMMONEST = 10;
export const COMMON = 35;
export const RAREST = 70;
const DOSE =
  /^[\s,:]{0,2}\d{1,5}(?:[.,]\d{1,4})?\s?(?:mg|mcg|ug|g|ml|iu|units?|unt|meq|mmol|%|puffs?|tab|tabs|cap|caps)(?!\p{L})/iu;
const SENTENCE_START = /(?:^|[.!?:;\n\r•>|\]*#"“-])[\s"“'‘(*#-]{0,6}$/u;

export class WordJudge {
  readonly #text: string;
  readonly #words: readonly Word[];
  readonly #lists: WordLists;

  constructor(text: string, words: readonly Word[], lists: WordLists) {
    this.#text = text;
    this.#words = words;
    this.#lists = lists;
  }

  isName(word: Word): boolean {
    return this.#lists.names.has(word.folded);
  }

  /** Level of an ordinary word, or a number above all levels. Plurals and possessives of ordinary words are ordinary. */
  level(word: Word): number {
    if (CONTRACTION.test(word.text)) return COMMONEST;
    return this.#lists.ordinary.get(word.folded) ?? Number.POSITIVE_INFINITY;
  }

  mayStay(word: Word): boolean {
    return MAY_STAY.has(word.folded) || MEDICAL_NAMES.has(word.folded);
  }

  isMedical(word: Word, i: number): boolean {
    const { folded } = word;
    if (MEDICAL_NAMES.has(folded)) return true;
    if (EPONYMS.has(folded) && this.#isEponym(word, i)) return true;
    if (DOSE.test(this.#text.slice(word.end, word.end + 24))) return true;
    if (this.isName(word)) return false;
    return folded.length >= 7 && (MEDICAL_ENDING.test(folded) || this.#isCompound(folded));
  }

  /** An ordinary word behind a beginning of medical terms: `prediabetes`. */
  #isCompound(folded: string): boolean {
    const rest = MEDICAL_BEGINNING.exec(folded)?.[1];
    return rest !== undefined && this.#lists.ordinary.has(rest);
  }

  #isEponym(word: Word, i: number): boolean {
    if (!this.isName(word)) return true;
    if (/^['’]s/u.test(this.#text.slice(word.end, word.end + 2)) && !this.#text.startsWith('s ', word.end)) {
      const next = this.#words[i + 1];
      return next === undefined || !next.isCapital;
    }
    for (let at = i + 1; at <= i + 3 && at < this.#words.length; at += 1)
      if (EPONYM_NOUNS.has(this.#words[at]!.folded)) return true;
    return false;
  }

  gap(i: number): string {
    const next = this.#words[i + 1];
    return next ? this.#text.slice(this.#words[i]!.end, next.start) : '';
  }

  touchesDigit(word: Word): boolean {
    return /[\d_@#]/.test(this.#text[word.end] ?? '') || /[\d_@#]/.test(this.#text[word.start - 1] ?? '');
  }

  startsSentence(word: Word): boolean {
    return SENTENCE_START.test(this.#text.slice(Math.max(0, word.start - 8), word.start));
  }
}
