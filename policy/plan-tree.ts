/**
 * Builds the instruction tree of a plan from one decision per leaf: subtrees that are all kept, all dropped or all
 * emptied become one node; a map follows its keys.
 * It must never make a tree for a leaf without a decision, nor keep anything that has no leaf but tells something
 * by its shape (the length of a list of nothing): that is dropped.
 */
import { clashingBranch } from '../processors/derived-unions.ts';
import type { Instruction, MethodName, PlanNode } from '../processors/plan.ts';
import type { AvroMap, AvroReference, AvroType, AvroUnion } from '../schemas/avro-schema.ts';
import {
  ROOT_PATH,
  branchPath,
  fieldPath,
  isAtOrBelow,
  itemsPath,
  keyPath,
  valuesPath,
} from '../schemas/field-path.ts';
import type { LeafDecision } from './leaf-decision.ts';

/** What a redacted leaf becomes: null, its type's empty value, or nothing at all because what held it was emptied. */
export type Emptied = 'null' | 'empty value' | 'absent';

export interface PlanTree {
  /** The tree; not to be used where a problem was reported. */
  readonly root: PlanNode;
  /** The decisions as they came out: whole maps follow their keys. */
  readonly decisions: ReadonlyMap<string, LeafDecision>;
  readonly emptied: ReadonlyMap<string, Emptied>;
}

/** A structural problem: the code, where, and what stands there. */
export type ReportShape = (
  code: 'ERR_POLICY_UNION_DROP' | 'ERR_POLICY_METHOD_TYPE' | 'ERR_POLICY_UNION_TYPES',
  path: string,
  method: MethodName,
  type: AvroType,
) => void;

/** What a subtree comes to; `none` has no leaf, `open` none that was decided. */
type Outcome = 'keep' | 'drop' | 'redact' | 'mixed' | 'none' | 'open';

interface Part {
  /** As if the records inside themselves that end here came to the same. */
  readonly outcome: Outcome;
  /** Full names of the records around it that come again in it. */
  readonly again: ReadonlySet<string>;
  /** Called only where nothing around it came to one node. */
  node(): PlanNode;
}

const NONE: ReadonlySet<string> = new Set();

/** Builds the tree of `schema`; leaves that are missing in `decisions` had a problem, which was reported. */
export function buildPlanTree(
  schema: AvroType,
  decisions: ReadonlyMap<string, LeafDecision>,
  report: ReportShape,
): PlanTree {
  return new TreeBuilder(decisions, report).build(schema);
}

/** Has every part of the type an empty value that tells nothing, not even which branch a union had? */
export function isEmptiable(type: AvroType): boolean {
  switch (type.kind) {
    case 'enum':
    case 'fixed':
    // What is empty ends here.
    case 'reference':
      return false;
    case 'record':
      return type.fields.every((field) => isEmptiable(field.type));
    case 'union':
      return hasNull(type) || type.branches.every(isEmptiable);
    default:
      return true;
  }
}

class TreeBuilder {
  readonly #decisions: Map<string, LeafDecision>;
  readonly #emptied = new Map<string, Emptied>();
  readonly #report: ReportShape;
  /** What the records around the node that is made came to. */
  readonly #around = new Map<string, Outcome>();

  constructor(decisions: ReadonlyMap<string, LeafDecision>, report: ReportShape) {
    this.#decisions = new Map(decisions);
    this.#report = report;
  }

