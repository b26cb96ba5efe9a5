/**
 * What is found in a text: where it stands, and which kind of identifier it is. Spans that meet become one.
 * Pure arithmetic on positions: it must never keep a piece of a text.
 */

/** The stable words of surrogates: a found span of kind `NAME` becomes `[NAME]`. */
export type SurrogateKind =
  | 'NAME'
  | 'DATE'
  | 'AGE'
  | 'ADDRESS'
  | 'PLACE'
  | 'ZIP'
  | 'PHONE'
  | 'EMAIL'
  | 'URL'
  | 'IP'
  | 'MAC'
  | 'SSN'
  | 'CARD'
  | 'ACCOUNT'
  | 'LICENSE'
  | 'VEHICLE'
  | 'DEVICE'
  | 'ID';

export interface Finding {
  /** In UTF-16 code units, as JavaScript counts. */
  readonly start: number;
  readonly end: number;
  readonly kind: SurrogateKind;
}

/** Takes what a recogniser finds. */
export type AddFinding = (start: number, end: number, kind: SurrogateKind) => void;

/** What may stand between two parts of one name, address or date that were found one by one. */
const JOINT = /^[\s.,'’-]{1,2}$/u;

/**
 * The spans of `findings` in order of position, none touching another. Where two overlap they become one span of the
 * kind of the longer one, the earlier listed where they are equal; neighbours of one kind with hardly anything
 * between them become one, so that the number of someone's names does not show.
 */
export function mergedFindings(text: string, findings: readonly Finding[]): Finding[] {
  const sorted = findings
    .filter(({ start, end }) => end > start)
    .toSorted((a, b) => a.start - b.start || b.end - a.end);
  const merged: { start: number; end: number; kind: SurrogateKind; length: number }[] = [];
  for (const { start, end, kind } of sorted) {
    const last = merged.at(-1);
    const length = end - start;
    const meets = last !== undefined && start < last.end;
    const joins =
      last !== undefined &&
      !meets &&
      last.kind === kind &&
      (start === last.end || (start - last.end <= 2 && JOINT.test(text.slice(last.end, start))));
    if (!last || !(meets || joins)) {
      merged.push({ start, end, kind, length });
      continue;
    }
    if (meets && length > last.length) last.kind = kind;
    last.length = Math.max(last.length, length);
    last.end = Math.max(last.end, end);
  }
  return merged.map(({ start, end, kind }) => ({ start, end, kind }));
}
