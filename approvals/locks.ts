/**
 * Locks in force and what they touch. A lock says no to everything it touches; nothing here says yes.
 */
import type { AccessLock, LockTarget, Scope } from '../schemas/access-codecs.ts';

/** A lock in force. */
export interface PlacedLock extends AccessLock {
  /** The privacy officer who placed it. */
  readonly by: string;
  readonly atMs: number;
  readonly offset: number;
  readonly reason: string | null;
}

/** What a lock is held against: a request or a grant. */
export interface Lockable {
  readonly requester: string;
  readonly beneficiaryOwner: string;
  /** null for a policy. */
  readonly scope: Scope | null;
}

const PATIENT = /^[0-9a-f]{16}$/;

/** Whether a lock says what it locks; a patient by subject token, in lower case hex. */
export function isLock({ id, target, value }: AccessLock): boolean {
  return id !== '' && value !== '' && (target !== 'PATIENT' || PATIENT.test(value));
}

/**
 * Whether a lock touches a request or grant. One without named persons may be about any patient, so each lock on a
 * patient touches it.
 */
export function touches(
  { target, value }: AccessLock,
  { requester, beneficiaryOwner, scope }: Lockable,
): boolean {
  if (target === 'PERSON') return requester === value || beneficiaryOwner === value;
  if (scope === null) return false;
  if (target === 'PRINCIPAL') return scope.beneficiary === value;
  if (target === 'TOPIC') return scope.topic === value || scope.topic_id === value;
  if (target === 'TAG') return scope.fields.some(({ tags }) => tags.includes(value));
  return scope.persons === null || scope.persons.some((token) => token.toString('hex') === value);
}

export class LockTable {
  readonly placed = new Map<string, PlacedLock>();
  private readonly counts = new Map<LockTarget, Map<string, number>>();

  place(lock: PlacedLock): void {
    this.placed.set(lock.id, lock);
    this.count(lock, 1);
  }

  lift(lock: PlacedLock): void {
    this.placed.delete(lock.id);
    this.count(lock, -1);
  }

  /** Whether a human is locked. */
  isLocked(human: string): boolean {
    return this.has('PERSON', human);
  }

  /** Whether any lock touches it; looks up what it names, however many locks there are. */
  forbids({ requester, beneficiaryOwner, scope }: Lockable): boolean {
    if (this.isLocked(requester) || this.isLocked(beneficiaryOwner)) return true;
    if (scope === null) return false;
    return (
      this.has('PRINCIPAL', scope.beneficiary) ||
      this.has('TOPIC', scope.topic) ||
      this.has('TOPIC', scope.topic_id) ||
      scope.fields.some(({ tags }) => tags.some((tag) => this.has('TAG', tag))) ||
      this.forbidsPatients(scope)
    );
  }

  private forbidsPatients({ persons }: Scope): boolean {
    const patients = this.counts.get('PATIENT');
    if (!patients || patients.size === 0) return false;
    return persons === null || persons.some((token) => patients.has(token.toString('hex')));
  }

  private has(target: LockTarget, value: string): boolean {
    return this.counts.get(target)?.has(value) ?? false;
  }

  private count({ target, value }: PlacedLock, step: number): void {
    const values = this.counts.get(target) ?? new Map<string, number>();
    this.counts.set(target, values);
    const count = (values.get(value) ?? 0) + step;
    if (count > 0) values.set(value, count);
    else values.delete(value);
  }
}
