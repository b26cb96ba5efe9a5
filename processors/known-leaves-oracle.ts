/**
 * What a decoded record says of its person: the slow and clear way, which the reading of bytes is held against.
 * It must never be used where records are published.
 */
import type { AvroRecord, AvroType } from '../schemas/avro-schema.ts';
import { ROOT_PATH, branchPath, fieldPath, itemsPath, keyPath, valuesPath } from '../schemas/field-path.ts';
import { knownValue } from './known-leaves.ts';
import type { KnownLeaf } from './plan.ts';
import { KnownValues } from './text/known-values.ts';
import type { KnownValue } from './text/known-values.ts';
import { wordLists } from './text/word-lists.ts';

type Wrapped = Readonly<Record<string, unknown>>;
const MAP_KEY = { kind: 'string', logical: null, tags: [] } as const;

/**
 * What `value`, decoded as avsc gives it with every union wrapped, says at the leaves that are known values, and what
 * is known `more` of its person.
 */
export function knownValuesOf(
  schema: AvroType,
  value: unknown,
  leaves: readonly KnownLeaf[],
  more: readonly KnownValue[],
): KnownValues {
  const search = new Search(leaves);
  search.visit(schema, value, ROOT_PATH);
  return new KnownValues([...search.found, ...more], wordLists());
}

class Search {
  readonly found: KnownValue[] = [];
  readonly #kinds: ReadonlyMap<string, KnownLeaf['kind']>;
  readonly #around = new Map<string, readonly [AvroRecord, string]>();

  constructor(leaves: readonly KnownLeaf[]) {
    this.#kinds = new Map(leaves.map(({ path, kind }) => [path, kind]));
  }

  visit(type: AvroType, value: unknown, path: string): void {
    if (value === null) return;
    switch (type.kind) {
      case 'record': {
        this.#around.set(type.fullName, [type, path]);
        for (const field of type.fields)
          this.visit(field.type, (value as Wrapped)[field.name], fieldPath(path, field.name));
        return;
      }
      case 'reference': {
        const [record, above] = this.#around.get(type.fullName)!;
        return this.visit(record, value, above);
      }
      case 'array':
        for (const item of value as unknown[]) this.visit(type.items, item, itemsPath(path));
        return;
      case 'map':
        for (const [key, entry] of Object.entries(value as Wrapped)) {
          this.visit(MAP_KEY, key, keyPath(path));
          this.visit(type.values, entry, valuesPath(path));
        }
        return;
      case 'union': {
        const [name, inner] = Object.entries(value as Wrapped)[0]!;
        const branch = type.branches.find(
          (each) => ('fullName' in each ? each.fullName : each.kind) === name,
        )!;
        return this.visit(branch, inner, branchPath(path, type, branch));
      }
      default: {
        const kind = this.#kinds.get(path);
        const known = kind === undefined ? null : knownValue(value, type, kind);
        if (known) this.found.push(known);
      }
    }
  }
}
