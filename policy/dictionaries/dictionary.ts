/**
 * The shape of a dictionary of names that speak of PHI. A dictionary is data taken from a standard: words and the tag
 * they speak of. It decides nothing; phi-suspicion.ts does. Written in plain words: spelling, plurals, abbreviations
 * and the ways of joining words are name-words.ts's.
 */
import type { TagName } from '../../schemas/tags.ts';

/** Names by tag, separated by `, `. */
export type Names = Readonly<Partial<Record<TagName, string>>>;

export interface Dictionary {
  /** The standard in short, as suspicions quote it. */
  readonly name: string;
  /** The standard, and the part of it that the words were taken from. */
  readonly source: string;
  /** Words that speak of the tag wherever they stand in a name. */
  readonly anywhere: Names;
  /** Words that do so only where they are the whole name. */
  readonly whole: Names;
  /** Whole names that do so only inside a record, or a field, of one of these names. */
  readonly within: readonly (readonly [records: string, names: Names])[];
}
