/**
 * An independent judge of the reducer: keeps its own book of the entries that were accepted and says after each step
 * which invariant the folded state breaks. Shares no rule with what it judges, only the codec.
 */
import { createHash } from 'node:crypto';
import type { AccessState, GrantRecord, Verdict } from '../../approvals/access-state.ts';
import { scopeCodec } from '../../schemas/access-codecs.ts';
import type {
  AccessActor,
  AccessEntry,
  AccessLock,
  GrantState,
  RequestBody,
  Scope,
} from '../../schemas/access-codecs.ts';
import type { Command } from './access-commands.ts';

/** One request as its accepted entries tell it. */
interface Asked {
  readonly id: string;
  readonly body: RequestBody;
  readonly requester: string;
  readonly untilMs: number;
  readonly root: string;
  readonly approvals: { readonly human: string; readonly roles: readonly string[]; readonly step: number }[];
  scope: Scope | null;
  hash: Buffer;
  /** The state it came to; null while it is pending. */
  end: string | null;
  reviewed: boolean;
}

const LIVE = new Set(['SCHEDULED', 'ACTIVATING', 'ACTIVE', 'SUSPENDED']);
const FINAL = new Set(['LAPSED', 'ACTIVATION_FAILED', 'ENDED', 'EXHAUSTED', 'REVOKED']);
const BY_TIME = new Set([
  'request.expired',
  'grant.lapsed',
  'grant.ending',
  'breakglass.overdue',
  'decision.vote_dropped',
]);
/** Steps of a grant that there may be; a step to itself changes a flag. */
const STEPS = new Set(
  `-SCHEDULED SCHEDULED-ACTIVATING SCHEDULED-SUSPENDED SCHEDULED-LAPSED SCHEDULED-ENDING SCHEDULED-REVOKED
   SCHEDULED-REVOKING ACTIVATING-ACTIVE ACTIVATING-SCHEDULED ACTIVATING-SUSPENDED ACTIVATING-ENDING
   ACTIVATING-REVOKING ACTIVATING-ACTIVATION_FAILED ACTIVE-SUSPENDED ACTIVE-ENDING ACTIVE-REVOKING SUSPENDED-ACTIVE
   SUSPENDED-SCHEDULED SUSPENDED-LAPSED SUSPENDED-ENDING SUSPENDED-REVOKED SUSPENDED-REVOKING
   SUSPENDED-ACTIVATION_FAILED ENDING-ENDED ENDING-EXHAUSTED ENDING-LAPSED REVOKING-REVOKED`.split(/\s+/),
);
const FIXED = [
  'grant_id',
  'request_id',
  'scope',
  'requester',
  'approved_by',
  'emergency',
  'activate_before',
] as const;
const SYSTEM_ONLY = new Set([
  'EXPIRED',
  'ESCALATED',
  'ACTIVATION_ORDERED',
  'PROVISIONED',
  'PROVISION_FAILED',
  'QUOTA_REACHED',
  'END_ORDERED',
  'REMOVED',
  'EXTERNALLY_MODIFIED',
]);

export function hashOf(scope: Scope): Buffer {
  const bytes = scopeCodec.encode(scope, 0).subarray(5);
  return createHash('sha256')
    .update(scope.replay ? bytes : bytes.subarray(0, -1))
    .digest();
}

export class AccessChecker {
  readonly violations: string[] = [];
  private readonly state: AccessState;
  private readonly asked = new Map<string, Asked>();
  private readonly pending = new Set<Asked>();
  /** What each grant was after the step before. */
  private readonly seen = new Map<string, GrantState>();
  private readonly live = new Set<string>();
  private readonly final = new Map<string, GrantState>();
  private readonly emergenciesOf = new Map<string, Asked[]>();
  private readonly families = new Map<string, Asked[]>();
  private readonly locks = new Map<string, AccessLock>();
  private readonly lockedSince = new Map<string, number>();
  private readonly firstSeen = new Map<string, number>();
  private nowMs = 0;
  private steps = 0;

