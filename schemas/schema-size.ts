/**
 * How large a schema comes to once each named type is written out wherever it is used: a short text can unfold without
 * end, and everything that is made of a schema walks it unfolded. It must never take long to say that it is too large.
 */
import type { AvroType } from './avro-schema.ts';

/** What a schema may come to. */
export const LIMIT = { places: 20_000, levels: 256 };

interface Size {
  readonly places: number;
  readonly levels: number;
}

/** Does the type unfold beyond the limit? Types that stand in several places are looked at once. */
export function isTooLarge(root: AvroType): boolean {
  const sizes = new Map<AvroType, Size>();
  const sizeOf = (type: AvroType, depth: number): Size => {
    const known = sizes.get(type);
    if (known !== undefined) return known;
    // As deep as that, nothing below matters any more.
    if (depth > LIMIT.levels) return { places: Infinity, levels: Infinity };
    const below = childrenOf(type).map((child) => sizeOf(child, depth + 1));
    const total = {
      places: below.reduce((sum, { places }) => sum + places, 1),
      levels: Math.max(0, ...below.map(({ levels }) => levels)) + 1,
    };
    sizes.set(type, total);
    return total;
  };
  const { places, levels } = sizeOf(root, 0);
  return places > LIMIT.places || levels > LIMIT.levels;
}

/** The types directly inside `type`; nothing of what a reference stands for. */
export function childrenOf(type: AvroType): readonly AvroType[] {
  switch (type.kind) {
    case 'record':
      return type.fields.map((field) => field.type);
    case 'array':
      return [type.items];
    case 'map':
      return [type.values];
    case 'union':
      return type.branches;
    default:
      return [];
  }
}
