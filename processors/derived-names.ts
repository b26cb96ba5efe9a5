/**
 * Names of types in derived schemas, which readers resolve by. A record is named by where it stands and by nothing
 * else, so that no later change of schema or policy renames it; enums and fixed types come out in one way only and
 * keep their own name everywhere. A name must never depend on the order in which types are met, or on what is masked.
 */
import { GauzeError } from '../platform/errors.ts';
import { namespaceOf } from '../schemas/parse-avro.ts';

/** Name, namespace and former names of a type, as Avro writes them. */
export interface TypeName {
  readonly name: string;
  readonly namespace: string;
  readonly aliases?: readonly string[];
}

/** A named type of the writer's schema. */
export interface RawName {
  readonly fullName: string;
  readonly typeAliases?: readonly string[];
}

export class DerivedNames {
  readonly #suffix: string;
  /** Derived full name by raw full name, place and treatment. */
  readonly #names = new Map<string, string>();
  readonly #taken = new Set<string>();
  /** Derived full names of the records around the place that the walk is at, by raw full name; the nearest last. */
  readonly #around = new Map<string, string[]>();

  constructor(audience: string) {
    this.#suffix = `for_${audience.replaceAll('-', '_')}`;
  }

  /**
   * The name of `raw` where it stands below `fields`, field names from the root: `org.example.for_x.in_home.Address`.
   * `known`: it has been defined under this name already, in the same treatment.
   */
  at(
    { fullName: raw, typeAliases = [] }: RawName,
    fields: readonly string[],
    treatment: string,
  ): TypeName & { readonly known: boolean } {
    const key = `${raw} ${fields.join('.')} ${treatment}`;
    const named = this.#names.get(key);
    const namespace = this.#namespace(raw, fields);
    if (named !== undefined) return { name: simple(named), namespace, known: true };
    let name = simple(raw);
    // Two branches of one union may hold the same type under the same field name.
    for (let count = 2; this.#taken.has(`${namespace}.${name}`); count++) name = `${simple(raw)}_${count}`;
    this.#taken.add(`${namespace}.${name}`);
    this.#names.set(key, `${namespace}.${name}`);
    const aliases = typeAliases.map((alias) => `${this.#namespace(alias, fields)}.${simple(alias)}`);
    return { name, namespace, ...(aliases.length > 0 ? { aliases } : {}), known: false };
  }

  #namespace(raw: string, fields: readonly string[]): string {
    const parts = [namespaceOf(raw), this.#suffix, ...fields.map((field) => `in_${field}`)];
    return parts.filter((part) => part !== '').join('.');
  }

  /** Runs `define` as inside the record `raw`, which is called `name`. */
  inside<T>(raw: string, { name, namespace }: TypeName, define: () => T): T {
    const names = this.#around.get(raw) ?? [];
    this.#around.set(raw, [...names, `${namespace}.${name}`]);
    try {
      return define();
    } finally {
      this.#around.set(raw, names);
    }
  }

  /** Derived full name of the nearest record `raw` around: what a record inside itself is. */
  around(raw: string): string {
    const name = this.#around.get(raw)?.at(-1);
    if (name === undefined) throw new GauzeError('ERR_INTERNAL', { causeName: 'ReferenceToNothing' });
    return name;
  }
}

function simple(fullName: string): string {
  return fullName.slice(fullName.lastIndexOf('.') + 1);
}