  constructor(state: AccessState) {
    this.state = state;
  }

  /** Judges one step, after its fold. */
  check({ offset, atMs, entry }: Command, verdict: Verdict): void {
    this.steps++;
    this.nowMs = Math.max(this.nowMs, atMs);
    this.expect(this.state.nowMs === this.nowMs, 'time is the running maximum');
    this.repeated(entry, verdict);
    if (verdict.outcome === 'ACCEPTED') this.accepted(entry, verdict);
    else
      this.expect(
        verdict.transitions.every(({ type }) => BY_TIME.has(type)),
        'refusals change nothing by themselves',
      );
    if (verdict.outcome === 'DUPLICATE')
      this.expect(verdict.transitions.length === 0, 'duplicates change nothing');
    this.grantsChanged(offset, verdict);
    this.pendingOnes();
    this.subject(entry, verdict);
    if (this.steps % 1_000 === 0) this.finalOnes();
  }

  /** What ended once is still what it was. */
  finalOnes(): void {
    for (const [id, grant] of this.final)
      this.expect(this.state.grants.get(id)?.grant === grant, `final states never change (${id})`);
    for (const [id, { end, body }] of this.asked) {
      this.expect(
        end === null || this.state.requests.get(id)?.state === end,
        `ended requests stay so (${id})`,
      );
      const grants = end === 'APPROVED' && body.subject === 'ACCESS';
      this.expect(
        this.state.grants.has(id) === grants,
        `a grant is there exactly if access was approved (${id})`,
      );
    }
    this.expect(this.state.requests.size === this.asked.size, 'requests come from accepted entries alone');
  }

  private repeated({ entry_id }: AccessEntry, { outcome }: Verdict): void {
    const id = entry_id.toString('hex');
    const firstMs = this.firstSeen.get(id);
    const isRecent = firstMs !== undefined && this.nowMs - firstMs < 10 * 60_000;
    this.expect(!isRecent || outcome === 'DUPLICATE', 'what comes twice counts once');
    if (!isRecent) this.firstSeen.set(id, this.nowMs);
  }

  private accepted(entry: AccessEntry, verdict: Verdict): void {
    const { kind, by } = entry;
    if (SYSTEM_ONLY.has(kind)) this.expect(by.kind === 'SYSTEM', `${kind} is reported by gauze`);
    const asked = this.asked.get(entry.grant_id ?? entry.request_id ?? '');
    switch (kind) {
      case 'REQUESTED':
        return this.requested(entry);
      case 'LOCKED':
      case 'UNLOCKED':
        return this.locked(entry);
      default:
    }
    if (!asked) return this.expect(false, `${kind} is about a known request`);
    const isOfficer = by.kind === 'HUMAN' && by.roles.includes('privacy-officers');
    switch (kind) {
      case 'DECIDED':
        return this.decided(entry, asked);
      case 'WITHDRAWN':
        this.expect(by.kind === 'HUMAN' && by.id === asked.requester, 'requesters withdraw');
        return this.ended(asked, 'WITHDRAWN');
      case 'CANCELLED':
        this.expect(by.kind === 'SYSTEM' || isOfficer, 'system and officers cancel');
        return this.ended(
          asked,
          entry.cause === 'POLICY_CHANGED' || entry.cause === 'TOPIC_CHANGED' ? 'SUPERSEDED' : 'CANCELLED',
        );
      case 'SUSPENDED':
        return this.expect(by.kind === 'SYSTEM' || isOfficer, 'system and officers suspend');
      case 'RESUMED':
        return this.officer(by, asked, 'resume');
      case 'REVIEWED':
        this.officer(by, asked, 'review');
        this.expect(asked.body.emergency !== null && !asked.reviewed, 'emergencies are reviewed, once');
        this.expect(!LIVE.has(this.grant(asked.id)!.state), 'reviews come after the end');
        asked.reviewed = true;
        return;
      case 'REVOKED':
        return this.expect(this.mayRevoke(by, asked), 'only people concerned and officers revoke');
      case 'ACTIVATION_ORDERED':
        return this.expect(isOpen(asked.scope!, this.nowMs), 'activation within the window');
      default:
        this.expect(verdict.transitions.length > 0, `${kind} does something`);
    }
  }

