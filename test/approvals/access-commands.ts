/**
 * Random entries of an access log, from a seed: fifty actors, most of whom do what could be right at that moment, and
 * many who do anything at all. Looks at the folded state to know what could be right; decides nothing.
 */
import type { AccessState } from '../../approvals/access-state.ts';
import { isTerminal } from '../../approvals/terminal-states.ts';
import { accessEntryCodec, scopeCodec } from '../../schemas/access-codecs.ts';
import type {
  AccessActor,
  AccessEntry,
  AccessEntryKind,
  LockTarget,
  RequestBody,
  Scope,
} from '../../schemas/access-codecs.ts';
import { HOUR, human, MINUTE, person, scopeOf, sha, START, SYSTEM } from './access-fixture.ts';
import { hashOf } from './access-checker.ts';

export interface Command {
  readonly offset: number;
  readonly atMs: number;
  readonly entry: AccessEntry;
}

const names = (prefix: string, count: number) => Array.from({ length: count }, (_, n) => `${prefix}${n}`);
const CLINICIANS = names('clinician', 18).map((id, n) =>
  n < 2 ? human(id, 'clinicians', 'data-owners') : human(id, 'clinicians'),
);
const OWNERS = names('owner', 12).map((id) => human(id, 'data-owners'));
const OFFICERS = names('officer', 10).map((id) => human(id, 'privacy-officers'));
const BOTH = names('both', 4).map((id) => human(id, 'data-owners', 'privacy-officers'));
const SERVICES = names('User:app', 3).map((id) => {
  const roles = ['clinicians', 'data-owners', 'privacy-officers'];
  return { ...human(id, ...roles), kind: 'SERVICE' as const };
});
const ADMIN = human('admin', 'admin', 'operators');
const SYSTEMS = [SYSTEM, { ...SYSTEM, id: 'User:gauze-provisioner' }];
const PEOPLE = [...CLINICIANS, ...OWNERS, ...OFFICERS, ...BOTH, ADMIN];
export const ACTORS: readonly AccessActor[] = [...PEOPLE, ...SERVICES, ...SYSTEMS];

const FIELDS = [
  { path: 'birthDate', tags: ['PHI_BIRTH_DATE'] },
  { path: 'diagnosis', tags: ['PHI_FREE_TEXT', 'SENSITIVE_MENTAL'] },
  { path: 'mrn', tags: ['PHI_MRN'] },
  { path: 'room', tags: ['PHI_NONE'] },
  { path: 'ward', tags: ['PHI_NONE'] },
];
const TAGS = ['PHI_BIRTH_DATE', 'PHI_MRN', 'SENSITIVE_MENTAL', 'PHI_NONE'];
const TOPICS = names('clinical.t', 8);
const KINDS: readonly AccessEntryKind[] = [
  'REQUESTED',
  'DECIDED',
  'WITHDRAWN',
  'EXPIRED',
  'CANCELLED',
  'ESCALATED',
  'ACTIVATION_ORDERED',
  'PROVISIONED',
  'PROVISION_FAILED',
  'QUOTA_REACHED',
  'SUSPENDED',
  'RESUMED',
  'END_ORDERED',
  'REVOKED',
  'REMOVED',
  'EXTERNALLY_MODIFIED',
  'REVIEWED',
  'LOCKED',
  'UNLOCKED',
];
const OPEN_AT_ONCE = 70;
const RECENT = 40;
const HOUR_MS = HOUR;

/** A small generator of numbers in [0, 1), the same for the same seed (mulberry32). */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

type Draft = Partial<AccessEntry> & Pick<AccessEntry, 'kind' | 'by'>;

export class CommandSource {
  private readonly random: () => number;
  private readonly state: AccessState;
  private readonly open: string[] = [];
  private readonly recent: AccessEntry[] = [];
  private nowMs = START;
  private serial = 0;

  constructor(seed: number, state: AccessState) {
    this.random = randomOf(seed);
    this.state = state;
  }

  next(): Command {
    this.advance();
    const { endOffset } = this.state;
    const offset = endOffset + (this.chance(0.3) ? 1 : 0);
    const entry = this.chance(0.03) && this.recent.length > 0 ? this.pick(this.recent) : this.fresh();
    this.recent.push(entry);
    if (this.recent.length > RECENT) this.recent.shift();
    const isBack = this.chance(0.03);
    return { offset, atMs: isBack ? this.nowMs - this.int(5 * MINUTE) : this.nowMs, entry };
  }

