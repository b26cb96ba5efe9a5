/**
 * A plan carried out the slow and clear way: on values that avsc decoded, with the methods on values.
 * It is what the transcoder is held against, and must share no code with it but what defines a plan's meaning:
 * the methods, the derived schema's branches, the empty values, the as-of day.
 * Values come and go as avsc gives them: unions wrapped, longs as bigint, bytes as Buffer.
 */
import type { Type } from 'avsc';
import type { AudienceKeys } from '../keys/audience-keys.ts';
import { GauzeError } from '../platform/errors.ts';
import type { AvroType } from '../schemas/avro-schema.ts';
import { exactType } from '../schemas/readable-json.ts';
import { derivedUnionBranches } from './derived-unions.ts';
import { maskLeafValue } from './method-table.ts';
import {
  branchOf,
  branchesOf,
  empty,
  fieldOf,
  itemsOf,
  kept,
  nameIn,
  unwrapped,
  valuesOf,
} from './oracle-values.ts';
import { guardedBytes } from './guarded.ts';
import { PathCounts } from './path-counts.ts';
import { asOfDay } from './record-state.ts';
import type { PersonValues } from './known-leaves.ts';
import { knownValuesOf } from './known-leaves-oracle.ts';
import type { KnownValues } from './text/known-values.ts';
import { sensitiveBits } from './sensitive-values.ts';
import type { RecordPlace, ValueContext } from './method.ts';
import type { Instruction, Plan, PlanNode } from './plan.ts';

/** The two ends of a plan as avsc types. */
export interface AvscTypes {
  readonly writer: Type;
  readonly derived: Type;
}

type Wrapped = Readonly<Record<string, unknown>>;

const typesOf = new WeakMap<Plan, AvscTypes>();

/** The avsc types of a plan: exact longs, every union wrapped, logical types left as they are stored. */
export function avscTypes(plan: Plan): AvscTypes {
  let types = typesOf.get(plan);
  if (!types) {
    types = {
      writer: exactType(JSON.stringify(schemaJson(plan.root.schema))),
      derived: exactType(plan.derivedSchema),
    };
    typesOf.set(plan, types);
  }
  return types;
}

/** The schema as Avro JSON: what a decoder needs, so without logical types. A named type is written out where it first stands. */
export function schemaJson(type: AvroType, defined: Set<string> = new Set()): unknown {
  if ('fullName' in type) {
    if (defined.has(type.fullName)) return type.fullName;
    defined.add(type.fullName);
  }
  switch (type.kind) {
    case 'record':
      return {
        type: 'record',
        name: type.fullName,
        fields: type.fields.map(({ name, type: of }) => ({ name, type: schemaJson(of, defined) })),
      };
    case 'enum':
      return { type: 'enum', name: type.fullName, symbols: type.symbols };
    case 'fixed':
      return { type: 'fixed', name: type.fullName, size: type.size };
    case 'array':
      return { type: 'array', items: schemaJson(type.items, defined) };
    case 'map':
      return { type: 'map', values: schemaJson(type.values, defined) };
    case 'union':
      return type.branches.map((branch) => schemaJson(branch, defined));
    default:
      return type.kind;
  }
}

/**
 * Masks a value that `avscTypes(plan).writer` decoded; the result is one that `.derived` encodes.
 * Throws GauzeError with a `withhold` code, the same that the transcoder gives for the record.
 */
export function maskDecoded(
  plan: Plan,
  value: unknown,
  keys: AudienceKeys,
  recordTimeMs: number,
  place: RecordPlace,
  persons: PersonValues | null = null,
): unknown {
  const { writer, derived } = avscTypes(plan);
  const person = plan.personPath === null ? null : personOf(plan.root.schema, value, plan.personPath);
  const { audience } = plan;
  const context = {
    keys,
    person,
    asOfDay: asOfDay(plan.asOfDay, recordTimeMs),
    audience,
    place,
    sealed: new PathCounts(),
    known: known(plan, value, person, persons),
  };
  const sensitive = sensitiveBits(plan.root.schema, value, plan.sensitive ?? []);
  return new Masking(context, sensitive).node(plan.root, value, writer, derived);
}

/** What is known of the record's person. Throws ERR_MASK_DICTIONARY where the plan's dictionary is not at hand. */
function known(
  plan: Plan,
  value: unknown,
  person: string | null,
  persons: PersonValues | null,
): KnownValues | null {
  if (!plan.known) return null;
  if (plan.dictionary === undefined) return knownValuesOf(plan.root.schema, value, plan.known, []);
  if (!persons) throw new GauzeError('ERR_MASK_DICTIONARY');
  const more = person === null || person === '' ? [] : persons.valuesOf(person);
  return knownValuesOf(plan.root.schema, value, plan.known, more);
}

