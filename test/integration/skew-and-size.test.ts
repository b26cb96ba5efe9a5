/**
 * One hot partition, records of many megabytes, and raw batches that are many transactions: none of them stalls, drops or
 * reorders anything beside it, and only what a sanitized topic does not take is withheld (guarantees G3, G4, G6).
 */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { encodeRecord } from '../../examples/hospital/clinical-codecs.ts';
import type { PatientValue } from '../../examples/hospital/clinical-values.ts';
import { registerClinicalSchemas } from '../../examples/hospital/feed.ts';
import { generateHospital } from '../../examples/hospital/hospital.ts';
import { BrokerConnections } from '../../kafka/cluster.ts';
import type { Cluster } from '../../kafka/cluster.ts';
import { listOffset } from '../../kafka/list-offsets.ts';
import { LogReader } from '../../kafka/log-reader.ts';
import { withheldCodec } from '../../schemas/control-codecs.ts';
import { checkSite } from '../oracle/site-check.ts';
import { auditedEvents } from '../support/audit-oracle.ts';
import { rawBatch } from '../support/raw-batch.ts';
import type { RawRecord } from '../support/raw-batch.ts';
import { sendRaw, sendRawBatch, sendRawBatches } from '../support/raw-feed.ts';
import { clusterOf } from '../support/raw-log.ts';
import { eventually, testStack, withAdmin } from '../support/stack.ts';
import { AUDIENCES, TestSite } from '../support/test-site.ts';
import type { Audience } from '../support/test-site.ts';
import { dumpTopics } from '../support/topic-dump.ts';
import type { DumpedRecord } from '../support/topic-dump.ts';

const PATIENTS = 'clinical.patients';
const MIB = 1024 * 1024;
const people: readonly PatientValue[] = [...generateHospital({ patients: 50, seed: 23 })].flatMap((record) =>
  record.topic === PATIENTS ? [record.value] : [],
);

async function schemaIdOf(site: TestSite): Promise<number> {
  const ids = await registerClinicalSchemas(testStack().registryUrl, (topic) => site.raw(topic));
  return ids.get(PATIENTS)!;
}

describe('one hot partition', () => {
  const BATCHES = 170;
  const RECORDS_PER_BATCH = 1_200;
  const BACKLOG = BATCHES * RECORDS_PER_BATCH;
  /** Records put on each of the other partitions, one at a time, while the hot one is worked off. */
  const ROUNDS = 3;
  const audiences: readonly Audience[] = ['analytics', 'research'];
  let site: TestSite;
  let cluster: Cluster;
  let connections: BrokerConnections;
  let schemaId: number;

  beforeAll(async () => {
    site = await TestSite.make({ topics: [PATIENTS], audiences, partitions: 3 });
    cluster = await clusterOf('admin');
    connections = new BrokerConnections(cluster);
    schemaId = await schemaIdOf(site);
    await site.apply();
    const records = Array.from({ length: RECORDS_PER_BATCH }, (_, i) => recordOf(i));
    // Of now: a time of long ago is over the raw topic's retention.
    const batch = rawBatch({ baseOffset: 0, records, baseTimestampMs: Date.now() });
    await sendRawBatches(
      site.raw(PATIENTS),
      0,
      Array.from({ length: BATCHES }, () => batch),
    );
  }, 120_000);

  afterAll(async () => {
    connections?.close();
    await cluster?.close();
    await site?.close();
  });

  function recordOf(index: number): { readonly key: Buffer; readonly value: Buffer } {
    const patient = people[index % people.length]!;
    return { key: Buffer.from(patient.patientId), value: encodeRecord(PATIENTS, schemaId, patient) };
  }

  /** End of what of the hot partition is in the sanitized topic: at least as many as records are visible there. */
  async function hotEnd(audience: Audience): Promise<number> {
    return await listOffset(cluster, connections, site.sanitized(PATIENTS, audience), 0, 'latest');
  }

  /** Committed records of the other partitions. */
  async function visible(audience: Audience, partition: number): Promise<number> {
    const reader = new LogReader(cluster, site.sanitized(PATIENTS, audience), partition);
    let count = 0;
    try {
      await reader.readToEnd(() => count++);
    } finally {
      reader.close();
    }
    return count;
  }

  test('does not stall the others: what comes there is published while the hot one is worked off', async () => {
    site.run();
    const underWay = async (): Promise<void> => {
      for (const audience of audiences) expect(await hotEnd(audience)).toBeGreaterThan(0);
    };
    await eventually(underWay, 60_000);
    for (let round = 1; round <= ROUNDS; round++) {
      const { key, value } = recordOf(round);
      const raw = { topic: site.raw(PATIENTS), key: key.toString(), value };
      await sendRaw([1, 2].map((partition) => ({ ...raw, partition })));
      await eventually(async () => {
        for (const audience of audiences)
          for (const partition of [1, 2]) expect(await visible(audience, partition)).toBe(round);
      }, 60_000);
      // Looked at after the others have been seen, so whatever of the hot one is missing here comes later.
      for (const audience of audiences) expect(await hotEnd(audience)).toBeLessThan(BACKLOG);
    }
    const lanes = await site.caughtUp();
    expect(lanes.every(({ position, partition }) => position === (partition === 0 ? BACKLOG : ROUNDS))).toBe(
      true,
    );
  }, 120_000);
});

