/**
 * What the reducer keeps: requests, grants and locks, and the indexes that make each fold independent of how many
 * there are. Changed by the rules alone, in log order; holds nothing that does not follow from the log.
 */
import type { ErrorCode } from '../platform/errors.ts';
import type { AccessActor, AccessEntry } from '../schemas/access-codecs.ts';
import type { HistoryLine, Transition } from './access-verdict.ts';
import type { GrantRecord } from './grant-record.ts';
import { LockTable } from './locks.ts';
import type { RequestState, Vote } from './request-state.ts';

type Changing<T> = { -readonly [Key in keyof T]: T[Key] };

/** A grant and all that prolong it, directly or not. */
export interface GrantFamily {
  /** Durations of its grants, and of the requests that ask to prolong one of them. */
  usedMs: number;
}

export interface OpenRequest extends Changing<RequestState> {
  votes: Vote[];
  readonly history: HistoryLine[];
  /** Of the grant to be prolonged; null where none is. */
  readonly family: GrantFamily | null;
}

export interface HeldGrant extends Changing<GrantRecord> {
  readonly history: HistoryLine[];
  readonly request: OpenRequest;
  readonly family: GrantFamily;
  /** Whether its topic may exist, so that the end has to wait until it is removed. */
  wasOrdered: boolean;
}

/** The fixed role that locks, resumes, reviews and revokes. */
export const PRIVACY_OFFICERS = 'privacy-officers';

export class AccessTables {
  readonly requests = new Map<string, OpenRequest>();
  readonly grants = new Map<string, HeldGrant>();
  readonly locks = new LockTable();
  /** Grants that reveal something or may come to. */
  readonly live = new Set<string>();
  /** Pending requests by the human who asked or answers for the beneficiary. */
  readonly pendingOf = new SetsByKey();
  /** Live emergency grants by requester and topic, and by beneficiary and topic. */
  readonly liveEmergencies = new Map<string, string>();
  /** Emergency grants that wait for their review, by requester. */
  readonly unreviewedOf = new SetsByKey();
  /** Hash of the access rules under which people may ask; null before the first request. */
  rulesInForce: Buffer | null = null;
}

/** The fold of one entry: where it stands, and what has come of it so far. */
export interface Step {
  readonly tables: AccessTables;
  readonly entry: AccessEntry;
  readonly offset: number;
  /** Time of the log. */
  readonly nowMs: number;
  readonly transitions: Transition[];
}

/** Judges an entry: why it is refused, or null where it was accepted and has taken effect. */
export type Rule = (step: Step) => ErrorCode | null;

/** Whom a step is done by: null is time. */
export type Doer = AccessActor | null;

/** Sets of ids; those that are empty are not kept. */
export class SetsByKey {
  private readonly sets = new Map<string, Set<string>>();

  get(key: string): readonly string[] {
    return [...(this.sets.get(key) ?? [])];
  }

  add(key: string, id: string): void {
    const set = this.sets.get(key) ?? new Set();
    this.sets.set(key, set.add(id));
  }

  delete(key: string, id: string): void {
    const set = this.sets.get(key);
    set?.delete(id);
    if (set?.size === 0) this.sets.delete(key);
  }
}

/** What an entry is about: the grant of a request has the id of the request. */
export function subjectId({ grant_id, request_id }: AccessEntry): string | null {
  return grant_id ?? request_id;
}

export function grantOf({ tables, entry }: Step): HeldGrant | undefined {
  return tables.grants.get(subjectId(entry) ?? '');
}

export function requestOf({ tables, entry }: Step): OpenRequest | undefined {
  return tables.requests.get(subjectId(entry) ?? '');
}

/** Why this actor may not decide as a person: only humans in their own name, who are not locked. */
export function personFault({ tables, entry: { by } }: Step): ErrorCode | null {
  if (by.kind !== 'HUMAN') return 'ERR_ACCESS_NOT_HUMAN';
  if (by.on_behalf_of !== null) return 'ERR_ACCESS_DELEGATE';
  return tables.locks.isLocked(by.id) ? 'ERR_ACCESS_LOCKED' : null;
}

/** Why this actor may not report as a process of gauze. */
export function systemFault({ entry: { by } }: Step): ErrorCode | null {
  return by.kind === 'SYSTEM' ? null : 'ERR_ACCESS_NOT_SYSTEM';
}

/** Why this actor may not decide as a privacy officer about something of these people. */
export function officerFault(step: Step, ...concerned: readonly string[]): ErrorCode | null {
  const { by } = step.entry;
  const fault = personFault(step);
  if (fault) return fault;
  if (concerned.includes(by.id)) return 'ERR_ACCESS_SELF';
  return by.roles.includes(PRIVACY_OFFICERS) ? null : 'ERR_ACCESS_ROLE';
}

/** A line of history for this step. */
export function line(step: Step, by: Doer, type: string, cause: string | null): HistoryLine {
  return {
    offset: step.offset,
    atMs: step.nowMs,
    by: by === null ? null : by.id,
    type,
    cause,
    reason: by === null ? null : step.entry.reason,
  };
}
