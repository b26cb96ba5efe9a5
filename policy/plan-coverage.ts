/**
 * The last line before a plan is used: no leaf of the tree keeps more than was decided for it.
 * It compares the tree with the list of leaves, which are made by different code, so that a mistake in either of them
 * stops the plan. It must never mend anything.
 */
import { GauzeError } from '../platform/errors.ts';
import type { Instruction, PlanNode } from '../processors/plan.ts';
import type { AvroType } from '../schemas/avro-schema.ts';

/** @throws GauzeError ERR_INTERNAL where the tree keeps more or fewer leaves than `leaves` say */
export function assertCovered(
  root: PlanNode,
  leaves: readonly { readonly instruction: Instruction }[],
): void {
  const kept = countKept(root);
  const decided = leaves.filter((leaf) => leaf.instruction.method === 'keep').length;
  if (kept !== decided) throw new GauzeError('ERR_INTERNAL', { causeName: 'PlanKeepsMoreThanDecided' });
}

/** How many leaves of the tree pass unchanged. */
function countKept(node: PlanNode): number {
  switch (node.kind) {
    case 'keep':
      return countLeaves(node.schema);
    case 'leaf':
      return node.instruction.method === 'keep' ? 1 : 0;
    case 'record':
      return sum(node.fields.map(countKept));
    case 'array':
      return countKept(node.items);
    case 'map':
      return (node.key.method === 'keep' ? 1 : 0) + countKept(node.values);
    case 'union':
      return sum(node.branches.map(countKept));
    default:
      return 0;
  }
}

function countLeaves(type: AvroType): number {
  switch (type.kind) {
    case 'null':
    case 'reference':
      return 0;
    case 'record':
      return sum(type.fields.map((field) => countLeaves(field.type)));
    case 'array':
      return countLeaves(type.items);
    case 'map':
      return 1 + countLeaves(type.values);
    case 'union':
      return sum(type.branches.map(countLeaves));
    default:
      return 1;
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
