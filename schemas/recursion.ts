/**
 * Records inside themselves. While a schema is read, a reference names a record that is not finished yet; afterwards
 * each one stands below the record that it names, so that a part of a schema is read like any other data.
 * It must never unfold without bound: that is given up at the number of places said.
 */
import type { AvroRecord, AvroType } from './avro-schema.ts';
import {
  AGAIN,
  ROOT_PATH,
  branchPath,
  fieldPath,
  isNameSegment,
  itemsPath,
  pathSegments,
  valuesPath,
} from './field-path.ts';

/** Named types by full name; null for none that was finished. */
type Named = ReadonlyMap<string, AvroType | null>;

/** Can a value of the type be finite? A record that needs itself, and not only may have it, has no value at all. */
export function canEnd(root: AvroType, named: Named): boolean {
  const finite = new Set<string>();
  const isFinite = (type: AvroType): boolean => {
    switch (type.kind) {
      case 'record':
      case 'reference':
        return finite.has(type.fullName);
      case 'union':
        return type.branches.some(isFinite);
      default:
        return true;
    }
  };
  for (let before = -1; finite.size > before;) {
    before = finite.size;
    for (const [name, type] of named)
      if (type?.kind === 'record' && type.fields.every((field) => isFinite(field.type))) finite.add(name);
  }
  // Every record that the root holds must have values, not just the root: a branch without any is a mistake.
  return (
    [...named.values()].every((type) => type?.kind !== 'record' || finite.has(type.fullName)) &&
    isFinite(root)
  );
}

/**
 * The type with each record inside itself as a reference, and with every other use of a record written out; null
 * where that has more than `limit.places` places or `limit.levels` levels. Parts without a reference stay the same objects.
 */
export function settleReferences(
  root: AvroType,
  named: Named,
  limit: { readonly places: number; readonly levels: number },
): AvroType | null {
  const around = new Set<string>();
  let places = 0;
  let isTooLarge = false;
  const settle = (type: AvroType, level: number): AvroType => {
    places += 1;
    isTooLarge ||= places > limit.places || level > limit.levels;
    if (isTooLarge) return type;
    switch (type.kind) {
      case 'record':
        return around.has(type.fullName) ? referenceTo(type.fullName, type.tags) : record(type, level);
      case 'reference': {
        const target = named.get(type.fullName);
        return around.has(type.fullName) || !target ? type : settle(withMoreTags(target, type.tags), level);
      }
      case 'array': {
        const items = settle(type.items, level + 1);
        return items === type.items ? type : { ...type, items };
      }
      case 'map': {
        const values = settle(type.values, level + 1);
        return values === type.values ? type : { ...type, values };
      }
      case 'union': {
        const branches = type.branches.map((branch) => settle(branch, level + 1));
        return branches.every((branch, at) => branch === type.branches[at]) ? type : { ...type, branches };
      }
      default:
        return type;
    }
  };
  const record = (type: AvroRecord, level: number): AvroRecord => {
    around.add(type.fullName);
    const fields = type.fields.map((field) => {
      const settled = settle(field.type, level + 1);
      return settled === field.type ? field : { ...field, type: settled };
    });
    around.delete(type.fullName);
    return fields.every((field, at) => field === type.fields[at]) ? type : { ...type, fields };
  };
  const settled = settle(root, 0);
  return isTooLarge ? null : settled;
}

/** The records of a schema by full name: what its references stand for. Two of one name have the same bytes. */
export function recordsOf(root: AvroType): ReadonlyMap<string, AvroRecord> {
  const records = new Map<string, AvroRecord>();
  const seen = new Set<AvroType>();
  const visit = (type: AvroType): void => {
    if (seen.has(type)) return;
    seen.add(type);
    switch (type.kind) {
      case 'record':
        if (!records.has(type.fullName)) records.set(type.fullName, type);
        for (const field of type.fields) visit(field.type);
        return;
      case 'array':
        return visit(type.items);
      case 'map':
        return visit(type.values);
      case 'union':
        for (const branch of type.branches) visit(branch);
        return;
      default:
    }
  };
  visit(root);
  return records;
}

