/**
 * Which states of a grant are final and in which it may still come to reveal something.
 */
import type { GrantStateName } from '../schemas/access-codecs.ts';

const TERMINAL: ReadonlySet<GrantStateName> = new Set([
  'LAPSED',
  'ACTIVATION_FAILED',
  'ENDED',
  'EXHAUSTED',
  'REVOKED',
]);

/** Whether a grant in this state never changes again. */
export function isTerminal(state: GrantStateName): boolean {
  return TERMINAL.has(state);
}

/** Whether a grant in this state reveals something or may come to do so: neither final nor only waiting to be removed. */
export function isLive(state: GrantStateName): boolean {
  return !TERMINAL.has(state) && state !== 'ENDING' && state !== 'REVOKING';
}
