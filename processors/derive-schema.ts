/**
 * The derived schema: what is left of the writer's schema for one audience, in the order of the writer.
 * It must show nothing of a masked field but its name and type: no doc, default, alias, attribute or enum symbol.
 * The transcoder writes bytes of this schema, so both follow the rules of `derivedUnionBranches` and `emptied`:
 *
 * - `empty` of a union with null is null, and of one without null its first branch's empty value. A branch that names an
 *   enum is taken out of the derived union where the union has null; a plan has no `empty` over it where it has none.
 * - an `empty` branch of a mixed union with null is written as null as well, and its type stays unless it names an enum.
 * - an `empty` branch of a union without null keeps its index and is written as its type's empty value.
 * - `empty` of an array or a map has no items; where the items name an enum, the derived items are `null`.
 * - a logical type that has no empty value (uuid, decimal) is left out where the value is emptied.
 */
import { GauzeError } from '../platform/errors.ts';
import { typeWord } from '../schemas/avro-schema.ts';
import type { AvroField, AvroLeaf, AvroType } from '../schemas/avro-schema.ts';
import { namespaceOf } from '../schemas/parse-avro.ts';
import { derivedUnionBranches, isEmpty, namesEnum, nullBranch } from './derived-unions.ts';
import { derivedLeaf } from './method-table.ts';
import type { PlanNode } from './plan.ts';

type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };
type UnionNode = Extract<PlanNode, { kind: 'union' }>;
type RecordNode = Extract<PlanNode, { kind: 'record' }>;

/** Text of the derived schema: JSON without blanks, the same for the same plan. */
export function deriveSchema(root: PlanNode, audience: string): string {
  return JSON.stringify(new Derivation(audience).type(root));
}

class Derivation {
  readonly #suffix: string;
  /** Derived full name by raw full name and treatment. */
  readonly #names = new Map<string, string>();
  readonly #taken = new Set<string>();

  constructor(audience: string) {
    this.#suffix = `for_${audience.replaceAll('-', '_')}`;
  }

  type(node: PlanNode): Json {
    switch (node.kind) {
      case 'keep':
        return this.#kept(node.schema);
      case 'leaf':
        return isEmpty(node)
          ? this.#emptied(node.schema)
          : this.#kept(derivedLeaf(node.schema, node.instruction));
      case 'empty':
        return this.#emptied(node.schema);
      case 'record':
        return this.#record(node);
      case 'array':
        return { type: 'array', items: this.type(node.items) };
      case 'map':
        return { type: 'map', values: this.type(node.values) };
      case 'union':
        return this.#union(node);
      default:
        return 'null';
    }
  }

