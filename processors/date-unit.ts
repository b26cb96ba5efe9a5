/**
 * How the Avro types that hold a day or a time count: what date methods share.
 * It must never take a type for a time that is not marked as one.
 */
import type { AvroLeaf } from '../schemas/avro-schema.ts';

const DAY_MILLIS = 86_400_000;
const DAY_MICROS = 86_400_000_000;
const DAY_NANOS = 86_400_000_000_000;

/** How many units of the type make a day; null where it is no date or time that methods take. */
export function ticksPerDay(leaf: AvroLeaf): number | null {
  switch (leaf.logical?.name) {
    case 'date':
      return leaf.kind === 'int' ? 1 : null;
    case 'timestamp-millis':
    case 'local-timestamp-millis':
      return leaf.kind === 'long' ? DAY_MILLIS : null;
    case 'timestamp-micros':
    case 'local-timestamp-micros':
      return leaf.kind === 'long' ? DAY_MICROS : null;
    case 'timestamp-nanos':
    case 'local-timestamp-nanos':
      return leaf.kind === 'long' ? DAY_NANOS : null;
    default:
      return null;
  }
}

/** Does it count nanoseconds? Those of our days are beyond what a double holds. */
export function isNanos(leaf: AvroLeaf): boolean {
  return ticksPerDay(leaf) === DAY_NANOS;
}

/** A text that may hold a date. */
export function isDateText(leaf: AvroLeaf): boolean {
  return leaf.kind === 'string' && leaf.logical === null;
}