  build(schema: AvroType): PlanTree {
    const part = this.#part(schema, ROOT_PATH);
    if (part.outcome === 'drop' && schema.kind !== 'record')
      this.#report('ERR_POLICY_METHOD_TYPE', ROOT_PATH, 'drop', schema);
    return { root: part.node(), decisions: this.#decisions, emptied: this.#emptied };
  }

  #part(type: AvroType, path: string): Part {
    switch (type.kind) {
      case 'record': {
        const fields = type.fields.map((field) => this.#part(field.type, fieldPath(path, field.name)));
        const inside = againIn(fields);
        const again = new Set([...inside].filter((name) => name !== type.fullName));
        const all = combined(fields);
        // A tree of nothing tells its shape.
        const outcome = all === 'none' && inside.size > again.size ? 'drop' : all;
        const mixed = (): PlanNode => {
          this.#around.set(type.fullName, outcome);
          return {
            kind: 'record',
            schema: type,
            fields: fields.map((part, at) =>
              outcome === 'drop' && part.again.size > 0
                ? { kind: 'drop', schema: type.fields[at]!.type }
                : part.node(),
            ),
          };
        };
        // The value itself cannot be dropped: what is left is a record without fields.
        if (outcome === 'drop' && path === ROOT_PATH) return { outcome, again, node: mixed };
        return this.#finished(type, path, outcome, mixed, again);
      }
      case 'reference':
        return this.#again(type, path);
      case 'array': {
        const items = this.#part(type.items, itemsPath(path));
        const outcome = items.outcome === 'none' && items.again.size === 0 ? 'drop' : items.outcome;
        const parts = (): PlanNode => ({ kind: 'array', schema: type, items: items.node() });
        return this.#finished(type, path, outcome, parts, items.again);
      }
      case 'map':
        return this.#map(type, path);
      case 'union':
        return this.#union(type, path);
      case 'null':
        return { outcome: 'none', again: NONE, node: () => ({ kind: 'keep', schema: type }) };
      default: {
        const instruction = this.#decisions.get(path)?.instruction;
        return this.#finished(type, path, outcomeOf(instruction), () => {
          if (instruction === undefined) return { kind: 'drop', schema: type };
          if (instruction.method === 'redact') this.#report('ERR_POLICY_METHOD_TYPE', path, 'redact', type);
          return { kind: 'leaf', schema: type, path, instruction };
        });
      }
    }
  }

  #finished(
    type: AvroType,
    path: string,
    outcome: Outcome,
    parts: () => PlanNode,
    again: ReadonlySet<string> = NONE,
  ): Part {
    const node = (): PlanNode => {
      // What comes again in it did not come to one node, or this would not be asked.
      if (again.size > 0) return parts();
      if (outcome === 'keep' || outcome === 'none') return { kind: 'keep', schema: type };
      if (outcome === 'drop') return { kind: 'drop', schema: type };
      return outcome === 'redact' && isEmptiable(type) ? this.#empty(type, path) : parts();
    };
    return { outcome, again, node };
  }

  /** A record inside itself is dropped by an exception, or it is what the record around it is. */
  #again(type: AvroReference, path: string): Part {
    if (this.#decisions.get(path)?.instruction.method === 'drop')
      return this.#finished(type, path, 'drop', () => ({ kind: 'drop', schema: type }));
    const node = (): PlanNode => {
      // Emptied, and not as a whole: how deep it goes would be told.
      if (this.#around.get(type.fullName) === 'redact')
        this.#report('ERR_POLICY_METHOD_TYPE', path, 'redact', type);
      return { kind: 'again', schema: type };
    };
    return { outcome: 'none', again: new Set([type.fullName]), node };
  }

  #map(type: AvroMap, path: string): Part {
    const values = this.#part(type.values, valuesPath(path));
    const key = this.#decisions.get(keyPath(path));
    const method = key?.instruction.method;
    if (key && (method === 'drop' || (method === 'redact' && values.outcome !== 'drop')))
      this.#follow(path, key);
    else if (isDropped(values)) this.#follow(path, this.#firstBelow(valuesPath(path)));
    const outcome = this.#mapOutcome(outcomeOf(key?.instruction), values);
    const isWhole = method === 'drop' || method === 'redact';
    const parts = (): PlanNode => ({
      kind: 'map',
      schema: type,
      keyPath: keyPath(path),
      key: key?.instruction ?? { method: 'drop' },
      values: values.node(),
    });
    return this.#finished(type, path, outcome, parts, isWhole ? NONE : values.again);
  }

  #mapOutcome(key: Outcome, values: Part): Outcome {
    if (key === 'drop' || isDropped(values)) return 'drop';
    if (key === 'redact') return 'redact';
    return combined([{ outcome: key }, values]);
  }

  #union(type: AvroUnion, path: string): Part {
    const parts = type.branches.map((branch) => this.#part(branch, branchPath(path, type, branch)));
    const all = combined(parts);
    // Which of several branches without a leaf was taken tells something too.
    const again = againIn(parts);
    const outcome = all === 'none' && parts.length > 1 && again.size === 0 ? 'drop' : all;
    const node = (): PlanNode => {
      const branches = parts.map((part, at) => this.#branch(type, at, part, path));
      const clash = clashingBranch(branches);
      if (clash) this.#report('ERR_POLICY_UNION_TYPES', path, clash.method, clash.becomes);
      return { kind: 'union', schema: type, branches };
    };
    return this.#finished(type, path, outcome, node, again);
  }

  #branch(union: AvroUnion, at: number, part: Part, path: string): PlanNode {
    const branch = union.branches[at]!;
    const place = branchPath(path, union, branch);
    if (part.again.size > 0) return part.node();
    if (part.outcome === 'drop') this.#report('ERR_POLICY_UNION_DROP', place, 'drop', branch);
    // Written as null, whatever the type: an enum has no empty value, and needs none here.
    if (part.outcome === 'redact' && hasNull(union)) return this.#empty(branch, place, 'null');
    return part.node();
  }

  #empty(type: AvroType, path: string, at: Emptied = 'empty value'): PlanNode {
    this.#mark(type, path, at);
    return { kind: 'empty', schema: type };
  }

  /** Notes what becomes of each leaf of an emptied type. */
  #mark(type: AvroType, path: string, at: Emptied): void {
    if (type.kind === 'record' && at === 'empty value') {
      for (const field of type.fields) this.#mark(field.type, fieldPath(path, field.name), at);
      return;
    }
    if (type.kind === 'union' && at === 'empty value') {
      const becomes = hasNull(type) ? 'null' : at;
      for (const branch of type.branches) this.#mark(branch, branchPath(path, type, branch), becomes);
      return;
    }
    for (const leaf of this.#below(path)) this.#emptied.set(leaf, leaf === path ? at : 'absent');
  }

  /** Every leaf of the map at `path` gets what `decision` says. */
  #follow(path: string, decision: LeafDecision): void {
    for (const leaf of [...this.#below(valuesPath(path)), keyPath(path)])
      if (this.#decisions.has(leaf)) this.#decisions.set(leaf, decision);
  }

  #firstBelow(path: string): LeafDecision {
    const [leaf = ''] = this.#below(path);
    return this.#decisions.get(leaf) ?? { instruction: { method: 'drop' }, why: 'its values are dropped' };
  }

  #below(path: string): string[] {
    return [...this.#decisions.keys()].filter((leaf) => isAtOrBelow(leaf, path));
  }
}

function againIn(parts: readonly Part[]): ReadonlySet<string> {
  return new Set(parts.flatMap(({ again }) => [...again]));
}

/** Is all of it dropped, and nothing in it comes again that may be more? */
function isDropped({ outcome, again }: Part): boolean {
  return outcome === 'drop' && again.size === 0;
}

function outcomeOf(instruction: Instruction | undefined): Outcome {
  if (instruction === undefined) return 'open';
  const { method } = instruction;
  return method === 'keep' || method === 'drop' || method === 'redact' ? method : 'mixed';
}

function combined(parts: readonly { readonly outcome: Outcome }[]): Outcome {
  const decided = new Set(parts.map((part) => part.outcome).filter((outcome) => outcome !== 'none'));
  if (decided.size > 1) decided.delete('open');
  const [only = 'none'] = decided;
  return decided.size > 1 ? 'mixed' : only;
}

function hasNull(union: AvroUnion): boolean {
  return union.branches.some((branch) => branch.kind === 'null');
}