  private requested({ request_id, by, reason, request: body }: AccessEntry): void {
    if (!body || request_id === null) return this.expect(false, 'requests have a body and an id');
    this.expect(!this.asked.has(request_id), 'ids are used once');
    this.expect(by.kind === 'HUMAN' && by.on_behalf_of === null, 'humans ask, in their own name');
    this.expect((reason ?? '').trim() !== '', 'requests say why');
    const { scope } = body;
    if (scope) {
      this.expect(hashOf(scope).equals(body.scope_sha256), 'the hash is that of the scope');
      this.expect(isSorted(scope), 'scopes are in canonical order');
      this.expect(scope.duration_ms <= body.rule_duration_ms, 'the rule caps the time');
      const isPlain = scope.fields.every(({ tags }) => tags.join() === 'PHI_NONE');
      this.expect(body.stages.length > 0 || body.emergency !== null || isPlain, 'PHI needs people');
    } else this.expect(body.policy !== null && body.stages.length > 0, 'policies need people');
    this.expect(!this.isTouched(by.id, body.beneficiary_owner, scope), 'locks forbid requests');
    const root = this.asked.get(body.extends_grant ?? '')?.root ?? request_id;
    const asked: Asked = {
      id: request_id,
      body,
      requester: by.id,
      untilMs: this.nowMs + body.pending_ms,
      root,
      approvals: [],
      scope,
      hash: body.scope_sha256,
      end: null,
      reviewed: false,
    };
    if (body.emergency) this.emergency(asked);
    this.asked.set(request_id, asked);
    this.pending.add(asked);
    this.families.set(root, [...(this.families.get(root) ?? []), asked]);
    if (body.extends_grant !== null) this.extended(asked, body.extends_grant);
    const isAtOnce = body.emergency !== null || body.stages.length === 0;
    if (isAtOnce) this.ended(asked, 'APPROVED');
  }

  private emergency(asked: Asked): void {
    this.expect(asked.body.extends_grant === null, 'emergencies prolong nothing');
    const own = this.emergenciesOf.get(asked.requester) ?? [];
    for (const { id, body, reviewed } of own) {
      const { not_before: from } = this.grant(id)!;
      const isOverdue = from > 0 && !reviewed && from + body.emergency!.review_ms < this.nowMs;
      this.expect(!isOverdue, 'no emergency while a review is overdue');
    }
    for (const id of this.live) {
      const { emergency, requester, scope } = this.grant(id)!;
      const isSame = requester === asked.requester || scope.beneficiary === asked.scope!.beneficiary;
      const bars = emergency && isSame && scope.topic === asked.scope!.topic && this.isEffective(id);
      this.expect(!bars, 'one emergency at a time on a topic');
    }
    this.emergenciesOf.set(asked.requester, [...own, asked]);
  }

  private extended({ root, scope, body }: Asked, id: string): void {
    const old = this.grant(id);
    if (!old || !scope) return this.expect(false, 'what is prolonged is a grant');
    this.expect(this.isEffective(id) && !old.emergency, 'what is prolonged is live and no emergency');
    const isSame = old.scope.beneficiary === scope.beneficiary && old.scope.topic === scope.topic;
    this.expect(isSame, 'prolonging keeps reader and topic');
    const counted = this.families.get(root)!.filter(({ end }) => end === null || end === 'APPROVED');
    const sum = counted.reduce((total, member) => total + member.scope!.duration_ms, 0);
    this.expect(sum <= body.rule_duration_ms, 'the rule caps the whole family');
  }

