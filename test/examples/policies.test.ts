/**
 * Promises of the example policies, read off their plans: they compile for every clinical topic, and each
 * audience gets what its regime says, whatever fields the schemas may gain.
 */
import path from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { clinicalSchema } from '../../examples/hospital/clinical-codecs.ts';
import { CLINICAL_TOPICS } from '../../examples/hospital/clinical-values.ts';
import { compilePlan } from '../../policy/compile-plan.ts';
import type { PlanLeaf } from '../../policy/plan-leaf.ts';
import { loadPolicies } from '../../policy/load-policies.ts';
import type { Policy } from '../../policy/policy.ts';
import { parseAvroSchema } from '../../schemas/parse-avro.ts';
import { pathTags } from '../../schemas/tags.ts';

const folder = path.resolve(import.meta.dirname, '../../examples/hospital/policies');
const AS_OF_DAY = Date.UTC(2026, 0, 5) / 86_400_000;

let policies: Policy[] = [];
beforeAll(async () => {
  policies = await loadPolicies(folder);
});

/** All leaves of all topics as `audience` gets them. */
function leavesFor(audience: string): readonly PlanLeaf[] {
  const policy = policies.find((each) => each.audience === audience)!;
  return CLINICAL_TOPICS.flatMap((topic) => {
    const schema = parseAvroSchema(clinicalSchema(topic));
    const input = { policy, topic, schema, schemaId: 1, policyVersion: 1, asOfDay: AS_OF_DAY };
    const plan = compilePlan({ ...input, tagsInForce: pathTags(schema) });
    if (Array.isArray(plan)) throw plan[0]!;
    return plan.leaves;
  });
}

function methodsOn(leaves: readonly PlanLeaf[], tag: PlanLeaf['tags'][number]): readonly string[] {
  const tagged = leaves.filter((leaf) => leaf.tags.includes(tag));
  expect(tagged.length).toBeGreaterThan(0);
  return [...new Set(tagged.map((leaf) => leaf.instruction.method))].toSorted();
}

test('there are three, each for all four topics, with a reader and examples', () => {
  expect(policies.map((policy) => policy.audience)).toEqual(['analytics', 'billing', 'research']);
  for (const policy of policies) {
    expect([...policy.topics.keys()].toSorted()).toEqual([...CLINICAL_TOPICS].toSorted());
    expect(policy.readers).toHaveLength(1);
    expect(policy.examples.length).toBeGreaterThan(0);
  }
});

describe('analytics', () => {
  test('keeps only what was reviewed as no PHI', () => {
    const kept = leavesFor('analytics').filter((leaf) => leaf.instruction.method === 'keep');
    expect(kept.length).toBeGreaterThan(30);
    expect(kept.filter((leaf) => leaf.tags.join() !== 'PHI_NONE')).toEqual([]);
  });

  test('gets no identifier in any form, years instead of dates, ages up to 90', () => {
    const leaves = leavesFor('analytics');
    expect(leaves.filter((leaf) => leaf.instruction.method === 'pseudonym')).toEqual([]);
    expect(methodsOn(leaves, 'PHI_DATE')).toEqual(['date-truncate']);
    expect(methodsOn(leaves, 'PHI_AGE')).toEqual(['age-cap']);
    for (const { instruction } of leaves) {
      if (instruction.method === 'date-truncate') {
        expect(instruction).toMatchObject({ unit: 'year', over89: 'cap' });
      }
    }
  });
});

describe('research', () => {
  test('joins by pseudonyms and shifts all dates of a person alike', () => {
    const leaves = leavesFor('research');
    expect(methodsOn(leaves, 'PHI_ID')).toEqual(['pseudonym']);
    expect(methodsOn(leaves, 'PHI_MRN')).toEqual(['pseudonym']);
    for (const { path: place, instruction } of leaves) {
      if (place === 'patientId') expect(instruction).toMatchObject({ domain: 'patient' });
      if (place === 'encounterId') expect(instruction).toMatchObject({ domain: 'account' });
    }
    const shifts = leaves.flatMap(({ instruction }) =>
      instruction.method === 'date-shift' ? [instruction.maxDays] : [],
    );
    expect(shifts.length).toBeGreaterThan(5);
    expect([...new Set(shifts)]).toEqual([182]);
  });

  test('gets no names, no contacts, no free text', () => {
    const leaves = leavesFor('research');
    for (const tag of ['PHI_NAME', 'PHI_PHONE', 'PHI_EMAIL', 'PHI_SSN', 'PROVIDER_NAME'] as const) {
      expect(methodsOn(leaves, tag)).toEqual(['drop']);
    }
    expect(methodsOn(leaves, 'PHI_FREE_TEXT')).toEqual(['redact']);
  });
});

describe('billing', () => {
  test('gets identities and amounts, but no notes, no SSN, nothing sensitive', () => {
    const leaves = leavesFor('billing');
    for (const tag of ['PHI_NAME', 'PHI_MRN', 'PHI_ACCOUNT', 'PHI_MEMBER_ID', 'PROVIDER_ID'] as const) {
      expect(methodsOn(leaves, tag)).toEqual(['keep']);
    }
    for (const tag of [
      'PHI_SSN',
      'PHI_FREE_TEXT',
      'SENSITIVE_SUD',
      'SENSITIVE_MENTAL',
      'SENSITIVE_HIV',
    ] as const) {
      expect(methodsOn(leaves, tag)).toEqual(['drop']);
    }
    const notes = leaves.filter((leaf) => leaf.path.startsWith('notes'));
    expect(notes.map((leaf) => leaf.instruction.method)).toEqual(['drop', 'drop', 'drop']);
  });
});
