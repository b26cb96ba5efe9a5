/**
 * Can readers of one schema read what was written by another? After "Schema Resolution" of Avro 1.12 as registries
 * judge it, and stricter in two things that no registry looks at: full names, by which Java tells enums and branches
 * apart, and logical types, whose values would be misread in silence. It says of every break where it is and what.
 * It must never look at a value; defaults count only as being there.
 */
import { typeWord } from './avro-schema.ts';
import type { AvroField, AvroRecord, AvroType } from './avro-schema.ts';
import { ROOT_PATH, branchPath, fieldPath, itemsPath, valuesPath } from './field-path.ts';

/** What a registry holds a subject to. */
export const COMPATIBILITIES = [
  'NONE',
  'BACKWARD',
  'BACKWARD_TRANSITIVE',
  'FORWARD',
  'FORWARD_TRANSITIVE',
  'FULL',
  'FULL_TRANSITIVE',
] as const;
export type Compatibility = (typeof COMPATIBILITIES)[number];

/** One thing that could not be read. */
export interface SchemaBreak {
  /** Path in the schema of the reader. */
  readonly path: string;
  /** In words, made of names of schemas alone. */
  readonly what: string;
}

/** What a value may be taken for (Avro 1.12, "Schema Resolution"): written as the key, read as one of the list. */
const PROMOTIONS: Readonly<Record<string, readonly string[]>> = {
  int: ['long', 'float', 'double'],
  long: ['float', 'double'],
  float: ['double'],
  string: ['bytes'],
  bytes: ['string'],
};

/**
 * What is in the way of `next` as the next version of a subject that has `versions`, oldest first; nothing where the
 * level allows it. `BACKWARD`: readers of `next` read what is there. `FORWARD`: readers of what is there read `next`.
 */
export function versionBreaks(
  level: Compatibility,
  next: AvroType,
  versions: readonly AvroType[],
): readonly SchemaBreak[] {
  if (level === 'NONE') return [];
  const compared = level.endsWith('_TRANSITIVE') ? versions : versions.slice(-1);
  const isBackward = !level.startsWith('FORWARD');
  const isForward = !level.startsWith('BACKWARD');
  const all = compared.flatMap((version) => [
    ...(isBackward ? readingBreaks(next, version) : []),
    ...(isForward ? readingBreaks(version, next) : []),
  ]);
  return [...new Map(all.map((each) => [`${each.path} ${each.what}`, each])).values()];
}

/** What keeps readers of `reader` from reading what `writer` wrote; nothing where they can. */
export function readingBreaks(reader: AvroType, writer: AvroType): readonly SchemaBreak[] {
  return new Comparison().compare(reader, writer, ROOT_PATH);
}

class Comparison {
  /** Records around the place that is compared, by full name: what references stand for. */
  readonly #readers: AvroRecord[] = [];
  readonly #writers: AvroRecord[] = [];

  compare(reader: AvroType, writer: AvroType, path: string): readonly SchemaBreak[] {
    if (writer.kind === 'union') {
      if (reader.kind !== 'union') return writer.branches.flatMap((each) => this.compare(reader, each, path));
      return writer.branches.flatMap((each) => this.#branch(reader.branches, each, path, reader));
    }
    if (reader.kind === 'union') return this.#branch(reader.branches, writer, path, reader);
    if (reader.kind === 'reference' || writer.kind === 'reference')
      return this.#references(reader, writer, path);
    if (reader.kind === 'array' && writer.kind === 'array')
      return this.compare(reader.items, writer.items, itemsPath(path));
    if (reader.kind === 'map' && writer.kind === 'map')
      return this.compare(reader.values, writer.values, valuesPath(path));
    if (reader.kind === 'record' && writer.kind === 'record') return this.#records(reader, writer, path);
    return this.#leaves(reader, writer, path);
  }

  /** One of the reader's branches must take it; where none does, the nearest says why. */
  #branch(
    branches: readonly AvroType[],
    writer: AvroType,
    path: string,
    union: AvroType & { kind: 'union' },
  ): readonly SchemaBreak[] {
    const tried = branches.map((branch) => this.compare(branch, writer, branchPath(path, union, branch)));
    if (tried.some((breaks) => breaks.length === 0)) return [];
    const nearest = branches.findIndex((branch) => isNamedAlike(branch, writer));
    if (nearest >= 0) return tried[nearest]!;
    return [{ path, what: `${typeWord(writer)} is none of ${branches.map(typeWord).join(', ')}` }];
  }

