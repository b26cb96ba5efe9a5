/**
 * Which logical type fits which base type (Avro 1.12, "Logical Types").
 * An unknown or ill-fitting one is none at all, as Avro demands; it is never taken on trust, because methods
 * decide by it what a value means.
 */
import type { AvroLeaf, LogicalType } from './avro-schema.ts';

/** Base kind of the logical types that have no parameters. */
const SIMPLE: Readonly<Record<string, string>> = {
  date: 'int',
  'time-millis': 'int',
  'time-micros': 'long',
  'timestamp-millis': 'long',
  'timestamp-micros': 'long',
  'timestamp-nanos': 'long',
  'local-timestamp-millis': 'long',
  'local-timestamp-micros': 'long',
  'local-timestamp-nanos': 'long',
};

/** The logical type written in `json` where it fits `type`; else null. */
export function fittingLogicalType(
  type: AvroLeaf,
  json: Readonly<Record<string, unknown>>,
): LogicalType | null {
  const name = json['logicalType'];
  if (typeof name !== 'string') return null;
  if (Object.hasOwn(SIMPLE, name)) return SIMPLE[name] === type.kind ? { name } : null;
  if (name === 'uuid') return type.kind === 'string' || isFixed(type, 16) ? { name } : null;
  if (name === 'duration') return isFixed(type, 12) ? { name } : null;
  return name === 'decimal' ? decimal(type, json['precision'], json['scale'] ?? 0) : null;
}

function decimal(type: AvroLeaf, precision: unknown, scale: unknown): LogicalType | null {
  if (type.kind !== 'bytes' && type.kind !== 'fixed') return null;
  if (!isCount(precision) || !isCount(scale) || precision < 1 || scale > precision) return null;
  const limit = type.kind === 'fixed' ? Math.floor(Math.log10(2) * (8 * type.size - 1)) : Infinity;
  return precision <= limit ? { name: 'decimal', precision, scale } : null;
}

function isFixed(type: AvroLeaf, size: number): boolean {
  return type.kind === 'fixed' && type.size === size;
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0;
}
