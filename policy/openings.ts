/**
 * What a change of a policy opens, in words: an audience, a topic, a reader, a header, a time, a place that tells more
 * than before. Pure, and the same for whoever asks: apply says it, people decide about it, lanes check it for
 * themselves. What cannot be compared counts as opened; only a change about which nothing is said closes.
 */
import type { Instruction } from '../processors/plan.ts';
import { isAtOrBelow } from '../schemas/field-path.ts';
import type { PathTags, TagName } from '../schemas/tags.ts';
import { instructionInWords } from './instruction.ts';
import { exceptionFor } from './leaf-decision.ts';
import type { Policy, TopicPolicy } from './policy.ts';
import { sensitiveOpenings } from './sensitive-openings.ts';
import { isAsStrict, strictestOf } from './strictness.ts';
import { methodForTag } from './tag-method.ts';

/** A policy as it is, or would be, in force. */
export interface PolicyVersion {
  readonly policy: Policy;
  /** Days since 1970-01-01 at which ages are told at the earliest. */
  readonly asOfDay: number;
}

/** Places by raw topic: those that are known to carry tags, and others where a schema is at hand. */
export type KnownPlaces = ReadonlyMap<string, PathTags>;

const DROP: Instruction = { method: 'drop' };

/**
 * The sentences, sorted, each once; none where the change only closes. `before` is null for a new audience.
 *
 * A leaf that is held tells nothing, as if it were dropped: to drop it then opens nothing, anything else does.
 */
export function findOpenings(
  before: PolicyVersion | null,
  after: PolicyVersion,
  known: KnownPlaces,
): readonly string[] {
  const { policy } = after;
  const told = new Set<string>();
  const tell = (sentence: string): void => void told.add(`${policy.audience}: ${sentence}`);
  if (!before) tell(`a new audience, ${policy.regime}`);
  else compareSettings(before, after, tell);
  const readers = new Set(before?.policy.readers.map(({ principal }) => principal));
  for (const { principal } of policy.readers)
    if (!readers.has(principal)) tell(`${principal} is a new reader`);
  for (const topic of policy.topics.keys())
    new TopicComparison(before?.policy ?? null, policy, topic, known.get(topic) ?? new Map(), tell).run();
  return [...told].sort();
}

type Tell = (sentence: string) => void;

function compareSettings(before: PolicyVersion, { policy, asOfDay }: PolicyVersion, tell: Tell): void {
  const { regime, timestamp, methods } = before.policy;
  // A regime says what the records are in law and how reads of them count: no two can be ordered.
  if (regime !== policy.regime) tell(`regime ${policy.regime} instead of ${regime}`);
  if (policy.keys.epoch < before.policy.keys.epoch)
    tell(`key epoch ${policy.keys.epoch} again, which joins with what was made under it before`);
  if (asOfDay < before.asOfDay) tell('ages are told as of an earlier day');
  comparePersons(before.policy, policy, tell);
  if (timestamp !== 'keep' && policy.timestamp === 'keep')
    tell(`the times of records stay instead of being ${timestamp === 'shift' ? 'shifted' : 'stamped anew'}`);
  if (timestamp === 'append' && policy.timestamp === 'shift')
    tell('the times of records are shifted instead of being stamped anew');
  for (const [tag, instruction] of policy.methods) {
    const bound = methods.get(tag) ?? null;
    if (!isAsStrict(instruction, bound ?? DROP)) tell(`${tag}: ${instead(instruction, bound)}`);
  }
}

/**
 * That two identifiers are one person's is told by one pseudonym for both. Which file says so changes with every merge,
 * and was decided when merges began to count.
 */
function comparePersons({ persons: before }: Policy, { persons: after }: Policy, tell: Tell): void {
  if (after?.aliases && !before?.aliases) tell('dates of merged persons move alike');
  const joined = new Set(before?.aliases ? before.domains : []);
  for (const domain of after?.aliases ? after.domains : [])
    if (!joined.has(domain)) tell(`identifiers of merged persons come out as one in ${domain}`);
}

class TopicComparison {
  readonly #before: Policy | null;
  readonly #after: Policy;
  readonly #topic: string;
  readonly #known: PathTags;
  readonly #tell: Tell;

  constructor(before: Policy | null, after: Policy, topic: string, known: PathTags, tell: Tell) {
    // A policy that does not cover the topic says nothing of it.
    this.#before = before?.topics.has(topic) ? before : null;
    this.#after = after;
    this.#topic = topic;
    this.#known = known;
    this.#tell = (sentence) => tell(`${topic}: ${sentence}`);
  }

