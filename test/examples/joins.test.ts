/**
 * Measured on the four topics of the Synthea export, for two audiences with the same policy: identifiers join inside an
 * audience and never across, and all of a person's dates keep their distances over all topics.
 */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { clinicalSchema, encodeRecord } from '../../examples/hospital/clinical-codecs.ts';
import { CLINICAL_TOPICS } from '../../examples/hospital/clinical-values.ts';
import type { ClinicalRecord, ClinicalTopic } from '../../examples/hospital/clinical-values.ts';
import { readSyntheaExport } from '../../examples/hospital/synthea-export.ts';
import { compilePlan } from '../../policy/compile-plan.ts';
import { keyInstruction } from '../../policy/key-instruction.ts';
import { parsePolicy } from '../../policy/policy-file.ts';
import { compileKeyMasker, compileTranscoder } from '../../processors/transcoder.ts';
import { avscTypes } from '../../processors/value-oracle.ts';
import { parseAvroSchema } from '../../schemas/parse-avro.ts';
import { pathTags } from '../../schemas/tags.ts';
import { NOWHERE } from '../support/plan-builder.ts';
import { testKeys } from '../support/test-keys.ts';

const root = path.resolve(import.meta.dirname, '../..');
const data = path.resolve(root, '../shared/data/synthea-smart');
const isPresent = existsSync(data);
const REASON = isPresent ? '' : ' (skipped: ../shared/data/synthea-smart is not there)';
const policyText = readFileSync(path.join(root, 'examples/hospital/policies/research.yaml'), 'utf8');
const DAY_MS = 86_400_000;
const AS_OF_DAY = Date.UTC(2026, 0, 5) / DAY_MS;

type Value = Readonly<Record<string, unknown>>;

/** What an audience gets of one record: its masked key and value. */
function audience(name: string): (record: ClinicalRecord) => { key: string; value: Value } {
  const policy = parsePolicy(policyText.replace('audience: research', `audience: ${name}`), `${name}.yaml`);
  const keys = testKeys(name);
  const out = Buffer.alloc(1 << 16);
  const maskers = new Map(
    CLINICAL_TOPICS.map((topic) => {
      const schema = parseAvroSchema(clinicalSchema(topic));
      const input = { policy, topic, schema, schemaId: 1, policyVersion: 1, asOfDay: AS_OF_DAY };
      const plan = compilePlan({ ...input, tagsInForce: pathTags(schema) });
      if (Array.isArray(plan)) throw plan[0]!;
      const maskKey = compileKeyMasker(keyInstruction(policy, topic), keys);
      return [topic, { transcoder: compileTranscoder(plan, keys), type: avscTypes(plan).derived, maskKey }];
    }),
  );
  return ({ topic, key, value }) => {
    const { transcoder, type, maskKey } = maskers.get(topic)!;
    const raw = encodeRecord(topic, 1, value);
    const end = transcoder.mask(raw, 5, raw.length, out, 0, -1, NOWHERE);
    if (end < 0 || end > out.length) throw new Error(`fault ${end}`);
    const masked = type.fromBuffer(Buffer.from(out.subarray(0, end))) as Value;
    const keyEnd = maskKey(Buffer.from(key), 0, Buffer.byteLength(key), out, 0);
    return { key: out.toString('utf8', 0, keyEnd), value: masked };
  };
}

/** The value of a union, which is wrapped in its masked form and may be in its raw one. */
const inner = (value: unknown): unknown =>
  typeof value === 'object' && value !== null ? Object.values(value)[0] : value;

const at = (value: Value, ...steps: readonly string[]): unknown =>
  steps.reduce<unknown>((found, step) => (found as Value | null)?.[step] ?? null, value);

/** All dates of a record in milliseconds, in the same order raw and masked; null for none. */
function datesOf(topic: ClinicalTopic, value: Value): (number | null)[] {
  const time = (...steps: string[]): number | null => {
    const found = inner(at(value, ...steps));
    return found === null ? null : Number(found);
  };
  const day = (name: string): number | null => {
    const found = time(name);
    return found === null ? null : found * DAY_MS;
  };
  switch (topic) {
    case 'clinical.patients':
      return [day('birthDate'), time('recordedAt')];
    case 'clinical.encounters':
      return [time('period', 'start'), time('period', 'end')];
    case 'clinical.observations':
      return [time('effectiveAt')];
    default:
      return [time('createdAt'), day('illnessDate')];
  }
}

/** One identifier of the raw data and what became of it in each topic. */
type Sightings = Map<string, Map<string, Set<string>>>;

function sight(sightings: Sightings, id: string, topic: string, pseudonym: string): void {
  const byTopic = sightings.get(id) ?? new Map<string, Set<string>>();
  sightings.set(id, byTopic);
  byTopic.set(topic, (byTopic.get(topic) ?? new Set()).add(pseudonym));
}

interface Measured {
  readonly patients: Sightings;
  readonly encounters: Sightings;
  readonly mrns: Sightings;
  readonly dates: Map<string, { readonly raw: number; readonly masked: number; readonly topic: string }[]>;
}

