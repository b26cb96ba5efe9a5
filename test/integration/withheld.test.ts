/**
 * Faults of one record withhold that record, faults of a schema or a batch hold that lane; everything else goes on,
 * each outcome is on record, and nothing is lost or counted twice (guarantees G2, G3).
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { encodeRecord } from '../../examples/hospital/clinical-codecs.ts';
import type { PatientValue } from '../../examples/hospital/clinical-values.ts';
import { registerClinicalSchemas } from '../../examples/hospital/feed.ts';
import { generateHospital } from '../../examples/hospital/hospital.ts';
import { withheldCodec } from '../../schemas/control-codecs.ts';
import type { WithheldRecord } from '../../schemas/control-codecs.ts';
import type { LaneReport } from '../../topology/lane-report.ts';
import { auditedEvents } from '../support/audit-oracle.ts';
import type { AuditedEvent } from '../support/audit-oracle.ts';
import { rawBatch, rawRecord } from '../support/raw-batch.ts';
import { lz4Frame, sendRaw, sendRawBatch, snappyFrame } from '../support/raw-feed.ts';
import { testStack, withAdmin } from '../support/stack.ts';
import { AUDIENCES, TestSite } from '../support/test-site.ts';
import type { Audience } from '../support/test-site.ts';
import { dumpTopics } from '../support/topic-dump.ts';
import type { DumpedRecord } from '../support/topic-dump.ts';

const PATIENTS = 'clinical.patients';
/** Of billing's topic: most patients are smaller. */
const MESSAGE_BYTES_MAX = 4_000;
/** What one packed batch may unpack to. */
const UNPACKED_BYTES_MAX = 1_048_576;

/** Each partition has a lane for its index of persons too. */
const LANES = [...AUDIENCES, 'index'];

/** A record, and the code with which each audience that does not get it has it withheld. */
interface Case {
  readonly key: string | null;
  readonly value: Buffer | null;
  readonly codes: Readonly<Partial<Record<Audience, string>>>;
}

interface Outcomes {
  readonly withheld: readonly WithheldRecord[];
  readonly events: readonly AuditedEvent[];
  readonly published: (audience: Audience) => readonly DumpedRecord[];
}

let site: TestSite;
let schemaId: number;
let foreignSchemaId: number;
let people: readonly PatientValue[];

beforeAll(async () => {
  const limits = `limits: { fetchBytes: ${UNPACKED_BYTES_MAX}, decompressedBytes: ${UNPACKED_BYTES_MAX} }`;
  site = await TestSite.make({ topics: [PATIENTS], partitions: 3, config: limits });
  const config = {
    'max.message.bytes': String(MESSAGE_BYTES_MAX),
    'message.timestamp.type': 'LogAppendTime',
  };
  const billing = { topic: site.sanitized(PATIENTS, 'billing'), partitions: 3, config };
  await withAdmin(async (admin) => await admin.createTopic(billing));
  const ids = await registerClinicalSchemas(testStack().registryUrl, (topic) => site.raw(topic));
  schemaId = ids.get(PATIENTS)!;
  foreignSchemaId = ids.get('clinical.claims')!;
  people = [...generateHospital({ patients: 20, seed: 41 })].flatMap((record) =>
    record.topic === PATIENTS ? [record.value] : [],
  );
  await site.apply();
  site.run();
}, 120_000);

afterAll(async () => {
  await site.close();
});

function sound(index: number, id = schemaId): Case {
  const patient = people[index % people.length]!;
  return { key: patient.patientId, value: encodeRecord(PATIENTS, id, patient), codes: {} };
}

async function send(partition: number, cases: readonly Case[]): Promise<void> {
  await sendRaw(cases.map(({ key, value }) => ({ topic: site.raw(PATIENTS), partition, key, value })));
}

async function outcomes(): Promise<Outcomes> {
  const { withheld, auditEvents } = site.names;
  const targets = AUDIENCES.map((audience) => site.sanitized(PATIENTS, audience));
  const byTopic = Map.groupBy(await dumpTopics([withheld, auditEvents, ...targets]), ({ topic }) => topic);
  return {
    withheld: (byTopic.get(withheld) ?? []).map(({ value }) => withheldCodec.decode(value!)),
    events: auditedEvents(byTopic.get(auditEvents) ?? []),
    published: (audience) => byTopic.get(site.sanitized(PATIENTS, audience)) ?? [],
  };
}

const everybody = (code: string): Case['codes'] =>
  Object.fromEntries(AUDIENCES.map((audience) => [audience, code]));
