/**
 * Finds untagged fields that look like PHI: somebody forgot the tag. What a name says refuses (ERR_POLICY_LOOKS_LIKE_PHI,
 * in `gauze check`, in `gauze apply` and in a running lane alike); what only a doc, a type or a vague word says is a
 * warning of `gauze check` (ERR_POLICY_MAY_BE_PHI). It only ever adds a refusal: a name that looks harmless proves
 * nothing, and a leaf without an instruction is refused elsewhere whatever it is called.
 */
import { GauzeError } from '../platform/errors.ts';
import type { ErrorCode, ErrorContext } from '../platform/errors.ts';
import type { AvroType } from '../schemas/avro-schema.ts';
import { leavesOf } from '../schemas/tags.ts';
import type { Leaf, TagName, TagSources } from '../schemas/tags.ts';
import { hintOf } from './phi-hints.ts';
import { nameSuspicion } from './phi-suspicion.ts';
import type { Suspicion } from './phi-suspicion.ts';
import { leafPlace, namedPlace } from './schema-places.ts';
import type { LeafPlace } from './schema-places.ts';

/**
 * The problems of a schema by itself, for `gauze check file.avsc`.
 * @throws GauzeErrors of ERR_SCHEMA_TAG_UNKNOWN
 */
export function lintSchema(schema: AvroType, place: ErrorContext, sources: TagSources = {}): GauzeError[] {
  return lintLeaves(leavesOf(schema, sources), schema, place);
}

/**
 * ERR_POLICY_LOOKS_LIKE_PHI for each leaf that no tag reaches and whose name looks like PHI, and for each such name
 * that only PHI_NONE of a whole record reaches: a record's review does not cover the field that was added after it.
 */
export function lintLeaves(leaves: readonly Leaf[], schema: AvroType, place: ErrorContext): GauzeError[] {
  return suspects(leaves, schema, place, 'ERR_POLICY_LOOKS_LIKE_PHI', nameSuspicion);
}

/** ERR_POLICY_MAY_BE_PHI for each such leaf of which something else than its name makes a look worth while. */
export function hintLeaves(leaves: readonly Leaf[], schema: AvroType, place: ErrorContext): GauzeError[] {
  return suspects(leaves, schema, place, 'ERR_POLICY_MAY_BE_PHI', hintOf);
}

/** The tag that a name by itself speaks of, such as that of a header; null where it looks harmless. */
export function suspectedTag(path: string, record = ''): TagName | null {
  return nameSuspicion(namedPlace(path, record))?.tag ?? null;
}

function suspects(
  leaves: readonly Leaf[],
  schema: AvroType,
  place: ErrorContext,
  code: ErrorCode,
  suspicionOf: (place: LeafPlace) => Suspicion | null,
): GauzeError[] {
  return leaves.flatMap((leaf) => {
    const isReviewed = leaf.ownTags.size > 0 || [...leaf.tags].some((tag) => tag !== 'PHI_NONE');
    const found = isReviewed ? null : suspicionOf(leafPlace(leaf, schema));
    return found ? [suspect(code, found, { ...place, path: leaf.path })] : [];
  });
}

function suspect(code: ErrorCode, { tag, words, source }: Suspicion, place: ErrorContext): GauzeError {
  return new GauzeError(code, { ...place, tag, words: source === '' ? words : `${words} (${source})` });
}
