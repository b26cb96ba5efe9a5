/**
 * What administrators and time do to topics and offsets while lanes run: each lane that it concerns holds with a code,
 * the others go on, and after a person's resume everything is as the oracle says it must be.
 */
import { afterEach, expect, test } from '@jest/globals';
import { generateHospital } from '../../examples/hospital/hospital.ts';
import { BrokerConnections } from '../../kafka/cluster.ts';
import { deleteRecords } from '../../kafka/delete-records.ts';
import type { LaneReport } from '../../topology/lane-report.ts';
import { checkTopology } from '../oracle/check-topology.ts';
import { clusterOf } from '../support/raw-log.ts';
import { connectionOf, eventually, testStack, withAdmin } from '../support/stack.ts';
import { createKafkaJs } from '../../kafka/kafkajs-client.ts';
import { AUDIENCES, TestSite } from '../support/test-site.ts';

const PATIENTS = 'clinical.patients';
/** Machines that do much else beside are slow; what is waited for is a condition. */
const PATIENCE_MS = 240_000;
let site: TestSite;

afterEach(async () => {
  await site.close();
});

async function startedSite(partitions = 2): Promise<void> {
  site = await TestSite.make({ topics: [PATIENTS], partitions });
  await feed(1);
  await site.apply();
  site.run();
  await caughtUp();
}

async function until(wanted: (lanes: readonly LaneReport[]) => boolean): Promise<readonly LaneReport[]> {
  return await site.until(wanted, PATIENCE_MS);
}

async function caughtUp(): Promise<void> {
  await site.caughtUp(PATIENCE_MS);
}

async function feed(seed: number): Promise<number> {
  return await site.feed(generateHospital({ patients: 60, seed }));
}

const isHeld =
  (code: string) =>
  (lane: LaneReport): boolean =>
    lane.state === 'held' && lane.code === code;
const isGoingOn = ({ state, lag }: LaneReport): boolean => state === 'ok' && lag === 0;

async function resume(lane: Pick<LaneReport, 'audience' | 'partition'>, ...from: readonly string[]) {
  const where = [lane.audience, site.raw(PATIENTS), String(lane.partition)];
  const { code, stderr } = await site.gauze('resume', ...where, ...from, '--reason', 'test of faults');
  if (code !== 0) throw new Error(`gauze resume ended with ${code}: ${stderr}`);
}

async function verdict() {
  return await checkTopology({
    stack: testStack(),
    prefix: site.names.prefix,
    topics: [site.raw(PATIENTS)],
    keyringFile: site.keyringFile,
  });
}

/** Moves the beginning of every partition of a topic to its end. */
async function expireAll(topic: string): Promise<void> {
  const cluster = await clusterOf('admin');
  const connections = new BrokerConnections(cluster);
  try {
    const partitions = (await cluster.topic(topic))!.leaders.length;
    for (let partition = 0; partition < partitions; partition++)
      await deleteRecords(cluster, connections, topic, partition, -1);
  } finally {
    connections.close();
    await cluster.close();
  }
}

/** From one partition to three. */
async function addPartitions(topics: readonly string[]): Promise<void> {
  const admin = createKafkaJs(connectionOf('admin')).admin();
  await admin.connect();
  try {
    await admin.createPartitions({ topicPartitions: topics.map((topic) => ({ topic, count: 3 })) });
  } finally {
    await admin.disconnect();
  }
}

test('a raw topic that is deleted and made again holds its lanes; resumed, they publish the new one whole', async () => {
  await startedSite();
  const raw = site.raw(PATIENTS);
  await withAdmin(async (admin) => {
    await admin.deleteTopics([raw]);
    await eventually(async () => {
      if ((await admin.listTopics()).includes(raw)) throw new Error('it is still there');
      await admin.createTopic({ topic: raw, partitions: 2, config: {} });
    });
  });
  await eventually(async () => await feed(2), 60_000);
  const held = await until((lanes) => lanes.every(isHeld('ERR_LANE_RAW_RECREATED')));
  // What came of the topic that is gone has nothing any more to be compared with.
  for (const audience of AUDIENCES) await expireAll(site.sanitized(PATIENTS, audience));
  for (const lane of held) await resume(lane, '--from', 'earliest');
  await caughtUp();
  expect((await verdict()).findings).toEqual([]);
}, 900_000);