const newMeasured = (): Measured => ({
  patients: new Map(),
  encounters: new Map(),
  mrns: new Map(),
  dates: new Map(),
});

function measure(into: Measured, record: ClinicalRecord, masked: { key: string; value: Value }): void {
  const { topic, key } = record;
  const raw: Value = Object.fromEntries(Object.entries(record.value));
  const pseudonym = masked.value['patientId'] as string;
  sight(into.patients, key, topic, pseudonym);
  sight(into.patients, key, `${topic} key`, masked.key);
  const encounter = inner(at(raw, 'encounterId')) as string | null;
  if (encounter !== null)
    sight(into.encounters, encounter, topic, inner(at(masked.value, 'encounterId')) as string);
  if (topic === 'clinical.patients')
    sight(into.mrns, raw['mrn'] as string, topic, masked.value['mrn'] as string);
  const after = datesOf(topic, masked.value);
  const list = into.dates.get(key) ?? [];
  into.dates.set(key, list);
  for (const [i, before] of datesOf(topic, raw).entries())
    if (before !== null) list.push({ raw: before, masked: after[i]!, topic });
}

/** Identifiers seen in two topics or more, how many of them have one pseudonym everywhere, and all pseudonyms. */
function joins(sightings: Sightings) {
  const several = [...sightings.values()].filter(({ size }) => size > 1);
  const pseudonymsOf = (byTopic: Map<string, Set<string>>): Set<string> =>
    new Set([...byTopic.values()].flatMap((each) => [...each]));
  return {
    ids: sightings.size,
    inSeveral: several.length,
    joining: several.filter((byTopic) => pseudonymsOf(byTopic).size === 1).length,
    pseudonyms: new Set([...sightings.values()].flatMap((byTopic) => [...pseudonymsOf(byTopic)])),
  };
}

(isPresent ? describe : describe.skip)(`the Synthea export for two audiences${REASON}`, () => {
  const research = newMeasured();
  const outcomes = newMeasured();

  beforeAll(async () => {
    const [first, second] = [audience('research'), audience('outcomes')];
    for await (const record of readSyntheaExport(data)) {
      measure(research, record, first(record));
      measure(outcomes, record, second(record));
    }
  }, 120_000);

  test('joins all patients and encounters inside an audience, over all topics and record keys', () => {
    for (const each of [research, outcomes]) {
      const patients = joins(each.patients);
      expect(patients).toMatchObject({ ids: 2_076, inSeveral: 2_076, joining: 2_076 });
      expect(patients.pseudonyms.size).toBe(2_076);
      const encounters = joins(each.encounters);
      expect(encounters.ids).toBeGreaterThanOrEqual(13_832);
      expect(encounters.joining).toBe(encounters.inSeveral);
      expect(encounters.inSeveral).toBeGreaterThan(5_000);
      expect(encounters.pseudonyms.size).toBe(encounters.ids);
      expect(joins(each.mrns).pseudonyms.size).toBe(each.mrns.size);
    }
    const topics = new Set([...research.patients.values()].flatMap((byTopic) => [...byTopic.keys()]));
    expect(topics.size).toBe(8);
  });

  test('joins nobody across audiences, by patient, encounter or MRN', () => {
    for (const kind of ['patients', 'encounters', 'mrns'] as const) {
      const theirs = joins(outcomes[kind]).pseudonyms;
      const shared = [...joins(research[kind]).pseudonyms].filter((pseudonym) => theirs.has(pseudonym));
      expect([kind, shared.length]).toEqual([kind, 0]);
      expect(theirs.size).toBeGreaterThan(2_000);
    }
  });

  test('keeps every interval between dates of a person, also between topics, and moves every date', () => {
    let pairs = 0;
    let betweenTopics = 0;
    let moved = 0;
    const shifts = new Set<number>();
    for (const dates of research.dates.values()) {
      const [first] = dates;
      for (const { raw, masked, topic } of dates) {
        // All to the first: then each to each.
        if (masked - first!.masked !== raw - first!.raw) throw new Error('an interval is not kept');
        pairs += 1;
        betweenTopics += topic === first!.topic ? 0 : 1;
        moved += masked === raw ? 0 : 1;
        shifts.add((masked - raw) / DAY_MS);
      }
    }
    expect(moved).toBe(pairs);
    expect(pairs).toBeGreaterThan(50_000);
    expect(betweenTopics).toBeGreaterThan(35_000);
    // Nearly all of the 364 shifts there are; 0 is none of them.
    expect(shifts.size).toBeGreaterThan(350);
    expect(shifts.has(0)).toBe(false);
    expect([Math.min(...shifts), Math.max(...shifts)]).toEqual([-182, 182]);
  });

  test('shifts a person differently for the other audience, as often as chance allows', () => {
    const shiftOf = ({ dates }: Measured, person: string): number =>
      dates.get(person)![0]!.masked - dates.get(person)![0]!.raw;
    const same = [...research.dates.keys()].filter(
      (person) => shiftOf(research, person) === shiftOf(outcomes, person),
    );
    // One in 364 of 2,076: about 6.
    expect(same.length).toBeLessThan(25);
  });
});
