/**
 * Reads the text of an Avro schema (Avro 1.12) into the tree of avro-schema.ts, keeping what Avro libraries
 * drop: tags on fields, types and records, the person mark, unknown attributes.
 * It must never guess: a schema that is not valid is refused with the path of the fault, and so is one whose values
 * could not end, or that unfolds beyond what can be walked.
 */
import { GauzeError } from '../platform/errors.ts';
import type { AvroField, AvroLeaf, AvroType, LogicalType, PrimitiveName } from './avro-schema.ts';
import { ROOT_PATH, branchName, fieldPath, itemsPath, valuesPath } from './field-path.ts';
import { fittingLogicalType } from './logical-types.ts';
import { canEnd, settleReferences } from './recursion.ts';
import { LIMIT, isTooLarge } from './schema-size.ts';

/** Where a schema comes from, for errors. */
export interface SchemaSource {
  readonly subject?: string;
  readonly file?: string;
}

/** A type may be nested this deep. */
const DEPTH_LIMIT = 64;
const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
const PRIMITIVES: ReadonlySet<string> = new Set<PrimitiveName>([
  'null',
  'boolean',
  'int',
  'long',
  'float',
  'double',
  'bytes',
  'string',
]);
const FIELD_ATTRIBUTES = new Set([
  'name',
  'type',
  'doc',
  'default',
  'aliases',
  'confluent:tags',
  'gauze:person',
]);

type Json = Readonly<Record<string, unknown>>;

/** Where the parser stands. */
interface Place {
  readonly path: string;
  readonly namespace: string;
  readonly depth: number;
}

/**
 * Parses `text`; `references` are the texts of the schemas it refers to, dependencies first.
 * A record inside itself is a `reference` there.
 * @throws GauzeError ERR_SCHEMA_SYNTAX for a schema that is not valid Avro, or one whose values could not end.
 */
export function parseAvroSchema(
  text: string,
  references: readonly string[] = [],
  where: SchemaSource = {},
): AvroType {
  const parser = new Parser(where);
  for (const reference of references) parser.parseText(reference);
  const type = parser.parseText(text);
  return parser.settle(type);
}

class Parser {
  readonly #where: SchemaSource;
  /** Named types by full name; null while one is being read. */
  readonly #named = new Map<string, AvroType | null>();
  #isRecursive = false;

  constructor(where: SchemaSource) {
    this.#where = where;
  }

  parseText(text: string): AvroType {
    let json: unknown;
    try {
      json = JSON.parse(text);
    } catch {
      this.#fail(ROOT_PATH, 'JSON is expected');
    }
    return this.#type(json, { path: ROOT_PATH, namespace: '', depth: 0 });
  }

