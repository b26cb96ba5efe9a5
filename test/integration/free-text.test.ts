/**
 * Notes scrubbed with a person dictionary on real Kafka: what the patients' topic says of a patient goes from the notes
 * of another topic, the reads are on record, events pin what they masked by, and replays read it again.
 */
import avsc from 'avsc';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { eventHash } from '../../audit/audit-chain.ts';
import { scopeHash } from '../../approvals/scope-hash.ts';
import { BrokerConnections } from '../../kafka/cluster.ts';
import { deleteRecords } from '../../kafka/delete-records.ts';
import type {
  ClinicalRecord,
  EncounterValue,
  PatientValue,
} from '../../examples/hospital/clinical-values.ts';
import { generateHospital } from '../../examples/hospital/hospital.ts';
import { RegistryClient } from '../../schemas/registry-client.ts';
import type { ReplayResult } from '../../schemas/access-codecs.ts';
import type { LaneReport } from '../../topology/lane-report.ts';
import type { AuditedEvent } from '../support/audit-oracle.ts';
import { GrantBench } from '../support/grant-bench.ts';
import { loginOf, testStack } from '../support/stack.ts';
import { clusterAs } from '../support/who-may.ts';
import { TestSite } from '../support/test-site.ts';
import { dumpTopics } from '../support/topic-dump.ts';
import { auditedEvents, auditFaults } from '../support/audit-oracle.ts';

const NOTES = 'clinical.encounters';
const PATIENTS = 'clinical.patients';

let site: TestSite;
let bench: GrantBench;
let lanes: readonly LaneReport[];
const patients = new Map<string, PatientValue>();
const raw = new Map<number, EncounterValue>();

/** The hospital, with one patient whose name no list has, and notes that write it without a capital. */
function* hospital(): Generator<ClinicalRecord> {
  let chosen: string | null = null;
  for (const record of generateHospital({ patients: 30, seed: 11 })) {
    if (record.topic === PATIENTS) {
      chosen ??= record.value.patientId;
      const isChosen = record.value.patientId === chosen;
      const value = isChosen
        ? { ...record.value, name: { ...record.value.name, family: 'Qwortzel' } }
        : record.value;
      patients.set(value.patientId, value);
      yield { ...record, value };
    } else if (record.topic === NOTES) {
      const value =
        record.value.patientId === chosen
          ? { ...record.value, notes: [noteOf('saw qwortzel again')] }
          : record.value;
      raw.set(value.feedSequence, value);
      yield { ...record, value };
    }
  }
}

function noteOf(text: string): EncounterValue['notes'][number] {
  return { writtenAt: 1_580_000_000_000, author: null, text };
}

beforeAll(async () => {
  site = await TestSite.make({ topics: [PATIENTS, NOTES] });
  await site.editPolicy('billing', (policy) => {
    policy.methods['PHI_FREE_TEXT'] = { method: 'scrub', dictionary: site.raw(PATIENTS) };
    delete policy.fields;
  });
  await site.feed(hospital());
  await site.apply();
  site.run();
  lanes = await site.caughtUp();
  bench = new GrantBench(site);
  await bench.start();
}, 180_000);

afterAll(async () => {
  await bench.close();
  await site.close();
});

/** Notes as billing gets them, by the number of their record. */
async function published(): Promise<Map<number, readonly string[]>> {
  const topic = site.sanitized(NOTES, 'billing');
  const registry = new RegistryClient({ url: testStack().registryUrl });
  const [newest] = (await registry.subjectVersions(`${topic}-value`)).slice(-1);
  const type = avsc.Type.forSchema(JSON.parse(newest!.text) as avsc.Schema);
  const records = await dumpTopics([topic]);
  return new Map(
    records.map(({ value }) => {
      const { feedSequence, notes } = type.fromBuffer(value!.subarray(5)) as EncounterValue;
      return [feedSequence, notes.map(({ text }) => text)];
    }),
  );
}

async function events(): Promise<readonly AuditedEvent[]> {
  return auditedEvents(await dumpTopics([site.names.auditEvents]));
}

/** Deliveries of notes to billing, oldest first. */
async function deliveries(): Promise<readonly AuditedEvent[]> {
  return (await events()).filter(
    ({ event: { type, range, recipient } }) =>
      type === 'session.batch' &&
      recipient?.id === 'billing' &&
      range?.topic === site.raw(NOTES) &&
      range.delivered_count > 0,
  );
}

const extOf = ({ event }: AuditedEvent, name: string): string | undefined =>
  event.ext.find(({ k }) => k === name)?.v;

const has = (text: string, word: string): boolean => {
  const literal = word.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
  return new RegExp(`(?<![\\p{L}\\p{N}])${literal}(?![\\p{L}\\p{N}])`, 'iu').test(text);
};

