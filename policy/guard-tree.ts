/**
 * Puts guards into a plan's tree: around the places that a rule on sensitive codes empties. The derived schema is made
 * from the tree without them, since it is the same for all records.
 * It must never leave a place unguarded that the rule names: what was one kept part is taken apart down to it.
 */
import type { PlanNode } from '../processors/plan.ts';
import type { AvroType } from '../schemas/avro-schema.ts';
import {
  ROOT_PATH,
  branchPath,
  fieldPath,
  isAtOrBelow,
  itemsPath,
  valuesPath,
} from '../schemas/field-path.ts';
import { isRecursive } from '../schemas/recursion.ts';

/** Bits of the rules that empty a place, by its path. */
export type GuardedPaths = ReadonlyMap<string, number>;

/** The tree with its guards. */
export function guardTree(root: PlanNode, guarded: GuardedPaths): PlanNode {
  return guarded.size === 0 ? root : guard(root, ROOT_PATH, guarded, false);
}

/** What stands at a path of a tree; null where there is nothing, or nothing of its own: keys of a map. */
export function nodeAt(root: PlanNode, wanted: string): PlanNode | null {
  const visit = (node: PlanNode, path: string): PlanNode | null => {
    if (path === wanted) return node;
    if (!isAtOrBelow(wanted, path)) return null;
    for (const [child, childPath] of childrenOf(opened(node), path)) {
      const found = visit(child, childPath);
      if (found) return found;
    }
    return null;
  };
  return visit(root, ROOT_PATH);
}

/** `isInside`: a record around it was taken apart, so that one that comes again has to follow it. */
function guard(node: PlanNode, path: string, guarded: GuardedPaths, isInside: boolean): PlanNode {
  const bits = guarded.get(path);
  const inner = taken(node, path, guarded, isInside);
  return bits === undefined || isNothing(node)
    ? inner
    : { kind: 'guarded', schema: node.schema, rules: bits, node: inner };
}

function taken(node: PlanNode, path: string, guarded: GuardedPaths, isInside: boolean): PlanNode {
  const isAbove = [...guarded.keys()].some((each) => each !== path && isAtOrBelow(each, path));
  if (!isAbove && !(isInside && isRecursive(node.schema))) return node;
  const open = opened(node);
  const below = (child: PlanNode, childPath: string): PlanNode => guard(child, childPath, guarded, true);
  switch (open.kind) {
    case 'record':
      return {
        ...open,
        fields: open.fields.map((child, at) => below(child, fieldPath(path, open.schema.fields[at]!.name))),
      };
    case 'array':
      return { ...open, items: below(open.items, itemsPath(path)) };
    case 'map':
      return { ...open, values: below(open.values, valuesPath(path)) };
    case 'union':
      return {
        ...open,
        branches: open.branches.map((child) => {
          const childPath = branchPath(path, open.schema, child.schema);
          // The only branch beside null has its union's path, and its union's guard.
          return childPath === path ? taken(child, path, guarded, true) : below(child, childPath);
        }),
      };
    default:
      return open;
  }
}

/** A kept part as a node with parts. */
function opened(node: PlanNode): PlanNode {
  if (node.kind !== 'keep') return node;
  const { schema } = node;
  const kept = (type: AvroType): PlanNode => ({ kind: 'keep', schema: type });
  switch (schema.kind) {
    case 'record':
      return { kind: 'record', schema, fields: schema.fields.map((field) => kept(field.type)) };
    case 'array':
      return { kind: 'array', schema, items: kept(schema.items) };
    case 'map':
      return { kind: 'map', schema, key: { method: 'keep' }, values: kept(schema.values) };
    case 'union':
      return { kind: 'union', schema, branches: schema.branches.map(kept) };
    case 'reference':
      return { kind: 'again', schema };
    default:
      return node;
  }
}

function childrenOf(node: PlanNode, path: string): (readonly [PlanNode, string])[] {
  switch (node.kind) {
    case 'record':
      return node.fields.map((child, at) => [child, fieldPath(path, node.schema.fields[at]!.name)]);
    case 'array':
      return [[node.items, itemsPath(path)]];
    case 'map':
      return [[node.values, valuesPath(path)]];
    case 'union':
      return node.branches.map((child) => [child, branchPath(path, node.schema, child.schema)]);
    default:
      return [];
  }
}

/** Tells nothing as it is. */
function isNothing(node: PlanNode): boolean {
  return (
    node.kind === 'drop' ||
    node.kind === 'empty' ||
    (node.kind === 'leaf' && (node.instruction.method === 'drop' || node.instruction.method === 'redact'))
  );
}
