/**
 * Which branches of the writer's union are left in the derived one: what derived schema and transcoder must agree on.
 * It must never keep the symbols of an enum that nobody gets to see.
 */
import { isLeaf, typeWord } from '../schemas/avro-schema.ts';
import type { AvroLeaf, AvroType, AvroUnion } from '../schemas/avro-schema.ts';
import { childrenOf } from '../schemas/schema-size.ts';
import { derivedLeaf } from './method-table.ts';
import type { Instruction, MethodName, PlanNode } from './plan.ts';

/**
 * Does an enum stand anywhere in `type`? Its symbols may tell what a masked value could have been. A record inside
 * itself is taken for one that has an enum: where it is emptied, nothing of it is written either way.
 */
export function namesEnum(type: AvroType): boolean {
  return type.kind === 'enum' || type.kind === 'reference' || childrenOf(type).some(namesEnum);
}

/** Index of the null branch of a union, or -1. */
export function nullBranch(union: AvroUnion): number {
  return union.branches.findIndex((branch) => branch.kind === 'null');
}

/**
 * For each branch of the writer's union its index in the derived union, or -1 where the branch is taken out:
 * such a value is written as null. Branches that become one unnamed type become one branch. Takes the nodes of kind `union`, and `empty`, `keep` or `drop` ones over a union.
 */
export function derivedUnionBranches(node: PlanNode): readonly number[] {
  if (node.schema.kind !== 'union') return [];
  const union = node.schema;
  const hasNull = nullBranch(union) >= 0;
  const indexes = new Map<string, number>();
  let next = 0;
  return union.branches.map((branch, at) => {
    const isEmptied = node.kind === 'empty' || (node.kind === 'union' && isEmpty(node.branches[at]!));
    if (isEmptied && hasNull && namesEnum(branch)) return -1;
    const kind = node.kind === 'union' ? derivedKind(node.branches[at]!) : null;
    const same = kind === null ? undefined : indexes.get(kind);
    if (same !== undefined) return same;
    if (kind !== null) indexes.set(kind, next);
    return next++;
  });
}

/** The kind of an unnamed type that a branch becomes: a union has each of them once. Null for a named type. */
function derivedKind(node: PlanNode): string | null {
  if (node.kind === 'guarded') return derivedKind(node.node);
  const type =
    node.kind === 'leaf' && !isEmpty(node) ? derivedLeaf(node.schema, node.instruction) : node.schema;
  return 'fullName' in type ? null : type.kind;
}

/**
 * The branch of a union that would become a type of which another branch has a variant: no Avro union may hold two
 * (`string` and `string (uuid)`), and taking one for the other would give its values a meaning that they do not have.
 */
export function clashingBranch(
  branches: readonly PlanNode[],
): { readonly becomes: AvroLeaf; readonly method: MethodName } | null {
  const seen = new Map<string, string>();
  for (const node of branches) {
    const leaf = leafOf(node);
    if (!leaf) continue;
    const known = seen.get(leaf.becomes.kind);
    if (known !== undefined && known !== typeWord(leaf.becomes)) return leaf;
    seen.set(leaf.becomes.kind, typeWord(leaf.becomes));
  }
  return null;
}

/** The unnamed leaf that a branch becomes; null for the others. */
function leafOf(node: PlanNode): { readonly becomes: AvroLeaf; readonly method: MethodName } | null {
  if (node.kind === 'guarded') return leafOf(node.node);
  const { schema } = node;
  if (!isLeaf(schema)) return null;
  const instruction: Instruction = node.kind === 'leaf' ? node.instruction : { method: 'keep' };
  const becomes = isEmpty(node) ? schema : derivedLeaf(schema, instruction);
  return 'fullName' in becomes ? null : { becomes, method: instruction.method };
}

/** Is nothing of the value to be seen? */
export function isEmpty(node: PlanNode): boolean {
  return node.kind === 'empty' || (node.kind === 'leaf' && node.instruction.method === 'redact');
}
