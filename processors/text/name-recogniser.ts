/**
 * Recogniser of people's names, and of whatever else stands in a text with a capital and is no ordinary word: towns,
 * employers. A word is judged by lists, by what stands beside it, and by names already found. Written for English;
 * it goes over the words a fixed number of times.
 */
import type { AddFinding } from './finding.ts';
import { BLANK, CUE, JOINT, LABEL, NAME_CUE, RELATION, WEAK_CUE } from './name-cues.ts';
import type { Announcer } from './name-cues.ts';
import {
  CAPITAL_TITLES,
  DEGREES,
  GIVEN_WORDS,
  MEDICAL_NAMES,
  PARTICLES,
  PERSON_VERBS,
  TITLES,
} from './spoken-words.ts';
import { COMMON, COMMONEST, RAREST, WordJudge } from './word-judge.ts';
import type { WordLists } from './word-lists.ts';
import type { Word } from './words.ts';

/** How many words a name has at most. */
const NAME_WORDS = 4;

/** Why a word is taken for a part of a name: `sure` makes its other occurrences names too. */
const NONE = 0;
const LIKELY = 1;
const SURE = 2;

/** Finds names in `words`, the words of `text`. */
export function findNames(text: string, words: readonly Word[], lists: WordLists, add: AddFinding): void {
  new NameSearch(text, words, lists).run(add);
}

class NameSearch {
  readonly #text: string;
  readonly #words: readonly Word[];
  readonly #judge: WordJudge;
  readonly #marks: Uint8Array;

  constructor(text: string, words: readonly Word[], lists: WordLists) {
    this.#text = text;
    this.#words = words;
    this.#judge = new WordJudge(text, words, lists);
    this.#marks = new Uint8Array(words.length);
  }

