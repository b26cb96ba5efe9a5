import { isDeepStrictEqual } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import { AccessState } from '../../approvals/access-state.ts';
import type { Verdict } from '../../approvals/access-state.ts';
import { accessEntryCodec } from '../../schemas/access-codecs.ts';
import { AccessChecker } from './access-checker.ts';
import { ACTORS, CommandSource } from './access-commands.ts';
import type { Command } from './access-commands.ts';

const SEED = 20_260_115;
const STEPS = 100_000;

interface Run {
  readonly state: AccessState;
  readonly checker: AccessChecker;
  readonly commands: readonly Command[];
  readonly verdicts: readonly Verdict[];
}

const run = runOf(SEED, STEPS);

function runOf(seed: number, steps: number): Run {
  const state = new AccessState();
  const source = new CommandSource(seed, state);
  const checker = new AccessChecker(state);
  const commands: Command[] = [];
  const verdicts: Verdict[] = [];
  for (let step = 0; step < steps && checker.violations.length === 0; step++) {
    const command = source.next();
    const verdict = state.fold(command.offset, command.atMs, command.entry);
    checker.check(command, verdict);
    commands.push(command);
    verdicts.push(verdict);
  }
  checker.finalOnes();
  return { state, checker, commands, verdicts };
}

/** Everything that can be seen of a state. */
function contentOf({ requests, grants, locks, nowMs, endOffset }: AccessState) {
  const records = [...grants].map(([id, { grant, review, revokedBy, history }]) => [
    id,
    grant,
    review,
    revokedBy,
    history,
  ]);
  return { nowMs, endOffset, locks: [...locks], requests: [...requests], records };
}

describe('a hundred thousand random entries of fifty actors', () => {
  test('break no invariant after any step', () => {
    expect(run.checker.violations).toEqual([]);
    expect(run.commands).toHaveLength(STEPS);
    expect(ACTORS).toHaveLength(50);
  });

  test('give the same verdicts and the same state to every instance, in whatever process it reads them', () => {
    const again = new AccessState();
    const differing: number[] = [];
    for (const [step, { offset, atMs, entry }] of run.commands.entries()) {
      const read = accessEntryCodec.decode(accessEntryCodec.encode(entry, 1));
      const verdict = again.fold(offset, atMs, read);
      if (!isDeepStrictEqual(verdict, run.verdicts[step])) differing.push(step);
    }
    expect(differing).toEqual([]);
    expect(isDeepStrictEqual(contentOf(again), contentOf(run.state))).toBe(true);
  });

  test('reach every state, and are accepted and refused for every kind and reason', () => {
    const accepted = counts(run, ({ outcome }, { entry }) => (outcome === 'ACCEPTED' ? entry.kind : null));
    for (const kind of new Set(run.commands.map(({ entry }) => entry.kind)))
      expect({ kind, often: (accepted.get(kind) ?? 0) >= 100 }).toEqual({ kind, often: true });
    const states = new Set([...run.state.requests.values()].map(({ state }) => state));
    expect([...states].sort()).toEqual(
      ['APPROVED', 'CANCELLED', 'DENIED', 'EXPIRED', 'PENDING', 'SUPERSEDED', 'WITHDRAWN'].sort(),
    );
    const grantStates = new Set(run.verdicts.flatMap(({ transitions }) => transitions.map(({ to }) => to)));
    for (const state of [
      'ACTIVE',
      'SUSPENDED',
      'LAPSED',
      'ACTIVATION_FAILED',
      'ENDED',
      'EXHAUSTED',
      'REVOKED',
      'OVERDUE',
    ])
      expect(grantStates).toContain(state);
    const codes = counts(run, ({ outcome, code }) => (outcome === 'REFUSED' ? code : null));
    expect([...codes.keys()].sort()).toEqual([
      'ERR_ACCESS_ALREADY_VOTED',
      'ERR_ACCESS_DELEGATE',
      'ERR_ACCESS_DURATION',
      'ERR_ACCESS_EMERGENCY_EXTENDS',
      'ERR_ACCESS_EMERGENCY_LIVE',
      'ERR_ACCESS_ENTRY_INCOMPLETE',
      'ERR_ACCESS_EXTENDS',
      'ERR_ACCESS_ID_USED',
      'ERR_ACCESS_KEY_REUSED',
      'ERR_ACCESS_LATE',
      'ERR_ACCESS_LOCKED',
      'ERR_ACCESS_NOT_HUMAN',
      'ERR_ACCESS_NOT_NARROWER',
      'ERR_ACCESS_NOT_SYSTEM',
      'ERR_ACCESS_NOT_YET',
      'ERR_ACCESS_NO_REVIEW',
      'ERR_ACCESS_REASON_MISSING',
      'ERR_ACCESS_REVIEW_OVERDUE',
      'ERR_ACCESS_ROLE',
      'ERR_ACCESS_SCOPE_HASH',
      'ERR_ACCESS_SCOPE_INVALID',
      'ERR_ACCESS_SCOPE_ORDER',
      'ERR_ACCESS_SCOPE_STALE',
      'ERR_ACCESS_SELF',
      'ERR_ACCESS_STAGES',
      'ERR_ACCESS_STATE',
      'ERR_ACCESS_UNKNOWN',
      'ERR_ACCESS_WINDOW',
    ]);
  });
});

function counts(
  { commands, verdicts }: Run,
  name: (verdict: Verdict, command: Command) => string | null,
): ReadonlyMap<string, number> {
  const found = new Map<string, number>();
  for (const [step, verdict] of verdicts.entries()) {
    const key = name(verdict, commands[step]!);
    if (key !== null) found.set(key, (found.get(key) ?? 0) + 1);
  }
  return found;
}
