/**
 * The words of a text with their places, and the form in which words are compared: without case and diacritics.
 * One pass, no backtracking. It must never change a text.
 */

export interface Word {
  /** In UTF-16 code units; a possessive `'s` is not part of the word. */
  readonly start: number;
  readonly end: number;
  readonly text: string;
  readonly folded: string;
  readonly isCapital: boolean;
  /** Two letters at least, all of them capitals. */
  readonly isAllCapitals: boolean;
}

/** Letters that do not come apart into a base letter and a mark. */
const WHOLE_LETTERS: Readonly<Record<string, string>> = {
  ß: 'ss',
  ø: 'o',
  ł: 'l',
  đ: 'd',
  ð: 'd',
  þ: 'th',
  æ: 'ae',
  œ: 'oe',
  ı: 'i',
  ħ: 'h',
};
const BEYOND_ASCII = /[^ -~\s]/;

/** Lower case, without diacritics: `Szöllösy` and `SZOLLOSY` are one. */
export function folded(text: string): string {
  const lower = text.toLowerCase();
  if (!BEYOND_ASCII.test(lower)) return lower;
  return lower
    .normalize('NFKD')
    .replaceAll(/\p{M}+/gu, '')
    .replaceAll(/[ßøłđðþæœıħ]/g, (letter) => WHOLE_LETTERS[letter]!);
}

const WORD = /\p{L}[\p{L}\p{M}]*(?:['’`]\p{L}[\p{L}\p{M}]*)*/gu;
const POSSESSIVE = /['’`]s$/iu;

/** The words of `text`: letters, with apostrophes between them. Hyphens part them. */
export function wordsOf(text: string): Word[] {
  const words: Word[] = [];
  for (const match of text.matchAll(WORD)) {
    const word = match[0].replace(POSSESSIVE, '');
    const first = word[0]!;
    const isCapital = first !== first.toLowerCase();
    words.push({
      start: match.index,
      end: match.index + word.length,
      text: word,
      folded: folded(word).replaceAll(/['’`]/g, ''),
      isCapital,
      isAllCapitals: isCapital && word.length > 1 && word === word.toUpperCase(),
    });
  }
  return words;
}