  private decided({ by, decision }: AccessEntry, asked: Asked): void {
    const { requester, body, approvals } = asked;
    this.expect(asked.end === null && this.nowMs < asked.untilMs, 'decisions come while it is pending');
    this.expect(by.kind === 'HUMAN' && by.on_behalf_of === null, 'humans decide, in their own name');
    this.expect(by.id !== requester && by.id !== body.beneficiary_owner, 'nobody decides for themselves');
    this.expect(!this.lockedSince.has(by.id), 'locked people do not decide');
    this.expect(decision!.scope_sha256.equals(asked.hash), 'decisions name the scope as it is');
    this.expect(
      body.stages.some(({ role }) => by.roles.includes(role)),
      'those decide who hold a role of it',
    );
    if (!decision!.approve) return this.ended(asked, 'DENIED');
    const request = this.state.requests.get(asked.id)!;
    this.expect(
      new Set(request.votes.map(({ human }) => human)).size === request.votes.length,
      'one human, one vote',
    );
    if (decision!.narrowed) this.narrowed(asked, decision!.narrowed, decision!.narrowed_sha256!);
    approvals.push({ human: by.id, roles: by.roles, step: this.steps });
    if (request.state !== 'APPROVED') {
      const lacks = body.stages.some(
        ({ count }, n) => request.votes.filter(({ stage }) => stage === n).length < count,
      );
      return this.expect(lacks, 'a pending request lacks somebody');
    }
    const humans = request.votes.map(({ human }) => human);
    const voters = humans.map((human) => approvals.findLast((approval) => approval.human === human));
    this.expect(
      voters.every((voter) => voter !== undefined),
      'voters have voted',
    );
    this.expect(
      humans.every((human) => !this.lockedSince.has(human)),
      'votes of locked people do not count',
    );
    this.expect(
      fills(
        body,
        voters.map((voter) => voter?.roles ?? []),
      ),
      'each stage has its distinct humans',
    );
    const grant = this.grant(asked.id);
    if (asked.scope)
      this.expect(grant?.approved_by.join() === humans.join(), 'the grant names its approvers');
    this.ended(asked, 'APPROVED');
  }

  private narrowed(asked: Asked, narrowed: Scope, sha256: Buffer): void {
    this.expect(hashOf(narrowed).equals(sha256) && isSorted(narrowed), 'narrowed scopes have their hash');
    this.expect(asked.scope !== null && reveals(asked.scope, narrowed), 'approvers only narrow');
    asked.scope = narrowed;
    asked.hash = sha256;
  }

  private locked({ kind, by, lock }: AccessEntry): void {
    this.expect(
      by.kind === 'HUMAN' && by.on_behalf_of === null && by.roles.includes('privacy-officers'),
      'officers lock',
    );
    this.expect(!this.lockedSince.has(by.id), 'locked people place and lift no locks');
    if (!lock) return this.expect(false, 'locks say what they lock');
    if (kind === 'LOCKED') this.locks.set(lock.id, lock);
    else this.expect(this.locks.delete(lock.id), 'what is lifted was placed');
    const people = [...this.locks.values()]
      .filter(({ target }) => target === 'PERSON')
      .map(({ value }) => value);
    for (const human of this.lockedSince.keys()) if (!people.includes(human)) this.lockedSince.delete(human);
    for (const human of people) if (!this.lockedSince.has(human)) this.lockedSince.set(human, this.steps);
    if (kind === 'UNLOCKED' || lock.target !== 'PERSON') return;
    for (const asked of this.pending)
      if (asked.requester === lock.value || asked.body.beneficiary_owner === lock.value)
        this.ended(asked, this.nowMs >= asked.untilMs ? 'EXPIRED' : 'CANCELLED');
  }

