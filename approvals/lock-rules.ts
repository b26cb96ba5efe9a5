/**
 * Placing and lifting locks, by privacy officers. A lock suspends every live grant that it touches at once; lifting it
 * resumes nothing. The one rule whose work grows with the number of live grants.
 */
import type { ErrorCode } from '../platform/errors.ts';
import { officerFault } from './access-tables.ts';
import type { Step } from './access-tables.ts';
import { settleGrant } from './grant-changes.ts';
import { lockable, suspendGrant } from './grant-steps.ts';
import { isLock, touches } from './locks.ts';
import type { PlacedLock } from './locks.ts';
import { endRequest, settleRequest } from './request-rules.ts';
import { isLive } from './terminal-states.ts';

/** LOCKED */
export function placeLock(step: Step): ErrorCode | null {
  const { tables, entry, offset, nowMs } = step;
  const fault = officerFault(step);
  if (fault) return fault;
  if (!entry.lock || !isLock(entry.lock)) return 'ERR_ACCESS_ENTRY_INCOMPLETE';
  if (tables.locks.placed.has(entry.lock.id)) return 'ERR_ACCESS_ID_USED';
  const { id, target, value } = entry.lock;
  const lock = { id, target, value, by: entry.by.id, atMs: nowMs, offset, reason: entry.reason };
  tables.locks.place(lock);
  pushLockStep(step, lock, 'lock.placed', 'PLACED');
  suspendTouched(step, lock);
  if (target === 'PERSON') cancelPending(step, value);
  return null;
}

/** UNLOCKED */
export function liftLock(step: Step): ErrorCode | null {
  const { tables, entry } = step;
  const fault = officerFault(step);
  if (fault) return fault;
  if (!entry.lock) return 'ERR_ACCESS_ENTRY_INCOMPLETE';
  const lock = tables.locks.placed.get(entry.lock.id);
  if (!lock) return 'ERR_ACCESS_UNKNOWN';
  tables.locks.lift(lock);
  pushLockStep(step, lock, 'lock.lifted', 'LIFTED');
  return null;
}

function suspendTouched(step: Step, lock: PlacedLock): void {
  for (const id of step.tables.live) {
    const held = step.tables.grants.get(id);
    if (!held || !touches(lock, lockable(held))) continue;
    settleGrant(step, held);
    const { state } = held.grant;
    if (isLive(state) && state !== 'SUSPENDED') suspendGrant(step, held, 'LOCK');
  }
}

function cancelPending(step: Step, human: string): void {
  for (const id of step.tables.pendingOf.get(human)) {
    const request = step.tables.requests.get(id);
    if (!request) continue;
    settleRequest(step, request);
    if (request.state === 'PENDING') endRequest(step, request, 'CANCELLED', step.entry.by, 'LOCK');
  }
}

function pushLockStep(step: Step, { target }: PlacedLock, type: string, to: 'PLACED' | 'LIFTED'): void {
  const from = to === 'PLACED' ? null : 'PLACED';
  step.transitions.push({ type, requestId: null, grantId: null, from, to, cause: target });
}
