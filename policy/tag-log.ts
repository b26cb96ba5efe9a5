/**
 * Tags as the policy log has them: what was ever seen at a place of a subject's schemas, and what people have released.
 * A release counts for what was seen before it; seen again, a tag is in force again. Once approvals are required, one
 * counts only with a decision of people about exactly that. It must never let a tag go for anything else.
 */
import { createHash } from 'node:crypto';
import type { PolicyApprovalEntry, PolicyLogEntry, TagReleaseEntry } from '../schemas/control-codecs.ts';
import { isAtOrBelow } from '../schemas/field-path.ts';
import { isTagName } from '../schemas/tags.ts';
import type { TagName } from '../schemas/tags.ts';
import { canonicalJson } from './canonical-json.ts';
import type { PolicyRequest } from './policy-approval.ts';

type TagsSeen = NonNullable<PolicyLogEntry['tags']>;

/** What releases are judged by. */
export interface ReleaseGate {
  /** Where in the log approvals became required; null before. */
  at(): number | null;
  /** The request that was approved by exactly the decision that is named; null where there is none. */
  approved(approval: PolicyApprovalEntry): PolicyRequest | null;
}

/** A release as the log has it. */
export interface LoggedRelease {
  readonly release: TagReleaseEntry;
  readonly offset: number;
  readonly atMs: number;
  /** Does it count? False: nobody has decided it, or not exactly this. */
  readonly isInForce: boolean;
}

/** Where in the log a tag was seen first. */
export interface SeenTag {
  readonly path: string;
  readonly tag: TagName;
  readonly offset: number;
}

interface Release {
  readonly release: TagReleaseEntry;
  readonly approval: PolicyApprovalEntry | null;
  readonly offset: number;
  readonly atMs: number;
}

export class TagLog {
  readonly #gate: ReleaseGate;
  readonly #seen = new Map<string, SeenTag[]>();
  readonly #releases: Release[] = [];
  /** Whether each release counted when that was last looked at. */
  #counted: readonly boolean[] = [];

  constructor(gate: ReleaseGate) {
    this.#gate = gate;
  }

  /** Takes in what was seen; true where any of it was not there before. */
  see(offset: number, { subject, paths }: TagsSeen): boolean {
    const list = this.#seen.get(subject) ?? [];
    this.#seen.set(subject, list);
    // A release may come to count later than it was written: what was seen after it must be kept apart.
    const from = Math.max(-1, ...this.releasesOf(subject).map((release) => release.offset));
    const known = new Set(list.filter((each) => each.offset > from).map(({ path, tag }) => `${path} ${tag}`));
    const before = list.length;
    for (const { path, tags } of paths)
      for (const tag of tags.filter(isTagName))
        if (!known.has(`${path} ${tag}`)) list.push({ path, tag, offset });
    return list.length > before;
  }

  release(
    offset: number,
    atMs: number,
    release: TagReleaseEntry,
    approval: PolicyApprovalEntry | null,
  ): void {
    this.#releases.push({ release, approval, offset, atMs });
    this.#counted = this.#count();
  }

  /** Judges again after more decisions were read; true where anything has changed. */
  settle(): boolean {
    const before = this.#counted;
    this.#counted = this.#count();
    return this.#counted.some((counts, at) => counts !== before[at]);
  }

  /** Lets each release count as it does in a later state of the same log, which has read people's decisions too. */
  countAs(later: TagLog): void {
    this.#counted = this.#releases.map(({ offset }) => later.#counts(offset));
  }

  /** Highest offset in gauze.access that a release names; -1 for none. */
  get namedDecision(): number {
    return Math.max(-1, ...this.#releases.map(({ approval }) => approval?.decision_offset ?? -1));
  }

  /** Tags by place that the log has in force for a subject, of the entries before `before`. */
  inForce(subject: string, before = Infinity): Map<string, Set<TagName>> {
    const tags = new Map<string, Set<TagName>>();
    for (const { path, tag } of this.seen(subject, before)) {
      const words = tags.get(path) ?? new Set<TagName>();
      tags.set(path, words.add(tag));
    }
    return tags;
  }

  /** The same, each with where it was seen first since it was last released. */
  seen(subject: string, before = Infinity): readonly SeenTag[] {
    const seen = (this.#seen.get(subject) ?? []).filter(({ offset }) => offset < before);
    const releases = this.#inForce(subject, before);
    return seen.filter(
      (each) => !releases.some((one) => isReleasedBy(one, each.path, each.tag, each.offset)),
    );
  }

  /** Has the tag been released at the place, or above it? What carries it now, or was seen later, counts nonetheless. */
  isReleased(subject: string, path: string, tag: string, before = Infinity): boolean {
    return this.#inForce(subject, before).some((one) => isReleasedBy(one, path, tag, -1));
  }

  /** All releases of a subject, in order. */
  releasesOf(subject: string): readonly LoggedRelease[] {
    return this.#releases.flatMap(({ release, offset, atMs }, at) =>
      release.subject === subject ? [{ release, offset, atMs, isInForce: this.#counted[at]! }] : [],
    );
  }

  /** Has a release in force used this request's decision up? */
  isUsed(requestId: string): boolean {
    return this.#releases.some(
      ({ approval }, at) => this.#counted[at]! && approval?.request_id === requestId,
    );
  }

  #inForce(subject: string, before: number): readonly Release[] {
    return this.#releases.filter(
      ({ release, offset }, at) => release.subject === subject && offset < before && this.#counted[at]!,
    );
  }

  #counts(offset: number): boolean {
    return this.#counted[this.#releases.findIndex((each) => each.offset === offset)] ?? false;
  }

  #count(): readonly boolean[] {
    const used = new Set<string>();
    return this.#releases.map((each) => {
      const requiredFrom = this.#gate.at();
      if (requiredFrom === null || each.offset < requiredFrom) return true;
      const { approval, release } = each;
      const request = approval && !used.has(approval.request_id) ? this.#gate.approved(approval) : null;
      if (!approval || !request || !isAbout(request, release)) return false;
      used.add(approval.request_id);
      return true;
    });
  }
}

/** The name under which people are asked about a release, where other questions have an audience. */
export function releaseName({ subject }: Pick<TagReleaseEntry, 'subject'>): string {
  return `tags of ${subject}`;
}

/** What a release opens, in words. */
export function releaseWords({ path, tag }: TagReleaseEntry): string {
  return `${tag} of earlier versions no longer counts at ${path} and below`;
}

/** What people decide about: SHA-256 over every word of a release. */
export function releaseHash({ subject, path, tag, by, reason }: TagReleaseEntry): Buffer {
  return createHash('sha256')
    .update(canonicalJson(['tags.release', subject, path, tag, by, reason]))
    .digest();
}

function isAbout(request: PolicyRequest, release: TagReleaseEntry): boolean {
  return (
    request.audience === releaseName(release) &&
    request.sha256 === releaseHash(release).toString('hex') &&
    request.opens.includes(releaseWords(release))
  );
}

function isReleasedBy({ release, offset }: Release, path: string, tag: string, seenAt: number): boolean {
  return release.tag === tag && seenAt < offset && isAtOrBelow(path, release.path);
}