/** Text of the person's identifier; null where the record has none. */
export function personOf(type: AvroType, value: unknown, path: readonly string[]): string | null {
  if (value === null || value === undefined) return null;
  if (type.kind === 'union') {
    const [name, inner] = Object.entries(value as Wrapped)[0]!;
    const branch = type.branches.find((candidate) => wrapName(candidate) === name);
    return branch ? personOf(branch, inner, path) : null;
  }
  if (type.kind === 'record') {
    const field = type.fields.find(({ name }) => name === path[0]);
    return field ? personOf(field.type, (value as Wrapped)[field.name], path.slice(1)) : null;
  }
  const canName = type.kind === 'string' || type.kind === 'int' || type.kind === 'long';
  return path.length === 0 && canName ? `${value as string | number | bigint}` : null;
}

/** The name under which avsc wraps a value of this union branch. */
export function wrapName(type: AvroType): string {
  return 'fullName' in type ? type.fullName : type.kind;
}

/** One record on its way; `from` and `to` are the avsc types of the value before and after. */
class Masking {
  readonly #context: Omit<ValueContext, 'path'>;
  /** The record nodes that were last gone into, by full name. */
  readonly #around = new Map<string, Extract<PlanNode, { kind: 'record' }>>();

  /** Bits of the sensitive rules that the record meets. */
  readonly #sensitive: number;

  constructor(context: Omit<ValueContext, 'path'>, sensitive: number) {
    this.#context = context;
    this.#sensitive = sensitive;
  }

  node(node: PlanNode, value: unknown, from: Type, to: Type): unknown {
    switch (node.kind) {
      case 'keep':
        return kept(node.schema, value, from, to);
      case 'drop':
        return undefined;
      case 'empty':
        return empty(node.schema, to);
      case 'leaf':
        return this.#leaf(node.schema.kind === 'null' ? KEEP : node.instruction, node, value);
      case 'record':
        return this.#record(node, value as Wrapped, from, to);
      case 'array':
        return (value as unknown[]).map((item) => this.node(node.items, item, itemsOf(from), itemsOf(to)));
      case 'map':
        return this.#map(node, value as Wrapped, from, to);
      case 'guarded':
        return (this.#sensitive & node.rules) === 0
          ? this.node(node.node, value, from, to)
          : to.fromBuffer(Buffer.from(guardedBytes(node.node) ?? []));
      case 'again':
        return this.#record(this.#around.get(node.schema.fullName)!, value as Wrapped, from, to);
      default:
        return this.#union(node, value, from, to);
    }
  }

  #leaf(
    instruction: Instruction,
    { schema, path }: Extract<PlanNode, { kind: 'leaf' }>,
    value: unknown,
  ): unknown {
    return maskLeafValue(value, schema, instruction, { ...this.#context, path });
  }

  #record(node: Extract<PlanNode, { kind: 'record' }>, value: Wrapped, from: Type, to: Type): unknown {
    const masked: Record<string, unknown> = {};
    this.#around.set(node.schema.fullName, node);
    node.schema.fields.forEach(({ name }, i) => {
      const child = node.fields[i]!;
      if (child.kind === 'drop') return;
      if (child.kind === 'leaf' && child.instruction.method === 'drop') return;
      masked[name] = this.node(child, value[name], fieldOf(from, name), fieldOf(to, name));
    });
    return masked;
  }

  #map(node: Extract<PlanNode, { kind: 'map' }>, value: Wrapped, from: Type, to: Type): unknown {
    const key = { kind: 'string', logical: null, tags: [] } as const;
    return Object.fromEntries(
      Object.entries(value).map(([name, entry]) => [
        maskLeafValue(name, key, node.key, { ...this.#context, path: node.keyPath ?? '' }),
        this.node(node.values, entry, valuesOf(from), valuesOf(to)),
      ]),
    );
  }

  #union(node: Extract<PlanNode, { kind: 'union' }>, value: unknown, from: Type, to: Type): unknown {
    const index = branchOf(node.schema, value);
    const branch = node.branches[index]!;
    const hasNull = node.schema.branches.some(({ kind }) => kind === 'null');
    const emptied =
      branch.kind === 'empty' || (branch.kind === 'leaf' && branch.instruction.method === 'redact');
    if (value === null || (emptied && hasNull)) return null;
    const derived = branchesOf(to)[derivedUnionBranches(node)[index]!]!;
    return { [nameIn(derived)]: this.node(branch, unwrapped(value), branchesOf(from)[index]!, derived) };
  }
}

const KEEP: Instruction = { method: 'keep' };