  private fresh(): AccessEntry {
    const draft = this.chance(2 / 3) ? this.plausible() : this.anything();
    const entry_id = Buffer.from((++this.serial).toString(16).padStart(32, '0'), 'hex');
    const idempotency_key = this.chance(0.2) ? `k${this.int(40)}` : null;
    const rest = { at: this.nowMs, cause: null, reason: null, request: null, decision: null, topic: null };
    const none = { request_id: null, grant_id: null, lock: null, justified: null };
    const entry = { ...none, ...rest, idempotency_key, ...draft, entry_id };
    return accessEntryCodec.decode(accessEntryCodec.encode(entry, 1));
  }

  /** What could be right at this moment. */
  private plausible(): Draft {
    if (this.chance(0.012)) return this.lock(this.pick(OFFICERS));
    if (this.state.locks.size > 0 && this.chance(0.02)) return this.unlock(this.pick(OFFICERS));
    if (this.open.length < OPEN_AT_ONCE && this.chance(0.3)) return this.ask(this.pick(CLINICIANS), false);
    const at = this.int(this.open.length);
    const id = this.open[at];
    if (id === undefined) return this.ask(this.pick(CLINICIANS), false);
    const draft = this.nextOf(id);
    if (draft) return draft;
    this.open[at] = this.open.at(-1)!;
    this.open.pop();
    return this.plausible();
  }

  /** The next step of one request; null where there is none. */
  private nextOf(id: string): Draft | null {
    const request = this.state.requests.get(id);
    if (request?.state === 'PENDING') return this.nextOfPending(id);
    const held = this.state.grants.get(id);
    if (!held) return null;
    const { grant, review } = held;
    const [system] = SYSTEMS;
    const of = (
      kind: AccessEntryKind,
      by: AccessActor = system!,
      given: Partial<AccessEntry> = {},
    ): Draft => ({
      kind,
      by,
      grant_id: id,
      ...given,
    });
    const requester = ACTORS.find((actor) => actor.id === grant.requester)!;
    if (isTerminal(grant.state)) {
      if (review.state === 'NONE' || review.state === 'DONE') return null;
      return of('REVIEWED', this.pick(OFFICERS), { justified: this.chance(0.8) });
    }
    const roll = this.random();
    if (roll < 0.06) return of('REVOKED', this.pick([requester, ...OWNERS, ...OFFICERS]));
    if (roll < 0.1) return of('SUSPENDED', this.pick([system!, ...OFFICERS]), { cause: 'TAGS_CHANGED' });
    if (roll < 0.12) return of('EXTERNALLY_MODIFIED');
    switch (grant.state) {
      case 'SCHEDULED':
        return of('ACTIVATION_ORDERED');
      case 'ACTIVATING':
        return roll < 0.2 ? of('PROVISION_FAILED', system, { cause: 'NO_RIGHTS' }) : this.provision(id);
      case 'SUSPENDED':
        return roll < 0.2 ? this.provision(id) : of('RESUMED', this.pick(OFFICERS));
      case 'ACTIVE':
        if (roll < 0.2) return of('QUOTA_REACHED', system, { cause: 'RECORDS' });
        if (roll < 0.25) return of('END_ORDERED', system, { cause: 'LATE_APPEND' });
        return of('END_ORDERED');
      default:
        return of('REMOVED');
    }
  }

  private nextOfPending(id: string): Draft {
    const { stage, body, requester, pendingUntilMs } = this.state.requests.get(id)!;
    const roll = this.random();
    const [system] = SYSTEMS;
    if (this.nowMs >= pendingUntilMs && this.chance(0.5))
      return { kind: 'EXPIRED', by: system!, request_id: id };
    if (roll < 0.03)
      return { kind: 'WITHDRAWN', by: ACTORS.find((actor) => actor.id === requester)!, request_id: id };
    if (roll < 0.05) return { kind: 'CANCELLED', by: this.pick([system!, ...OFFICERS]), request_id: id };
    if (roll < 0.08) return { kind: 'ESCALATED', by: system!, request_id: id };
    if (roll < 0.13) return { kind: 'EXPIRED', by: system!, request_id: id };
    const role = body.stages[stage]!.role;
    const by = this.pick([...OWNERS, ...OFFICERS, ...BOTH].filter(({ roles }) => roles.includes(role)));
    return this.decision(id, by, roll > 0.18, this.chance(0.15));
  }

