/**
 * Which name of a closed list somebody may have meant who wrote another. Both the list and what is compared with it are
 * names of our tables, a config or a policy: never give it anything that comes out of a record.
 */

/** Longer words are no slips: comparing costs their length squared. */
const LONGEST = 80;
/** Beyond a third of the letters it is another word. */
const LETTERS_PER_SLIP = 3;

/** As `nearest` of an error's context; nothing where no name is near. */
export function nearestOf(word: string, names: Iterable<string>): { readonly nearest?: string } {
  const nearest = nearestName(word, names);
  return nearest === null ? {} : { nearest };
}

/** The name that is the fewest slips away, the first of several; null where none is near. */
export function nearestName(word: string, names: Iterable<string>): string | null {
  if (word.length > LONGEST) return null;
  let [found, fewest]: [string | null, number] = [null, Infinity];
  for (const name of names) {
    const start = sharedPart(word, name);
    const own = word.slice(start).toLowerCase();
    const most = Math.min(fewest - 1, Math.max(1, Math.floor(own.length / LETTERS_PER_SLIP)));
    if (name === word || own === '' || Math.abs(name.length - word.length) > most) continue;
    const slips = slipsBetween(own, name.slice(start).toLowerCase());
    if (slips <= most) [found, fewest] = [name, slips];
  }
  return found;
}

/** How much of the beginning is the same, in whole parts: that all tags begin with `PHI_` makes none like another. */
function sharedPart(one: string, other: string): number {
  let [same, end] = [0, 0];
  while (same < one.length && one[same] === other[same]) if (/[._-]/.test(one[same++]!)) end = same;
  return end;
}

/** Letters left out, put in, changed, or two neighbours swapped (optimal string alignment). */
function slipsBetween(one: string, other: string): number {
  let [before, last]: number[][] = [[], Array.from({ length: other.length + 1 }, (_, at) => at)];
  for (let i = 1; i <= one.length; i++) {
    const row = [i];
    for (let j = 1; j <= other.length; j++) {
      const change = one[i - 1] === other[j - 1] ? 0 : 1;
      let slips = Math.min(last![j]! + 1, row[j - 1]! + 1, last![j - 1]! + change);
      const isSwap = i > 1 && j > 1 && one[i - 1] === other[j - 2] && one[i - 2] === other[j - 1];
      if (isSwap) slips = Math.min(slips, before![j - 2]! + 1);
      row.push(slips);
    }
    [before, last] = [last, row];
  }
  return last![other.length]!;
}
