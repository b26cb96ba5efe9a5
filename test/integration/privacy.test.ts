/**
 * What the readers of sanitized topics can and cannot know, of a synthetic hospital and of an export of Synthea:
 * looked up by value, so that it does not matter which field something stands in.
 */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { ClinicalRecord } from '../../examples/hospital/clinical-values.ts';
import { generateHospital } from '../../examples/hospital/hospital.ts';
import { RESTRICTED_ZIP_PREFIXES } from '../../examples/hospital/people.ts';
import { readSyntheaExport } from '../../examples/hospital/synthea-export.ts';
import { SiteRecords, textAt, timesOf } from '../support/site-records.ts';
import type { View, ViewedRecord } from '../support/site-records.ts';
import { AUDIENCES, TestSite } from '../support/test-site.ts';

const SYNTHEA = path.resolve(import.meta.dirname, '../../../shared/data/synthea-smart');
const hasSynthea = existsSync(SYNTHEA);

const SOURCES = `a generated hospital and an export of Synthea${hasSynthea ? '' : ' (without it: ../shared/data/synthea-smart is not there)'}`;

/** Both, with feed sequences that tell them apart. */
async function* everyRecord(): AsyncGenerator<ClinicalRecord> {
  let sequence = 0;
  for (const record of generateHospital({ patients: 300, seed: 17 })) {
    sequence = record.value.feedSequence;
    yield record;
  }
  if (!hasSynthea) return;
  for await (const record of readSyntheaExport(SYNTHEA)) {
    const feedSequence = record.value.feedSequence + sequence;
    // The union is kept: only one field of the value changes.
    yield { ...record, value: { ...record.value, feedSequence } } as ClinicalRecord;
  }
}

const NAME_PARTS = ['given', 'middle', 'family', 'maiden'];
/** Paths of names and places of people in clinical.patients. */
const WORDS = [
  ...NAME_PARTS.flatMap((part) => [`name.${part}`, `previousNames[].${part}`]),
  'mothersMaidenName',
  'emergencyContacts{key}',
  'birthPlace',
  'address.lines[]',
  'address.city',
  'address.county',
];
/** Paths of numbers that stand for one person, in all topics. */
const NUMBERS = [
  'ssn',
  'driversLicense',
  'passport',
  'telecom[].value',
  'emergencyContacts{}',
  'portalAddress',
  'address.fips',
  'coverage.memberId',
  'insurance[].memberId',
  'accountNumber',
  'payerAccount',
  'device.udi',
];
/** Paths of what research knows by pseudonyms. */
const IDS = [
  'patientId',
  'mrn',
  'facilityMrns{}',
  'encounterId',
  'claimId',
  'organizationId',
  'organization.organizationId',
  'participants[].practitionerId',
  'participants[].npi',
  'providerIds{}',
  'generalPractitioner.practitionerId',
  'generalPractitioner.npi',
];
/** Paths of words out of short public lists, some of which are names of people too, such as White. */
const LISTED = new Set(['race', 'ethnicity', 'gender', 'maritalStatus', 'address.state', 'address.country']);
/** Prefixes with few people, and one without any that stands in the export: a tax office's. */
const WITHHELD_PREFIXES = new Set<string>([...RESTRICTED_ZIP_PREFIXES, '055']);
const OLDEST_YEAR = new Date().getUTCFullYear() - 90;
const DAY_MS = 86_400_000;

function textsAt(record: ViewedRecord, paths: readonly string[]): readonly string[] {
  return record.scalars.flatMap((scalar) => (paths.includes(scalar.path) ? [scalar.value as string] : []));
}

function stringsOf(record: ViewedRecord): readonly { readonly path: string; readonly text: string }[] {
  return record.scalars.flatMap(({ path: at, value }) =>
    typeof value === 'string' ? [{ path: at, text: value }] : [],
  );
}

/** Does `word` stand in `text` as a word or words of its own? */
function holdsWord(text: string, word: string): boolean {
  for (let at = text.indexOf(word); at >= 0; at = text.indexOf(word, at + 1)) {
    const around = text.charAt(at - 1) + text.charAt(at + word.length);
    if (!/\p{L}/u.test(around)) return true;
  }
  return false;
}

function shownPrefix(prefix: string): string {
  return WITHHELD_PREFIXES.has(prefix) ? '000' : prefix;
}