test.each([
  ['back', (end: bigint): bigint => end - 5n],
  ['ahead', (end: bigint): bigint => end + 5n],
])(
  'offsets that an administrator moves %s while the lanes stand still hold them; nothing is lost or doubled',
  async (_where, moved) => {
    await startedSite();
    const raw = site.raw(PATIENTS);
    await withAdmin(async (admin) => {
      const group = site.names.audienceGroup('billing');
      const offsets = await admin.fetchGroupOffsets(group, [raw]);
      // As `kafka-consumer-groups --reset-offsets` does it: without the lane's own metadata.
      await admin.setGroupOffsets(
        group,
        offsets.map((each) => ({ ...each, offset: moved(each.offset), metadata: '' })),
      );
    });
    const lanes = await until((reports) =>
      reports.every((lane) =>
        lane.audience === 'billing' ? isHeld('ERR_LANE_OFFSET_MOVED')(lane) : isGoingOn(lane),
      ),
    );
    await feed(2);
    for (const lane of lanes.filter(({ audience }) => audience === 'billing'))
      await resume(lane, '--from-audit');
    await caughtUp();
    expect((await verdict()).findings).toEqual([]);
  },
  900_000,
);

test('an offset that is moved although its metadata stays holds the lane at its next start', async () => {
  await startedSite();
  await site.lastInstance().end('SIGTERM');
  const raw = site.raw(PATIENTS);
  await withAdmin(async (admin) => {
    const group = site.names.audienceGroup('research');
    const offsets = await admin.fetchGroupOffsets(group, [raw]);
    await admin.setGroupOffsets(
      group,
      offsets.map((each) => ({ ...each, offset: each.offset - 5n })),
    );
  });
  site.run();
  const lanes = await until((reports) =>
    reports.every((lane) =>
      lane.audience === 'research' ? isHeld('ERR_LANE_OFFSET_MOVED')(lane) : isGoingOn(lane),
    ),
  );
  for (const lane of lanes.filter(({ audience }) => audience === 'research'))
    await resume(lane, '--from-audit');
  await feed(2);
  await caughtUp();
  expect((await verdict()).findings).toEqual([]);
}, 900_000);

test('retention that overtakes lanes holds them; resumed, they say what was lost and publish all that is left', async () => {
  await startedSite();
  await site.lastInstance().end('SIGTERM');
  await feed(2);
  await expireAll(site.raw(PATIENTS));
  await feed(3);
  site.run();
  const held = await until((lanes) => lanes.every(isHeld('ERR_LANE_RETENTION')));
  for (const lane of held) await resume(lane, '--from', 'earliest');
  await caughtUp();
  // What the seek leaped over is on record: the oracle knows it from the events alone.
  expect((await verdict()).findings).toEqual([]);
}, 900_000);

test('raw partitions that are added hold their own lanes until the sanitized topics have them too; the others go on', async () => {
  await startedSite(1);
  const raw = site.raw(PATIENTS);
  await addPartitions([raw]);
  await eventually(async () => await feed(2));
  await until(
    (lanes) =>
      lanes.length === 12 &&
      lanes.every((lane) =>
        lane.partition === 0 || lane.audience === 'index'
          ? isGoingOn(lane)
          : isHeld('ERR_KAFKA_TOPIC_MISSING')(lane),
      ),
  );
  // Whoever owns the cluster widens the sanitized topics too: gauze changes no topic that is there.
  await addPartitions(AUDIENCES.map((audience) => site.sanitized(PATIENTS, audience)));
  await caughtUp();
  expect((await verdict()).findings).toEqual([]);
}, 900_000);