  private officer(by: AccessActor, { requester, body }: Asked, what: string): void {
    const isOfficer =
      by.kind === 'HUMAN' && by.on_behalf_of === null && by.roles.includes('privacy-officers');
    this.expect(isOfficer && !this.lockedSince.has(by.id), `officers ${what}`);
    this.expect(by.id !== requester && by.id !== body.beneficiary_owner, `those concerned do not ${what}`);
  }

  private mayRevoke(by: AccessActor, { requester, body, id }: Asked): boolean {
    const roles = ['privacy-officers', ...body.stages.map(({ role }) => role)];
    const people = [requester, body.beneficiary_owner, ...this.grant(id)!.approved_by];
    return (
      by.kind === 'SYSTEM' ||
      (by.kind === 'HUMAN' && (people.includes(by.id) || roles.some((role) => by.roles.includes(role))))
    );
  }

  private ended(asked: Asked, end: string): void {
    this.expect(asked.end === null, `nothing ends twice (${asked.id})`);
    this.expect(
      end === 'EXPIRED' || this.nowMs < asked.untilMs,
      `only time ends what is past its time (${asked.id})`,
    );
    this.expect(this.state.requests.get(asked.id)?.state === end, `the state is ${end} (${asked.id})`);
    asked.end = end;
    this.pending.delete(asked);
    if (end !== 'APPROVED' || asked.body.subject === 'POLICY') return;
    this.live.add(asked.id);
    const grant = this.grant(asked.id);
    if (!grant) return this.expect(false, 'approval makes a grant');
    this.expect(reveals(asked.body.scope!, grant.scope), 'a grant reveals no more than was asked for');
    this.expect(
      hashOf(grant.scope).equals(grant.scope_sha256) && grant.scope_sha256.equals(asked.hash),
      'what was signed is granted',
    );
    this.expect(grant.emergency === (asked.body.emergency !== null), 'emergencies are called so');
    this.expect(grant.activate_before === this.nowMs + asked.body.activation_ms, 'activation has its time');
  }

  /** Every grant that is not final: what changed, and whether it may be as it is. */
  private grantsChanged(offset: number, verdict: Verdict): void {
    for (const id of this.live) {
      const record = this.state.grants.get(id);
      if (!record) return this.expect(false, 'grants stay');
      const before = this.seen.get(id);
      if (record.grant !== before) this.changed(offset, verdict, record, before);
      const { state } = record.grant;
      const { requester, body } = this.asked.get(id)!;
      if (this.locks.size > 0 && LIVE.has(state) && state !== 'SUSPENDED')
        this.expect(
          !this.isTouched(requester, body.beneficiary_owner, record.grant.scope),
          `locked grants stand still (${id})`,
        );
      if (!FINAL.has(state)) continue;
      this.live.delete(id);
      this.final.set(id, Object.freeze(record.grant));
    }
    for (const { grantId } of verdict.transitions)
      this.expect(grantId === null || this.seen.has(grantId), 'grants come from approvals');
  }