  /** Both are inside records that are compared already; further round nothing new can show. */
  #references(reader: AvroType, writer: AvroType, path: string): readonly SchemaBreak[] {
    const [read, written] = [around(reader, this.#readers), around(writer, this.#writers)];
    if (!read || !written) return [{ path, what: was(writer, reader) }];
    const isUnderWay = this.#readers.some((each, at) => each === read && this.#writers[at] === written);
    return isUnderWay ? [] : this.#records(read, written, path);
  }

  #records(reader: AvroRecord, writer: AvroRecord, path: string): readonly SchemaBreak[] {
    if (!isNamedAlike(reader, writer)) return [{ path, what: was(writer, reader) }];
    if (this.#readers.some((each, at) => each === reader && this.#writers[at] === writer)) return [];
    this.#readers.push(reader);
    this.#writers.push(writer);
    const breaks = reader.fields.flatMap((field) => this.#field(field, writer, fieldPath(path, field.name)));
    this.#readers.pop();
    this.#writers.pop();
    return breaks;
  }

  #field(field: AvroField, writer: AvroRecord, path: string): readonly SchemaBreak[] {
    const names = [field.name, ...field.aliases];
    const written = names
      .map((name) => writer.fields.find((each) => each.name === name))
      .find((each) => each !== undefined);
    if (written) return this.compare(field.type, written.type, path);
    return field.hasDefault ? [] : [{ path, what: 'a field without a default, which is not always written' }];
  }

  #leaves(reader: AvroType, writer: AvroType, path: string): readonly SchemaBreak[] {
    const other = [{ path, what: was(writer, reader) }];
    if (reader.kind !== writer.kind)
      return PROMOTIONS[writer.kind]?.includes(reader.kind) ? this.#logical(reader, writer, path) : other;
    if (!isNamedAlike(reader, writer)) return other;
    if (reader.kind === 'fixed' && writer.kind === 'fixed' && reader.size !== writer.size)
      return [{ path, what: `${writer.size} bytes instead of ${reader.size}` }];
    if (reader.kind === 'enum' && writer.kind === 'enum' && reader.defaultSymbol === undefined) {
      const missing = writer.symbols.filter((symbol) => !reader.symbols.includes(symbol));
      if (missing.length > 0) return [{ path, what: `symbols that readers lack: ${missing.join(', ')}` }];
    }
    return this.#logical(reader, writer, path);
  }

  /** Two logical types on one place mean that numbers or texts are taken for something else. */
  #logical(reader: AvroType, writer: AvroType, path: string): readonly SchemaBreak[] {
    const [read, written] = [reader.logical, writer.logical];
    if (!read || !written) return [];
    const isSame =
      read.name === written.name &&
      read.precision === written.precision &&
      (read.scale ?? 0) === (written.scale ?? 0);
    return isSame ? [] : [{ path, what: `logical type ${inWords(written)} instead of ${inWords(read)}` }];
  }
}

function around(type: AvroType, records: readonly AvroRecord[]): AvroRecord | undefined {
  if (type.kind === 'record') return type;
  if (type.kind !== 'reference') return undefined;
  return records.findLast(({ fullName }) => fullName === type.fullName);
}

/** Unnamed types are alike by kind; named ones by full name, or a name that the reader knows it by. */
function isNamedAlike(reader: AvroType, writer: AvroType): boolean {
  if (reader.kind !== writer.kind) return false;
  if (!('fullName' in reader) || !('fullName' in writer)) return true;
  const aliases = reader.kind === 'reference' ? [] : (reader.typeAliases ?? []);
  return reader.fullName === writer.fullName || aliases.includes(writer.fullName);
}

function was(writer: AvroType, reader: AvroType): string {
  return `${typeWord(writer)} instead of ${typeWord(reader)}`;
}

function inWords({ name, precision, scale }: NonNullable<AvroType['logical']>): string {
  return precision === undefined ? name : `${name}(${precision},${scale ?? 0})`;
}