  run(add: AddFinding): void {
    this.#announced(NAME_CUE, 'name cue');
    this.#announced(CUE, 'cue');
    this.#announced(RELATION, 'cue');
    this.#announced(WEAK_CUE, 'weak cue');
    this.#announced(LABEL, 'label');
    this.#words.forEach((_, i) => this.#byNeighbours(i));
    this.#words.forEach((word, i) => this.#byItself(word, i));
    this.#extend();
    this.#again();
    this.#words.forEach((word, i) => {
      if (this.#marks[i] !== NONE) add(word.start, this.#withDegree(i), 'NAME');
    });
    this.#joints(add);
  }

  #mark(i: number, mark: number): void {
    if (mark > this.#marks[i]!) this.#marks[i] = mark;
  }

  // ---- names that something announces

  /** After a cue comes a name; after a form's label, whatever stands there with a capital. */
  #announced(cue: RegExp, by: Announcer): void {
    let i = 0;
    for (const match of this.#text.matchAll(cue)) {
      const end = match.index + match[0].length;
      while (i < this.#words.length && this.#words[i]!.start < end) i += 1;
      if (this.#words[i]?.start === end) this.#run(i, by);
    }
  }

  /** Marks the words of a name that begins at word `i`. */
  #run(from: number, by: Announcer): void {
    const isUpper = this.#words[from]!.isAllCapitals;
    for (let i = from; i < from + NAME_WORDS && i < this.#words.length; i += 1) {
      const word = this.#words[i]!;
      if (i > from && !this.#joins(i - 1, by === 'label')) return;
      if (TITLES.has(word.folded) || PARTICLES.has(word.folded)) continue;
      if (!this.#canBePart(word, i, by, isUpper)) return;
      this.#mark(i, word.folded.length > 2 && this.#judge.level(word) > COMMONEST ? SURE : LIKELY);
    }
  }

  #canBePart(word: Word, i: number, by: Announcer, isUpper: boolean): boolean {
    if (this.#judge.mayStay(word) || this.#judge.isMedical(word, i)) return false;
    const level = this.#judge.level(word);
    if (!word.isCapital) return this.#judge.isName(word) && level > (by === 'name cue' ? COMMONEST : COMMON);
    if (this.#judge.isName(word)) return by !== 'weak cue' || level > COMMON || GIVEN_WORDS.has(word.folded);
    // A shouted line says nothing by its capitals.
    if (word.isAllCapitals && !isUpper) return false;
    return by === 'label' ? level > COMMONEST : level > COMMON;
  }

  #joins(i: number, isLabel: boolean): boolean {
    const gap = this.#judge.gap(i);
    if (gap === ', ' || gap === ',') return isLabel;
    if (gap.includes('\n')) return false;
    return BLANK.test(gap) || gap === '-' || (/^\. ?$/.test(gap) && this.#isInitialOrTitle(i));
  }

  #isInitialOrTitle(i: number): boolean {
    const word = this.#words[i]!;
    return word.text.length === 1 || TITLES.has(word.folded);
  }

  /** Titles before, degrees after, and two parts of names side by side. */
  #byNeighbours(i: number): void {
    const word = this.#words[i]!;
    const next = this.#words[i + 1];
    if (!next) return;
    const gap = this.#judge.gap(i);
    if (this.#isTitle(word, gap) && (BLANK.test(gap) || /^\. {0,2}$/.test(gap)))
      this.#afterTitle(i + 1, !CAPITAL_TITLES.has(word.folded));
    if (
      DEGREES.has(next.folded) &&
      (next.isAllCapitals || /[A-Z]/.test(next.text.slice(1))) &&
      /^,? {1,2}$/.test(gap)
    )
      this.#beforeDegree(i);
    if (BLANK.test(gap) || gap === '-') this.#pair(i);
    if (/^, ?$/.test(gap)) this.#inverted(i);
  }

  #isTitle(word: Word, gap: string): boolean {
    if (!TITLES.has(word.folded)) return false;
    return word.isCapital || gap.startsWith('.') || !CAPITAL_TITLES.has(word.folded);
  }

  #afterTitle(from: number, isClear: boolean): void {
    for (let i = from; i < from + NAME_WORDS && i < this.#words.length; i += 1) {
      const word = this.#words[i]!;
      if (i > from && !this.#joins(i - 1, false)) return;
      if (TITLES.has(word.folded) || PARTICLES.has(word.folded)) continue;
      const level = this.#judge.level(word);
      const fits = word.isCapital
        ? i === from
          ? level > (isClear ? COMMONEST : COMMON) || this.#judge.isName(word)
          : level > COMMON || this.#judge.isName(word)
        : i === from && (this.#judge.isName(word) || level === Number.POSITIVE_INFINITY) && level > COMMONEST;
      if (!fits || MEDICAL_NAMES.has(word.folded)) return;
      this.#mark(i, word.folded.length > 2 ? SURE : LIKELY);
    }
  }

  #beforeDegree(from: number): void {
    for (let i = from; i > from - 3 && i >= 0; i -= 1) {
      const word = this.#words[i]!;
      if (!word.isCapital || DEGREES.has(word.folded) || MEDICAL_NAMES.has(word.folded)) return;
      if (i < from && !BLANK.test(this.#judge.gap(i)) && !/^(?:\. |-)$/.test(this.#judge.gap(i))) return;
      if (this.#judge.level(word) <= COMMON && !this.#judge.isName(word)) return;
      this.#mark(i, LIKELY);
    }
  }

  /** `QUILL, Ada` */
  #inverted(i: number): void {
    const [family, given] = [this.#words[i]!, this.#words[i + 1]!];
    if (!family.isAllCapitals || family.text.length < 3 || !given.isCapital || given.text.length < 2) return;
    if (this.#judge.mayStay(family) || this.#judge.isMedical(family, i)) return;
    if (MEDICAL_NAMES.has(given.folded) || DEGREES.has(given.folded) || TITLES.has(given.folded)) return;
    const level = this.#judge.level(given);
    const isGiven =
      level > RAREST || GIVEN_WORDS.has(given.folded) || (level > COMMON && this.#judge.isName(given));
    const isFamily = this.#judge.isName(family) || this.#judge.level(family) > COMMONEST;
    if (isGiven && isFamily) [i, i + 1].forEach((at) => this.#mark(at, SURE));
  }

  /** Given and family name side by side: by capitals both in the list, or in lower case where neither is a word. */
  #pair(i: number): void {
    const [first, second] = [this.#words[i]!, this.#words[i + 1]!];
    if (!this.#judge.isName(first) || !this.#judge.isName(second)) return;
    if (this.#judge.mayStay(first) || this.#judge.mayStay(second)) return;
    if (this.#judge.isMedical(first, i) || this.#judge.isMedical(second, i + 1)) return;
    const [a, b] = [this.#judge.level(first), this.#judge.level(second)];
    const isPair =
      first.isCapital && second.isCapital
        ? (GIVEN_WORDS.has(first.folded) && b > COMMONEST) ||
          (Math.max(a, b) > COMMON && Math.min(a, b) > COMMONEST)
        : !first.isCapital && !second.isCapital && Math.min(a, b) > RAREST;
    if (!isPair) return;
    this.#mark(i, SURE);
    this.#mark(i + 1, SURE);
  }

  // ---- words judged alone

  #byItself(word: Word, i: number): void {
    if (word.text.length < 2 || this.#judge.mayStay(word)) return;
    if (this.#judge.touchesDigit(word) && !this.#judge.isName(word)) return;
    const level = this.#judge.level(word);
    const isName = this.#judge.isName(word);
    if (!word.isCapital) {
      // No ordinary word at all, and a name: `rubija` in a text that somebody wrote without capitals.
      if (isName && level > RAREST && word.folded.length >= 4 && !this.#judge.isMedical(word, i))
        this.#mark(i, LIKELY);
      return;
    }
    if (this.#judge.isMedical(word, i) || DEGREES.has(word.folded) || TITLES.has(word.folded)) return;
    if (word.isAllCapitals) {
      const { length } = word.text;
      if (level > RAREST && (isName ? length >= 4 : length >= 6)) this.#mark(i, LIKELY);
      return;
    }
    if (level > RAREST) return this.#mark(i, isName ? SURE : LIKELY);
    const before = this.#words[i - 1];
    const isInSentence = before !== undefined && !before.isCapital && BLANK.test(this.#judge.gap(i - 1));
    const isAlsoGiven = level > COMMON || GIVEN_WORDS.has(word.folded);
    if (isName && isInSentence && isAlsoGiven && !this.#judge.startsSentence(word)) this.#mark(i, LIKELY);
    const after = this.#words[i + 1];
    if (
      GIVEN_WORDS.has(word.folded) &&
      after &&
      BLANK.test(this.#judge.gap(i)) &&
      PERSON_VERBS.has(after.folded)
    )
      this.#mark(i, SURE);
  }

  // ---- from what is found to what belongs to it

  /** Capitals and initials beside a found name, to the right and then to the left. */
  #extend(): void {
    const count = this.#words.length;
    for (let i = 0; i + 1 < count; i += 1) if (this.#marks[i] !== NONE) this.#take(i, i + 1);
    for (let i = count - 1; i > 0; i -= 1) if (this.#marks[i] !== NONE) this.#take(i, i - 1);
  }

  #take(found: number, beside: number): void {
    if (this.#marks[beside] !== NONE) return;
    const word = this.#words[beside]!;
    const gap = this.#judge.gap(Math.min(found, beside));
    if (!JOINT.test(gap) || gap.includes('\n')) return;
    if (gap.includes('.') && this.#words[Math.min(found, beside)]!.text.length > 1) return;
    if (this.#judge.isMedical(word, beside)) return;
    if (this.#judge.mayStay(word) && !this.#isBetweenNames(beside)) return;
    if (TITLES.has(word.folded) || DEGREES.has(word.folded)) return;
    if (!word.isCapital) {
      // A family name in a text without capitals, after a given name.
      const isUnknown = beside > found && this.#judge.level(word) > RAREST && word.folded.length > 2;
      if (isUnknown && !this.#words[found]!.isCapital && BLANK.test(gap)) this.#mark(beside, LIKELY);
      return;
    }
    const isInitial = word.text.length === 1 && word.text !== 'I' && word.text !== 'A';
    // After a given name even `White` is one; before it, `The` or `Will` stands too often.
    const isAfter =
      beside > found && this.#words[found]!.isCapital && BLANK.test(gap) && word.text.length > 3;
    const isPart =
      isInitial || (this.#judge.isName(word) && (isAfter || this.#judge.level(word) > COMMONEST));
    const isOther = this.#judge.level(word) > RAREST && !word.isAllCapitals;
    if (isPart || isOther) this.#mark(beside, LIKELY);
  }

  /** `Ada Montana Quill` */
  #isBetweenNames(i: number): boolean {
    const isNamed = (at: number): boolean => this.#marks[at] !== undefined && this.#marks[at] !== NONE;
    return (
      isNamed(i - 1) && isNamed(i + 1) && BLANK.test(this.#judge.gap(i - 1)) && BLANK.test(this.#judge.gap(i))
    );
  }

  /** A name that was told once is a name wherever it stands with a capital. */
  #again(): void {
    const sure = new Set<string>();
    this.#words.forEach((word, i) => {
      if (this.#marks[i] === SURE && word.folded.length > 2) sure.add(word.folded);
    });
    this.#words.forEach((word, i) => {
      if (word.isCapital && sure.has(word.folded) && !this.#judge.isMedical(word, i)) this.#mark(i, LIKELY);
    });
  }

  /** Where a name ends with the degree after it. */
  #withDegree(i: number): number {
    const [word, next] = [this.#words[i]!, this.#words[i + 1]];
    const isDegree =
      next?.isCapital === true && DEGREES.has(next.folded) && /^,? {1,2}$/.test(this.#judge.gap(i));
    return isDegree && next ? next.end : word.end;
  }

  /** Particles between two parts, `van der`, belong to the name. */
  #joints(add: AddFinding): void {
    for (let i = 0; i + 1 < this.#words.length; i += 1) {
      if (this.#marks[i] === NONE) continue;
      let to = i + 1;
      while (to < i + 4 && to < this.#words.length && PARTICLES.has(this.#words[to]!.folded)) to += 1;
      if (to === i + 1 || to >= this.#words.length || this.#marks[to] === NONE) continue;
      if (this.#text.slice(this.#words[i]!.end, this.#words[to]!.start).length < 20)
        add(this.#words[i]!.start, this.#words[to]!.end, 'NAME');
    }
  }
}
