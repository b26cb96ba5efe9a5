/**
 * The driver for people who test a policy with no broker: what it shows is what lanes would publish, withhold and record.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { PolicyTestDriver } from '../../topology/test-driver.ts';

const VISIT = JSON.stringify({
  type: 'record',
  name: 'Visit',
  namespace: 'clinic.v1',
  fields: [
    { name: 'patient', type: 'string', 'confluent:tags': ['PHI_MRN'], 'gauze:person': true },
    { name: 'name', type: 'string', 'confluent:tags': ['PHI_NAME'] },
    { name: 'zip', type: ['null', 'string'], default: null, 'confluent:tags': ['PHI_ZIP'] },
    { name: 'day', type: { type: 'int', logicalType: 'date' }, 'confluent:tags': ['PHI_DATE'] },
    { name: 'units', type: 'long', default: 0, 'confluent:tags': ['PHI_NONE'] },
  ],
});
const RESEARCH = `audience: research
regime: limited-data-set
description: Outcomes under DUA 1
owner: privacy@example.org
readers: ['User:research-app']
topics:
  visits: { key: { tag: PHI_MRN }, headers: { feed: { keep: true, reason: 'no PHI: name of the feed' } } }
methods:
  PHI_MRN: { method: pseudonym, domain: mrn }
  PHI_NAME: drop
  PHI_ZIP: zip3
  PHI_DATE: { method: date-shift, maxDays: 3 }
  PHI_NONE: keep
`;
const BILLING = RESEARCH.replace('audience: research', 'audience: billing')
  .replace("['User:research-app']", "['User:billing-app']")
  .replace('limited-data-set', 'tpo')
  .replace('PHI_NAME: drop', 'PHI_NAME: keep')
  .replace('{ method: date-shift, maxDays: 3 }', 'keep');
const ADA = { patient: 'MRN-1', name: 'Ada', zip: '02139', day: '2026-03-02', units: 3 };

async function driver(policies = [RESEARCH, BILLING]): Promise<PolicyTestDriver> {
  return await PolicyTestDriver.make({ policies, schemas: { visits: [VISIT] } });
}

describe('a policy without a broker', () => {
  test('shows each audience its own view, with keys, headers and no time', async () => {
    const it = await driver();
    it.pipe('visits', { key: 'MRN-1', value: ADA, headers: { feed: 'adt', trace: 'x' } });
    const [research] = it.read('research', 'visits');
    expect(research).toEqual({
      key: expect.stringMatching(/^[0-9a-f]{32}$/),
      value: {
        patient: research!.key,
        zip: '021',
        day: expect.stringMatching(/^2026-(02-2[78]|03-0[1345])$/),
        units: 3,
      },
      headers: { feed: 'adt' },
      timestampMs: 0,
    });
    const [billing] = it.read('billing', 'visits');
    expect(billing!.value).toMatchObject({ name: 'Ada', day: '2026-03-02' });
    expect(billing!.key).not.toBe(research!.key);
    expect(it.read('research', 'visits')).toEqual([]);
    expect(JSON.parse(it.derivedSchema('research', 'visits'))).toMatchObject({
      namespace: 'clinic.v1.for_research',
    });
    it.close();
  });

  test('withholds what lanes withhold, with the code, and has an event for every read', async () => {
    const it = await driver([RESEARCH]);
    it.pipe('visits', { key: 'a', value: Buffer.from('no registry prefix') });
    it.pipe('visits', { key: 'a', value: Buffer.from([0, 0, 0, 0, 1, 0xff]) });
    it.pipe('visits', { key: 'a', value: { ...ADA, units: '9223372036854775807' } });
    expect(it.withheld()).toEqual([
      { audience: 'research', topic: 'visits', offset: 0, code: 'ERR_DECODE_MAGIC' },
      { audience: 'research', topic: 'visits', offset: 1, code: 'ERR_DECODE_TRUNCATED' },
    ]);
    expect(it.read('research', 'visits')).toMatchObject([{ value: { units: '9223372036854775807' } }]);
    const told = it.audit().map(({ range }) => [range?.first_offset, range?.delivered_count]);
    expect(told).toEqual([
      [0, 0],
      [1, 0],
      [2, 1],
    ]);
    it.close();
  });

  test('keeps one shift for a person, moves its clock, and takes dates of a person together', async () => {
    const it = await driver([RESEARCH]);
    for (const day of ['2026-03-02', '2026-03-12']) it.pipe('visits', { value: { ...ADA, day } });
    const days = it.read('research', 'visits').map(({ value }) => Date.parse((value as { day: string }).day));
    expect(days[1]! - days[0]!).toBe(10 * 86_400_000);
    const kept = await PolicyTestDriver.make({
      policies: [BILLING.replace('topics:', 'timestamp: keep\ntopics:')],
      schemas: { visits: [VISIT] },
      nowMs: 1_000,
    });
    kept.advanceTime(500);
    kept.pipe('visits', { value: ADA });
    expect(kept.read('billing', 'visits')[0]!.timestampMs).toBe(1_500);
    kept.close();
  });

  test('refuses a policy that does not cover the schema, and a value that does not fit it', async () => {
    const open = RESEARCH.replace('  PHI_NAME: drop\n', '');
    await expect(driver([open])).rejects.toMatchObject({
      errors: [{ code: 'ERR_POLICY_TAG_WITHOUT_METHOD', context: { path: 'name' } }],
    });
    const it = await driver([RESEARCH]);
    const pipe = (value: unknown): void => it.pipe('visits', { value });
    for (const [value, path] of [
      [{ ...ADA, name: 7 }, 'name'],
      [{ ...ADA, extra: 1 }, 'extra'],
      [{ patient: 'MRN-1' }, 'name'],
      [{ ...ADA, day: 'some day' }, 'day'],
    ] as const) {
      expect(() => pipe(value)).toThrow(
        expect.objectContaining({ code: 'ERR_SCHEMA_VALUE', context: { path } }),
      );
    }
    expect(() => it.pipe('other', { value: {} })).toThrow(
      expect.objectContaining({ code: 'ERR_POLICY_ABSENT' }),
    );
  });

  test('runs the hospital of the examples', async () => {
    const text = (file: string): string => readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8');
    const it = await PolicyTestDriver.make({
      policies: [text('examples/hospital/policies/research.yaml')],
      schemas: {
        'clinical.patients': [text('schemas/clinical/patient.avsc')],
        'clinical.encounters': [text('schemas/clinical/encounter.avsc')],
        'clinical.observations': [text('schemas/clinical/observation.avsc')],
        'clinical.claims': [text('schemas/clinical/claim.avsc')],
      },
    });
    expect(it.derivedSchema('research', 'clinical.patients')).toContain('for_research');
    it.close();
  });
});