const inPartition =
  (partition: number) =>
  (each: { readonly partition: number }): boolean =>
    each.partition === partition;
const isHeld =
  (code: string) =>
  (lane: LaneReport): boolean =>
    lane.state === 'held' && lane.code === code;
const isCaughtUp = ({ lag, state }: LaneReport): boolean => lag === 0 && state === 'ok';

/** Offsets that the audit topic says an audience got, or did not get, out of a partition whose records are all data. */
function auditedOffsets(
  events: readonly AuditedEvent[],
  audience: Audience,
  partition: number,
): { readonly delivered: number[]; readonly withheld: number[] } {
  const delivered: number[] = [];
  const withheld: number[] = [];
  for (const { event } of events) {
    const { range, recipient, type } = event;
    if (type !== 'session.batch' || recipient?.id !== audience || range?.partition !== partition) continue;
    expect(range.record_count).toBe(range.next_offset - range.first_offset);
    for (let i = 0; i < range.record_count; i++) {
      const bit = range.delivered === null || (range.delivered[i >> 3]! >> (i & 7)) & 1;
      (bit ? delivered : withheld).push(range.first_offset + i);
    }
    expect(range.delivered_count).toBe(delivered.filter((offset) => offset >= range.first_offset).length);
  }
  return { delivered, withheld };
}

describe('a fault of one record', () => {
  let cases: readonly Case[];
  let found: Outcomes;

  beforeAll(async () => {
    const bytes = (index: number): Buffer => sound(index).value!;
    const large = { ...people[0]!, sourceFormat: 'x'.repeat(MESSAGE_BYTES_MAX) };
    const kinds: readonly Case[] = [
      sound(0),
      {
        ...sound(1),
        value: Buffer.concat([Buffer.from([1]), bytes(1).subarray(1)]),
        codes: everybody('ERR_DECODE_MAGIC'),
      },
      { ...sound(2), value: bytes(2).subarray(0, -3), codes: everybody('ERR_DECODE_TRUNCATED') },
      {
        ...sound(3),
        value: Buffer.concat([bytes(3), Buffer.from([0])]),
        codes: everybody('ERR_DECODE_TRAILING'),
      },
      sound(4),
      { ...sound(5), value: Buffer.alloc(0), codes: everybody('ERR_DECODE_MAGIC') },
      { ...sound(6), value: null, codes: { analytics: 'ERR_MASK_NULL_VALUE' } },
      { key: null, value: null, codes: everybody('ERR_MASK_NULL_VALUE') },
      {
        ...sound(0),
        value: encodeRecord(PATIENTS, schemaId, large),
        codes: { billing: 'ERR_PUBLISH_TOO_LARGE' },
      },
    ];
    cases = [...kinds, ...kinds, ...kinds, sound(7)];
    await send(0, cases);
    await site.caughtUp();
    found = await outcomes();
  }, 120_000);

  const offsets = (audience: Audience, isWithheld: boolean): number[] =>
    cases.flatMap(({ codes }, offset) => ((codes[audience] === undefined) === isWithheld ? [] : [offset]));

  test('is on record with its code, once for each audience that does not get the record', () => {
    const told = found.withheld.map(({ topic, partition, offset, audience, code }) =>
      [topic, partition, offset, audience, code].join(' '),
    );
    const wanted = cases.flatMap(({ codes }, offset) =>
      Object.entries(codes).map(([audience, code]) =>
        [site.raw(PATIENTS), 0, offset, audience, code].join(' '),
      ),
    );
    expect(told.toSorted()).toEqual(wanted.toSorted());
  });

  test.each(AUDIENCES)(
    'withholds from %s that record and no other: published and withheld make up raw',
    (audience) => {
      const published = found.published(audience);
      expect(published.length).toBe(offsets(audience, false).length);
      expect(published.length + offsets(audience, true).length).toBe(cases.length);
      const gone = published.map(({ value }) => value === null);
      expect(gone).toEqual(offsets(audience, false).map((offset) => cases[offset]!.value === null));
      if (audience !== 'billing') return;
      // Billing keeps keys, so the very records can be told apart.
      expect(published.map(({ key }) => key?.toString() ?? null)).toEqual(
        offsets(audience, false).map((offset) => cases[offset]!.key),
      );
    },
  );

  test.each(AUDIENCES)(
    'clears exactly the bits of records that %s did not get in the audit events',
    (audience) => {
      const audited = auditedOffsets(found.events, audience, 0);
      expect(audited.withheld).toEqual(offsets(audience, true));
      expect(audited.delivered).toEqual(offsets(audience, false));
    },
  );

  test('sends a tombstone under the key that the audience knows', () => {
    const keys = (audience: Audience): readonly string[] =>
      found.published(audience).flatMap(({ key, value }) => (value === null ? [key!.toString()] : []));
    expect(new Set(keys('billing'))).toEqual(new Set([sound(6).key]));
    expect(new Set(keys('research')).size).toBe(1);
    expect(keys('research')[0]).toMatch(/^[0-9a-f]{32}$/);
    expect(keys('analytics')).toEqual([]);
  });
});