  run(): void {
    if (!this.#before) this.#tell('a new topic');
    this.#compareKeys();
    this.#compareHeaders();
    this.#compareSensitive();
    this.#comparePlaces();
    if (this.#before) this.#compareExceptions(this.#before);
  }

  #compareKeys(): void {
    const before = this.#before && keyMethod(this.#before, this.#before.topics.get(this.#topic)!);
    const after = keyMethod(this.#after, this.#after.topics.get(this.#topic)!);
    if (after && !isAsStrict(after, before ?? DROP)) this.#tell(`record key: ${instead(after, before)}`);
  }

  #compareHeaders(): void {
    const before = this.#before?.topics.get(this.#topic)?.headers;
    for (const header of this.#after.topics.get(this.#topic)!.headers.keys())
      if (!before?.has(header)) this.#tell(`the header ${header} is kept`);
  }

  #compareSensitive(): void {
    const [before = [], after = []] = [this.#before, this.#after].map((policy) =>
      policy?.sensitive.get(this.#topic),
    );
    for (const opening of sensitiveOpenings(before, after)) this.#tell(opening);
  }

  #comparePlaces(): void {
    const told: { readonly path: string; readonly what: string }[] = [];
    for (const path of this.#known.keys()) {
      const what = this.#placeOpens(path);
      if (what) told.push({ path, what });
    }
    // What is said of every part need not be said of the whole too.
    const isSaidBelow = ({ path, what }: (typeof told)[number]): boolean =>
      told.some((other) => other.path !== path && other.what === what && isAtOrBelow(other.path, path));
    for (const each of told) if (!isSaidBelow(each)) this.#tell(`${each.path}: ${each.what}`);
  }

  #placeOpens(path: string): string | null {
    const after = this.#askedFor(this.#after, path);
    const before = this.#before && this.#askedFor(this.#before, path);
    return after && !isAsStrict(after, before ?? DROP) ? instead(after, before) : null;
  }

  /** What comes of a place: its own instruction, unless the key of a map around it takes the whole map away. */
  #askedFor(policy: Policy, path: string): Instruction | null {
    const at = (place: string): Instruction | null =>
      askedFor(policy, this.#topic, place, this.#known.get(place) ?? new Set());
    const keys = [...path.matchAll(/\{\}/g)].map(({ index }) => at(`${path.slice(0, index)}{key}`));
    const own = at(path);
    const all = [own, ...keys];
    if (all.some((each) => each?.method === 'drop')) return DROP;
    if (all.includes(null)) return null;
    return all.find((each) => each?.method === 'redact') ?? own;
  }

  /**
   * Exceptions also decide about places that no schema has yet. What they are held against there must not be guessed:
   * without a tag on it, a place told nothing before, and nobody knows what it will tell.
   */
  #compareExceptions(before: Policy): void {
    const written = [before, this.#after].flatMap(({ fields }) => [...(fields.get(this.#topic) ?? [])]);
    for (const path of new Set(written.map(([each]) => each))) {
      const [was, is] = [before, this.#after].map((policy) =>
        askedFor(policy, this.#topic, path, this.#known.get(path) ?? new Set()),
      );
      const isException = exceptionFor(this.#after, this.#topic, path) !== null;
      if (isException || this.#isTagged(path)) {
        const bound = exceptionFor(before, this.#topic, path) || this.#isTagged(path) ? was : null;
        if (is && !isAsStrict(is, bound ?? DROP)) this.#tell(`${path}: ${instead(is, bound ?? null)}`);
      } else if (was && was.method !== 'keep')
        this.#tell(`${path}: what its tags will say instead of ${instructionInWords(was)}`);
    }
  }

  /** Do all leaves at or below the path that there can be carry a tag? PHI_NONE is said of one place only. */
  #isTagged(path: string): boolean {
    const own = this.#known.get(path)?.has('PHI_NONE') ?? false;
    const isWhole = [...this.#known.keys()].some((place) => place !== path && isAtOrBelow(place, path));
    if (own && !isWhole) return true;
    return [...this.#known].some(
      ([place, tags]) => isAtOrBelow(path, place) && [...tags].some((tag) => tag !== 'PHI_NONE'),
    );
  }
}

/**
 * What a policy asks for at a place; null where it asks for nothing, or for several things that cannot be ordered: both
 * hold the leaf. Types and regimes are left out: they can only hold more.
 */
function askedFor(
  policy: Policy,
  topic: string,
  path: string,
  tags: ReadonlySet<TagName>,
): Instruction | null {
  const exception = exceptionFor(policy, topic, path);
  if (exception) return exception[1].instruction;
  const words = [...tags].filter((tag) => tag !== 'PHI_NONE' || tags.size === 1);
  if (words.length === 0) return policy.untagged === 'drop' ? DROP : null;
  const asked: Instruction[] = [];
  for (const tag of words) {
    const instruction = methodForTag(policy, tag);
    if (!instruction) return null;
    asked.push(instruction);
  }
  return strictestOf(asked);
}

function keyMethod(policy: Policy, { keyTag }: TopicPolicy): Instruction | null {
  return keyTag && methodForTag(policy, keyTag);
}

function instead(after: Instruction, before: Instruction | null): string {
  return before
    ? `${instructionInWords(after)} instead of ${instructionInWords(before)}`
    : `${instructionInWords(after)} instead of nothing`;
}
