/**
 * The wildcard patterns of a registry's `metadata.tags`: `?` one character, `*` within one dot-separated part,
 * `**` across parts. Case-sensitive. It must not read less into a pattern than Confluent's WildcardMatcher does,
 * or a tag would be lost.
 */

/** Does all of `text` match `pattern`? In time that grows with the product of their lengths, whatever they are. */
export function matchesWildcard(text: string, pattern: string): boolean {
  // `**.*` means the same as `**`: any number of parts.
  const parts = pattern.replaceAll('**.*', '**').match(/\*\*|\*|\?|\\.|./gsu) ?? [];
  const characters = Array.from(text);
  // Which beginnings of the text the parts so far can stand for.
  let ends = characters.map(() => false);
  ends.unshift(true);
  for (const part of parts) ends = extended(ends, part, characters);
  return ends.at(-1)!;
}

function extended(before: readonly boolean[], part: string, text: readonly string[]): boolean[] {
  const isMany = part === '**' || part === '*';
  const takes = (character: string): boolean => {
    if (part === '**') return true;
    if (part === '*' || part === '?') return character !== '.';
    return character === part.replace(/^\\(.)/su, '$1');
  };
  const after = [isMany && before[0]!];
  text.forEach((character, at) => {
    const isTaken = takes(character);
    after.push(isMany ? before[at + 1]! || (isTaken && after[at]!) : isTaken && before[at]!);
  });
  return after;
}