  #union(node: UnionNode): Json {
    const hasNull = nullBranch(node.schema) >= 0;
    const derived = derivedUnionBranches(node);
    const branches = node.branches.filter((_, at) => derived[at] !== -1);
    return branches.map((branch) =>
      isEmpty(branch) && hasNull ? this.#emptied(branch.schema, true) : this.type(branch),
    );
  }

  #record(node: RecordNode): Json {
    return this.#named(node.schema.fullName, treatmentOf(node), (name) => ({
      type: 'record',
      ...name,
      fields: node.fields.flatMap((child, at) => {
        const field = node.schema.fields[at]!;
        return child.kind === 'drop' ? [] : [this.#field(field, this.type(child), child.kind === 'keep')];
      }),
    }));
  }

  #field(field: AvroField, type: Json, isKept: boolean): Json {
    const beginsWithNull = Array.isArray(type) && type[0] === 'null';
    const nullDefault = field.hasDefault && field.default === null && beginsWithNull;
    if (!isKept) return { name: field.name, type, ...(nullDefault ? { default: null } : {}) };
    return {
      name: field.name,
      type,
      ...(field.doc === null ? {} : { doc: field.doc }),
      ...(field.hasDefault ? { default: field.default as Json } : {}),
      ...(field.aliases.length > 0 ? { aliases: field.aliases } : {}),
      ...(sorted(field.attributes) as Record<string, Json>),
    };
  }

  #kept(type: AvroType): Json {
    switch (type.kind) {
      case 'record':
        return this.#named(type.fullName, 'keep', (name) => ({
          type: 'record',
          ...name,
          ...(type.doc === null ? {} : { doc: type.doc }),
          fields: type.fields.map((field) => this.#field(field, this.#kept(field.type), true)),
        }));
      case 'array':
        return { type: 'array', items: this.#kept(type.items) };
      case 'map':
        return { type: 'map', values: this.#kept(type.values) };
      case 'union':
        return type.branches.map((branch) => this.#kept(branch));
      default:
        return this.#leaf(type, true);
    }
  }

  /** `isNeverWritten`: in a union with null, so that no empty value of the type is ever written. */
  #emptied(type: AvroType, isNeverWritten = false): Json {
    switch (type.kind) {
      case 'record':
        return this.#named(type.fullName, isNeverWritten ? 'absent' : 'empty', (name) => ({
          type: 'record',
          ...name,
          fields: type.fields.map((field) =>
            this.#field(field, this.#emptied(field.type, isNeverWritten), false),
          ),
        }));
      case 'array':
        return { type: 'array', items: namesEnum(type.items) ? 'null' : this.#emptied(type.items, true) };
      case 'map':
        return { type: 'map', values: namesEnum(type.values) ? 'null' : this.#emptied(type.values, true) };
      case 'union': {
        const hasNull = nullBranch(type) >= 0;
        const branches = hasNull ? type.branches.filter((branch) => !namesEnum(branch)) : type.branches;
        return branches.map((branch) => this.#emptied(branch, isNeverWritten || hasNull));
      }
      case 'enum':
        throw new GauzeError('ERR_POLICY_METHOD_TYPE', { method: 'redact', actual: typeWord(type) });
      default:
        return this.#leaf(type, isNeverWritten || type.kind === 'int' || type.kind === 'long');
    }
  }

  #leaf(type: AvroLeaf, withLogical: boolean): Json {
    const logical: Readonly<Record<string, Json>> =
      withLogical && type.logical
        ? { logicalType: type.logical.name, ...numbers(type.logical.precision, type.logical.scale) }
        : {};
    if (type.kind === 'enum')
      return this.#named(type.fullName, 'keep', (name) => ({
        type: 'enum',
        ...name,
        symbols: type.symbols,
        ...(type.defaultSymbol === undefined ? {} : { default: type.defaultSymbol }),
      }));
    if (type.kind === 'fixed')
      return this.#named(type.fullName, 'fixed', (name) => ({
        type: 'fixed',
        ...name,
        size: type.size,
        ...logical,
      }));
    return Object.hasOwn(logical, 'logicalType') ? { type: type.kind, ...logical } : type.kind;
  }

  /** Defines a named type at its first use and refers to it after; another treatment gets a name of its own. */
  #named(raw: string, treatment: string, define: (name: { name: string; namespace: string }) => Json): Json {
    const key = `${raw} ${treatment}`;
    const known = this.#names.get(key);
    if (known) return known;
    const rawNamespace = namespaceOf(raw);
    const namespace = rawNamespace === '' ? this.#suffix : `${rawNamespace}.${this.#suffix}`;
    const base = raw.slice(raw.lastIndexOf('.') + 1);
    let name = base;
    for (let count = 2; this.#taken.has(`${namespace}.${name}`); count++) name = `${base}_${count}`;
    this.#taken.add(`${namespace}.${name}`);
    this.#names.set(key, `${namespace}.${name}`);
    return define({ name, namespace });
  }
}

/** What happens to the parts of a node, told apart only as far as the derived schema differs. */
function treatmentOf(node: PlanNode): string {
  switch (node.kind) {
    case 'record':
      return `(${node.fields.map(treatmentOf).join(',')})`;
    case 'array':
      return `[${treatmentOf(node.items)}]`;
    case 'map':
      return `{${treatmentOf(node.values)}}`;
    case 'union':
      return `<${node.branches.map(treatmentOf).join(',')}>`;
    case 'leaf':
      // A leaf may change its type, and two leaves of one raw type may change it differently.
      return isEmpty(node) ? 'empty' : typeWord(derivedLeaf(node.schema, node.instruction));
    default:
      return node.kind;
  }
}

function numbers(precision?: number, scale?: number): { precision?: number; scale?: number } {
  return { ...(precision === undefined ? {} : { precision }), ...(scale === undefined ? {} : { scale }) };
}

/** The same JSON with the keys of all objects in order. */
function sorted(json: unknown): unknown {
  if (Array.isArray(json)) return json.map(sorted);
  if (typeof json !== 'object' || json === null) return json;
  const entries = Object.entries(json).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, value]) => [key, sorted(value)]));
}