  /** Anybody does anything. */
  private anything(): Draft {
    const kind = this.pick(KINDS);
    const by = this.chance(0.1)
      ? { ...this.pick(ACTORS), on_behalf_of: this.pick(PEOPLE).id }
      : this.pick(ACTORS);
    if (kind === 'REQUESTED') return this.ask(by, true);
    if (kind === 'LOCKED') return this.chance(0.1) ? this.lock(by) : { kind, by };
    if (kind === 'UNLOCKED') return this.unlock(by);
    const id = this.chance(0.97) ? (this.pick(this.open) ?? '') : '0'.repeat(16);
    if (kind === 'DECIDED') return this.decision(id, by, this.chance(0.7), this.chance(0.4));
    if (kind === 'PROVISIONED') return { ...this.provision(id), by };
    const cause = this.chance(0.4)
      ? this.pick(['LATE_APPEND', 'TOPIC_CHANGED', 'POLICY_CHANGED', 'X'])
      : null;
    const ids = this.chance(0.5) ? { request_id: id } : { grant_id: id };
    const given = this.chance(0.02) ? { request_id: id, grant_id: this.pick(this.open) ?? null } : ids;
    return { kind, by, cause, reason: null, justified: this.chance(0.7) ? this.chance(0.5) : null, ...given };
  }

  private ask(by: AccessActor, isOdd: boolean): Draft {
    const request_id = this.chance(isOdd ? 0.1 : 0) ? (this.pick(this.open) ?? null) : this.newId();
    const reason = isOdd && this.chance(0.1) ? ' ' : 'round';
    if (!isOdd && this.chance(0.04))
      return { kind: 'REQUESTED', by, request_id, reason, request: this.policyBody() };
    const body = this.body(by);
    const request = isOdd ? this.spoilt(body) : body;
    if (request_id !== null && this.open.length < 2 * OPEN_AT_ONCE) this.open.push(request_id);
    return { kind: 'REQUESTED', by, request_id, reason, request };
  }

  private body(by: AccessActor): RequestBody {
    const extended = this.chance(0.15) ? this.state.grants.get(this.pick(this.open) ?? '') : undefined;
    const isAuto = this.chance(0.06);
    const scope = this.scope(by, isAuto, extended?.grant.scope);
    const stages = [
      { role: 'data-owners', count: 1 + this.int(2) },
      { role: this.pick(['privacy-officers', 'data-owners']), count: 1 },
    ];
    return {
      subject: 'ACCESS',
      beneficiary_owner: this.chance(0.6) ? by.id : this.pick(PEOPLE).id,
      rule: 'r',
      rules_sha256: sha('rules'),
      scope,
      policy: null,
      scope_sha256: hashOf(scope),
      stages: isAuto ? [] : stages.slice(0, 1 + this.int(2)),
      ticket: null,
      pending_ms: (2 + this.int(20)) * HOUR_MS,
      activation_ms: (1 + this.int(10)) * HOUR_MS,
      rule_duration_ms: 10 * HOUR_MS,
      extends_grant: extended ? extended.grant.grant_id : null,
      emergency: !extended && this.chance(0.12) ? { code: 'ETREAT', review_ms: 6 * HOUR_MS } : null,
    };
  }

  private scope(by: AccessActor, isAuto: boolean, like?: Scope): Scope {
    const chosen = FIELDS.filter(({ tags }) => (isAuto ? tags[0] === 'PHI_NONE' : this.chance(0.5)));
    const from_minute = this.int(1440);
    const window = {
      zone: this.pick(['UTC', 'Europe/Berlin', 'America/New_York']),
      days: [1, 2, 3, 4, 5, 6, 7].filter(() => this.chance(0.8)),
      from_minute,
      to_minute: (from_minute + 300) % 1440,
    };
    return scopeOf({
      topic: like?.topic ?? this.pick(TOPICS),
      fields: chosen.length > 0 ? chosen : FIELDS.slice(0, 1),
      persons: this.chance(0.3)
        ? null
        : [1, 2, 3, 4, 5, 6].filter((n) => n === 3 || this.chance(0.4)).map(person),
      beneficiary: like?.beneficiary ?? (this.chance(0.7) ? `User:${by.id}` : this.pick(SERVICES).id),
      max_persons: this.chance(0.5) ? null : 10,
      duration_ms: (1 + this.int(6)) * HOUR_MS,
      window: this.chance(0.15) && window.days.length > 0 ? window : null,
    });
  }

  private policyBody(): RequestBody {
    const sha256 = sha(`policy ${this.serial}`);
    const policy = { audience: 'research', sha256, opens: ['more'] };
    const stages = [{ role: 'privacy-officers', count: 1 + this.int(2) }];
    const subject = 'POLICY';
    const none = { extends_grant: null, emergency: null, scope: null };
    return { ...this.body(this.pick(CLINICIANS)), ...none, subject, policy, scope_sha256: sha256, stages };
  }

