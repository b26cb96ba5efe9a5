/**
 * Promises of the regimes on people who look real: the Synthea sample through the example policies, every record of all
 * four topics on bytes, and then looked for what must be gone and held to what must still join. Counted, not assumed.
 */
import { beforeAll, describe, expect, test } from '@jest/globals';
import type { ClinicalRecord, PatientValue } from '../../examples/hospital/clinical-values.ts';
import { SYNTHEA_IS_THERE, syntheaAudience, syntheaRecords, valuesAt } from '../support/synthea-masked.ts';
import type { SyntheaAudience } from '../support/synthea-masked.ts';
import { maskingPlan } from '../support/masked-values.ts';
import { policyWith } from '../support/policy-fixture.ts';
import { testKeys } from '../support/test-keys.ts';

const whenPresent = SYNTHEA_IS_THERE ? test : test.skip;
const REASON = SYNTHEA_IS_THERE ? '' : ' (skipped: ../shared/data/synthea-smart is not there)';
const DAY_MS = 86_400_000;
/** 2026-01-05: "90 or older" are those born in 1936 or before. */
const AS_OF_DAY = Date.UTC(2026, 0, 5) / DAY_MS;
const CATEGORY = 1936;
const RECORDS = 41_673;

const patients = new Map<string, PatientValue>();
const records: ClinicalRecord[] = [];
let analytics: SyntheaAudience;
let research: SyntheaAudience;
let others: SyntheaAudience;

beforeAll(async () => {
  analytics = await syntheaAudience('analytics', testKeys('analytics'), AS_OF_DAY);
  research = await syntheaAudience('research', testKeys('research'), AS_OF_DAY);
  others = await syntheaAudience('research', testKeys('others'), AS_OF_DAY);
  if (!SYNTHEA_IS_THERE) return;
  for await (const record of syntheaRecords()) {
    records.push(record);
    if (record.topic === 'clinical.patients') patients.set(record.key, record.value);
  }
}, 120_000);

const iso = (day: number): string => new Date(day * DAY_MS).toISOString().slice(0, 10);

/** Texts of a person that Safe Harbor takes away, by what they are. */
function identifiersOf(patient: PatientValue): readonly (readonly [string, string])[] {
  const { name, address, telecom, birthDate } = patient;
  const born = iso(birthDate);
  const all: readonly (readonly [string, string | null])[] = [
    ['birth date', born],
    ['birth date', born.replaceAll('-', '')],
    ['birth date', `${Number(born.slice(5, 7))}/${Number(born.slice(8))}/${born.slice(0, 4)}`],
    ['ZIP5', address.zip],
    ['city', address.city],
    ...address.lines.map((line) => ['street', line] as const),
    ['birth place', patient.birthPlace],
    ['name', name.given],
    ['name', name.family],
    ['name', name.maiden],
    ['name', patient.mothersMaidenName],
    ['SSN', patient.ssn],
    ['MRN', patient.mrn],
    ['license', patient.driversLicense],
    ['license', patient.passport],
    ['id', patient.patientId],
    ...telecom.map(({ value }) => ['contact', value] as const),
  ];
  return all.filter((each): each is readonly [string, string] => each[1] !== null && each[1].length > 1);
}

/** All text of a decoded value, one line for each string and number. */
function textOf(value: unknown): string {
  if (Buffer.isBuffer(value)) return `${value.toString('latin1')}\n${value.toString('hex')}\n`;
  if (typeof value === 'object' && value !== null)
    return Object.entries(value)
      .map(([key, each]) => `${key}\n${textOf(each)}`)
      .join('');
  return `${String(value)}\n`;
}

function isRace({ topic, value }: ClinicalRecord, word: string): boolean {
  return topic === 'clinical.patients' && value.race === word;
}

function hasWord(text: string, word: string): boolean {
  for (let at = text.indexOf(word); at >= 0; at = text.indexOf(word, at + 1)) {
    const around = `${text[at - 1] ?? ' '}${text[at + word.length] ?? ' '}`;
    if (!/[\p{L}\p{N}]/u.test(around)) return true;
  }
  return false;
}

