/**
 * All the forms in which a value could stand somewhere: as it is, as Avro or the Kafka protocol encode it, as text,
 * hex, base64, or as an unkeyed hash; and a search for very many of them at once.
 */
import { createHash } from 'node:crypto';
import type { AvroLeaf } from '../../schemas/avro-schema.ts';

/** One form of a value. */
export interface Needle {
  readonly form: string;
  readonly bytes: Buffer;
}

/** Shorter byte sequences occur by chance. */
const BYTES_MIN = 4;
const DAY_MS = 86_400_000;

/** The forms of a value of this type; none for booleans and enums, which say nothing by themselves. */
export function needlesOf(value: unknown, leaf: AvroLeaf): readonly Needle[] {
  const plain = plainForms(value, leaf).filter(({ bytes }) => bytes.length >= BYTES_MIN);
  const texts = textForms(value, leaf).map(([form, text]) => ({ form, bytes: Buffer.from(text) }));
  return [...plain, ...texts].flatMap((needle) => [needle, ...written(needle)]);
}

/** Can the bytes of an Avro value tell that it is this one? Those of a date of our time are too few. */
export function isSearchable(value: unknown, leaf: AvroLeaf): boolean {
  return leaf.kind === 'string' || plainForms(value, leaf).some(({ bytes }) => bytes.length >= BYTES_MIN);
}

function plainForms(value: unknown, leaf: AvroLeaf): Needle[] {
  switch (leaf.kind) {
    case 'int':
    case 'long':
      return [
        { form: 'varint', bytes: zigzag(value as number) },
        // Eight bytes, or four behind a zero: five in a row, so that they are no chance find.
        {
          form: 'big-endian',
          bytes: leaf.logical?.name === 'date' ? Buffer.alloc(0) : bigEndian(value as number),
        },
      ];
    case 'float': {
      const bytes = Buffer.alloc(4);
      bytes.writeFloatLE(value as number);
      return [{ form: 'float', bytes }];
    }
    case 'double': {
      const little = Buffer.alloc(8);
      little.writeDoubleLE(value as number);
      return [
        { form: 'double', bytes: little },
        { form: 'big-endian', bytes: Buffer.from(little).reverse() },
      ];
    }
    case 'bytes':
    case 'fixed':
      return [{ form: 'bytes', bytes: value as Buffer }];
    default:
      return [];
  }
}

/** Texts of a value; of a long text its halves too, so that a part of it is found. */
function textForms(value: unknown, leaf: AvroLeaf): [form: string, text: string][] {
  switch (leaf.kind) {
    case 'string': {
      const text = value as string;
      const half = text.length >> 1;
      const halves: [string, string][] =
        text.length < 16
          ? []
          : [
              ['first half', text.slice(0, half)],
              ['second half', text.slice(half)],
            ];
      return [
        ['text', text],
        ...halves,
        ['upper case', text.toUpperCase()],
        ['lower case', text.toLowerCase()],
      ];
    }
    case 'int':
      return leaf.logical?.name === 'date'
        ? dateTexts((value as number) * DAY_MS)
        : [['decimal', String(value)]];
    case 'long':
      return leaf.logical
        ? [['decimal', String(value)], ...dateTexts(value as number)]
        : [['decimal', String(value)]];
    case 'float':
    case 'double':
      return [['decimal', String(value)]];
    case 'bytes':
      return leaf.logical?.name === 'decimal' ? amountTexts(value as Buffer) : [];
    default:
      return [];
  }
}

function dateTexts(ms: number): [string, string][] {
  const iso = new Date(ms).toISOString();
  const [year, month, day] = iso.slice(0, 10).split('-') as [string, string, string];
  return [
    ['ISO date', iso.slice(0, 10)],
    ['US date', `${month}/${day}/${year}`],
  ];
}

function amountTexts(bytes: Buffer): [string, string][] {
  const unscaled = BigInt(`0x${bytes.toString('hex')}`).toString();
  return [
    ['decimal', unscaled],
    ['amount', `${unscaled.slice(0, -2)}.${unscaled.slice(-2)}`],
  ];
}

/** Hex, base64 at each of its three alignments, and unkeyed hashes of a form. */
function written({ form, bytes }: Needle): Needle[] {
  const needles: Needle[] = [];
  const add = (how: string, text: string): void => {
    needles.push({ form: `${form} as ${how}`, bytes: Buffer.from(text) });
  };
  add('hex', bytes.toString('hex'));
  add('HEX', bytes.toString('hex').toUpperCase());
  for (const encoding of ['base64', 'base64url'] as const) {
    for (const text of base64Alignments(bytes, encoding)) if (text.length >= 7) add(encoding, text);
  }
  for (const algorithm of ['sha256', 'sha1', 'md5']) {
    const hash = createHash(algorithm).update(bytes).digest();
    needles.push({ form: `${form} as ${algorithm}`, bytes: hash.subarray(0, 16) });
    add(`${algorithm} in hex`, hash.toString('hex').slice(0, 32));
  }
  return needles;
}

/** What of the base64 text depends on these bytes alone, if 0, 1 or 2 bytes stand before them. */
export function base64Alignments(bytes: Buffer, encoding: 'base64' | 'base64url'): string[] {
  return [0, 1, 2].map((before) => {
    const padded = Buffer.concat([Buffer.alloc(before), bytes]);
    const from = Math.ceil((before * 8) / 6);
    return padded.toString(encoding).slice(from, Math.floor((padded.length * 8) / 6));
  });
}

/** As Avro writes an int or a long. */
export function zigzag(value: number): Buffer {
  let rest = value >= 0 ? BigInt(value) * 2n : BigInt(value) * -2n - 1n;
  const bytes: number[] = [];
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  bytes.push(Number(rest));
  return Buffer.from(bytes);
}

function bigEndian(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64BE(BigInt(value));
  return bytes.subarray(value >= 0 && value < 2 ** 31 ? 3 : 0);
}

/** Finds very many byte sequences in one walk: they are looked up by their first four bytes. */
export class NeedleSearch<T> {
  readonly #byStart = new Map<number, { bytes: Buffer; owner: T }[]>();

  add(bytes: Buffer, owner: T): void {
    if (bytes.length < BYTES_MIN) throw new Error('too short a sequence to look for');
    const start = bytes.readUInt32LE(0);
    const known = this.#byStart.get(start);
    if (known) known.push({ bytes, owner });
    else this.#byStart.set(start, [{ bytes, owner }]);
  }

  /** The owners of all sequences that stand in `haystack`. */
  find(haystack: Buffer): ReadonlySet<T> {
    const found = new Set<T>();
    let window = 0;
    for (let end = 0; end < haystack.length; end++) {
      window = (window >>> 8) | (haystack[end]! << 24);
      if (end < BYTES_MIN - 1) continue;
      const candidates = this.#byStart.get(window >>> 0);
      if (!candidates) continue;
      const at = end - BYTES_MIN + 1;
      for (const { bytes, owner } of candidates) {
        if (haystack.subarray(at, at + bytes.length).equals(bytes)) found.add(owner);
      }
    }
    return found;
  }
}
