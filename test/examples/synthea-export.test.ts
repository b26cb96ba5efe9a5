/**
 * Promises of the Synthea reader: every row becomes a record that encodes, exports with other columns are
 * read too, and a row that cannot be used stops the read without telling what it holds.
 */
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { clinicalType, encodeRecord } from '../../examples/hospital/clinical-codecs.ts';
import type { ClinicalRecord } from '../../examples/hospital/clinical-values.ts';
import { readSyntheaExport } from '../../examples/hospital/synthea-export.ts';

const data = path.resolve(import.meta.dirname, '../../../shared/data/synthea-smart');
const whenPresent = existsSync(data) ? test : test.skip;
const REASON = existsSync(data) ? '' : ' (skipped: ../shared/data/synthea-smart is not there)';

describe('the full export', () => {
  whenPresent(`gives one record per row, in time order, and each encodes${REASON}`, async () => {
    const counts: Record<string, number> = {};
    const people = new Set<string>();
    const encounters = new Set<string>();
    let lastStart = Number.NEGATIVE_INFINITY;
    let sequence = 0;
    for await (const { topic, key, value } of readSyntheaExport(data)) {
      counts[topic] = (counts[topic] ?? 0) + 1;
      sequence += 1;
      const bytes = encodeRecord(topic, 1, value).subarray(5);
      const type = clinicalType(topic);
      if (!type.isValid(value, { noUndeclaredFields: true }))
        throw new Error(`record ${sequence} is invalid`);
      if (!type.toBuffer(type.fromBuffer(bytes)).equals(bytes))
        throw new Error(`record ${sequence} is changed`);
      if (value.feedSequence !== sequence || key !== value.patientId) throw new Error(`record ${sequence}`);
      if (topic === 'clinical.patients') people.add(key);
      else if (!people.has(key)) throw new Error(`record ${sequence} is of nobody`);
      if (topic === 'clinical.patients' && value.ssn !== null) expect(value.ssn).toMatch(/^9\d\d-/);
      if (topic === 'clinical.encounters') {
        encounters.add(value.encounterId);
        if (value.period.start < lastStart) throw new Error(`record ${sequence} is out of order`);
        lastStart = value.period.start;
      }
    }
    expect(counts).toEqual({
      'clinical.patients': 2_076,
      'clinical.encounters': 13_832,
      'clinical.observations': 20_102,
      'clinical.claims': 5_663,
    });
    expect(sequence).toBe(41_673);
    expect(encounters.size).toBe(13_832);
  });
});

describe('another export', () => {
  let folder = '';
  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'synthea-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  async function write(files: Readonly<Record<string, string>>): Promise<void> {
    for (const [name, text] of Object.entries(files)) await writeFile(path.join(folder, name), text);
  }
  async function read(): Promise<ClinicalRecord[]> {
    const records: ClinicalRecord[] = [];
    for await (const record of readSyntheaExport(folder)) records.push(record);
    return records;
  }
  const standard = {
    'patients.csv':
      'Id,BIRTHDATE,DEATHDATE,SSN,FIRST,MIDDLE,LAST,GENDER,CITY,COUNTY,FIPS,ZIP,INCOME,HEALTHCARE_EXPENSES\n' +
      'p-1,1931-02-03,,999-11-2222,Ada,,Example,F,Town,Shire,25001,03601,1200,12.50\n',
    'encounters.csv':
      'Id,START,STOP,PATIENT,ORGANIZATION,PROVIDER,PAYER,ENCOUNTERCLASS,CODE,DESCRIPTION,BASE_ENCOUNTER_COST,REASONCODE\n' +
      'e-1,2026-02-03T08:00:00Z,2026-02-03T09:00:00Z,p-1,o-1,d-1,y-1,wellness,185349003,Check up,85.55,\n',
    'observations.csv':
      'DATE,PATIENT,ENCOUNTER,CATEGORY,CODE,DESCRIPTION,VALUE,UNITS,TYPE\n' +
      '2026-02-03T08:10:00Z,p-1,e-1,vital-signs,29463-7,Body Weight,71.2,kg,numeric\n' +
      '2026-02-03T08:11:00Z,p-1,,survey,72166-2,Tobacco,Never smoker,,text\n' +
      '2026-02-03T08:12:00Z,p-1,e-1,vital-signs,55284-4,Blood Pressure,8462-4=78.1;8480-6=115.6,,component\n',
    'claims.csv':
      'Id,PATIENTID,PROVIDERID,DEPARTMENTID,DIAGNOSIS1,DIAGNOSIS2,APPOINTMENTID,SERVICEDATE,STATUS1,OUTSTANDINGP,LASTBILLEDDATE1\n' +
      'c-1,p-1,d-1,4,444814009,72892002,e-1,2026-02-03T08:00:00Z,BILLED,20.00,2026-02-04T00:00:00Z\n',
  };

  test('of the standard exporter is read with its own columns', async () => {
    await write(standard);
    const [patient, encounter, weight, tobacco, pressure, claim] = (await read()).map(({ value }) => value);
    expect(patient).toMatchObject({ mrn: 'p-1', gender: 'female', income: 1200, address: { fips: '25001' } });
    expect(patient).toMatchObject({ healthcareExpenses: Buffer.from([0x04, 0xe2]), deathDate: null });
    expect(encounter).toMatchObject({
      ageAtEncounter: 95,
      payer: 'y-1',
      baseCost: Buffer.from([0x21, 0x6b]),
    });
    expect(weight).toMatchObject({ value: 71.2, unit: 'kg', encounterId: 'e-1' });
    expect(tobacco).toMatchObject({ value: 'Never smoker', encounterId: null });
    expect(pressure).toMatchObject({ value: null, components: [{ value: 78.1 }, { value: 115.6 }] });
    expect(claim).toMatchObject({
      patientId: 'p-1',
      encounterId: 'e-1',
      diagnosisCodes: ['444814009', '72892002'],
      providerIds: { rendering: 'd-1' },
      statuses: { primary: 'BILLED' },
      outstanding: { patient: Buffer.from([0x07, 0xd0]) },
    });
  });

  test('keeps a component that is no pair of numbers as text, so no row is lost', async () => {
    const observations = `${standard['observations.csv']}2026-02-03T08:13:00Z,p-1,e-1,,55284-4,Blood Pressure,unclear,,component\n`;
    await write({ ...standard, 'observations.csv': observations });
    expect((await read()).map(({ value }) => value)).toContainEqual(
      expect.objectContaining({ value: 'unclear', valueType: 'text' }),
    );
  });

  test('stops at a row without its patient, and says file, line and column but no cell', async () => {
    await write({ ...standard, 'claims.csv': 'Id,PATIENTID,SERVICEDATE\nc-1,,2026-02-03T08:00:00Z\n' });
    await expect(read()).rejects.toMatchObject({
      code: 'ERR_FEED_COLUMN',
      context: { file: path.join(folder, 'claims.csv'), line: 2, setting: 'PATIENT or PATIENTID' },
    });
  });

  test('stops at a time that is none, without repeating it', async () => {
    await write({ ...standard, 'patients.csv': 'Id,BIRTHDATE,FIRST,LAST\np-1,secret-day,Ada,Example\n' });
    const failure = await read().catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'ERR_FEED_COLUMN', context: { setting: 'BIRTHDATE' } });
    expect(String(failure)).not.toContain('secret-day');
  });

  test('names the file that is not there', async () => {
    await expect(read()).rejects.toMatchObject({
      code: 'ERR_CONFIG_FILE_UNREADABLE',
      context: { file: path.join(folder, 'patients.csv') },
    });
  });
});