describe('a fault of a schema', () => {
  test('holds the lanes of that partition until a person has the record withheld', async () => {
    await send(1, [sound(0), sound(1, 2_000_000_011), sound(2)]);
    await send(2, [sound(3), sound(4, foreignSchemaId), sound(5)]);
    await site.until(
      (lanes) =>
        lanes.filter(isHeld('ERR_SCHEMA_UNKNOWN')).length === LANES.length &&
        lanes.filter(isHeld('ERR_SCHEMA_WRONG_SUBJECT')).length === LANES.length,
    );
    await send(0, [sound(8)]);
    const held = await site.until((lanes) => lanes.filter(inPartition(0)).every(isCaughtUp));
    expect(held.filter(inPartition(1)).map(({ code, position }) => [code, position])).toEqual(
      LANES.map(() => ['ERR_SCHEMA_UNKNOWN', 1]),
    );
    expect(held.filter(inPartition(2)).map(({ code, position }) => [code, position])).toEqual(
      LANES.map(() => ['ERR_SCHEMA_WRONG_SUBJECT', 1]),
    );

    const resumes = LANES.flatMap((audience) =>
      ['1', '2'].map(async (partition) => {
        const lane = [audience, site.raw(PATIENTS), partition];
        return await site.gauze('resume', ...lane, '--withhold', '1', '--reason', 'foreign schema');
      }),
    );
    expect((await Promise.all(resumes)).map(({ code }) => code)).toEqual(resumes.map(() => 0));
    await site.caughtUp();
    const { withheld, events, published } = await outcomes();
    for (const partition of [1, 2]) {
      const told = withheld
        .filter(inPartition(partition))
        .map(({ audience, offset, code }) => [audience, offset, code].join(' '));
      expect(told.toSorted()).toEqual(AUDIENCES.map((audience) => `${audience} 1 ERR_WITHHELD_BY_PERSON`));
      for (const audience of AUDIENCES) {
        expect(published(audience).filter(inPartition(partition))).toHaveLength(2);
        expect(auditedOffsets(events, audience, partition)).toEqual({ delivered: [0, 2], withheld: [1] });
      }
    }
  }, 180_000);
});

describe('a compressed batch', () => {
  const batchOf = (codec: 1 | 2 | 3 | 4, pack: ((plain: Buffer) => Buffer) | null): Buffer => {
    const { key, value } = sound(codec);
    const records = [{ key: Buffer.from(key!), value }];
    const body = pack ? { body: pack(rawRecord(records[0]!, 0)) } : {};
    return rawBatch({ baseOffset: 0, codec, records, ...body });
  };

  test('is read whatever it is packed with; one that unpacks too far holds its lanes, and others go on', async () => {
    const before = await outcomes();
    const raw = site.raw(PATIENTS);
    await sendRawBatch(raw, 1, batchOf(2, snappyFrame));
    await sendRawBatch(raw, 1, batchOf(3, lz4Frame));
    await sendRawBatch(raw, 0, batchOf(1, null));
    await sendRawBatch(raw, 0, batchOf(4, null));
    const bomb = { key: Buffer.from('k'), value: Buffer.alloc(2 * UNPACKED_BYTES_MAX) };
    await sendRawBatch(raw, 2, rawBatch({ baseOffset: 0, codec: 1, records: [bomb] }));
    const lanes = await site.until(
      (all) =>
        all.filter(isHeld('ERR_BATCH_TOO_LARGE')).length === LANES.length &&
        [0, 1].every((partition) => all.filter(inPartition(partition)).every(isCaughtUp)),
    );
    expect(lanes.filter(isHeld('ERR_BATCH_TOO_LARGE')).map(({ position, lag }) => [position, lag])).toEqual(
      LANES.map(() => [3, 1]),
    );
    const after = await outcomes();
    for (const audience of AUDIENCES) {
      const grown = [0, 1, 2].map(
        (partition) =>
          after.published(audience).filter(inPartition(partition)).length -
          before.published(audience).filter(inPartition(partition)).length,
      );
      expect(grown).toEqual([2, 2, 0]);
    }
  }, 120_000);
});