describe('Safe Harbor', () => {
  whenPresent(
    `no birth date, ZIP5, city, name or number of anybody survives in ${RECORDS} records${REASON}`,
    () => {
      const before: Record<string, number> = {};
      const after: Record<string, number> = {};
      for (const record of records) {
        const [raw, masked] = [textOf(record.value), textOf(analytics.mask(record).value)];
        for (const [what, word] of identifiersOf(patients.get(record.key)!)) {
          if (hasWord(raw, word)) before[what] = (before[what] ?? 0) + 1;
          // One of them is called White, and is: what is left is the race.
          if (hasWord(masked, word) && !isRace(record, word)) after[what] = (after[what] ?? 0) + 1;
        }
      }
      expect(records).toHaveLength(RECORDS);
      // The search finds what is there: in the raw records nearly everything but dates, which are numbers there.
      expect(before).toMatchObject({ ZIP5: 2_063, city: expect.any(Number), MRN: 2_076, id: RECORDS });
      expect(before['city']).toBeGreaterThan(2_000);
      expect(after).toEqual({});
    },
  );

  whenPresent(
    `every date that is left is the first of a year, and none tells an age over 89${REASON}`,
    () => {
      const counts = { dates: 0, oldBefore: 0, oldAfter: 0, birthYears: 0, otherDays: 0 };
      for (const record of records) {
        const { value } = analytics.mask(record);
        for (const { path, schema, instruction } of analytics.plans.get(record.topic)!.leaves) {
          if (instruction.method !== 'date-truncate') continue;
          const perDay = schema.kind === 'int' ? 1 : DAY_MS;
          for (const left of valuesAt(value, path)) {
            counts.dates += 1;
            const time = new Date((Number(left) / perDay) * DAY_MS);
            if (time.toISOString().slice(4) !== '-01-01T00:00:00.000Z') counts.otherDays += 1;
            if (time.getUTCFullYear() < CATEGORY) counts.oldAfter += 1;
          }
          for (const raw of valuesAt(record.value, path))
            if (new Date((Number(raw) / perDay) * DAY_MS).getUTCFullYear() < CATEGORY) counts.oldBefore += 1;
          counts.birthYears += path === 'birthDate' ? 1 : 0;
        }
      }
      expect(counts).toMatchObject({ birthYears: 2_076, oldAfter: 0, otherDays: 0 });
      expect(counts.oldBefore).toBeGreaterThan(300);
      expect(counts.dates).toBeGreaterThan(RECORDS);
    },
  );

  whenPresent(`every age over 89 is 90, and ages up to 89 stay${REASON}`, () => {
    const counts = { ages: 0, over89: 0, stay: 0, wrong: 0 };
    for (const record of records) {
      if (record.topic !== 'clinical.encounters' || record.value.ageAtEncounter === null) continue;
      const raw = record.value.ageAtEncounter;
      const left = analytics.mask(record).value['ageAtEncounter'];
      counts.ages += 1;
      if (raw > 89) counts.over89 += 1;
      else counts.stay += 1;
      if (left !== Math.min(raw, 90)) counts.wrong += 1;
    }
    expect(counts).toMatchObject({ wrong: 0 });
    expect(counts.over89).toBeGreaterThan(100);
    expect(counts.stay).toBeGreaterThan(10_000);
  });
});

describe('a limited data set', () => {
  whenPresent(
    `all dates of a person move by one number of days, over four topics; none by 0${REASON}`,
    () => {
      const shifts = new Map<string, Set<number>>();
      const topics = new Map<string, Set<string>>();
      let dates = 0;
      for (const record of records) {
        const { value } = research.mask(record);
        for (const { path, schema, instruction } of research.plans.get(record.topic)!.leaves) {
          if (instruction.method !== 'date-shift') continue;
          const raw = valuesAt(record.value, path);
          const left = valuesAt(value, path);
          if (left.length !== raw.length) throw new Error(path);
          const perDay = schema.kind === 'int' ? 1 : DAY_MS;
          const seen = shifts.get(record.key) ?? new Set();
          shifts.set(record.key, seen);
          for (const [at, each] of raw.entries()) {
            dates += 1;
            seen.add((Number(left[at]) - Number(each)) / perDay);
          }
          topics.set(record.key, (topics.get(record.key) ?? new Set()).add(record.topic));
        }
      }
      expect(dates).toBeGreaterThan(65_000);
      const several = [...shifts.values()].filter(({ size }) => size !== 1);
      expect(several.length).toBe(0);
      const days = [...shifts.values()].map((each) => [...each][0]!);
      expect(days.filter((each) => each === 0 || Math.abs(each) > 182 || !Number.isInteger(each))).toEqual(
        [],
      );
      expect(new Set(days).size).toBeGreaterThan(300);
      expect([...topics.values()].filter(({ size }) => size === 4).length).toBeGreaterThan(500);
    },
  );

  whenPresent(
    `identifiers join inside the audience over all topics, one to one, and never with another${REASON}`,
    () => {
      const [own, foreign] = [new Map<string, string>(), new Map<string, string>()];
      let wrong = 0;
      for (const record of records) {
        for (const [audience, known] of [
          [research, own],
          [others, foreign],
        ] as const) {
          const pseudonym = String(audience.mask(record).value['patientId']);
          if ((known.get(record.key) ?? pseudonym) !== pseudonym) wrong += 1;
          known.set(record.key, pseudonym);
        }
      }
      expect([wrong, own.size, new Set(own.values()).size]).toEqual([0, 2_076, 2_076]);
      const shared = [...foreign.values()].filter((each) =>
        new Set([...own.values(), ...own.keys()]).has(each),
      );
      expect([foreign.size, shared.length]).toEqual([2_076, 0]);
    },
  );

  whenPresent(
    `an MRN on any other topic of the audience has the pseudonym that patients has${REASON}`,
    () => {
      // Another team's schema, with the MRN as a field of its own.
      const plan = maskingPlan(policyWith(), 'string', ['PHI_MRN']);
      if (Array.isArray(plan)) throw plan[0]!;
      const [ours, theirs] = [new Map<string, string>(), new Set<string>()];
      for (const record of records) {
        if (record.topic !== 'clinical.patients') continue;
        ours.set(record.value.mrn, String(research.mask(record).value['mrn']));
        theirs.add(String(others.mask(record).value['mrn']));
      }
      let joined = 0;
      for (const record of records) {
        if (record.topic !== 'clinical.encounters') continue;
        const { mrn } = patients.get(record.key)!;
        if (plan.mask(mrn).record['x'] === ours.get(mrn)) joined += 1;
      }
      expect([ours.size, joined]).toEqual([2_076, 13_832]);
      expect([...ours].filter(([mrn, pseudonym]) => theirs.has(pseudonym) || theirs.has(mrn))).toEqual([]);
    },
  );
});
