/**
 * How long audit records are kept at least, as one word of a closed list. 45 CFR 164.316(b)(2)(i) asks for six years for
 * the documentation of what was done, and 164.528(a) lets patients ask about the six years before. There is no number
 * to set: a shorter time than the law's can't be had by a slip, only by the word that says there is nothing to keep.
 */
export const RETENTION_WORDS = ['six-years', 'ten-years', 'for-ever', 'synthetic-data'] as const;
export type RetentionWord = (typeof RETENTION_WORDS)[number];

/**
 * The time before which records may be removed, in milliseconds since the epoch; null: none may.
 * `synthetic-data` keeps nothing: for sites that hold no person's data, and each declaration says so.
 */
export function removableBefore(retention: RetentionWord, nowMs: number): number | null {
  if (retention === 'for-ever') return null;
  if (retention === 'synthetic-data') return nowMs;
  const date = new Date(nowMs);
  date.setUTCFullYear(date.getUTCFullYear() - (retention === 'six-years' ? 6 : 10));
  return date.getTime();
}