  private changed(
    offset: number,
    { outcome, transitions }: Verdict,
    { grant }: GrantRecord,
    before?: GrantState,
  ): void {
    const id = grant.grant_id;
    const steps = transitions.filter(({ grantId, type }) => grantId === id && type.startsWith('grant.'));
    this.expect(grant.version === (before?.version ?? 0) + steps.length, `versions count up by one (${id})`);
    this.expect(grant.access_offset === offset, `changes name their entry (${id})`);
    let state: string | null = before?.state ?? null;
    for (const { from, to } of steps) {
      this.expect(from === state, `steps follow each other (${id})`);
      this.expect(from === to || STEPS.has(`${from ?? ''}-${to}`), `no step from ${from} to ${to} (${id})`);
      state = to;
    }
    this.expect(state === grant.state, `transitions tell the state (${id})`);
    if (outcome !== 'ACCEPTED')
      this.expect(
        grant.state === 'ENDING' || grant.state === 'LAPSED',
        `only time changes without acceptance (${id})`,
      );
    this.seen.set(id, grant);
    if (!before)
      return this.expect(
        grant.not_after === 0 && grant.not_before === 0,
        `time begins at activation (${id})`,
      );
    for (const name of FIXED) this.expect(grant[name] === before[name], `${name} stays (${id})`);
    this.expect(grant.exhausted || !before.exhausted, `exhausted stays so (${id})`);
    this.expect(grant.externally_modified || !before.externally_modified, `modified stays so (${id})`);
    if (before.not_after !== 0) {
      const isSame = grant.not_after === before.not_after && grant.not_before === before.not_before;
      this.expect(isSame, `the end never moves (${id})`);
    } else if (grant.not_after !== 0) this.activated(grant);
    if (grant.state === 'ACTIVE')
      this.expect(this.nowMs < grant.not_after, `nothing becomes active after its end (${id})`);
    if (grant.state === 'LAPSED')
      this.expect(
        this.nowMs >= grant.activate_before && grant.not_before === 0,
        `lapsed is what was not used (${id})`,
      );
    if (grant.state === 'ENDED' || grant.state === 'EXHAUSTED')
      this.expect(
        this.nowMs >= grant.not_after &&
          grant.not_after > 0 &&
          grant.exhausted === (grant.state === 'EXHAUSTED'),
        `ends come at their time (${id})`,
      );
  }

  private activated({
    grant_id: id,
    not_before: from,
    not_after: to,
    scope,
    activate_before: limit,
  }: GrantState): void {
    this.expect(from === this.nowMs && from < limit, `activation is now and in time (${id})`);
    this.expect(to <= from + scope.duration_ms && to > from, `the end lies within the time approved (${id})`);
    this.expect(isOpen(scope, from) && isOpen(scope, to - 1), `active only within the window (${id})`);
    if (to !== from + scope.duration_ms)
      this.expect(!isOpen(scope, to), `cut short by the window alone (${id})`);
  }

  private pendingOnes(): void {
    for (const asked of this.pending) {
      const { id, untilMs } = asked;
      const state = this.state.requests.get(id)?.state;
      if (state === 'PENDING') continue;
      this.expect(state === 'EXPIRED' && this.nowMs >= untilMs, `only time ends without an entry (${id})`);
      asked.end = state ?? '';
      this.pending.delete(asked);
    }
  }

  /** What an entry is about is settled, whatever became of the entry. */
  private subject(entry: AccessEntry, { outcome, code }: Verdict): void {
    const isUnread =
      outcome === 'DUPLICATE' || code === 'ERR_ACCESS_KEY_REUSED' || code === 'ERR_ACCESS_ENTRY_INCOMPLETE';
    if (isUnread || entry.kind === 'REQUESTED') return;
    const id = entry.grant_id ?? entry.request_id ?? '';
    const asked = this.asked.get(id);
    if (asked && this.nowMs >= asked.untilMs)
      this.expect(!this.pending.has(asked), `late requests are expired (${id})`);
    const grant = this.grant(id);
    if (grant && LIVE.has(grant.state))
      this.expect(this.isEffective(id), `nothing is live after its time (${id})`);
  }

  private grant(id: string): GrantState | undefined {
    return this.state.grants.get(id)?.grant;
  }

  private isEffective(id: string): boolean {
    const { state, not_after: end, activate_before: limit } = this.grant(id)!;
    return LIVE.has(state) && this.nowMs < (end === 0 ? limit : end);
  }

  private isTouched(requester: string, owner: string, scope: Scope | null): boolean {
    for (const { target, value } of this.locks.values()) {
      if (target === 'PERSON' && [requester, owner].includes(value)) return true;
      if (!scope) continue;
      if (target === 'PRINCIPAL' && scope.beneficiary === value) return true;
      if (target === 'TOPIC' && scope.topic === value) return true;
      if (target === 'TAG' && scope.fields.some(({ tags }) => tags.includes(value))) return true;
      if (
        target === 'PATIENT' &&
        (scope.persons ?? [Buffer.from(value, 'hex')]).some((token) => token.toString('hex') === value)
      )
        return true;
    }
    return false;
  }

