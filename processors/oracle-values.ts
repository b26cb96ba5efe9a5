/**
 * The parts of the oracle that need no instruction: values that are kept or emptied, and the ways into avsc's types.
 * Values come and go as avsc gives them, unions wrapped. It must never be used where records are published.
 */
import type avsc from 'avsc';
import type { Type } from 'avsc';
import { GauzeError } from '../platform/errors.ts';
import { typeWord } from '../schemas/avro-schema.ts';
import type { AvroField, AvroRecord, AvroType, AvroUnion } from '../schemas/avro-schema.ts';
import { branchName } from '../schemas/field-path.ts';
import { emptyLeafValue } from './empty-leaf.ts';
import { emptyBranch } from './empty-value.ts';

type Wrapped = Readonly<Record<string, unknown>>;

/** The same value under the names of the derived schema. `around`: the records that were gone into, by full name. */
export function kept(
  type: AvroType,
  value: unknown,
  from: Type,
  to: Type,
  around = new Map<string, AvroRecord>(),
): unknown {
  switch (type.kind) {
    case 'record':
      around.set(type.fullName, type);
      return fromFields(type.fields, ({ name, type: of }) =>
        kept(of, (value as Wrapped)[name], fieldOf(from, name), fieldOf(to, name), around),
      );
    case 'reference':
      return kept(around.get(type.fullName)!, value, from, to, around);
    case 'array':
      return (value as unknown[]).map((item) => kept(type.items, item, itemsOf(from), itemsOf(to), around));
    case 'map':
      return Object.fromEntries(
        Object.entries(value as Wrapped).map(([name, entry]) => [
          name,
          kept(type.values, entry, valuesOf(from), valuesOf(to), around),
        ]),
      );
    case 'union': {
      if (value === null) return null;
      const index = branchOf(type, value);
      const derived = branchesOf(to)[index]!;
      const inner = kept(type.branches[index]!, unwrapped(value), branchesOf(from)[index]!, derived, around);
      return { [nameIn(derived)]: inner };
    }
    default:
      return value;
  }
}

/** The empty value of a type, whatever the value was. */
export function empty(type: AvroType, to: Type): unknown {
  switch (type.kind) {
    case 'record':
      return fromFields(type.fields, ({ name, type: of }) => empty(of, fieldOf(to, name)));
    case 'array':
      return [];
    case 'map':
      return {};
    case 'union': {
      const branch = emptyBranch(type.branches);
      if (type.branches[branch]!.kind === 'null') return null;
      const derived = branchesOf(to)[branch]!;
      return { [nameIn(derived)]: empty(type.branches[branch]!, derived) };
    }
    case 'reference':
      throw new GauzeError('ERR_POLICY_METHOD_TYPE', { method: 'redact', actual: typeWord(type) });
    default:
      return emptyLeafValue(type);
  }
}

function fromFields(fields: readonly AvroField[], valueOf: (field: AvroField) => unknown): Wrapped {
  return Object.fromEntries(fields.map((field) => [field.name, valueOf(field)]));
}

/** Which branch of a union a wrapped value is of. */
export function branchOf(union: AvroUnion, value: unknown): number {
  const name = value === null ? 'null' : Object.keys(value as Wrapped)[0];
  return union.branches.findIndex((branch) => branchName(branch) === name);
}

/** The value without its branch's name. */
export function unwrapped(value: unknown): unknown {
  return Object.values(value as Wrapped)[0];
}

// ---- the parts of avsc's types

/** The type of a record's field. */
export function fieldOf(type: Type, name: string): Type {
  const field = (type as avsc.types.RecordType).field(name);
  return field.type;
}

/** The type of an array's items. */
export function itemsOf(type: Type): Type {
  return (type as avsc.types.ArrayType).itemsType;
}

/** The type of a map's values. */
export function valuesOf(type: Type): Type {
  return (type as avsc.types.MapType).valuesType;
}

/** The types of a union. */
export function branchesOf(type: Type): readonly Type[] {
  return (type as avsc.types.WrappedUnionType).types;
}

/** The name that wraps a union's value of this type. */
export function nameIn(type: Type): string {
  return type.branchName!;
}
