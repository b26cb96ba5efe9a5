/**
 * An access log in memory: builds entries with as little writing as possible, sends each through its codec as the real
 * log would, and folds it.
 */
import { createHash } from 'node:crypto';
import { AccessState } from '../../approvals/access-state.ts';
import type { Verdict } from '../../approvals/access-state.ts';
import { scopeHash } from '../../approvals/scope-hash.ts';
import { accessEntryCodec } from '../../schemas/access-codecs.ts';
import type {
  AccessActor,
  AccessEntry,
  AccessEntryKind,
  LockTarget,
  RequestBody,
  Scope,
} from '../../schemas/access-codecs.ts';

export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
/** A Thursday, 10:00 UTC. */
export const START = Date.UTC(2026, 0, 15, 10);

export const ANA = human('ana', 'clinicians');
export const BEN = human('ben', 'data-owners');
export const CLEO = human('cleo', 'data-owners');
export const DORA = human('dora', 'privacy-officers');
export const EMIL = human('emil', 'privacy-officers');
/** Holds both roles. */
export const BOTH = human('both', 'data-owners', 'privacy-officers');
/** Answers for the machine account that would read. */
export const OWNER = human('owner', 'data-owners', 'privacy-officers');
export const STRANGER = human('stranger', 'clinicians');
export const SYSTEM: AccessActor = { ...human('User:gauze-approvals'), kind: 'SYSTEM' };
export const SERVICE: AccessActor = {
  ...human('User:icu-app', 'data-owners', 'privacy-officers'),
  kind: 'SERVICE',
};

export function human(id: string, ...roles: string[]): AccessActor {
  return { kind: 'HUMAN', id, roles: roles.toSorted(), on_behalf_of: null, token_id: null };
}