/** Does the record hold itself somewhere below? */
export function holdsItself(record: AvroRecord): boolean {
  return refersTo(record, (fullName) => fullName === record.fullName);
}

/** Does any record of the schema hold itself? */
export function isRecursive(schema: AvroType): boolean {
  return refersTo(schema, () => true);
}

function refersTo(root: AvroType, isMeant: (fullName: string) => boolean): boolean {
  const seen = new Set<AvroType>();
  const visit = (type: AvroType): boolean => {
    if (seen.has(type)) return false;
    seen.add(type);
    switch (type.kind) {
      case 'reference':
        return isMeant(type.fullName);
      case 'record':
        return type.fields.some((field) => visit(field.type));
      case 'array':
        return visit(type.items);
      case 'map':
        return visit(type.values);
      case 'union':
        return type.branches.some(visit);
      default:
        return false;
    }
  };
  return visit(root);
}

/** The places of records inside themselves, each with the path of the record around it that comes again there. */
export function placesAgain(root: AvroType): ReadonlyMap<string, string> {
  const places = new Map<string, string>();
  if (!isRecursive(root)) return places;
  const around = new Map<string, string>();
  const visit = (type: AvroType, path: string): void => {
    switch (type.kind) {
      case 'record':
        around.set(type.fullName, path);
        for (const field of type.fields) visit(field.type, fieldPath(path, field.name));
        return void around.delete(type.fullName);
      case 'array':
        return visit(type.items, itemsPath(path));
      case 'map':
        return visit(type.values, valuesPath(path));
      case 'union':
        for (const branch of type.branches) visit(branch, branchPath(path, type, branch));
        return;
      case 'reference':
        return void places.set(path, around.get(type.fullName)!);
      default:
    }
  };
  visit(root, ROOT_PATH);
  return places;
}

/**
 * The paths that a path of another version of the schema stands for in this one, as segments: itself, and where it
 * leads through a record inside itself, the same from that record on. How values are wrapped (arrays, maps, branches)
 * is not looked at: that may have changed between the versions. `again`: `placesAgain` of this version.
 */
export function waysInto(path: readonly string[], again: ReadonlyMap<string, string>): readonly string[][] {
  const isAgain = path.at(-1) === AGAIN;
  const start = isAgain ? path.slice(0, -1) : [...path];
  const places = [...again]
    .map(([place, record]) => ({
      names: pathSegments(place).filter(isNameSegment),
      record: pathSegments(record),
    }))
    // The record is around the place, so that each way is shorter than the one before.
    .filter(({ names, record }) => record.filter(isNameSegment).length < names.length);
  const names = start.filter(isNameSegment);
  // What comes again there in this version too is covered by its own paths.
  if (isAgain && places.some((each) => each.names.join('.') === names.join('.'))) return [];
  const ways = new Map([[start.join(), start]]);
  for (const way of ways.values()) {
    for (const { names: through, record } of places) {
      const rest = restAfter(way, through);
      if (rest) ways.set([...record, ...rest].join(), [...record, ...rest]);
    }
  }
  return [...ways.values()];
}

/** What follows in a path after these names; null where it does not begin with them. */
function restAfter(path: readonly string[], names: readonly string[]): string[] | null {
  let at = 0;
  for (const name of names) {
    while (at < path.length && !isNameSegment(path[at]!)) at += 1;
    if (path[at] !== name) return null;
    at += 1;
  }
  return path.slice(at);
}

function referenceTo(fullName: string, tags: readonly string[]): AvroType {
  return { kind: 'reference', logical: null, tags, fullName };
}

function withMoreTags(type: AvroType, tags: readonly string[]): AvroType {
  return tags.length === 0 ? type : { ...type, tags: [...new Set([...type.tags, ...tags])] };
}
