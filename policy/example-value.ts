/**
 * Values of policy examples, as people write them in YAML, to the decoded values that methods take, and back:
 * dates and times as ISO text, longs as numbers or digits, bytes as hex.
 * It must never bend a value to its type: what does not fit is an error without the value.
 */
import { GauzeError } from '../platform/errors.ts';
import { typeWord } from '../schemas/avro-schema.ts';
import type { AvroLeaf } from '../schemas/avro-schema.ts';
import type { ExampleValue } from './policy.ts';

const DAY_MS = 86_400_000;
const DATE = /^\d{4}-\d{2}-\d{2}$/;
const DIGITS = /^-?\d{1,19}$/;
const HEX = /^(?:[0-9a-f]{2})*$/;
/** Ticks per millisecond of the logical types that are points in time. */
const TICKS_PER_MS: Readonly<Record<string, bigint>> = {
  'timestamp-millis': 1n,
  'timestamp-micros': 1_000n,
  'timestamp-nanos': 1_000_000n,
  'local-timestamp-millis': 1n,
  'local-timestamp-micros': 1_000n,
  'local-timestamp-nanos': 1_000_000n,
};

/** The decoded value that an example means. @throws GauzeError ERR_POLICY_SYNTAX */
export function fromExample(given: ExampleValue | undefined, leaf: AvroLeaf): unknown {
  const value = given === undefined ? undefined : decoded(given, leaf);
  if (value === undefined)
    throw new GauzeError('ERR_POLICY_SYNTAX', { setting: 'examples', expected: typeWord(leaf) });
  return value;
}

/** A decoded value as an example writes it. */
export function toExample(value: unknown, leaf: AvroLeaf): ExampleValue {
  const perMs = ticksPerMs(leaf);
  if (leaf.logical?.name === 'date' && typeof value === 'number') return isoDay(value);
  if (typeof value === 'bigint') {
    if (perMs === null) return Number.isSafeInteger(Number(value)) ? Number(value) : value.toString();
    const isWhole = value % perMs === 0n;
    return isWhole ? isoTime(value / perMs) : value.toString();
  }
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  if (value === null || ['string', 'number', 'boolean'].includes(typeof value)) return value as ExampleValue;
  throw new GauzeError('ERR_POLICY_SYNTAX', { setting: 'examples', expected: typeWord(leaf) });
}

/** Undefined where the example does not fit the type. */
function decoded(given: ExampleValue, leaf: AvroLeaf): unknown {
  switch (leaf.kind) {
    case 'string':
      return typeof given === 'string' ? given : undefined;
    case 'boolean':
      return typeof given === 'boolean' ? given : undefined;
    case 'enum':
      return leaf.symbols.find((symbol) => symbol === given);
    case 'float':
    case 'double':
      return typeof given === 'number' ? given : undefined;
    case 'bytes':
    case 'fixed':
      return typeof given === 'string' && HEX.test(given) ? Buffer.from(given, 'hex') : undefined;
    case 'int':
      if (leaf.logical?.name === 'date' && typeof given === 'string') return dayOf(given);
      return typeof given === 'number' && Number.isInteger(given) ? given : undefined;
    case 'long':
      return decodedLong(given, leaf);
    default:
      return undefined;
  }
}

function decodedLong(given: ExampleValue, leaf: AvroLeaf): bigint | undefined {
  const perMs = ticksPerMs(leaf);
  if (typeof given === 'number') return Number.isSafeInteger(given) ? BigInt(given) : undefined;
  if (typeof given !== 'string') return undefined;
  if (DIGITS.test(given)) return BigInt(given);
  const ms = perMs === null ? Number.NaN : Date.parse(DATE.test(given) ? given : withZone(given));
  return Number.isNaN(ms) || perMs === null ? undefined : BigInt(ms) * perMs;
}

/** ISO text without a zone is local time to JavaScript; here it is always UTC. */
function withZone(text: string): string {
  return /(?:Z|[+-]\d{2}:?\d{2})$/.test(text) ? text : `${text}Z`;
}

function dayOf(text: string): number | undefined {
  const ms = DATE.test(text) ? Date.parse(text) : Number.NaN;
  // A day that no month has would come back as one of the next month.
  return Number.isNaN(ms) || isoDay(ms / DAY_MS) !== text ? undefined : ms / DAY_MS;
}

function isoDay(day: number): ExampleValue {
  const text = isoTime(BigInt(day) * BigInt(DAY_MS));
  return typeof text === 'string' && text.includes('T') ? text.slice(0, text.indexOf('T')) : day;
}

/** ISO text, without a fraction that is zero; digits where JavaScript has no date for it. */
function isoTime(ms: bigint): ExampleValue {
  const date = new Date(Number(ms));
  return Number.isNaN(date.getTime()) ? ms.toString() : date.toISOString().replace('.000Z', 'Z');
}

function ticksPerMs(leaf: AvroLeaf): bigint | null {
  const name = leaf.kind === 'long' ? leaf.logical?.name : undefined;
  return name !== undefined && Object.hasOwn(TICKS_PER_MS, name) ? TICKS_PER_MS[name]! : null;
}
