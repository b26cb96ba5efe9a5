/**
 * Which version of each audience's policy is in force. Once approvals are required, one that opens anything counts only
 * if it names a decision that people took about exactly that; until then the version before it stays. Judged from the
 * two logs alone, in order, so that every instance comes to the same, today and after a restart.
 */
import type { AccessEntry } from '../schemas/access-codecs.ts';
import type { PolicyApprovalEntry } from '../schemas/control-codecs.ts';
import { GauzeError, GauzeErrors } from '../platform/errors.ts';
import { valueSubject } from '../schemas/topic-names.ts';
import { findOpenings } from './openings.ts';
import type { KnownPlaces, PolicyVersion } from './openings.ts';
import { PolicyApprovals } from './policy-approval.ts';
import { parsePolicy } from './policy-file.ts';
import type { Policy } from './policy.ts';
import { TagLog } from './tag-log.ts';
import { versionsTakenBack, withPolicy } from './topic-versions.ts';
import type { TopicVersion, TopicVersions } from './topic-versions.ts';

/** A policy version as applied. */
export interface AppliedPolicy {
  readonly audience: string;
  readonly version: number;
  /** Hex. */
  readonly sha256: string;
  readonly asOfDay: number;
  readonly text: string;
  /** Where in the log it stands. */
  readonly logOffset: number;
}

/**
 * A version that stands in the log and is not in force: nobody has decided that it may open what it opens, or it would
 * take back the version of a topic.
 */
export interface RefusedPolicy extends AppliedPolicy {
  readonly code: 'ERR_POLICY_UNAPPROVED' | 'ERR_POLICY_TOPIC_VERSION';
  readonly opens: readonly string[];
}

interface Applied {
  readonly policy: AppliedPolicy;
  readonly approval: PolicyApprovalEntry | null;
}

/** Where the versions of an audience have led to. */
interface Standing {
  readonly inForce: AppliedPolicy | null;
  readonly refused: RefusedPolicy | null;
  /** The last version in force that can be read: what the next one is compared with. */
  readonly base: PolicyVersion | null;
  /** The versions of its topics, which outlive its policies. */
  readonly topics: TopicVersions;
}

const NOTHING: Standing = { inForce: null, refused: null, base: null, topics: new Map() };

export class PoliciesInForce {
  readonly inForce = new Map<string, AppliedPolicy>();
  readonly refused = new Map<string, RefusedPolicy>();
  readonly approvals = new PolicyApprovals();
  /** Where in the log approvals became required; null before. Nothing takes it back. */
  requiredFrom: number | null = null;
  /** Highest version number of each audience that stands in the log, in force or not. */
  readonly versions = new Map<string, number>();
  private readonly bases = new Map<string, PolicyVersion>();
  private readonly standings = new Map<string, Standing>();
  /** Where the versions had led to before those that `history` has kept. */
  private readonly settled = new Map<string, Standing>();
  /** Requests whose decision a version has been put in force by. */
  private readonly used = new Map<string, ReadonlySet<string>>();
  /** Since approvals are required; before, the last one only. */
  private readonly history = new Map<string, (Applied | null)[]>();
  /** Tags seen and released. */
  readonly tagLog: TagLog;

  constructor() {
    this.tagLog = new TagLog({
      at: () => this.requiredFrom,
      approved: (approval) => this.approvals.approved(approval),
    });
  }

  require(offset: number): void {
    this.requiredFrom ??= offset;
  }

  /** A version, or null for the end of the audience's policy. */
  take(audience: string, applied: Applied | null): void {
    if (this.requiredFrom === null) this.settled.set(audience, this.standings.get(audience) ?? NOTHING);
    const before = this.requiredFrom === null ? [] : (this.history.get(audience) ?? []);
    this.history.set(audience, [...before, applied]);
    this.versions.set(audience, Math.max(this.versions.get(audience) ?? 0, applied?.policy.version ?? 0));
    this.judge(audience);
  }

  /** Takes in an entry of gauze.access; `settle` afterwards. */
  foldAccess(offset: number, appendTimeMs: number, entry: AccessEntry): void {
    this.approvals.fold(offset, appendTimeMs, entry);
  }

  /** Judges again where a decision is named; true where anything has changed. */
  settle(): boolean {
    const standing = (): string =>
      JSON.stringify(
        [this.inForce, this.refused].map((each) => [...each.values()].map(({ logOffset }) => logOffset)),
      );
    const before = standing();
    // What a policy opens hangs on which tags are in force.
    const areTagsOther = this.tagLog.settle();
    for (const audience of this.history.keys())
      if (areTagsOther || this.namedDecision(audience) >= 0) this.judge(audience);
    return areTagsOther || standing() !== before;
  }