describe('notes of one topic, patients of another', () => {
  test('lose every name and number that the dictionary has of their patient', async () => {
    const after = await published();
    let [before, left] = [0, 0];
    for (const [sequence, { patientId, notes }] of raw) {
      const { name, mrn, telecom, address } = patients.get(patientId)!;
      const words = [name.given, name.family, mrn, telecom[0]?.value, address.city].filter(
        (each) => typeof each === 'string',
      );
      for (const word of words) {
        before += notes.filter(({ text }) => has(text, word)).length;
        left += after.get(sequence)!.filter((text) => has(text, word)).length;
      }
    }
    expect(before).toBeGreaterThan(50);
    expect(left).toBe(0);
    expect([...after.values()].flat()).toContain('saw [NAME] again');
  });

  test('are read on record, up to where each transaction says that its dictionary stood', async () => {
    const all = await events();
    const committed = new Map(
      lanes.map((lane) => [`${lane.audience}/${lane.topic}/${lane.partition}`, lane.position!]),
    );
    expect(auditFaults(all, committed)).toEqual([]);
    const reads = all.filter((each) => extOf(each, 'dictionary') === site.raw(PATIENTS));
    expect(reads.filter(({ event }) => event.recipient !== null || event.group !== null)).toEqual([]);
    const readTo = (partition: number): number =>
      Math.max(
        ...reads
          .filter(({ event }) => event.range?.partition === partition)
          .map(({ event }) => event.range!.next_offset),
      );
    const batches = await deliveries();
    expect(batches.length).toBeGreaterThan(0);
    for (const batch of batches) {
      expect(extOf(batch, 'dictionary.topic')).toBe(site.raw(PATIENTS));
      expect(extOf(batch, 'dictionary.sha256')).toMatch(/^[0-9a-f]{64}$/);
      const offsets = extOf(batch, 'dictionary.offsets')!.split(',').map(Number);
      expect(offsets).toEqual([readTo(0), readTo(1)]);
    }
  });

  test('follow the dictionary: a new name goes from the next note', async () => {
    const [patient] = patients.values();
    const [note] = [...raw.values()].filter(({ patientId }) => patientId === patient!.patientId);
    const changed = { ...patient!, name: { ...patient!.name, family: 'Vexmorl' } };
    const before = (await deliveries()).map((each) => extOf(each, 'dictionary.sha256'));
    const feed = async (...records: ClinicalRecord[]): Promise<void> => void (await site.feed(records));
    const key = patient!.patientId;
    await feed({ topic: PATIENTS, key, value: changed });
    const feedSequence = 9_000_001;
    const notes = [noteOf('then vexmorl, not qwortzel, came')];
    await feed({ topic: NOTES, key, value: { ...note!, feedSequence, notes } });
    lanes = await site.caughtUp();
    expect((await published()).get(feedSequence)).toEqual(['then [NAME], not qwortzel, came']);
    const newest = (await deliveries())
      .map((each) => extOf(each, 'dictionary.sha256'))
      .filter((each) => !before.includes(each));
    expect(newest).toHaveLength(1);
  });

  test('come out the same in a replay, while the patients’ topic still says what it said', async () => {
    const [oldest] = await deliveries();
    expect(await replayed(oldest!)).toMatchObject({ outcome: 'EQUAL' });
    const cluster = await clusterAs(loginOf('admin'));
    const connections = new BrokerConnections(cluster);
    try {
      await cluster.refresh([site.raw(PATIENTS)]);
      for (const partition of [0, 1])
        await deleteRecords(cluster, connections, site.raw(PATIENTS), partition, 1);
    } finally {
      connections.close();
      await cluster.close();
    }
    expect(await replayed(oldest!)).toEqual({
      outcome: 'UNVERIFIABLE',
      code: 'DICTIONARY',
      records: 0,
      differs_at: null,
    });
  });
});

/** Replays an event as people's decision would have it replayed. */
async function replayed({ event, record }: AuditedEvent): Promise<ReplayResult> {
  const state = await bench.replay(NOTES);
  const range = event.range!;
  const scope = {
    ...state.scope,
    base_audience: event.policy.id,
    policy_version: event.policy.version,
    policy_sha256: event.policy.sha256,
    partitions: [
      { partition: range.partition, first_offset: range.first_offset, next_offset: range.next_offset },
    ],
    max_records: range.record_count,
    replay: {
      event_partition: record.partition,
      event_offset: record.offset,
      event_sha256: eventHash(record.value!),
      recipient: event.recipient!.id,
      grant_id: null,
      plan_hash: event.plan!.hash,
      key_epoch: event.plan!.masking_key_epoch,
      output_topic: event.view!.output_topic!,
    },
  };
  const decided = { ...state, scope, scope_sha256: scopeHash(scope) };
  await bench.write(decided);
  const { replayed: result } = await bench.untilStopped(decided.grant_id, 60_000);
  if (!result) throw new Error('stopped without a result');
  return result;
}
