/**
 * The derived schema: what is left of the writer's schema for one audience, in the order of the writer.
 * It must show nothing of a masked field but its names and type: no doc, attribute or enum symbol, of a default only
 * that there is one, and of aliases only those that were its name in a version that readers may have seen.
 * Names of types are shown, their aliases too.
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
import type { AvroField, AvroLeaf, AvroRecord, AvroType, AvroUnion } from '../schemas/avro-schema.ts';
import { ROOT_PATH, branchPath, fieldPath, itemsPath, valuesPath } from '../schemas/field-path.ts';
import { maskedDefault } from './derived-defaults.ts';
import type { Json } from './derived-defaults.ts';
import { DerivedNames } from './derived-names.ts';
import { derivedUnionBranches, isEmpty, namesEnum, nullBranch } from './derived-unions.ts';
import { derivedLeaf } from './method-table.ts';
import type { PlanNode } from './plan.ts';

type UnionNode = Extract<PlanNode, { kind: 'union' }>;
type RecordNode = Extract<PlanNode, { kind: 'record' }>;

/** Where the walk is: the path in the writer's schema, and the field names that lead there. */
interface Place {
  readonly path: string;
  readonly fields: readonly string[];
}

const ROOT: Place = { path: ROOT_PATH, fields: [] };

/**
 * Text of the derived schema: JSON without blanks, the same for the same plan. `wasField` says of a path whether any
 * version of the schema had a field there: such a name is no secret, and as an alias it keeps readers reading.
 */
export function deriveSchema(
  root: PlanNode,
  audience: string,
  wasField: (path: string) => boolean = () => false,
): string {
  return JSON.stringify(new Derivation(audience, wasField).type(root, ROOT));
}

class Derivation {
  readonly #names: DerivedNames;
  readonly #wasField: (path: string) => boolean;

  constructor(audience: string, wasField: (path: string) => boolean) {
    this.#names = new DerivedNames(audience);
    this.#wasField = wasField;
  }

  type(node: PlanNode, at: Place): Json {
    switch (node.kind) {
      case 'keep':
        return this.#kept(node.schema, at);
      case 'leaf':
        return isEmpty(node)
          ? this.#emptied(node.schema, at)
          : this.#kept(derivedLeaf(node.schema, node.instruction), at);
      case 'empty':
        return this.#emptied(node.schema, at);
      case 'record':
        return this.#record(node, at);
      case 'array':
        return { type: 'array', items: this.type(node.items, inItems(at)) };
      case 'map':
        return { type: 'map', values: this.type(node.values, inValues(at)) };
      case 'union':
        return this.#union(node, at);
      case 'again':
        return this.#names.around(node.schema.fullName);
      default:
        return 'null';
    }
  }

