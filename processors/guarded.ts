/**
 * What a guarded part of a record becomes where a rule on sensitive codes empties it: null, or the empty value of
 * its derived type, so that the derived schema is the same for all records. It must never look at a value.
 */
import { isLeaf } from '../schemas/avro-schema.ts';
import type { AvroType } from '../schemas/avro-schema.ts';
import { derivedUnionBranches, nullBranch } from './derived-unions.ts';
import { hasEmptyValue } from './empty-leaf.ts';
import { canBeEmpty, emptyBytes, indexBytes } from './empty-value.ts';
import { derivedLeaf } from './method-table.ts';
import type { PlanNode } from './plan.ts';

/** The bytes that stand for nothing under the derived schema of `node`; null where its type has no such value. */
export function guardedBytes(node: PlanNode): readonly number[] | null {
  switch (node.kind) {
    case 'drop':
      return [];
    case 'keep':
      return keptBytes(node.schema);
    case 'empty':
      return canBeEmpty(node.schema) ? emptyBytes(node.schema) : null;
    case 'leaf': {
      if (node.instruction.method === 'drop') return [];
      const derived = derivedLeaf(node.schema, node.instruction);
      return hasEmptyValue(derived) ? emptyBytes(derived) : null;
    }
    case 'record':
      return joined(node.fields.map(guardedBytes));
    case 'array':
    case 'map':
      return [0];
    case 'union': {
      const derived = derivedUnionBranches(node);
      return branchBytes(node.schema, node.branches.map(guardedBytes), derived);
    }
    case 'guarded':
      return guardedBytes(node.node);
    default:
      return null;
  }
}

function keptBytes(type: AvroType): readonly number[] | null {
  if (isLeaf(type)) return hasEmptyValue(type) ? emptyBytes(type) : null;
  switch (type.kind) {
    case 'record':
      return joined(type.fields.map((field) => keptBytes(field.type)));
    case 'union':
      return branchBytes(
        type,
        type.branches.map(keptBytes),
        type.branches.map((_, at) => at),
      );
    case 'array':
    case 'map':
      return [0];
    default:
      return null;
  }
}

/** Null where the union has it, else its first branch that has an empty value. */
function branchBytes(
  type: Extract<AvroType, { kind: 'union' }>,
  branches: readonly (readonly number[] | null)[],
  derived: readonly number[],
): readonly number[] | null {
  const ofNull = nullBranch(type);
  const at = ofNull >= 0 ? ofNull : branches.findIndex((bytes) => bytes !== null);
  return at < 0 ? null : [...indexBytes(derived[at]!), ...(branches[at] ?? [])];
}

function joined(parts: readonly (readonly number[] | null)[]): readonly number[] | null {
  return parts.includes(null) ? null : parts.flatMap((part) => part ?? []);
}