describe('sizes', () => {
  const LARGE_BYTES = 8 * MIB;
  /** Of the raw topic, and so of each sanitized topic that `gauze apply` makes. */
  const MESSAGE_BYTES_MAX = 10 * MIB;
  const BATCH_BYTES = 65_536;
  /** Records of one raw batch that is many transactions. */
  const MANY = 6_000;
  type Kind = 'small' | 'large' | 'note';
  /** What stands in the first raw partition. */
  const kinds: Kind[] = [];
  let site: TestSite;
  let schemaId: number;
  let found: Map<string, readonly DumpedRecord[]>;

  beforeAll(async () => {
    site = await TestSite.make({
      topics: [PATIENTS],
      partitions: 2,
      config: `limits: { batchBytes: ${BATCH_BYTES} }`,
    });
    await withAdmin(async (admin) => {
      await admin.replaceConfigs(site.raw(PATIENTS), { 'max.message.bytes': String(MESSAGE_BYTES_MAX) });
      // Made before by the site itself, with the limit of the brokers.
      const config = { 'message.timestamp.type': 'LogAppendTime' };
      await admin.createTopic({ topic: site.sanitized(PATIENTS, 'billing'), partitions: 2, config });
    });
    schemaId = await schemaIdOf(site);
    await site.apply();
    const hard = noise(LARGE_BYTES);
    await sendLarge(0, ['small', 'large', 'small'], hard);
    await sendLarge(1, ['small', 'large'], hard);
    // Small where it is fetched; unpacked, larger than what lanes share and what is kept to be used again.
    await sendLarge(4, ['small', 'large', 'large', 'note', 'large', 'small']);
    const records = Array.from({ length: MANY }, (_, i) => recordOf(i, 'small'));
    await send(1, 4, records);
    site.run();
    await site.caughtUp();
    const { withheld, auditEvents } = site.names;
    const targets = AUDIENCES.map((audience) => site.sanitized(PATIENTS, audience));
    found = Map.groupBy(await dumpTopics([withheld, auditEvents, ...targets]), ({ topic }) => topic);
  }, 120_000);

  afterAll(async () => {
    await site?.close();
  });

  async function send(partition: number, codec: 0 | 1 | 4, records: readonly RawRecord[]): Promise<void> {
    const batch = rawBatch({ baseOffset: 0, codec, records, baseTimestampMs: Date.now() });
    await sendRawBatch(site.raw(PATIENTS), partition, batch);
  }

  async function sendLarge(codec: 0 | 1 | 4, mine: readonly Kind[], text?: string): Promise<void> {
    await send(
      0,
      codec,
      mine.map((kind, i) => recordOf(kinds.length + i, kind, text)),
    );
    kinds.push(...mine);
  }

  /** A large record leaves large; of one with a large note only the note is, and no audience gets it. */
  function recordOf(index: number, kind: Kind, text = 'x'.repeat(LARGE_BYTES)): RawRecord {
    const patient = people[index % people.length]!;
    const field = kind === 'large' ? { sourceFormat: text } : kind === 'note' ? { note: text } : {};
    const value = encodeRecord(PATIENTS, schemaId, { ...patient, ...field });
    return { key: Buffer.from(`k${index}`), value };
  }

  const published = (audience: Audience, partition: number): readonly DumpedRecord[] =>
    (found.get(site.sanitized(PATIENTS, audience)) ?? []).filter((record) => record.partition === partition);

  test('are those of the raw topic in sanitized topics that gauze makes', async () => {
    await withAdmin(async (admin) => {
      const limit = async (audience: Audience): Promise<string | undefined> =>
        (await admin.describeConfigs(site.sanitized(PATIENTS, audience))).get('max.message.bytes')?.value;
      expect(await limit('research')).toBe(String(MESSAGE_BYTES_MAX));
      expect(await limit('analytics')).toBe(String(MESSAGE_BYTES_MAX));
      expect(Number(await limit('billing'))).toBeLessThan(LARGE_BYTES);
    });
  });

  test.each(['analytics', 'research'] as const)(
    'of 8 MiB pass to %s, whose topic takes them, in order',
    (audience) => {
      const isLarge = published(audience, 0).map(({ value }) => value!.length > LARGE_BYTES);
      expect(isLarge).toEqual(kinds.map((kind) => kind === 'large'));
    },
  );

  test('of 8 MiB are withheld alone where the topic does not take them', () => {
    const withheld = (found.get(site.names.withheld) ?? []).map(({ value }) => {
      const { audience, partition, offset, code } = withheldCodec.decode(value!);
      return [audience, partition, offset, code].join(' ');
    });
    const large = kinds.flatMap((kind, offset) => (kind === 'large' ? [offset] : []));
    expect(withheld).toEqual(large.map((offset) => `billing 0 ${offset} ERR_PUBLISH_TOO_LARGE`));
    expect(published('billing', 0).map(({ key }) => key!.toString())).toEqual(
      kinds.flatMap((kind, index) => (kind === 'large' ? [] : [`k${index}`])),
    );
  });

  test.each(AUDIENCES)(
    'of one raw batch that is many transactions are split between records, at the set size: %s',
    (audience) => {
      const events = auditedEvents(found.get(site.names.auditEvents) ?? []);
      const ranges = events.flatMap(({ event: { type, range, recipient } }) =>
        type === 'session.batch' && recipient?.id === audience && range?.partition === 1 ? [range] : [],
      );
      const records = published(audience, 1);
      // What a record takes beside its key and value: lengths and deltas, of one byte each or more.
      const bytes = (from: number, to: number, beside: number): number =>
        records
          .slice(from, to)
          .reduce((sum, { key, value }) => sum + (key?.length ?? 0) + value!.length + beside, 0);
      expect(records).toHaveLength(MANY);
      expect(ranges.length).toBeGreaterThan(5);
      for (const [i, { first_offset: from, next_offset: to }] of ranges.entries()) {
        expect(from).toBe(ranges[i - 1]?.next_offset ?? 0);
        // Less the record that filled it.
        expect(bytes(from, to - 1, 7)).toBeLessThan(BATCH_BYTES);
        if (i < ranges.length - 1) expect(bytes(from, to, 20)).toBeGreaterThan(BATCH_BYTES * 0.95);
      }
      expect(ranges.at(-1)!.next_offset).toBe(MANY);
    },
  );

  const jdkMissing = testStack().java === '' ? ' (skipped: no JDK is known to this stack)' : '';
  (jdkMissing === '' ? test : test.skip)(
    `leave nothing for the oracle to find${jdkMissing}`,
    async () => {
      const { findings, lanes, withheld } = await checkSite(site, { largeBytes: MIB });
      expect(findings).toEqual([]);
      expect(lanes).toBe(2 * AUDIENCES.length);
      expect(withheld).toBe(kinds.filter((kind) => kind === 'large').length);
    },
    120_000,
  );
});

/** Text that no codec makes small. */
function noise(bytes: number): string {
  const letters = randomBytes(bytes);
  for (let i = 0; i < bytes; i++) letters[i] = 48 + (letters[i]! & 63);
  return letters.toString('latin1');
}