  private expect(holds: boolean, what: string): void {
    if (!holds && this.violations.length < 20) this.violations.push(`step ${this.steps}: ${what}`);
  }
}

/** Whether people with these roles can fill every stage, each of them one place: tries all ways. */
function fills({ stages }: RequestBody, people: readonly (readonly string[])[]): boolean {
  const places = stages.flatMap(({ role, count }) => Array.from({ length: count }, () => role));
  const seat = (place: number, free: readonly (readonly string[])[]): boolean =>
    place === places.length ||
    free.some((roles, n) => roles.includes(places[place]!) && seat(place + 1, free.toSpliced(n, 1)));
  return seat(0, people);
}

/** Whether all that `narrow` reveals is revealed by `wide`: told record by record, person by person, field by field. */
function reveals(wide: Scope, narrow: Scope): boolean {
  const frame = ({
    cluster_id,
    topic,
    topic_id,
    base_audience,
    policy_version,
    policy_sha256,
    ...rest
  }: Scope) => {
    const { schemas, token_epoch, beneficiary, purpose, window } = rest;
    const first = [cluster_id, topic, topic_id, base_audience, policy_version, policy_sha256];
    return JSON.stringify([first, schemas, token_epoch, beneficiary, purpose, window]);
  };
  const records = ({ partitions }: Scope) =>
    partitions.flatMap(({ partition, first_offset: first, next_offset: next }) =>
      Array.from({ length: next - first }, (_, n) => `${partition}:${first + n}`),
    );
  const fields = ({ fields }: Scope) => fields.map((field) => JSON.stringify(field));
  const persons = ({ persons }: Scope) => persons?.map((token) => token.toString('hex')) ?? ['anybody'];
  const isIn = (inner: readonly string[], outer: readonly string[]) => {
    const all = new Set(outer);
    return inner.every((item) => all.has(item));
  };
  return (
    frame(narrow) === frame(wide) &&
    isIn(fields(narrow), fields(wide)) &&
    isIn(records(narrow), records(wide)) &&
    (wide.persons === null || isIn(persons(narrow), persons(wide))) &&
    narrow.max_records <= wide.max_records &&
    (narrow.max_persons ?? Infinity) <= (wide.max_persons ?? Infinity) &&
    narrow.duration_ms <= wide.duration_ms
  );
}

function isSorted({ fields, partitions, persons }: Scope): boolean {
  const keys = [
    fields.map(({ path }) => path),
    ...fields.map(({ tags }) => tags),
    partitions.map(({ partition }) => String(partition).padStart(9, '0')),
    (persons ?? []).map((token) => token.toString('hex')),
  ];
  return keys.every((list) => JSON.stringify([...new Set(list)].sort()) === JSON.stringify(list));
}

const clocks = new Map<string, Intl.DateTimeFormat>();

/** Told by what the clocks of the zone show. Right except in the hours in which clocks are changed. */
function isOpen({ window }: Scope, atMs: number): boolean {
  if (!window) return true;
  const { zone, days, from_minute: from, to_minute: to } = window;
  let clock = clocks.get(zone);
  if (!clock) {
    clock = new Intl.DateTimeFormat('en-GB', {
      timeZone: zone,
      weekday: 'short',
      hour: '2-digit',
      minute: '2-digit',
    });
    clocks.set(zone, clock);
  }
  const [name, hour, minute] = clock.format(atMs).split(/[^\w]+/);
  const today = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'].indexOf(name!) + 1;
  const now = Number(hour) * 60 + Number(minute);
  if (from < to) return days.includes(today) && now >= from && now < to;
  return (days.includes(today) && now >= from) || (days.includes(today === 1 ? 7 : today - 1) && now < to);
}