describe(SOURCES, () => {
  let site: TestSite;
  let records: SiteRecords;
  let fed: number;
  /** What raw topics say, by person and by record. */
  const words = new Map<string, Set<string>>();
  const numbers = new Set<string>();
  const rawIds = new Set<string>();
  const raw = new Map<number, ViewedRecord>();

  beforeAll(async () => {
    site = await TestSite.make();
    // A second audience with pseudonyms, of the same domains as those of research.
    await site.editPolicy('billing', (policy) => {
      policy.methods['PHI_ID'] = { method: 'pseudonym', domain: 'patient' };
      policy.methods['PHI_MRN'] = { method: 'pseudonym', domain: 'mrn' };
      policy.methods['PHI_ACCOUNT'] = { method: 'pseudonym', domain: 'account' };
      policy.methods['PROVIDER_ID'] = { method: 'pseudonym', domain: 'provider' };
      policy.examples = [];
    });
    fed = await site.feed(everyRecord());
    await site.apply();
    site.run();
    await site.caughtUp(120_000);
    records = await SiteRecords.read(site);
    for (const record of records.of('raw')) remember(record);
  }, 240_000);

  afterAll(async () => {
    await site.close();
  });

  function remember(record: ViewedRecord): void {
    raw.set(record.sequence, record);
    for (const id of textsAt(record, IDS)) rawIds.add(id);
    for (const number of textsAt(record, NUMBERS)) numbers.add(number);
    if (record.topic !== 'clinical.patients') return;
    const patientId = textAt(record, 'patientId')!;
    const known = words.get(patientId) ?? new Set();
    for (const word of textsAt(record, WORDS)) known.add(word);
    words.set(patientId, known);
  }

  test('every record reaches every audience', () => {
    expect(raw.size).toBe(fed);
    for (const audience of AUDIENCES) expect(records.count(audience)).toBe(fed);
  });

  test('no name, place or number of a person is in any topic for analytics', () => {
    const everybody = new Set([...words.values()].flatMap((known) => [...known]));
    // The export numbers some doctors 100 or 10, which is no number of anybody by itself.
    const individual = new Set([...numbers, ...rawIds].filter((id) => id.length > 4));
    expect(everybody.size).toBeGreaterThan(500);
    expect(numbers.size).toBeGreaterThan(500);
    const faults: string[] = [];
    for (const record of records.of('analytics')) {
      const own = words.get(textAt(raw.get(record.sequence)!, 'patientId')!)!;
      if (record.key !== null) faults.push(`${record.topic} ${record.sequence}: a key`);
      for (const { path: at, text } of stringsOf(record)) {
        const isNumber = individual.has(text) || /\d{3}-\d{2}-\d{4}|555-\d{3}/.test(text);
        const isWord =
          !LISTED.has(at) && (everybody.has(text) || [...own].some((word) => holdsWord(text, word)));
        if (isNumber || isWord) faults.push(`${record.topic} ${record.sequence} ${at}`);
      }
    }
    expect(faults).toEqual([]);
  });

  test('dates for analytics are years, and none tells an age over 89', () => {
    const years = new Set<number>();
    let rawOldest = Number.POSITIVE_INFINITY;
    for (const record of records.of('analytics')) {
      const times = timesOf(record);
      if (times.length === 0) throw new Error(`${record.topic}: no date`);
      for (const { ms } of times) {
        const date = new Date(ms);
        if (date.toISOString().slice(4) !== '-01-01T00:00:00.000Z')
          throw new Error(`${record.topic}: more than a year`);
        years.add(date.getUTCFullYear());
      }
      const [first] = timesOf(raw.get(record.sequence)!).toSorted((one, other) => one.ms - other.ms);
      rawOldest = Math.min(rawOldest, first!.ms);
    }
    expect(new Date(rawOldest).getUTCFullYear()).toBeLessThan(OLDEST_YEAR);
    expect(Math.min(...years)).toBe(OLDEST_YEAR);
    expect(years.size).toBeGreaterThan(50);
  });

  test('ages for analytics end at 90', () => {
    const ages: (readonly [number, number])[] = [];
    const ageOf = (record: ViewedRecord): number | undefined =>
      record.scalars.find((scalar) => scalar.path === 'ageAtEncounter')?.value as number | undefined;
    for (const record of records.of('analytics', 'clinical.encounters')) {
      const age = ageOf(raw.get(record.sequence)!);
      if (age !== undefined) ages.push([age, ageOf(record)!]);
    }
    expect(ages.filter(([age, shown]) => shown !== Math.min(age, 90))).toEqual([]);
    expect(ages.some(([age]) => age > 90)).toBe(true);
  });

  test.each(['analytics', 'research'] as const)(
    'ZIP codes for %s are prefixes of many people',
    (audience) => {
      const shown = new Map<string, number>();
      for (const record of records.of(audience, 'clinical.patients')) {
        const zip = textAt(raw.get(record.sequence)!, 'address.zip');
        const prefix = zip === null ? null : shownPrefix(zip.slice(0, 3));
        expect(textAt(record, 'address.zip')).toBe(prefix);
        if (prefix !== null) shown.set(prefix, (shown.get(prefix) ?? 0) + 1);
      }
      expect(shown.size).toBeGreaterThan(3);
      expect(shown.get('000')).toBeGreaterThan(10);
    },
  );

  describe('records of one person', () => {
    test('join all four topics inside research, by one pseudonym each', () => {
      const stand = new Map<string, string>();
      const patients = new Set(
        [...records.of('research', 'clinical.patients')].map((record) => textAt(record, 'patientId')),
      );
      const encounters = new Set(
        [...records.of('research', 'clinical.encounters')].map((record) => textAt(record, 'encounterId')),
      );
      const joined = new Set<string>();
      for (const record of records.of('research')) {
        const [id, encounter] = [textAt(record, 'patientId')!, textAt(record, 'encounterId')];
        const rawId = textAt(raw.get(record.sequence)!, 'patientId')!;
        if (!patients.has(id)) throw new Error(`${record.topic}: a patient who is not among patients`);
        if (record.key !== id) throw new Error(`${record.topic}: a key that is not the patient's id`);
        if ((stand.get(rawId) ?? id) !== id) throw new Error(`${record.topic}: two pseudonyms of one person`);
        stand.set(rawId, id);
        if (encounter !== null && encounters.has(encounter)) joined.add(record.topic);
        else if (encounter !== null)
          throw new Error(`${record.topic}: an encounter that is not among encounters`);
      }
      expect(new Set(stand.values()).size).toBe(stand.size);
      expect(stand.size).toBe(words.size);
      expect(joined).toEqual(new Set(['clinical.encounters', 'clinical.observations', 'clinical.claims']));
    });

    test('do not join across audiences, nor with raw topics', () => {
      const idsOf = (view: View): ReadonlySet<string> =>
        new Set(
          [...records.of(view)].flatMap((record) => [
            ...textsAt(record, IDS),
            ...(record.key === null ? [] : [record.key]),
          ]),
        );
      const [research, billing, analytics] = [idsOf('research'), idsOf('billing'), idsOf('analytics')];
      expect(research.size).toBe(rawIds.size);
      expect(billing.size).toBe(rawIds.size);
      expect(analytics.size).toBe(0);
      const common = (one: ReadonlySet<string>, other: ReadonlySet<string>): number =>
        [...one].filter((id) => other.has(id)).length;
      expect([common(research, rawIds), common(billing, rawIds), common(research, billing)]).toEqual([
        0, 0, 0,
      ]);
    });

    test('keep their distances in time inside research, all moved by the same days and never by none', () => {
      const shifts = new Map<string, number>();
      for (const record of records.of('research')) {
        const origin = raw.get(record.sequence)!;
        const patientId = textAt(origin, 'patientId')!;
        const [before, after] = [timesOf(origin), timesOf(record)];
        if (before.map((time) => time.path).join() !== after.map((time) => time.path).join())
          throw new Error(`${record.topic}: other dates than in the raw topic`);
        for (const [i, { ms }] of after.entries()) {
          const days = (ms - before[i]!.ms) / DAY_MS;
          if ((shifts.get(patientId) ?? days) !== days)
            throw new Error(`${record.topic}: two shifts of one person`);
          shifts.set(patientId, days);
        }
      }
      expect(shifts.size).toBe(words.size);
      const all = [...shifts.values()];
      expect(all.filter((days) => days === 0 || !Number.isInteger(days) || Math.abs(days) > 182)).toEqual([]);
      expect(new Set(all).size).toBeGreaterThan(150);
    });
  });
});
