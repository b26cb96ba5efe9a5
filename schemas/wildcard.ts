/**
 * The wildcard patterns of a registry's `metadata.tags`: `?` one character, `*` within one dot-separated part,
 * `**` across parts. Case-sensitive. It must not read less into a pattern than Confluent's WildcardMatcher does,
 * or a tag would be lost.
 */

/** Does all of `text` match `pattern`? */
export function matchesWildcard(text: string, pattern: string): boolean {
  return new RegExp(`^${toRegExp(pattern)}$`, 's').test(text);
}

function toRegExp(pattern: string): string {
  // `**.*` means the same as `**`: any number of parts.
  const parts = pattern.replaceAll('**.*', '**').match(/\*\*|\*|\?|\\.|[^*?\\]+|\\/gs) ?? [];
  return parts
    .map((part) => {
      if (part === '**') return '.*';
      if (part === '*') return '[^.]*';
      if (part === '?') return '[^.]';
      return part.replace(/^\\(.)/s, '$1').replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
    })
    .join('');
}
