/**
 * What stands around each leaf of a schema: its own name, the fields and records that hold it, its type and its doc.
 * It reads the schema and judges nothing.
 */
import type { AvroField, AvroLeaf, AvroRecord, AvroType } from '../schemas/avro-schema.ts';
import { branchName, pathSegments } from '../schemas/field-path.ts';
import type { Leaf } from '../schemas/tags.ts';

/** A leaf, as a reader of the schema sees it. */
export interface LeafPlace {
  /** Name of the nearest field; empty where the value itself is the leaf. */
  readonly name: string;
  /** What holds it, nearest first: for each level the names of the field and of the record. */
  readonly around: readonly (readonly string[])[];
  /** Null where nothing is known of it. */
  readonly type: AvroLeaf | null;
  readonly doc: string | null;
  /** Names of the fields of the nearest record, and of the outermost; one list for all leaves of a record. */
  readonly beside: readonly (readonly string[])[];
  /** It is the keys of a map. */
  readonly mapKey: boolean;
  /** It is the values of a map. */
  readonly mapValue: boolean;
}

/** The place of `leaf` in `schema`. */
export function leafPlace(leaf: Leaf, schema: AvroType): LeafPlace {
  const around: string[][] = [];
  let type: AvroType | undefined = schema;
  let beside: readonly string[] = [];
  let field: AvroField | undefined;
  for (const segment of pathSegments(leaf.path)) {
    const holder: AvroType | undefined = type && withoutUnion(type, segment);
    if (isStep(segment)) {
      type = holder && below(holder, segment);
      continue;
    }
    const found: AvroField | undefined =
      holder?.kind === 'record' ? holder.fields.find(({ name }) => name === segment) : undefined;
    const record = holder?.kind === 'record' ? [lastName(holder.fullName)] : [];
    around.unshift(field ? [field.name, ...record] : record);
    if (holder?.kind === 'record') beside = namesOf(holder);
    field = found;
    type = found?.type;
  }
  return {
    name: field?.name ?? '',
    around,
    type: leaf.mapKey ? null : leaf.type,
    doc: field?.doc ?? null,
    beside: schema.kind === 'record' ? [beside, namesOf(schema)] : [beside],
    mapKey: leaf.mapKey,
    mapValue: leaf.path.endsWith('{}'),
  };
}

const fieldNames = new WeakMap<AvroRecord, readonly string[]>();

function namesOf(record: AvroRecord): readonly string[] {
  const known = fieldNames.get(record) ?? record.fields.map(({ name }) => name);
  fieldNames.set(record, known);
  return known;
}

/** A place that is known by its names alone: `contact.telecom.value` in a record of that name. */
export function namedPlace(
  path: string,
  record = '',
  type: AvroLeaf | null = null,
  beside: readonly string[] = [],
): LeafPlace {
  const segments = pathSegments(path);
  const names = segments.filter((segment) => !isStep(segment));
  const holders = names.slice(0, -1).reverse();
  return {
    name: names.at(-1) ?? '',
    around: [...holders.map((name) => [name]), ...(record === '' ? [] : [[record]])],
    type,
    doc: null,
    beside: [beside],
    mapKey: segments.at(-1) === '{key}',
    mapValue: segments.at(-1) === '{}',
  };
}

function isStep(segment: string): boolean {
  return /^[[{<*]/.test(segment);
}

/** A union of one branch besides null leaves no trace in a path. */
function withoutUnion(type: AvroType, segment: string): AvroType | undefined {
  if (type.kind !== 'union' || segment.startsWith('<')) return type;
  const carrying = type.branches.filter(({ kind }) => kind !== 'null');
  return carrying.length === 1 ? carrying[0] : undefined;
}

function below(type: AvroType, segment: string): AvroType | undefined {
  if (type.kind === 'array') return type.items;
  if (type.kind === 'map') return segment === '{key}' ? undefined : type.values;
  if (type.kind === 'union') return type.branches.find((branch) => `<${branchName(branch)}>` === segment);
  return undefined;
}

function lastName(fullName: string): string {
  return fullName.split('.').at(-1) ?? '';
}
