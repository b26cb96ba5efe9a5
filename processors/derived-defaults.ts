/**
 * Defaults of masked fields. That a field has a default lets readers and writers of different versions understand each
 * other, so it is kept; what the default is could tell something, so it is the type's empty value.
 * It must never look at the raw default but for null.
 */
import type { AvroField } from '../schemas/avro-schema.ts';

export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

const EMPTY: Readonly<Record<string, Json>> = {
  null: null,
  boolean: false,
  int: 0,
  long: 0,
  float: 0,
  double: 0,
  string: '',
  bytes: '',
};
/** Of the types whose logical meaning the empty text or empty bytes would not fit (Avro 1.12, "Logical Types"). */
const EMPTY_LOGICAL: Readonly<Record<string, Json>> = {
  uuid: '00000000-0000-0000-0000-000000000000',
  decimal: '\u0000',
};
const FREE_FORM: readonly unknown[] = ['string', 'bytes'];

/** `{ default: ... }` for a masked field of the derived type, or nothing where it has or can have none. */
export function maskedDefault(field: AvroField, derived: Json): { readonly default?: Json } {
  if (!field.hasDefault) return {};
  const value = emptyJson(derived);
  return value === undefined ? {} : { default: value };
}

/** The empty value of a type as a default is written; undefined where there is none. */
function emptyJson(type: Json | undefined): Json | undefined {
  if (typeof type === 'string') return Object.hasOwn(EMPTY, type) ? EMPTY[type] : undefined;
  // A default stands for the first branch.
  if (Array.isArray(type)) return emptyJson((type as readonly Json[])[0]);
  if (typeof type !== 'object' || type === null) return undefined;
  const { type: kind, logicalType, size, fields } = type as Readonly<Record<string, Json>>;
  if (kind === 'array') return [];
  if (kind === 'map') return {};
  if (kind === 'enum') return (type as Readonly<Record<string, Json>>)['default'];
  if (kind === 'fixed') return '\u0000'.repeat(Number(size));
  if (kind === 'record') return emptyRecord(fields as readonly Readonly<Record<string, Json>>[]);
  if (typeof logicalType === 'string' && FREE_FORM.includes(kind))
    return Object.hasOwn(EMPTY_LOGICAL, logicalType) ? EMPTY_LOGICAL[logicalType] : undefined;
  return emptyJson(kind);
}

function emptyRecord(fields: readonly Readonly<Record<string, Json>>[]): Json | undefined {
  const values: Record<string, Json> = {};
  for (const { name, type } of fields) {
    const value = emptyJson(type);
    if (value === undefined) return undefined;
    values[name as string] = value;
  }
  return values;
}