export function sha(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

/** A subject token of 8 equal bytes. */
export function person(byte: number): Buffer {
  return Buffer.alloc(8, byte);
}

export function scopeOf(given: Partial<Scope> = {}): Scope {
  return {
    cluster_id: 'c1',
    topic: 'clinical.encounters',
    topic_id: 'ab'.repeat(16),
    base_audience: 'research',
    policy_version: 3,
    policy_sha256: sha('policy'),
    schemas: [{ schema_id: 7, fingerprint: sha('schema') }],
    fields: [
      { path: 'birthDate', tags: ['PHI_BIRTH_DATE'] },
      { path: 'mrn', tags: ['PHI_ID', 'PHI_MRN'] },
    ],
    partitions: [
      { partition: 0, first_offset: 0, next_offset: 100 },
      { partition: 1, first_offset: 10, next_offset: 90 },
    ],
    persons: [person(1), person(2)],
    token_epoch: 1,
    beneficiary: 'User:ana',
    purpose: 'TREAT',
    max_records: 100,
    max_persons: 10,
    duration_ms: HOUR,
    window: null,
    replay: null,
    ...given,
  };
}

export function bodyOf(scope: Scope, given: Partial<RequestBody> = {}): RequestBody {
  return {
    subject: 'ACCESS',
    beneficiary_owner: 'owner',
    rule: 'encounters-raw',
    rules_sha256: sha('rules'),
    scope,
    policy: null,
    scope_sha256: scopeHash(scope),
    stages: [
      { role: 'data-owners', count: 1 },
      { role: 'privacy-officers', count: 1 },
    ],
    ticket: null,
    pending_ms: 24 * HOUR,
    activation_ms: 4 * HOUR,
    rule_duration_ms: 8 * HOUR,
    extends_grant: null,
    emergency: null,
    ...given,
  };
}

export const EMERGENCY: Partial<RequestBody> = { emergency: { code: 'ETREAT', review_ms: 24 * HOUR } };

let serial = 0;

export class TestLog {
  readonly state = new AccessState();
  readonly entries: { readonly offset: number; readonly atMs: number; readonly entry: AccessEntry }[] = [];
  nowMs = START;

  /** Appends a minute after the last entry, unless `nowMs` was set. */
  put(kind: AccessEntryKind, by: AccessActor, given: Partial<AccessEntry> = {}): Verdict {
    const bare: AccessEntry = {
      entry_id: Buffer.from((++serial).toString(16).padStart(32, '0'), 'hex'),
      kind,
      at: 0,
      by,
      idempotency_key: null,
      request_id: null,
      grant_id: null,
      cause: null,
      reason: null,
      request: null,
      decision: null,
      topic: null,
      lock: null,
      justified: null,
      ...given,
    };
    const entry = accessEntryCodec.decode(accessEntryCodec.encode(bare, 1));
    this.nowMs += MINUTE;
    const offset = this.state.endOffset + 2;
    this.entries.push({ offset, atMs: this.nowMs, entry });
    return this.state.fold(offset, this.nowMs, entry);
  }

  /** Asks; the id comes back with the verdict. */
  ask(
    body: RequestBody = bodyOf(scopeOf()),
    by: AccessActor = ANA,
    given: Partial<AccessEntry> = {},
  ): Verdict {
    const request_id = (++serial).toString(16).padStart(16, '0');
    return this.put('REQUESTED', by, {
      request_id,
      reason: 'follow-up of readmissions',
      request: body,
      ...given,
    });
  }

  /** A request taken in; its id. */
  pending(body?: RequestBody, by?: AccessActor): string {
    return accepted(this.ask(body, by)).requestId!;
  }

  approve(id: string, by: AccessActor, narrowed?: Scope, given: Partial<AccessEntry> = {}): Verdict {
    const narrowed_sha256 = narrowed ? scopeHash(narrowed) : null;
    return this.decide(id, by, { approve: true, narrowed: narrowed ?? null, narrowed_sha256 }, given);
  }

  deny(id: string, by: AccessActor): Verdict {
    return this.decide(id, by, { approve: false });
  }

  decide(
    id: string,
    by: AccessActor,
    decision: Partial<NonNullable<AccessEntry['decision']>>,
    given: Partial<AccessEntry> = {},
  ): Verdict {
    const scope_sha256 = this.state.requests.get(id)?.scopeSha256 ?? sha('');
    const complete = { approve: true, scope_sha256, narrowed: null, narrowed_sha256: null, ...decision };
    return this.put('DECIDED', by, { request_id: id, decision: complete, ...given });
  }

  /** A grant that two people have approved. */
  scheduled(body?: RequestBody): string {
    const id = this.pending(body);
    accepted(this.approve(id, BEN));
    accepted(this.approve(id, DORA));
    return id;
  }

  active(body?: RequestBody): string {
    return this.activate(this.scheduled(body));
  }

  /** An emergency grant that is active. */
  emergency(scope = scopeOf(), by = ANA): string {
    return this.activate(this.pending(bodyOf(scope, EMERGENCY), by));
  }

  activate(id: string): string {
    accepted(this.order(id));
    accepted(this.provision(id));
    return id;
  }

  order(id: string): Verdict {
    return this.put('ACTIVATION_ORDERED', SYSTEM, { grant_id: id });
  }

  provision(id: string, topic_id = 'cd'.repeat(16)): Verdict {
    return this.put('PROVISIONED', SYSTEM, { grant_id: id, topic: { topic_id, partitions: 2 } });
  }

  /** About a grant. */
  grant(kind: AccessEntryKind, id: string, by: AccessActor, given: Partial<AccessEntry> = {}): Verdict {
    return this.put(kind, by, { grant_id: id, ...given });
  }

  lock(target: LockTarget, value: string, by = DORA, id = `lock-${++serial}`): Verdict & { lockId: string } {
    return { ...this.put('LOCKED', by, { lock: { id, target, value } }), lockId: id };
  }

  unlock(id: string, by = DORA): Verdict {
    return this.put('UNLOCKED', by, { lock: { id, target: 'TOPIC', value: '-' } });
  }

  request(id: string) {
    return this.state.requests.get(id)!;
  }

  of(id: string) {
    return this.state.grants.get(id)!.grant;
  }

  review(id: string) {
    return this.state.grants.get(id)!.review;
  }
}

/** The verdict, which has to be an acceptance. */
export function accepted<T extends Verdict>(verdict: T): T {
  if (verdict.outcome !== 'ACCEPTED') throw new Error(`${verdict.outcome} ${verdict.code} ${verdict.state}`);
  return verdict;
}

export function types(verdict: Verdict): readonly string[] {
  return verdict.transitions.map(({ type }) => type);
}
