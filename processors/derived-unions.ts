/**
 * Which branches of the writer's union are left in the derived one: what derived schema and transcoder must agree on.
 * It must never keep the symbols of an enum that nobody gets to see.
 */
import type { AvroType, AvroUnion } from '../schemas/avro-schema.ts';
import { childrenOf } from '../schemas/parse-avro.ts';
import type { PlanNode } from './plan.ts';

/** Does an enum stand anywhere in `type`? Its symbols may tell what a masked value could have been. */
export function namesEnum(type: AvroType): boolean {
  return type.kind === 'enum' || childrenOf(type).some(namesEnum);
}

/** Index of the null branch of a union, or -1. */
export function nullBranch(union: AvroUnion): number {
  return union.branches.findIndex((branch) => branch.kind === 'null');
}

/**
 * For each branch of the writer's union its index in the derived union, or -1 where the branch is taken out:
 * such a value is written as null. Takes the nodes of kind `union`, and `empty`, `keep` or `drop` ones over a union.
 */
export function derivedUnionBranches(node: PlanNode): readonly number[] {
  if (node.schema.kind !== 'union') return [];
  const union = node.schema;
  const hasNull = nullBranch(union) >= 0;
  let next = 0;
  return union.branches.map((branch, at) => {
    const isEmptied = node.kind === 'empty' || (node.kind === 'union' && isEmpty(node.branches[at]!));
    return isEmptied && hasNull && namesEnum(branch) ? -1 : next++;
  });
}

/** Is nothing of the value to be seen? */
export function isEmpty(node: PlanNode): boolean {
  return node.kind === 'empty' || (node.kind === 'leaf' && node.instruction.method === 'redact');
}