  /** Does a version name a decision that lies beyond what has been read of gauze.access? */
  get awaitsDecision(): boolean {
    const named = [...this.history.keys()].map((audience) => this.namedDecision(audience));
    return Math.max(this.tagLog.namedDecision, ...named) >= this.approvals.endOffset;
  }

  /** Has a version in force used this request's decision up? */
  isUsed(requestId: string): boolean {
    return this.tagLog.isUsed(requestId) || [...this.used.values()].some((ids) => ids.has(requestId));
  }

  /** The last version in force that can be read: what the next one is compared with; null for a new audience. */
  base(audience: string): PolicyVersion | null {
    return this.bases.get(audience) ?? null;
  }

  /** The versions of the audience's topics that the policies in force have come to; none for a new audience. */
  topicVersions(audience: string): TopicVersions {
    return (this.standings.get(audience) ?? NOTHING).topics;
  }

  /** The same of one topic; null where no policy in force has ever covered it. */
  topicVersion(audience: string, topic: string): TopicVersion | null {
    return this.topicVersions(audience).get(topic) ?? null;
  }

  /** Tags of raw topics as the log had them before `offset`. */
  knownPlaces(topics: Iterable<string>, offset = Infinity): KnownPlaces {
    return new Map([...topics].map((topic) => [topic, this.tagLog.inForce(valueSubject(topic), offset)]));
  }

  /** The highest decision that any version of the audience names; -1 for none. */
  private namedDecision(audience: string): number {
    const named = (this.history.get(audience) ?? []).map((each) => each?.approval?.decision_offset ?? -1);
    return Math.max(-1, ...named);
  }

  private judge(audience: string): void {
    const used = new Set<string>();
    const standing = (this.history.get(audience) ?? []).reduce<Standing>(
      (before, each) => (each ? this.next(before, each, used) : { ...NOTHING, topics: before.topics }),
      this.settled.get(audience) ?? NOTHING,
    );
    const { inForce, refused, base } = standing;
    this.standings.set(audience, standing);
    put(this.inForce, audience, inForce);
    put(this.refused, audience, refused);
    put(this.bases, audience, base);
    this.used.set(audience, used);
  }

  private next(standing: Standing, { policy: applied, approval }: Applied, used: Set<string>): Standing {
    const policy = readable(applied);
    const base = policy ? { policy, asOfDay: applied.asOfDay } : standing.base;
    const topics = policy ? withPolicy(standing.topics, policy, applied.logOffset) : standing.topics;
    const taken = { inForce: applied, refused: null, base, topics };
    const takenBack = policy ? versionsTakenBack(policy, standing.topics) : [];
    if (takenBack.length > 0)
      return { ...standing, refused: { ...applied, code: 'ERR_POLICY_TOPIC_VERSION', opens: [] } };
    if (this.requiredFrom === null || applied.logOffset < this.requiredFrom) return taken;
    // Under a policy that cannot be read lanes hold: nothing passes.
    if (!policy) return taken;
    const opens = this.opens(standing.base, applied, policy);
    const isApproved = approval !== null && this.isApproved(approval, applied, opens, used);
    // A decision is used up by the version that names it: going back to it later is another question.
    if (approval && isApproved) used.add(approval.request_id);
    return isApproved || opens.length === 0
      ? taken
      : { ...standing, refused: { ...applied, code: 'ERR_POLICY_UNAPPROVED', opens } };
  }

  private opens(base: PolicyVersion | null, applied: AppliedPolicy, policy: Policy): readonly string[] {
    const { audience, sha256, asOfDay, logOffset } = applied;
    if (policy.audience !== audience || policy.sha256 !== sha256)
      return [`${audience}: a text that is not the one it is said to be`];
    return findOpenings(base, { policy, asOfDay }, this.knownPlaces(policy.topics.keys(), logOffset));
  }

  private isApproved(
    approval: PolicyApprovalEntry,
    { audience, sha256 }: AppliedPolicy,
    opens: readonly string[],
    used: ReadonlySet<string>,
  ): boolean {
    const request = used.has(approval.request_id) ? null : this.approvals.approved(approval);
    return (
      request !== null &&
      request.audience === audience &&
      request.sha256 === sha256 &&
      opens.every((sentence) => request.opens.includes(sentence))
    );
  }
}

function put<T>(map: Map<string, T>, key: string, value: T | null): void {
  if (value === null) map.delete(key);
  else map.set(key, value);
}

function readable({ text, audience }: AppliedPolicy): Policy | null {
  try {
    return parsePolicy(text, `${audience}.yaml`);
  } catch (error) {
    if (error instanceof GauzeError || error instanceof GauzeErrors) return null;
    throw error;
  }
}
