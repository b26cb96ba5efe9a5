/**
 * How the cases of the table are played on a live cluster: on the broker's disk while it is down, or through Kafka's
 * own requests where an attacker would use those; and some more that only a live cluster has.
 */
import { cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { allow } from '../../../kafka/acl.ts';
import { createKafkaJs, ordinaryProducer } from '../../../kafka/kafkajs-client.ts';
import type { FindingName } from '../../../audit/verify/finding.ts';
import type { AuditReport } from '../../../audit/verify/report.ts';
import type { MemoryPartition } from '../memory-audit-source.ts';
import { rawRecord } from '../raw-batch.ts';
import { connectionOf, eventually, withAdmin } from '../stack.ts';
import type { RunningInstance, VerbResult } from '../test-site.ts';
import type { TamperCase } from './cases.ts';
import { batchesOf, withCrc } from './live-segment.ts';
import type { FileBatch } from './live-segment.ts';
import type { LiveScene } from './live-scene.ts';
import { sealedBatch } from './targets.ts';
import type { TamperLog } from './tamper-log.ts';

export type LiveResult = VerbResult & { readonly report: AuditReport | null };

/** A topology that is not there and a sealer that stands still are overdue sooner or later: while cases are played. */
export const OVERDUE: readonly FindingName[] = ['STALE_SEAL', 'UNSEALED_TAIL', 'CHAIN_SILENT'];

/** What more than in memory is named, or something else: seals of a real site say where groups stood. */
const LIVE: Readonly<Record<string, Partial<Pick<TamperCase, 'finds' | 'also'>>>> = {
  '6': { also: ['COVERAGE_SHORT'] },
  // What the first session had read is in no event any more: only the positions in seals tell of it.
  '7': {
    finds: ['PREV_CHAIN_MISSING', 'SHORTER_THAN_SEALED', 'ROOT_MISMATCH', 'COVERAGE_SHORT'],
    also: ['COVERAGE_GAP', 'SUBJECT_EXTRA'],
  },
  // The index is another topic, which nobody cut.
  '10': { also: ['SUBJECT_EXTRA', 'COVERAGE_GAP'] },
  // Here the session whose event is doubled has ended in order.
  '15': { also: ['CHAIN_AFTER_END'] },
  '17': { also: ['COVERAGE_SHORT'] },
  '18b': {
    also: [
      ...(['PREV_HASH', 'PREV_CHAIN_MISSING', 'SUBJECT_EXTRA', 'COVERAGE_GAP'] as const),
      ...(['UNKNOWN_WRITER', 'BAD_SIGNATURE', 'KEY_EPOCH', 'UNSIGNED_TAIL'] as const),
    ],
  },
  '19': { also: ['PREV_CHAIN_MISSING', 'PREV_HASH', 'PREV_CHAIN_TRUNCATED'] },
  '19b': { also: ['PREV_CHAIN_MISSING', 'PREV_HASH', 'PREV_CHAIN_TRUNCATED'] },
  '20': { also: ['SUBJECT_EXTRA', 'COVERAGE_GAP'] },
  '21': { also: ['COVERAGE_SHORT'] },
  '23': { also: ['COVERAGE_SHORT'] },
  '28': { also: ['NO_COSIGNATURE', 'STALE_NOTE'] },
};

/** What a case of the table is named on a live log. */
export function alsoLive({ id, finds, also = [] }: TamperCase): Required<Pick<TamperCase, 'finds' | 'also'>> {
  const live = LIVE[id] ?? {};
  return { finds: live.finds ?? finds, also: [...also, ...(live.also ?? [])] };
}

/** Verifies with the command that an auditor runs. */
export async function verifyLive({ live }: LiveScene): Promise<LiveResult> {
  return await live.tryVerify();
}

/** Plays one case of the table from where the scene was kept, and verifies with the real command. */
export async function playLive(
  scene: LiveScene,
  { id, mutation, isCounted }: TamperCase,
): Promise<LiveResult> {
  const log = scene.log();
  mutation(log);
  await scene.broker.restore();
  const ask = REQUESTS[id];
  if (!ask && !isOffsetsOnly(scene, log) && (await scene.broker.write(scene.audit, log.audit)) === 0)
    throw new Error('this case changed nothing on the disk');
  await scene.broker.start();
  if (ask) await ask(log);
  await setPositions(scene, log);
  const raw = scene.live.site.topics.map((topic) => scene.live.site.raw(topic));
  const rights = raw.flatMap((topic) => allow('User:gauze-auditor', ['read', 'describe'], 'topic', topic));
  if (isCounted === true) await withAdmin(async (admin) => await admin.createAcls(rights));
  return await withWitnessOf(scene, log, async () =>
    isCounted === true ? await counted(scene) : await scene.live.tryVerify(),
  );
}

/** The rights take a moment to reach the broker. */
async function counted({ live }: LiveScene): Promise<LiveResult> {
  return await eventually(async () => {
    const result = await live.tryVerify('--recount');
    const isReadable = result.report?.findings.every(({ name }) => name !== 'SOURCE_UNREADABLE') === true;
    if (!isReadable) throw new Error(`the source can't be counted: ${result.stdout} ${result.stderr}`);
    return result;
  }, 60_000);
}

function isOffsetsOnly(scene: LiveScene, log: TamperLog): boolean {
  return JSON.stringify(scene.audit.partitions) === JSON.stringify(log.audit.partitions);
}

/** What Kafka is asked for where the case is played through it. */
const REQUESTS: Readonly<Record<string, (log: TamperLog) => Promise<void>>> = {
  '10b': async (log) => {
    const { topic } = log.eventPlaces[0]!;
    const partitions = log.eventPlaces.length;
    await remakeTopic(topic, partitions);
    const producer = ordinaryProducer(connectionOf('admin'));
    await producer.connect();
    try {
      for (const { partition, records } of log.eventPlaces) {
        const messages = records.map(({ key, value }) => ({ partition, key, value }));
        if (messages.length > 0)
          await eventually(async () => await producer.send({ topic, acks: -1, messages }), 60_000);
      }
    } finally {
      await producer.disconnect();
    }
  },
  '18': async (log) => {
    for (const { topic, partition, logStartOffset } of log.eventPlaces)
      if (logStartOffset > 0) await deleteRecords(topic, partition, logStartOffset);
  },
};

/** A topic deleted and made again under its name, empty. */
export async function remakeTopic(topic: string, partitions: number): Promise<void> {
  const config = { 'message.timestamp.type': 'LogAppendTime', 'retention.ms': '-1' };
  await withAdmin(async (admin) => {
    await admin.deleteTopics([topic]);
    await eventually(async () => {
      if ((await admin.createTopic({ topic, partitions, config })) === 'existed')
        throw new Error('still there');
    }, 60_000);
  });
}

/** Kafka's own request, as an admin may make it: all before `offset`, or with -1 all there is. */
export async function deleteRecords(topic: string, partition: number, offset: number): Promise<void> {
  const admin = createKafkaJs(connectionOf('admin')).admin();
  await admin.connect();
  try {
    // This client asks for leaders only where somebody has asked for the topic before.
    await eventually(async () => {
      await admin.fetchTopicOffsets(topic);
      await admin.deleteTopicRecords({ topic, partitions: [{ partition, offset: String(offset) }] });
    }, 60_000);
  } finally {
    await admin.disconnect();
  }
}

/** Positions of groups that the case has moved. */
async function setPositions({ audit }: LiveScene, log: TamperLog): Promise<void> {
  const was = new Map(audit.committed!.map((each) => [placeOf(each), each.offset]));
  const moved = log.audit.committed!.filter((each) => was.get(placeOf(each)) !== each.offset);
  await withAdmin(async (admin) => {
    for (const { group, topic, partition, offset } of moved)
      await admin.setGroupOffsets(group, [{ topic, partition, offset: BigInt(offset), metadata: null }]);
  });
}

function placeOf({ group, topic, partition }: { group: string; topic: string; partition: number }): string {
  return `${group} ${topic} ${partition}`;
}

/** With a witness that saw what the case says it saw. */
async function withWitnessOf<T>(
  { live, audit }: LiveScene,
  log: TamperLog,
  work: () => Promise<T>,
): Promise<T> {
  const [note] = log.audit.witnessNotes!;
  if (note === audit.witnessNotes![0]) return await work();
  const folder = join(live.site.directory, `witness-${Date.now()}`);
  await cp(join(live.site.directory, 'witness'), folder, { recursive: true });
  const file = join(folder, 'witness.state');
  const state = JSON.parse(await readFile(file, 'utf8')) as { notes: Record<string, string> };
  await writeFile(file, `${JSON.stringify({ ...state, notes: { [live.site.origin]: note } })}\n`);
  let other: RunningInstance | null = null;
  try {
    const started = await live.runWitness(folder);
    other = started.instance;
    await live.configure({ sealIntervalMs: 3_600_000, witnessUrl: started.url });
    return await work();
  } finally {
    await other?.end('SIGKILL');
    await live.configure({ sealIntervalMs: 3_600_000 });
  }
}

/** What only a broker's disk, or the broker itself, can do to a log. */
export interface LiveOnlyCase {
  readonly what: string;
  readonly finds: readonly FindingName[];
  readonly also?: readonly FindingName[];
  readonly play: (scene: LiveScene) => Promise<void>;
}

const LOST: readonly FindingName[] = ['SHORTER_THAN_SEALED', 'ROOT_MISMATCH'];
const MORE_LOST: readonly FindingName[] = [
  ...(['SEQ_GAP', 'PREV_HASH', 'COVERAGE_GAP', 'COVERAGE_SHORT', 'NO_OPENING', 'SUBJECT_EXTRA'] as const),
  ...(['PREV_CHAIN_MISSING', 'PREV_CHAIN_TRUNCATED'] as const),
];

export const LIVE_ONLY: readonly LiveOnlyCase[] = [
  {
    // The broker cuts the log there when it recovers.
    what: 'a byte of a segment changed, its CRC left as it was',
    finds: [...LOST, 'COVERAGE_SHORT'],
    also: MORE_LOST,
    play: async (scene) =>
      await edited(scene, (batch) => {
        const bytes = Buffer.from(batch.bytes);
        bytes.writeUInt8(bytes.readUInt8(bytes.length - 8) ^ 1, bytes.length - 8);
        return bytes;
      }),
  },
  {
    what: 'the marker of a committed transaction turned into one that aborts',
    finds: [...LOST, 'SEQ_GAP', 'PREV_HASH', 'COVERAGE_GAP'],
    also: MORE_LOST,
    play: async (scene) => await markerOfSealed(scene, aborting),
  },
  {
    what: 'the last marker of a partition taken away, so that a transaction never ends',
    finds: ['UNSETTLED'],
    also: MORE_LOST,
    play: unending,
  },
  {
    what: 'a segment cut in the middle of a batch',
    finds: [...LOST, 'COVERAGE_SHORT'],
    also: MORE_LOST,
    play: async (scene) => {
      const { place } = sealedBatch(scene.log());
      await onDisk(scene, place, (file) => file.subarray(0, Math.floor(file.length / 2)));
    },
  },
  {
    what: 'compaction, by the broker itself',
    finds: ['SEQ_GAP', 'SHORTER_THAN_SEALED', 'COVERAGE_SHORT'],
    also: [...MORE_LOST, 'ROOT_MISMATCH', 'BAD_SIGNATURE'],
    play: compacted,
  },
];

/** Changes the bytes of a partition while the broker is down. */
async function onDisk(
  { broker }: LiveScene,
  place: Pick<MemoryPartition, 'topic' | 'partition'>,
  change: (file: Buffer) => Buffer,
): Promise<void> {
  await broker.restore();
  await broker.edit(place, change);
  await broker.start();
}

/** Changes the batch that a sealed event is in. */
async function edited(scene: LiveScene, change: (batch: FileBatch) => Buffer): Promise<void> {
  const { place, record } = sealedBatch(scene.log());
  await onDisk(scene, place, (file) =>
    Buffer.concat(
      batchesOf(file).map((batch) =>
        !batch.isControl && batch.records.some(({ offset }) => offset === record.offset)
          ? change(batch)
          : batch.bytes,
      ),
    ),
  );
}

/** Changes the marker of the transaction that a sealed event is in. */
async function markerOfSealed(scene: LiveScene, change: (marker: FileBatch) => Buffer): Promise<void> {
  const { place, record } = sealedBatch(scene.log());
  await onDisk(scene, place, (file) => {
    const batches = batchesOf(file);
    const batch = batches.find(
      ({ isControl, records }) => !isControl && records.some(({ offset }) => offset === record.offset),
    )!;
    const { producerId, lastOffset } = batch;
    const marker = batches.find(
      (each) => each.isControl && each.producerId === producerId && each.baseOffset > lastOffset,
    )!;
    return Buffer.concat(batches.map((each) => (each === marker ? change(each) : each.bytes)));
  });
}

/** Readers of what is committed wait at the transaction's first record, for ever. */
async function unending(scene: LiveScene): Promise<void> {
  const { place } = sealedBatch(scene.log());
  await onDisk(scene, place, (file) => {
    const batches = batchesOf(file);
    const marker = batches.findLast(({ isControl }) => isControl);
    return Buffer.concat(batches.filter((each) => each !== marker).map(({ bytes }) => bytes));
  });
}

function aborting({ bytes, records }: FileBatch): Buffer {
  const header = bytes.subarray(0, 61);
  const { value } = records[0]!;
  return withCrc(Buffer.concat([header, rawRecord({ key: Buffer.from([0, 0, 0, 0]), value }, 0)]));
}

/** Compaction as an admin switches it on; a segment is closed by the broker when the next event comes. */
async function compacted(scene: LiveScene): Promise<void> {
  const { broker, live } = scene;
  await broker.restore();
  await broker.start();
  const topic = live.site.names.auditEvents;
  const config = {
    'cleanup.policy': 'compact',
    'segment.ms': '1',
    'min.cleanable.dirty.ratio': '0.0001',
    'max.compaction.lag.ms': '1',
    'message.timestamp.type': 'LogAppendTime',
  };
  await withAdmin(async (admin) => await admin.replaceConfigs(topic, config));
  const topology = live.topology();
  await live.site.caughtUp();
  await topology.end('SIGTERM');
  await eventually(async () => {
    const { report } = await live.tryVerify();
    if (!report?.findings.some(({ name }) => name === 'SEQ_GAP')) throw new Error('not compacted yet');
  }, 60_000);
}