  /** With one fault, more often than not. */
  private spoilt(body: RequestBody): RequestBody {
    const scope = body.scope!;
    const spoilt: readonly Partial<RequestBody>[] = [
      {},
      { stages: [] },
      { stages: [{ role: 'data-owners', count: 0 }] },
      { scope_sha256: sha('x') },
      { scope: { ...scope, fields: scope.fields.toReversed() } },
      { scope: { ...scope, max_records: scope.max_records + 1 } },
      { scope: { ...scope, fields: [] }, scope_sha256: hashOf({ ...scope, fields: [] }) },
      { rule_duration_ms: HOUR_MS - 1 },
      { subject: 'POLICY' },
      { extends_grant: this.pick(this.open) ?? null },
      { extends_grant: this.pick(this.open) ?? null, emergency: { code: 'ETREAT', review_ms: HOUR_MS } },
      { emergency: { code: '', review_ms: HOUR_MS } },
      { stages: [], emergency: null },
    ];
    return { ...body, ...this.pick(spoilt) };
  }

  private decision(id: string, by: AccessActor, approve: boolean, isNarrowing: boolean): Draft {
    const request = this.state.requests.get(id);
    const scope_sha256 = this.chance(0.03) ? sha('stale') : (request?.scopeSha256 ?? sha('none'));
    const narrowed = isNarrowing && request?.scope ? this.changed(request.scope) : null;
    const narrowed_sha256 = narrowed && (this.chance(0.05) ? sha('x') : hashOf(narrowed));
    return {
      kind: 'DECIDED',
      by,
      request_id: id,
      decision: { approve, scope_sha256, narrowed, narrowed_sha256 },
    };
  }

  /** Narrower in most cases, and otherwise wider or something else. */
  private changed(scope: Scope): Scope {
    const [first] = scope.partitions;
    const changes: readonly Partial<Scope>[] = [
      { max_records: Math.max(1, scope.max_records - 1) },
      { fields: scope.fields.slice(0, 1) },
      { persons: (scope.persons ?? [person(3)]).slice(0, 2) },
      { duration_ms: Math.max(HOUR_MS / 2, scope.duration_ms - HOUR_MS) },
      { partitions: scope.partitions.slice(0, 1) },
      {
        partitions: first
          ? [{ ...first, first_offset: Math.min(first.next_offset, first.first_offset + 5) }]
          : [],
      },
      { max_persons: 1 },
      { max_records: scope.max_records + 1 },
      { persons: null },
      { duration_ms: scope.duration_ms + 1 },
      { fields: FIELDS },
      { beneficiary: 'User:other' },
      { window: null },
      { partitions: first ? [{ ...first, next_offset: first.next_offset + 1 }] : [] },
    ];
    return scopeCodec.decode(scopeCodec.encode({ ...scope, ...this.pick(changes) }, 1));
  }

  private provision(id: string): Draft {
    const topic = { topic_id: id.repeat(2), partitions: this.chance(0.97) ? 2 : 0 };
    return { kind: 'PROVISIONED', by: SYSTEMS[1]!, grant_id: id, topic };
  }

  private lock(by: AccessActor): Draft {
    const target = this.pick<LockTarget>(['PERSON', 'PERSON', 'PRINCIPAL', 'TOPIC', 'TAG', 'PATIENT']);
    const value = {
      PERSON: this.pick(PEOPLE).id,
      PRINCIPAL: `User:${this.pick(CLINICIANS).id}`,
      TOPIC: this.pick(TOPICS),
      TAG: this.pick(TAGS),
      PATIENT: person(1 + this.int(6)).toString('hex'),
    }[target];
    return {
      kind: 'LOCKED',
      by,
      lock: { id: `l${++this.serial}`, target, value: this.chance(0.02) ? '' : value },
    };
  }

  private unlock(by: AccessActor): Draft {
    const id = this.pick([...this.state.locks.keys(), 'no-lock']);
    return { kind: 'UNLOCKED', by, lock: { id, target: 'TOPIC', value: '-' } };
  }

  private advance(): void {
    const roll = this.random();
    if (roll < 0.6) this.nowMs += this.int(2_000);
    else if (roll < 0.9) this.nowMs += this.int(MINUTE);
    else if (roll < 0.99) this.nowMs += this.int(10 * MINUTE);
    else this.nowMs += this.int(3 * HOUR);
  }

  private newId(): string {
    return (++this.serial).toString(16).padStart(16, '0');
  }

  private chance(probability: number): boolean {
    return this.random() < probability;
  }

  private int(below: number): number {
    return Math.floor(this.random() * below);
  }

  private pick<T>(items: readonly T[]): T {
    return items[this.int(items.length)]!;
  }
}
