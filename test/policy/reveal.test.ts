/**
 * The plan of a grant: the base audience's, with the granted fields in clear, and nothing else.
 */
import { describe, expect, test } from '@jest/globals';
import type { Reveal } from '../../policy/compile-plan.ts';
import { compile, field, planned, policyWith, problems, recordOf } from '../support/policy-fixture.ts';

const GRANT = 'c0ffee0123456789';
const safeHarbor = policyWith({
  regime: 'safe-harbor',
  methods: { PHI_ID: 'drop', PHI_NAME: 'drop', PHI_MRN: 'drop', PHI_DATE: 'drop', PHI_NONE: 'keep' },
});
const schema = recordOf(
  field('mrn', 'string', ['PHI_MRN']),
  field('name', 'string', ['PHI_NAME']),
  field('status', 'string', ['PHI_NONE']),
);

const revealing = (fields: Readonly<Record<string, readonly string[]>>): { readonly reveal: Reveal } => ({
  reveal: {
    grantId: GRANT,
    fields: new Map(Object.entries(fields).map(([path, tags]) => [path, new Set(tags)])),
  },
});
const methods = (plan: ReturnType<typeof planned>): object =>
  Object.fromEntries(plan.leaves.map(({ path, instruction }) => [path, instruction.method]));

describe("a grant's plan", () => {
  test('keeps what was granted, against the regime too, and treats all else as the policy does', () => {
    const base = planned(compile(safeHarbor, schema));
    const plan = planned(compile(safeHarbor, schema, revealing({ mrn: ['PHI_MRN'] })));
    expect(methods(base)).toEqual({ mrn: 'drop', name: 'drop', status: 'keep' });
    expect(methods(plan)).toEqual({ mrn: 'keep', name: 'drop', status: 'keep' });
    expect(plan.leaves[0]?.why).toBe(`grant ${GRANT}`);
    expect(plan.key).toEqual(base.key);
  });

  test('has a name, a namespace and a hash of its own, also where it reveals nothing more', () => {
    const base = planned(compile(safeHarbor, schema));
    const plan = planned(compile(safeHarbor, schema, revealing({})));
    expect(plan.audience).toBe(`grant-${GRANT}`);
    expect(plan.derivedSchema).toContain(`org.example.for_grant_${GRANT}`);
    expect(plan.hash).not.toBe(base.hash);
  });

  test('is none once a granted field has a tag that nobody decided about, in whichever version', () => {
    const more = recordOf(field('mrn', 'string', ['PHI_MRN', 'SENSITIVE_HIV']));
    const policy = policyWith();
    expect(problems(compile(policy, more, revealing({ mrn: ['PHI_MRN'] })))).toEqual([
      'ERR_GRANT_TAGS_CHANGED mrn',
    ]);
    const versions = { earlier: [more], ...revealing({ mrn: ['PHI_MRN'] }) };
    expect(problems(compile(safeHarbor, schema, versions))).toEqual(['ERR_GRANT_TAGS_CHANGED mrn']);
    const decided = revealing({ mrn: ['PHI_MRN', 'SENSITIVE_HIV'] });
    expect(problems(compile(policy, recordOf(field('mrn', 'string', ['PHI_MRN'])), decided))).toEqual([]);
  });

  test('is none for a field that a later version brought without a tag', () => {
    const later = recordOf(field('mrn', 'string', ['PHI_MRN']), field('flag', 'boolean'));
    expect(problems(compile(safeHarbor, later, revealing({ mrn: ['PHI_MRN'] })))).toEqual([
      'ERR_POLICY_LEAF_UNCOVERED flag',
    ]);
  });

  test('excuses no other field from the regime', () => {
    const methods = { PHI_ID: 'drop', PHI_MRN: 'keep', PHI_NAME: 'keep', PHI_NONE: 'keep' };
    const open = { ...policyWith({ regime: 'tpo', methods }), regime: 'safe-harbor' as const };
    expect(problems(compile(open, schema, revealing({ mrn: ['PHI_MRN'] })))).toEqual([
      'ERR_POLICY_REGIME name',
    ]);
  });
});