  /** The type as it can be walked: references stand for records around them, and it unfolds within bounds. */
  settle(root: AvroType): AvroType {
    if (isTooLarge(root)) this.#tooLarge();
    if (!this.#isRecursive) return root;
    if (!canEnd(root, this.#named)) this.#fail(ROOT_PATH, 'a record whose values can end is expected');
    return settleReferences(root, this.#named, LIMIT) ?? this.#tooLarge();
  }

  #tooLarge(): never {
    return this.#fail(ROOT_PATH, `at most ${LIMIT.places} fields and ${LIMIT.levels} levels are expected`);
  }

  #type(json: unknown, place: Place): AvroType {
    if (place.depth > DEPTH_LIMIT) this.#fail(place.path, `at most ${DEPTH_LIMIT} levels are expected`);
    if (typeof json === 'string') return this.#namedOrPrimitive(json, place);
    if (Array.isArray(json)) return this.#union(json, place);
    if (!isObject(json)) this.#fail(place.path, 'a type is expected');
    const tags = this.#tags(json, place.path);
    const inner = json['type'];
    if (typeof inner !== 'string') return withTags(this.#type(inner, deeper(place)), tags);
    switch (inner) {
      case 'record':
      case 'error':
        return this.#record(json, tags, place);
      case 'enum':
        return this.#enum(json, tags, place);
      case 'fixed':
        return this.#fixed(json, tags, place);
      case 'array':
        return {
          kind: 'array',
          logical: null,
          tags,
          items: this.#type(json['items'], deeper(place, itemsPath(place.path))),
        };
      case 'map':
        return {
          kind: 'map',
          logical: null,
          tags,
          values: this.#type(json['values'], deeper(place, valuesPath(place.path))),
        };
      default: {
        const type = withTags(this.#namedOrPrimitive(inner, place), tags);
        return PRIMITIVES.has(inner) ? withLogical(type as AvroLeaf, json) : type;
      }
    }
  }

  #namedOrPrimitive(name: string, place: Place): AvroType {
    if (PRIMITIVES.has(name)) return { kind: name as PrimitiveName, logical: null, tags: [] };
    const candidates = name.includes('.') ? [name] : [qualified(name, place.namespace), name];
    for (const candidate of candidates) {
      const type = this.#named.get(candidate);
      if (type) return type;
      if (type === null) {
        this.#isRecursive = true;
        return { kind: 'reference', logical: null, tags: [], fullName: candidate };
      }
    }
    return this.#fail(place.path, 'a known type is expected');
  }

  #union(json: readonly unknown[], place: Place): AvroType {
    const branches = json.map((branch) => this.#type(branch, deeper(place)));
    if (branches.length === 0) this.#fail(place.path, 'a union with at least one branch is expected');
    if (branches.some((branch) => branch.kind === 'union'))
      this.#fail(place.path, 'no union in a union is expected');
    if (new Set(branches.map(branchName)).size < branches.length)
      this.#fail(place.path, 'different branches are expected');
    return { kind: 'union', logical: null, tags: [], branches };
  }

  #record(json: Json, tags: readonly string[], place: Place): AvroType {
    const fullName = this.#declare(json, place);
    const doc = typeof json['doc'] === 'string' ? json['doc'] : null;
    const namespace = namespaceOf(fullName);
    const written = json['fields'];
    if (!Array.isArray(written)) this.#fail(place.path, 'a list of fields is expected');
    const fields = written.map((field: unknown) => this.#field(field, { ...place, namespace }));
    if (new Set(fields.map((field) => field.name)).size < fields.length)
      this.#fail(place.path, 'different field names are expected');
    const aliases = this.#typeAliases(json, fullName, place);
    const record: AvroType = { kind: 'record', logical: null, tags, fullName, ...aliases, doc, fields };
    this.#named.set(fullName, record);
    return record;
  }

  #field(json: unknown, place: Place): AvroField {
    if (!isObject(json)) this.#fail(place.path, 'a field is expected');
    const name = json['name'];
    if (typeof name !== 'string' || !NAME.test(name)) this.#fail(place.path, 'a field name is expected');
    const path = fieldPath(place.path, name);
    const person = json['gauze:person'] ?? false;
    if (typeof person !== 'boolean') this.#fail(path, 'gauze:person as true or false is expected');
    return {
      name,
      type: this.#type(json['type'], deeper(place, path)),
      tags: this.#tags(json, path),
      person,
      doc: typeof json['doc'] === 'string' ? json['doc'] : null,
      hasDefault: Object.hasOwn(json, 'default'),
      default: json['default'],
      aliases: this.#words(json['aliases'] ?? [], path, 'aliases'),
      attributes: Object.fromEntries(Object.entries(json).filter(([key]) => !FIELD_ATTRIBUTES.has(key))),
    };
  }

  #enum(json: Json, tags: readonly string[], place: Place): AvroType {
    const fullName = this.#declare(json, place);
    const symbols = this.#words(json['symbols'], place.path, 'symbols');
    if (symbols.length === 0 || !symbols.every((symbol) => NAME.test(symbol)))
      this.#fail(place.path, 'enum symbols are expected');
    if (new Set(symbols).size < symbols.length) this.#fail(place.path, 'different enum symbols are expected');
    const fallback = json['default'];
    if (fallback !== undefined && !symbols.some((symbol) => symbol === fallback))
      this.#fail(place.path, 'a symbol of the enum as its default is expected');
    const aliases = this.#typeAliases(json, fullName, place);
    const type: AvroType = { kind: 'enum', logical: null, tags, fullName, ...aliases, symbols };
    const complete = typeof fallback === 'string' ? { ...type, defaultSymbol: fallback } : type;
    this.#named.set(fullName, complete);
    return complete;
  }

  #fixed(json: Json, tags: readonly string[], place: Place): AvroType {
    const fullName = this.#declare(json, place);
    const size = json['size'];
    if (typeof size !== 'number' || !Number.isInteger(size) || size < 0 || size > 0x7fff_ffff)
      this.#fail(place.path, 'a size in bytes is expected');
    const aliases = this.#typeAliases(json, fullName, place);
    const type = withLogical({ kind: 'fixed', logical: null, tags, fullName, ...aliases, size }, json);
    this.#named.set(fullName, type);
    return type;
  }

