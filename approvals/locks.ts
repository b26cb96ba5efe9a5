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

/** A subject token in lower case hex, with its key epoch in front where that is known. */
const PATIENT_TOKEN = /^(?:(\d{1,10}):)?([0-9a-f]{16})$/;

/**
 * What a lock on a patient names: the tokens of all ids of the person in every key epoch of the keyring, since a grant
 * goes on under the epoch that it was made in.
 */
export function patientLock(tokens: readonly { readonly epoch: number; readonly token: Buffer }[]): string {
  return tokens
    .map(({ epoch, token }) => `${epoch}:${token.toString('hex')}`)
    .sort()
    .join(' ');
}

interface LockedPatient {
  /** Hex. */
  readonly tokens: readonly string[];
  /** Key epochs of the tokens; null where one of them does not say. */
  readonly epochs: ReadonlySet<number> | null;
}

function lockedPatient(value: string): LockedPatient {
  const parts = value.split(' ').map((word) => PATIENT_TOKEN.exec(word));
  const epochs = parts.map((part) => part?.[1]);
  return {
    tokens: parts.map((part) => part?.[2] ?? ''),
    epochs: epochs.includes(undefined) ? null : new Set(epochs.map(Number)),
  };
}

/** Does a lock say nothing of the epoch of a scope? Then it may be about anybody whom the scope names. */
function isBlindTo(epochs: ReadonlySet<number> | null, { token_epoch: epoch }: Scope): boolean {
  return epochs !== null && !epochs.has(epoch);
}

/** Whether a lock says what it locks; a patient by subject tokens. */
export function isLock({ id, target, value }: AccessLock): boolean {
  return (
    id !== '' &&
    value !== '' &&
    (target !== 'PATIENT' || value.split(' ').every((word) => PATIENT_TOKEN.test(word)))
  );
}

/**
 * Whether a lock touches a request or grant. One without named persons may be about any patient, so each lock on a
 * patient touches it; so does one that was placed before there were tokens of its key epoch.
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
  if (scope.persons === null) return true;
  const { tokens, epochs } = lockedPatient(value);
  return isBlindTo(epochs, scope) || scope.persons.some((token) => tokens.includes(token.toString('hex')));
}

export class LockTable {
  readonly placed = new Map<string, PlacedLock>();
  private readonly counts = new Map<LockTarget, Map<string, number>>();
  /** Of locks on patients, by the key epochs that they know: few, however many locks there are. */
  private readonly epochs = new Map<string, { count: number; readonly known: ReadonlySet<number> }>();

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

  private forbidsPatients(scope: Scope): boolean {
    const { persons } = scope;
    const patients = this.counts.get('PATIENT');
    if (!patients || patients.size === 0) return false;
    if (persons === null || [...this.epochs.values()].some(({ known }) => isBlindTo(known, scope)))
      return true;
    return persons.some((token) => patients.has(token.toString('hex')));
  }

  private has(target: LockTarget, value: string): boolean {
    return this.counts.get(target)?.has(value) ?? false;
  }

  private count({ target, value }: PlacedLock, step: number): void {
    if (target !== 'PATIENT') {
      this.countValue(target, value, step);
      return;
    }
    const { tokens, epochs } = lockedPatient(value);
    for (const token of tokens) this.countValue(target, token, step);
    if (epochs === null) return;
    const key = [...epochs].sort((a, b) => a - b).join(' ');
    const held = this.epochs.get(key) ?? { count: 0, known: epochs };
    held.count += step;
    if (held.count > 0) this.epochs.set(key, held);
    else this.epochs.delete(key);
  }

  private countValue(target: LockTarget, value: string, step: number): void {
    const values = this.counts.get(target) ?? new Map<string, number>();
    this.counts.set(target, values);
    const count = (values.get(value) ?? 0) + step;
    if (count > 0) values.set(value, count);
    else values.delete(value);
  }
}