  #union(node: UnionNode, at: Place): Json {
    const hasNull = nullBranch(node.schema) >= 0;
    const derived = derivedUnionBranches(node);
    const branches: Json[] = [];
    node.branches.forEach((branch, index) => {
      const to = derived[index]!;
      if (to === -1) return;
      const place = inBranch(at, node.schema, branch.schema);
      const isNeverWritten = isEmpty(branch) && hasNull;
      const type = isNeverWritten ? this.#emptied(branch.schema, place, true) : this.type(branch, place);
      branches[to] ??= type;
      // Two branches became one type: then it must be the same, or readers would take one for the other.
      if (!isNeverWritten && JSON.stringify(branches[to]) !== JSON.stringify(type))
        throw unlikeBranches(branch);
    });
    return branches;
  }

  #record(node: RecordNode, at: Place): Json {
    return this.#defined(node.schema, at, treatmentOf(node), () =>
      node.fields.flatMap((child, index) => {
        const field = node.schema.fields[index]!;
        if (child.kind === 'drop') return [];
        return [this.#field(field, this.type(child, inField(at, field)), at, child.kind === 'keep')];
      }),
    );
  }

  #field(field: AvroField, type: Json, record: Place, isKept: boolean): Json {
    const { name, doc, aliases, attributes } = field;
    if (!isKept) {
      const known = aliases.filter((alias) => this.#wasField(fieldPath(record.path, alias)));
      return { name, type, ...maskedDefault(field, type), ...(known.length > 0 ? { aliases: known } : {}) };
    }
    return {
      name,
      type,
      ...(doc === null ? {} : { doc }),
      ...(field.hasDefault ? { default: field.default as Json } : {}),
      ...(aliases.length > 0 ? { aliases } : {}),
      ...(sorted(attributes) as Record<string, Json>),
    };
  }

  #kept(type: AvroType, at: Place): Json {
    switch (type.kind) {
      case 'record':
        return this.#defined(type, at, 'keep', () =>
          type.fields.map((field) =>
            this.#field(field, this.#kept(field.type, inField(at, field)), at, true),
          ),
        );
      case 'array':
        return { type: 'array', items: this.#kept(type.items, inItems(at)) };
      case 'map':
        return { type: 'map', values: this.#kept(type.values, inValues(at)) };
      case 'union':
        return type.branches.map((branch) => this.#kept(branch, inBranch(at, type, branch)));
      case 'reference':
        return this.#names.around(type.fullName);
      default:
        return this.#leaf(type, true);
    }
  }

  /** `isNeverWritten`: in a union with null, so that no empty value of the type is ever written. */
  #emptied(type: AvroType, at: Place, isNeverWritten = false): Json {
    switch (type.kind) {
      case 'record':
        return this.#defined(type, at, isNeverWritten ? 'absent' : 'empty', () =>
          type.fields.map((field) =>
            this.#field(field, this.#emptied(field.type, inField(at, field), isNeverWritten), at, false),
          ),
        );
      case 'array': {
        const items = namesEnum(type.items) ? 'null' : this.#emptied(type.items, inItems(at), true);
        return { type: 'array', items };
      }
      case 'map': {
        const values = namesEnum(type.values) ? 'null' : this.#emptied(type.values, inValues(at), true);
        return { type: 'map', values };
      }
      case 'union': {
        const hasNull = nullBranch(type) >= 0;
        const branches = hasNull ? type.branches.filter((branch) => !namesEnum(branch)) : type.branches;
        return branches.map((branch) =>
          this.#emptied(branch, inBranch(at, type, branch), isNeverWritten || hasNull),
        );
      }
      case 'enum':
      case 'reference':
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
    if (type.kind !== 'enum' && type.kind !== 'fixed')
      return Object.hasOwn(logical, 'logicalType') ? { type: type.kind, ...logical } : type.kind;
    // Never emptied where they are written, so that they come out in one way only.
    const { known, ...name } = this.#names.at(type, [], type.kind);
    if (known) return `${name.namespace}.${name.name}`;
    if (type.kind === 'fixed') return { type: 'fixed', ...name, size: type.size, ...logical };
    const fallback = type.defaultSymbol === undefined ? {} : { default: type.defaultSymbol };
    return { type: 'enum', ...name, symbols: type.symbols, ...fallback };
  }

  /** Defines a record where it is met first in its place; the same treatment there refers to it. */
  #defined(type: AvroRecord, at: Place, treatment: string, fields: () => readonly Json[]): Json {
    const { known, ...name } = this.#names.at(type, at.fields, treatment);
    if (known) return `${name.namespace}.${name.name}`;
    const doc = treatment === 'keep' && type.doc !== null ? { doc: type.doc } : {};
    return { type: 'record', ...name, ...doc, fields: this.#names.inside(type.fullName, name, fields) };
  }
}

function inField({ path, fields }: Place, { name }: AvroField): Place {
  return { path: fieldPath(path, name), fields: [...fields, name] };
}

function inItems({ path, fields }: Place): Place {
  return { path: itemsPath(path), fields };
}

function inValues({ path, fields }: Place): Place {
  return { path: valuesPath(path), fields };
}

function inBranch({ path, fields }: Place, union: AvroUnion, branch: AvroType): Place {
  return { path: branchPath(path, union, branch), fields };
}

function unlikeBranches(node: PlanNode): GauzeError {
  const method = node.kind === 'leaf' ? node.instruction.method : node.kind;
  return new GauzeError('ERR_POLICY_METHOD_TYPE', { method, actual: 'union' });
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