  /** Full name of a named type (Avro 1.12, "Names"), which may be defined once. */
  #declare(json: Json, place: Place): string {
    const { name, namespace = place.namespace } = json;
    if (typeof name !== 'string' || typeof namespace !== 'string')
      this.#fail(place.path, 'a named type is expected');
    const fullName = name.includes('.') ? name : qualified(name, namespace);
    if (!fullName.split('.').every((part) => NAME.test(part)) || PRIMITIVES.has(fullName))
      this.#fail(place.path, 'a valid type name is expected');
    if (this.#named.has(fullName)) this.#fail(place.path, 'a type name that is defined once is expected');
    this.#named.set(fullName, null);
    return fullName;
  }

  /** Aliases without a namespace are in that of the type (Avro 1.12, "Aliases"). */
  #typeAliases(json: Json, fullName: string, { path }: Place): { readonly typeAliases?: readonly string[] } {
    const words = this.#words(json['aliases'] ?? [], path, 'aliases');
    if (words.length === 0) return {};
    const namespace = namespaceOf(fullName);
    const typeAliases = words.map((word) => (word.includes('.') ? word : qualified(word, namespace)));
    if (!typeAliases.every((alias) => alias.split('.').every((part) => NAME.test(part))))
      this.#fail(path, 'type names as aliases are expected');
    return { typeAliases };
  }

  #tags(json: Json, path: string): readonly string[] {
    return this.#words(json['confluent:tags'] ?? [], path, 'confluent:tags');
  }

  #words(json: unknown, path: string, setting: string): readonly string[] {
    if (Array.isArray(json) && json.every((word): word is string => typeof word === 'string')) return json;
    return this.#fail(path, `a list of words for ${setting} is expected`);
  }

  #fail(path: string, expected: string): never {
    const { subject = '', file = '' } = this.#where;
    throw new GauzeError('ERR_SCHEMA_SYNTAX', { subject, file, path, expected });
  }
}

/** Namespace of a full name; empty where it has none. */
export function namespaceOf(fullName: string): string {
  return fullName.slice(0, Math.max(0, fullName.lastIndexOf('.')));
}

function qualified(name: string, namespace: string): string {
  return namespace === '' ? name : `${namespace}.${name}`;
}

function deeper(place: Place, path = place.path): Place {
  return { ...place, path, depth: place.depth + 1 };
}

function withTags(type: AvroType, tags: readonly string[]): AvroType {
  return tags.length === 0 ? type : { ...type, tags: [...new Set([...type.tags, ...tags])] };
}

function withLogical<T extends AvroLeaf>(type: T, json: Json): T {
  const logical: LogicalType | null = fittingLogicalType(type, json);
  return logical ? { ...type, logical } : type;
}

function isObject(json: unknown): json is Json {
  return typeof json === 'object' && json !== null && !Array.isArray(json);
}
