/**
 * Finds the field that says whom a record is about (`"gauze:person": true`).
 * It must never settle for a field that some records do not reach one way only: under an array, a map, a choice of
 * branches or in a record that holds itself a record could be about several people.
 */
import type { AvroRecord, AvroType } from '../schemas/avro-schema.ts';
import { holdsItself } from '../schemas/recursion.ts';

export interface PersonField {
  /** How many fields are marked. */
  readonly count: number;
  /** Field names from the root; null where no field is marked, or not exactly one that can be used. */
  readonly path: readonly string[] | null;
}

interface Mark {
  readonly path: readonly string[];
  readonly isUsable: boolean;
}

/**
 * The person's field: a string, or an int or long without a logical type (a uuid is a string), reached through records.
 */
export function personField(schema: AvroType): PersonField {
  const marks = marksIn(schema, [], true);
  const [only] = marks;
  return {
    count: marks.length,
    path: marks.length === 1 && only?.isUsable === true ? only.path : null,
  };
}

function marksIn(type: AvroType, path: readonly string[], isUsable: boolean): Mark[] {
  switch (type.kind) {
    case 'record':
      return marksInRecord(type, path, isUsable);
    case 'array':
      return marksIn(type.items, path, false);
    case 'map':
      return marksIn(type.values, path, false);
    case 'union': {
      const carrying = type.branches.filter((branch) => branch.kind !== 'null');
      return carrying.flatMap((branch) => marksIn(branch, path, isUsable && carrying.length === 1));
    }
    default:
      return [];
  }
}

function marksInRecord(record: AvroRecord, path: readonly string[], isAbove: boolean): Mark[] {
  const isUsable = isAbove && !holdsItself(record);
  return record.fields.flatMap((field) => {
    const below = [...path, field.name];
    const own = field.person ? [{ path: below, isUsable: isUsable && canName(field.type) }] : [];
    return [...own, ...marksIn(field.type, below, isUsable)];
  });
}

/** Can a value of the type name a person? One that may be null withholds the records where it is needed and null. */
function canName(type: AvroType): boolean {
  if (type.kind === 'union') {
    const carrying = type.branches.filter((branch) => branch.kind !== 'null');
    return carrying.length === 1 && canName(carrying[0]!);
  }
  const isNumber = type.kind === 'int' || type.kind === 'long';
  return type.kind === 'string' || (isNumber && type.logical === null);
}
