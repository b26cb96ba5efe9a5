/**
 * The empty value of each Avro type, made of those of leaves: what `redact` and an `empty` node write, as a decoded value and as bytes.
 * It must never look at a value: the same type always gives the same.
 */
import { GauzeError } from '../platform/errors.ts';
import { typeWord } from '../schemas/avro-schema.ts';
import type { AvroType } from '../schemas/avro-schema.ts';
import { derivedUnionBranches } from './derived-unions.ts';
import { emptyLeafValue, hasEmptyValue } from './empty-leaf.ts';

/**
 * Which branch of a union is written where its value is emptied: null if there is one, else the first branch
 * that has an empty value; the same whatever branch the value was of. Throws ERR_POLICY_METHOD_TYPE.
 */
export function emptyBranch(branches: readonly AvroType[]): number {
  const ofNull = branches.findIndex((branch) => branch.kind === 'null');
  const index = ofNull >= 0 ? ofNull : branches.findIndex(canBeEmpty);
  if (index < 0) throw new GauzeError('ERR_POLICY_METHOD_TYPE', { method: 'redact', actual: 'union' });
  return index;
}

/** Whether every part that would have to be written has an empty value. */
export function canBeEmpty(type: AvroType): boolean {
  switch (type.kind) {
    case 'array':
    case 'map':
      return true;
    case 'union':
      return type.branches.some(canBeEmpty);
    case 'record':
      return type.fields.every((field) => canBeEmpty(field.type));
    // What is empty ends here: a record inside itself is never written as one.
    case 'reference':
      return false;
    default:
      return hasEmptyValue(type);
  }
}

/** The empty value of a type as Avro bytes of the derived schema. */
export function emptyBytes(type: AvroType): number[] {
  switch (type.kind) {
    case 'record':
      return type.fields.flatMap((field) => emptyBytes(field.type));
    case 'array':
    case 'map':
      return [0];
    case 'union': {
      const branch = emptyBranch(type.branches);
      const derived = derivedUnionBranches({ kind: 'empty', schema: type });
      return [...indexBytes(derived[branch]!), ...emptyBytes(type.branches[branch]!)];
    }
    case 'null':
      return [];
    case 'float':
      return [0, 0, 0, 0];
    case 'double':
      return [0, 0, 0, 0, 0, 0, 0, 0];
    case 'string':
    case 'bytes': {
      const content = Buffer.from(emptyLeafValue(type) as string | Buffer);
      return [...indexBytes(content.length), ...content];
    }
    case 'boolean':
    case 'int':
    case 'long':
      return [0];
    default:
      throw new GauzeError('ERR_POLICY_METHOD_TYPE', { method: 'redact', actual: typeWord(type) });
  }
}

/** A number that is not negative as an Avro int. */
export function indexBytes(index: number): number[] {
  const bytes: number[] = [];
  let rest = index * 2;
  for (; rest > 0x7f; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  return [...bytes, rest];
}
