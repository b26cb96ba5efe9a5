/**
 * Promises of the synthetic hospital: the same seed gives the same bytes, everybody is made up, and the
 * cases that masking gets wrong are all there.
 */
import { createHash } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { clinicalType, encodeRecord } from '../../examples/hospital/clinical-codecs.ts';
import { ageInYears, DAY_MS, decimal } from '../../examples/hospital/clinical-values.ts';
import type { ClinicalRecord, PatientValue } from '../../examples/hospital/clinical-values.ts';
import { generateHospital } from '../../examples/hospital/hospital.ts';
import { RESTRICTED_ZIP_PREFIXES } from '../../examples/hospital/people.ts';

const records = [...generateHospital({ patients: 60, seed: 1 })];

type Of<T extends ClinicalRecord['topic']> = Extract<ClinicalRecord, { topic: T }>['value'];
function valuesOf<T extends ClinicalRecord['topic']>(topic: T): Of<T>[] {
  return records.filter((record) => record.topic === topic).map((record) => record.value as Of<T>);
}
const patients = valuesOf('clinical.patients');
const registrations = patients.filter((patient) => patient.change === 'REGISTERED');

function digest(seed: number): string {
  const hash = createHash('sha256');
  for (const { topic, key, value } of generateHospital({ patients: 60, seed })) {
    hash.update(`${topic} ${key} `).update(encodeRecord(topic, 1, value));
  }
  return hash.digest('hex');
}

describe('the stream', () => {
  test('is the same for the same seed, byte for byte, and another for another', () => {
    expect(digest(1)).toBe(digest(1));
    expect(digest(1)).not.toBe(digest(2));
  });

  test('holds only values that their schema takes, and that decode to themselves', () => {
    for (const { topic, value } of records) {
      const type = clinicalType(topic);
      const bytes = encodeRecord(topic, 7, value);
      expect(bytes.subarray(0, 5)).toEqual(Buffer.from([0, 0, 0, 0, 7]));
      expect(type.isValid(value, { noUndeclaredFields: true })).toBe(true);
      expect(type.toBuffer(type.fromBuffer(bytes.subarray(5)))).toEqual(bytes.subarray(5));
    }
  });

  test('numbers its records without a gap and keys them by patient', () => {
    expect(records.map(({ value }) => value.feedSequence)).toEqual(records.map((_, index) => index + 1));
    expect(records.every(({ key, value }) => key === value.patientId)).toBe(true);
  });

  test('speaks of nobody before their registration, and of all who are asked for', () => {
    const known = new Set<string>();
    for (const { topic, key } of records) {
      if (topic === 'clinical.patients') known.add(key);
      else expect(known.has(key)).toBe(true);
    }
    expect(known.size).toBe(60);
  });

  test('joins: each observation and claim belongs to an encounter of the same patient', () => {
    const owners = new Map(valuesOf('clinical.encounters').map((e) => [e.encounterId, e.patientId]));
    for (const value of [...valuesOf('clinical.observations'), ...valuesOf('clinical.claims')]) {
      expect(owners.get(value.encounterId ?? '')).toBe(value.patientId);
    }
    expect(valuesOf('clinical.claims')).toHaveLength(owners.size);
  });

  test('runs in time order within each topic', () => {
    const times = valuesOf('clinical.encounters').map((encounter) => encounter.period.start);
    expect(times).toEqual(times.toSorted((a, b) => a - b));
    const billed = valuesOf('clinical.claims').map((claim) => claim.createdAt);
    expect(billed).toEqual(billed.toSorted((a, b) => a - b));
  });

  test('is empty for a hospital without patients', () => {
    expect([...generateHospital({ patients: 0, seed: 1 })]).toEqual([]);
  });
});

function home({ birthDate, name, address }: PatientValue): string {
  return [birthDate, name.family, address.lines.join()].join('|');
}

describe('the people', () => {
  test('have numbers that nobody has: SSNs 900-999, phones 555-01xx, mail at example.org', () => {
    for (const { ssn, telecom } of patients) {
      expect(ssn).toMatch(/^9\d\d-\d\d-\d{4}$/);
      for (const { value } of telecom) expect(value).toMatch(/555-01\d\d$|@example\.org$/);
    }
  });

  test('include ages over 89 and children', () => {
    const ages = registrations.map((patient) => ageInYears(patient.birthDate, patient.recordedAt));
    expect(ages.filter((age) => age > 89).length).toBeGreaterThanOrEqual(5);
    expect(ages.some((age) => age < 18)).toBe(true);
  });

  test('live under restricted ZIP prefixes, common ones, and none', () => {
    const zips = registrations.map((patient) => patient.address.zip);
    const prefixes = new Set(zips.map((zip) => zip?.slice(0, 3)));
    expect(RESTRICTED_ZIP_PREFIXES.filter((prefix) => prefixes.has(prefix)).length).toBeGreaterThan(8);
    expect(prefixes.has('021')).toBe(true);
    expect(zips).toContain(null);
  });

  test('include twins: same birth, family and address, another person', () => {
    const homes = new Map<string, Set<string>>();
    for (const patient of registrations) {
      homes.set(home(patient), (homes.get(home(patient)) ?? new Set()).add(patient.patientId));
    }
    expect([...homes.values()].filter((ids) => ids.size === 2).length).toBe(2);
  });

  test('change: a name that keeps the former one, and a death', () => {
    const renamed = patients.filter((patient) => patient.previousNames.length > 0);
    expect(renamed.length).toBeGreaterThan(0);
    for (const patient of renamed) {
      expect(patient.previousNames.at(-1)?.family).toBe(patient.name.maiden);
      expect(patient.name.family).not.toBe(patient.name.maiden);
    }
    const dead = patients.filter((patient) => patient.change === 'DECEASED');
    expect(dead.length).toBeGreaterThan(0);
    const last = new Map(valuesOf('clinical.encounters').map((e) => [e.patientId, e.period.start]));
    for (const patient of dead) expect(last.get(patient.patientId) ?? 0).toBeLessThan(patient.recordedAt);
  });

  test('are named in notes, with their phone', () => {
    const byId = new Map(patients.map((patient) => [patient.patientId, patient]));
    const notes = valuesOf('clinical.encounters').flatMap((encounter) =>
      encounter.notes.map((note) => ({ text: note.text, patient: byId.get(encounter.patientId)! })),
    );
    expect(notes.some(({ text, patient }) => text.includes(patient.name.given))).toBe(true);
    expect(notes.some(({ text, patient }) => text.includes(patient.telecom[0]!.value))).toBe(true);
  });
});

describe('amounts and ages', () => {
  test.each([
    [0, '00'],
    [1.27, '7f'],
    [1.28, '0080'],
    [265.52, '67b8'],
    [655.36, '010000'],
    [-0.01, 'ff'],
    [-1.28, '80'],
    [-1.29, 'ff7f'],
  ])('%d is the decimal %s', (amount, hex) => {
    expect(decimal(amount).toString('hex')).toBe(hex);
  });

  test('an age changes on the birthday', () => {
    const born = Date.UTC(1931, 1, 3) / DAY_MS;
    expect(ageInYears(born, Date.UTC(2026, 1, 2))).toBe(94);
    expect(ageInYears(born, Date.UTC(2026, 1, 3))).toBe(95);
  });
});
