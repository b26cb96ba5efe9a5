/**
 * Tags of a subject: those of all its versions in the registry, and those that the policy log has kept. Together they
 * are in force; none may be left out, or a tag taken away later would stop protecting.
 */
import { parseAvroSchema } from '../schemas/parse-avro.ts';
import type { RegistryClient, SubjectVersion } from '../schemas/registry-client.ts';
import { pathTags, tagsInForce, unionTags } from '../schemas/tags.ts';
import type { PathTags, SiteTags, TagName } from '../schemas/tags.ts';
import type { PolicyState } from './policy-log.ts';

export interface SubjectTags {
  readonly subject: string;
  readonly versions: readonly SubjectVersion[];
  /** The union over all versions. */
  readonly tags: PathTags;
  /** Those of the newest version: no release can take them away. */
  readonly newest: PathTags;
}

/** Tags as an entry of the policy log holds them. */
export type TagEntries = readonly { readonly path: string; readonly tags: readonly string[] }[];

/** Reads all versions, soft-deleted ones too. Throws the registry's errors and those of parsing. */
export async function readSubjectTags(
  registry: RegistryClient,
  site: SiteTags,
  subject: string,
): Promise<SubjectTags> {
  return tagsOfVersions(subject, await registry.subjectVersions(subject), site);
}

/** The union over the versions given. Throws what parsing throws. */
export function tagsOfVersions(
  subject: string,
  versions: readonly SubjectVersion[],
  site: SiteTags,
): SubjectTags {
  const each = versions.map(({ text, references, metadata }) =>
    pathTags(parseAvroSchema(text, references, { subject }), { site, metadata, subject }),
  );
  return { subject, versions, tags: unionTags(each), newest: each.at(-1) ?? new Map() };
}

/** All tags in force: of the versions, and all that the log has ever seen, without what people have released. */
export function tagsOfSubject(subject: SubjectTags, state: PolicyState | null): PathTags {
  const own = withoutReleased(subject, state);
  return state ? unionTags([own, state.tags.inForce(subject.subject)]) : own;
}

/** A release is about versions before the newest: what that one carries, it carries. */
function withoutReleased({ subject, tags, newest }: SubjectTags, state: PolicyState | null): PathTags {
  if (!state || state.tags.releasesOf(subject).length === 0) return tags;
  return new Map(
    [...tags].map(([path, words]) => {
      const isKept = (tag: TagName): boolean =>
        newest.get(path)?.has(tag) === true || !state.tags.isReleased(subject, path, tag);
      return [path, new Set([...words].filter(isKept))];
    }),
  );
}

/** Every place of every version, with the tags in force there; places without a tag too. */
export function placesInForce(
  { subject, versions, tags: own }: SubjectTags,
  tags: PathTags,
  site: SiteTags,
): PathTags {
  const leaves = versions.flatMap(({ text, references, metadata }) =>
    tagsInForce(parseAvroSchema(text, references, { subject }), tags, { site, metadata, subject }),
  );
  return unionTags([own, tags, ...leaves.map((leaf): PathTags => new Map([[leaf.path, leaf.tags]]))]);
}

/** What the log does not have yet of the versions' tags. */
export function unseenTags(subject: SubjectTags, state: PolicyState | null): TagEntries {
  const known = state?.tags.inForce(subject.subject);
  return [...withoutReleased(subject, state)].flatMap(([path, words]) => {
    const unseen = [...words].filter((word) => !known?.get(path)?.has(word));
    return unseen.length > 0 ? [{ path, tags: unseen }] : [];
  });
}
