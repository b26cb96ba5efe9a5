/**
 * Where a text stops being JSON (RFC 8259): JSON.parse knows that it does, but not always where.
 * It finds a place and judges nothing; it keeps no part of the text.
 */

const TOKEN =
  /[\t\n\r ]*(?:([{}[\]:,])|"(?:[^"\\\t\n\r]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"|(?:-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)(?![\w.]))/y;

/** What may come next: a value; a key; or, after one, what goes on or closes. `first`: the bracket may close at once. */
type Expected = 'value' | 'first value' | 'key' | 'first key' | 'colon' | 'comma or end';

/** The line, counted from 1, of the first place that cannot be JSON; the last line of a text that ends too early. */
export function jsonFaultLine(text: string): number {
  const content = text.trimEnd();
  return content.slice(0, faultOffset(content)).split('\n').length;
}

function faultOffset(text: string): number {
  const open: string[] = [];
  let expected: Expected = 'value';
  for (let at = 0; at < text.length; at = TOKEN.lastIndex) {
    TOKEN.lastIndex = at;
    const match = TOKEN.exec(text);
    const start = at + (/^\s*/.exec(text.slice(at, at + 10_000))?.[0].length ?? 0);
    if (!match) return start;
    const next = after(expected, match[1] ?? (text[start] === '"' ? 'string' : 'word'), open);
    if (next === null) return start;
    expected = next;
  }
  return text.length;
}

/** What may follow `token`; null where it may not stand here. Keeps `open`, the brackets around. */
function after(expected: Expected, token: string, open: string[]): Expected | null {
  const inside = open.at(-1);
  if (token === '}' || token === ']') {
    const isClosable =
      expected === 'comma or end' || expected === (token === '}' ? 'first key' : 'first value');
    if (!isClosable || inside !== (token === '}' ? '{' : '[')) return null;
    open.pop();
    return 'comma or end';
  }
  if (token === ',') {
    if (expected !== 'comma or end' || inside === undefined) return null;
    return inside === '{' ? 'key' : 'value';
  }
  if (token === ':') return expected === 'colon' ? 'value' : null;
  if (expected === 'key' || expected === 'first key') return token === 'string' ? 'colon' : null;
  if (expected !== 'value' && expected !== 'first value') return null;
  if (token !== '{' && token !== '[') return 'comma or end';
  open.push(token);
  return token === '{' ? 'first key' : 'first value';
}
