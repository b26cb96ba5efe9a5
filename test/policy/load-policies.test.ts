/**
 * What policies may not be to each other.
 */
import { expect, test } from '@jest/globals';
import { policyConflicts } from '../../policy/load-policies.ts';
import { parsePolicy } from '../../policy/policy-file.ts';

const policy = (audience: string) =>
  parsePolicy(
    `audience: ${audience}
regime: safe-harbor
description: Counts
owner: privacy-office@example.org
readers: ['User:${audience}-app']
topics: { clinical.patients: { key: { tag: PHI_ID } } }
methods: { PHI_ID: drop }
`,
    `${audience}.yaml`,
  );

test('refuses an audience whose consumer groups the readers of another could use', () => {
  const codes = policyConflicts([policy('research'), policy('research-eu')]).map(({ code, context }) => [
    code,
    context.audience,
  ]);
  expect(codes).toEqual([['ERR_POLICY_AUDIENCE_PREFIX', 'research-eu']]);
});

test('lets audiences stand side by side that only look alike', () => {
  expect(policyConflicts([policy('research'), policy('researchers')])).toEqual([]);
});
