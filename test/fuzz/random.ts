/**
 * Numbers that follow from a seed, and changes of bytes, texts and JSON made by them: the same seed makes the same case
 * on every machine.
 */

/** SplitMix32: short, and good enough to choose by. */
export class Random {
  #state: number;

  constructor(...seeds: readonly number[]) {
    this.#state = seeds.reduce((mixed, seed) => mix((mixed ^ (seed | 0)) + 0x9e37_79b9), 0x1234_5678);
  }

  /** A whole number in [0, below). */
  int(below: number): number {
    this.#state = (this.#state + 0x9e37_79b9) | 0;
    return (mix(this.#state) >>> 0) % below;
  }

  chance(oneIn: number): boolean {
    return this.int(oneIn) === 0;
  }

  pick<T>(items: readonly T[]): T {
    return items[this.int(items.length)]!;
  }
}

function mix(number: number): number {
  let x = number | 0;
  x = Math.imul(x ^ (x >>> 16), 0x21f0_aaad);
  x = Math.imul(x ^ (x >>> 15), 0x735a_2d97);
  return x ^ (x >>> 15);
}

const BYTES = [0, 1, 2, 0x7f, 0x80, 0x81, 0xc2, 0xfe, 0xff];

/** One to four changes: bytes set, flipped, added, taken away, repeated, the end cut off; or nothing but noise. */
export function changedBytes(random: Random, sound: Buffer): Buffer {
  if (random.chance(50)) return Buffer.from(Array.from({ length: random.int(64) }, () => random.int(256)));
  let bytes = Buffer.from(sound);
  for (let left = 1 + random.int(4); left > 0; left--) {
    const at = random.int(bytes.length + 1);
    const to = Math.min(bytes.length, at + 1 + random.int(8));
    const [before, span, after] = [bytes.subarray(0, at), bytes.subarray(at, to), bytes.subarray(to)];
    switch (random.int(7)) {
      case 0:
        bytes = Buffer.concat([before, Buffer.from([random.pick(BYTES)]), bytes.subarray(at + 1)]);
        break;
      case 1:
        bytes = Buffer.concat([
          before,
          Buffer.from([(bytes[at] ?? 0) ^ (1 << random.int(8))]),
          bytes.subarray(at + 1),
        ]);
        break;
      case 2:
        bytes = Buffer.concat([
          before,
          Buffer.alloc(1 + random.int(10), random.pick(BYTES)),
          bytes.subarray(at),
        ]);
        break;
      case 3:
        bytes = Buffer.concat([before, after]);
        break;
      case 4:
        bytes = Buffer.concat([before, span, span, after]);
        break;
      case 5:
        bytes = Buffer.from(before);
        break;
      default:
        bytes = Buffer.concat([before, after, span]);
    }
  }
  return bytes;
}

const TEXTS = [
  '',
  ' ',
  '\n',
  '  ',
  '\t',
  ':',
  '- ',
  '{',
  '}',
  '[',
  ']',
  '"',
  "'",
  '*',
  '&a ',
  '*a',
  '<<: ',
  '!!',
  '|',
  '>',
  '#',
  '%',
  '@',
  '\0',
  '\u2028',
  '\uFEFF',
  '\uD800',
  'null',
  'true',
  '~',
  '1e999',
  '-1',
  '0x1F',
  '__proto__',
  'constructor',
  '${',
  '\\',
  'é',
];

/** One or two changes of a text, now and then more: pieces and lines taken out, moved, repeated, and words of the format put in. */
export function changedText(random: Random, sound: string, words: readonly string[]): string {
  let text = sound;
  for (let left = changesOf(random); left > 0; left--) {
    if (random.chance(2)) text = changedLines(random, text);
    else {
      const at = random.int(text.length + 1);
      const to = Math.min(text.length, at + random.int(12));
      const put = random.pick(random.chance(2) ? words : TEXTS);
      text =
        text.slice(0, at) +
        (random.chance(20) ? put.repeat(random.int(2000)) : put) +
        text.slice(random.chance(2) ? to : at);
    }
  }
  return text;
}

/** Few: what is changed too much is refused at the door. */
function changesOf(random: Random): number {
  return random.chance(6) ? 3 + random.int(4) : 1 + random.int(2);
}

function changedLines(random: Random, text: string): string {
  const lines = text.split('\n');
  const at = random.int(lines.length);
  const line = lines[at]!;
  switch (random.int(4)) {
    case 0:
      lines.splice(at, 1);
      break;
    case 1:
      lines.splice(random.int(lines.length), 0, line);
      break;
    case 2:
      lines[at] = ' '.repeat(random.int(6)) + line.trimStart();
      break;
    default:
      lines[at] = lines[random.int(lines.length)]!;
  }
  return lines.join('\n');
}

type Json = unknown;

/** One or two changes of a value as JSON has it, now and then more: parts put in place of others, wrapped, taken out, repeated. */
export function changedJson(random: Random, sound: Json, words: readonly Json[]): Json {
  let json = structuredClone(sound);
  for (let left = changesOf(random); left > 0; left--)
    json = changedPart(random, json, json, words, random.int(12));
  return json;
}

function changedPart(random: Random, part: Json, root: Json, words: readonly Json[], deep: number): Json {
  if (deep > 0 && typeof part === 'object' && part !== null) {
    const keys = Object.keys(part);
    if (keys.length > 0) {
      const key = random.pick(keys);
      const copy = Array.isArray(part) ? [...(part as Json[])] : { ...part };
      const at = copy as Record<string, Json>;
      const kind = random.int(12);
      if (kind === 0) delete at[key];
      else if (kind === 1) {
        const [value, name] = [at[key], String(random.pick(words))];
        Object.defineProperty(at, name, { value, enumerable: true, configurable: true, writable: true });
      } else if (kind === 2 && Array.isArray(copy)) copy.push(at[key]);
      else at[key] = changedPart(random, at[key], root, words, deep - 1);
      return copy;
    }
  }
  switch (random.int(8)) {
    case 0:
      return partOf(random, root);
    case 1:
      return { type: part };
    case 2:
      return { type: 'array', items: part };
    case 3:
      return [part, random.pick(words)];
    case 4:
      return random.pick([null, true, 0, -1, 1.5, 2 ** 31, 2 ** 53, '', [], {}]);
    case 5:
      return Array.from({ length: random.int(40) }, () => part);
    default:
      return structuredClone(random.pick(words));
  }
}

/** Some part of the whole, so that names come again in other places. */
function partOf(random: Random, root: Json): Json {
  let part = root;
  for (let steps = random.int(10); steps > 0; steps--) {
    if (typeof part !== 'object' || part === null) break;
    const values = Object.values(part) as Json[];
    if (values.length === 0) break;
    part = random.pick(values);
  }
  return structuredClone(part);
}
