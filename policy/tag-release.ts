/**
 * What a release of a tag would do, before anybody writes it: which leaves would lose the tag, and why none would.
 * Pure. It must never call a release good that changes nothing: whoever wrote it would believe otherwise.
 */
import { GauzeError } from '../platform/errors.ts';
import type { TagReleaseEntry } from '../schemas/control-codecs.ts';
import { isAtOrBelow } from '../schemas/field-path.ts';
import { parseAvroSchema } from '../schemas/parse-avro.ts';
import { tagsInForce } from '../schemas/tags.ts';
import type { Leaf, PathTags, SiteTags } from '../schemas/tags.ts';
import type { PolicyState } from './policy-log.ts';
import { tagsOfSubject } from './subject-tags.ts';
import type { SubjectTags } from './subject-tags.ts';

/** Where a tag in force comes from: versions of the subject, entries of the log. */
export interface TagOrigin {
  readonly path: string;
  readonly tag: string;
  /** Numbers of the versions that carry it there. */
  readonly versions: readonly number[];
  /** Offset of the entry of the policy log that has it first, since it was last released; null for none. */
  readonly logOffset: number | null;
}

/**
 * The leaves of the newest version that lose the tag, by path.
 * @throws GauzeError ERR_TAGS_RELEASE where there are none, saying why
 */
export function leavesReleased(
  subject: SubjectTags,
  state: PolicyState,
  { path, tag }: Pick<TagReleaseEntry, 'path' | 'tag'>,
  site: SiteTags,
): readonly string[] {
  const refuse = (actual: string): GauzeError =>
    new GauzeError('ERR_TAGS_RELEASE', { subject: subject.subject, path, tag, actual });
  const carries = (tags: PathTags): boolean =>
    [...tags].some(([place, words]) => isAtOrBelow(place, path) && [...words].some((word) => word === tag));
  const tags = tagsOfSubject(subject, state);
  if (!carries(tags)) throw refuse('it is not in force there');
  if (carries(subject.newest)) throw refuse('the newest version of the schema carries it');
  const released = new Map(
    [...tags].map(([place, words]) => [place, isAtOrBelow(place, path) ? without(words, tag) : words]),
  );
  const has = (leaves: readonly Leaf[]): Set<string> =>
    new Set(leaves.filter((leaf) => [...leaf.tags].some((word) => word === tag)).map((leaf) => leaf.path));
  const [before, after] = [tags, released].map((each) => has(newestLeaves(subject, each, site)));
  const lost = [...before!].filter((leaf) => !after!.has(leaf));
  if (lost.length === 0)
    throw refuse(
      before!.size > 0
        ? 'it reaches the leaves there from another place'
        : 'no leaf of the newest version has it',
    );
  return lost;
}

/** Every tag in force, with what it comes from, in the order of the paths. */
export function tagOrigins(
  { subject, tags, newest, versions }: SubjectTags,
  each: readonly PathTags[],
  state: PolicyState | null,
): readonly TagOrigin[] {
  const logged = state?.tags.seen(subject) ?? [];
  const inForce = tagsOfSubject({ subject, tags, newest, versions }, state);
  return [...inForce].flatMap(([path, words]) =>
    [...words].sort().map((tag) => ({
      path,
      tag,
      versions: versions.filter((_, at) => each[at]!.get(path)?.has(tag)).map(({ version }) => version),
      logOffset: logged.find((one) => one.path === path && one.tag === tag)?.offset ?? null,
    })),
  );
}

function newestLeaves({ subject, versions }: SubjectTags, tags: PathTags, site: SiteTags): readonly Leaf[] {
  const newest = versions.at(-1);
  if (!newest) return [];
  const { text, references, metadata } = newest;
  return tagsInForce(parseAvroSchema(text, references, { subject }), tags, { site, metadata, subject });
}

function without<T>(words: ReadonlySet<T>, word: string): ReadonlySet<T> {
  return new Set([...words].filter((each) => each !== word));
}
