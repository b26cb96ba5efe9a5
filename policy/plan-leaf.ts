/**
 * What one leaf of a plan comes to, in a form that people can be shown. It must never hold a value of a record, and
 * never a leaf that nothing was decided for.
 */
import { GauzeError } from '../platform/errors.ts';
import type { Instruction } from '../processors/plan.ts';
import { typeWord } from '../schemas/avro-schema.ts';
import type { AvroLeaf } from '../schemas/avro-schema.ts';
import type { Leaf, TagName } from '../schemas/tags.ts';
import type { Emptied, PlanTree } from './plan-tree.ts';

/** What one leaf comes to, for people: `gauze explain`, status, the demo. */
export interface PlanLeaf {
  readonly path: string;
  /** The type in words. */
  readonly type: string;
  readonly schema: AvroLeaf;
  readonly mapKey: boolean;
  readonly tags: readonly TagName[];
  readonly instruction: Instruction;
  /** `tag PHI_MRN`, `fields: <reason>`, `untagged: drop` or `grant <id>`. */
  readonly why: string;
  /** What a redacted leaf becomes; null for the others. */
  readonly emptied: Emptied | null;
}

/** The leaf as the tree decided it. @throws GauzeError ERR_INTERNAL where nothing was decided */
export function planLeaf(leaf: Leaf, tree: PlanTree): PlanLeaf {
  const decision = tree.decisions.get(leaf.path);
  if (!decision) throw new GauzeError('ERR_INTERNAL', { path: leaf.path, causeName: 'UndecidedLeaf' });
  return {
    path: leaf.path,
    type: typeWord(leaf.type),
    schema: leaf.type,
    mapKey: leaf.mapKey,
    tags: [...leaf.tags].sort(),
    instruction: decision.instruction,
    why: decision.why,
    emptied: tree.emptied.get(leaf.path) ?? null,
  };
}
