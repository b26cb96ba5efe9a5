/**
 * Promises of the as-of day: under Safe Harbor it does not grow old unnoticed, and applying again makes it young.
 */
import { expect, test } from '@jest/globals';
import { asOfAlarms, isToApply } from '../../policy/as-of.ts';
import type { AppliedPolicy } from '../../policy/policies-in-force.ts';
import { findOpenings } from '../../policy/openings.ts';
import type { Regime } from '../../policy/regimes.ts';
import { policyText, policyWith } from '../support/policy-fixture.ts';

const DAY = 20_000;
const HARBOR = { regime: 'safe-harbor', methods: { PHI_ID: 'drop', PHI_NONE: 'keep' } };

function inForce(settings: Readonly<Record<string, unknown>>): ReadonlyMap<string, AppliedPolicy> {
  const text = policyText(settings);
  const applied = { audience: 'research', version: 1, sha256: '', asOfDay: DAY, text, logOffset: 0 };
  return new Map([['research', applied]]);
}

test('alarms when it is older than a year under Safe Harbor, and then only', () => {
  expect(asOfAlarms(inForce(HARBOR), DAY + 365)).toEqual([]);
  const [alarm, ...others] = asOfAlarms(inForce(HARBOR), DAY + 366);
  expect(others).toEqual([]);
  expect(alarm).toMatchObject({ code: 'ERR_POLICY_AS_OF', context: { audience: 'research', count: 366 } });
  expect(asOfAlarms(inForce({}), DAY + 4_000)).toEqual([]);
  const unreadable = new Map(
    [...inForce(HARBOR)].map(([name, each]) => [name, { ...each, text: 'regime: [' }]),
  );
  expect(asOfAlarms(unreadable, DAY + 4_000)).toEqual([]);
});

test('is renewed by apply well before it alarms, which opens nothing', () => {
  const [applied] = inForce(HARBOR).values();
  const renewed = (regime: Regime, today: number): boolean =>
    isToApply({ sha256: '', regime }, applied, today);
  expect(renewed('safe-harbor', DAY + 183)).toBe(false);
  expect(renewed('safe-harbor', DAY + 184)).toBe(true);
  for (const regime of ['limited-data-set', 'expert-determination', 'tpo'] as const)
    expect(renewed(regime, DAY + 4_000)).toBe(false);
  expect(isToApply({ sha256: 'another', regime: 'tpo' }, applied, DAY)).toBe(true);
  expect(isToApply({ sha256: '', regime: 'tpo' }, undefined, DAY)).toBe(true);
  const policy = policyWith(HARBOR);
  expect(findOpenings({ policy, asOfDay: DAY }, { policy, asOfDay: DAY + 184 }, new Map())).toEqual([]);
  expect(findOpenings({ policy, asOfDay: DAY }, { policy, asOfDay: DAY - 1 }, new Map())).toHaveLength(1);
});
