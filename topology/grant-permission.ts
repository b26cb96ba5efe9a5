/**
 * Whether a grant task may deliver at this moment. Pure; asked before each Produce. Whatever is unknown refuses.
 */
import type { GrantState } from '../schemas/access-codecs.ts';

/** A state is good for so long after it was seen to be the latest. */
export const STATE_AGE_MAX_MS = 3_000;
/** Nothing is sent in the last moments of a grant: what is on its way then could be appended too late. */
export const END_MARGIN_MS = 1_000;

/** `state`: people have ended or changed it; `time`: its time is over; `stale`: nobody knows at the moment. */
export type Refusal = 'state' | 'time' | 'stale';

export interface PermissionFacts {
  /** The grant as it was when the task began. */
  readonly begun: GrantState;
  /** The grant as it is now, as far as is known. */
  readonly state: GrantState | null;
  /** Milliseconds since that was seen to be the latest state. */
  readonly stateAgeMs: number;
  /** The broker's time, at the latest. */
  readonly brokerMs: number;
}

/** Why not; null where delivering is allowed. */
export function refusal({ begun, state, stateAgeMs, brokerMs }: PermissionFacts): Refusal | null {
  if (!stillAllows(state, begun)) return 'state';
  if (!(brokerMs < begun.not_after - END_MARGIN_MS)) return 'time';
  return stateAgeMs <= STATE_AGE_MAX_MS ? null : 'stale';
}

/** Milliseconds for which the answer `null` holds if nothing else is heard. */
export function validForMs({ begun, stateAgeMs, brokerMs }: PermissionFacts): number {
  return Math.min(begun.not_after - END_MARGIN_MS - brokerMs, STATE_AGE_MAX_MS - stateAgeMs);
}

/** Is `state` still the grant that the task began with, and active? */
export function stillAllows(state: GrantState | null, begun: GrantState): boolean {
  return (
    state !== null &&
    mayRun(state) &&
    state.grant_id === begun.grant_id &&
    state.not_after === begun.not_after &&
    state.grant_topic_id === begun.grant_topic_id &&
    state.scope_sha256.equals(begun.scope_sha256)
  );
}

/** May a task deliver under this state at all? */
export function mayRun({
  state,
  exhausted,
  not_after: notAfter,
  grant_topic_id: topicId,
  scope,
}: GrantState): boolean {
  const isTopicRight = scope.replay ? topicId === null : topicId !== null;
  return state === 'ACTIVE' && !exhausted && notAfter > 0 && isTopicRight;
}

/** Has the grant a topic that this role looks after: fills it, or removes it in the end? */
export function isLive({ state }: GrantState): boolean {
  return state === 'ACTIVE' || state === 'SUSPENDED' || isEnding(state);
}

/** Must the grant's topic go at once? */
export function isEnding(state: GrantState['state']): boolean {
  return state === 'ENDING' || state === 'REVOKING';
}
