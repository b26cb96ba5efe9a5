/**
 * A transaction that is over for its coordinator and open in partitions, as a broker leaves it that ends one without
 * saying so everywhere: it hides what comes after it in the audit log and in a sanitized topic. What gauze does, and
 * that what docs/faults.md tells a person to do brings everything back.
 */
import { afterEach, expect, test } from '@jest/globals';
import { generateHospital } from '../../examples/hospital/hospital.ts';
import { ConfigResourceTypes, createKafkaJs } from '../../kafka/kafkajs-client.ts';
import { produce } from '../../kafka/produce.ts';
import { findHanging, kafkaTransactions } from '../support/kafka-tools.ts';
import { TestPlane, batchOf } from '../support/kafka-plane.ts';
import { connectionOf, uniqueName } from '../support/stack.ts';
import { TestSite } from '../support/test-site.ts';
import { dumpTopics } from '../support/topic-dump.ts';
import { siteTruth } from '../support/verify-site.ts';

const PATIENTS = 'clinical.patients';
/** A producer that speaks this one has to tell the coordinator of its partitions; from 12 on the broker does. */
const OLD_PRODUCE = 11 as 12;

let site: TestSite;
let plane: TestPlane;

afterEach(async () => {
  await verifyTransactions(true);
  await plane.close();
  await site.close();
});

/** Whether brokers ask the coordinator before they begin a transaction in a partition (KIP-890). */
async function verifyTransactions(value: boolean): Promise<void> {
  const admin = createKafkaJs(connectionOf('admin')).admin();
  await admin.connect();
  try {
    const configEntries = [{ name: 'transaction.partition.verification.enable', value: String(value) }];
    await admin.alterConfigs({
      validateOnly: false,
      resources: (await plane.cluster.brokerIds()).map((id) => ({
        type: ConfigResourceTypes.BROKER,
        name: String(id),
        configEntries,
      })),
    });
  } finally {
    await admin.disconnect();
  }
}

/** Leaves a transaction open in partitions that its coordinator knows nothing of. */
async function hang(places: readonly { topic: string; partition: number }[]): Promise<void> {
  const { transactionalId, identity } = await plane.openTransaction(uniqueName('hanging'));
  for (const { topic, partition } of places) {
    const { id, leaders } = (await plane.cluster.topic(topic))!;
    const writer = batchOf([[null, 'never to be seen']]);
    const records = writer.stamp(writer.finish()[0]!, identity.producerId, identity.epoch, 0);
    const connection = await plane.connections.to(leaders[partition]!);
    const batch = [{ topic, topicId: id, partition, records }];
    const [answer] = await produce(connection, OLD_PRODUCE, transactionalId, batch, 10_000);
    if (answer?.error !== 0) throw new Error(`Produce answered ${answer?.error}`);
  }
}

test('lanes wait before the audit log that it hides, status tells it, and the way out that is documented is one', async () => {
  plane = new TestPlane();
  await plane.start();
  site = await TestSite.make({ topics: [PATIENTS] });
  await site.feed(generateHospital({ patients: 60, seed: 51 }));
  await site.apply();
  site.run();
  await site.caughtUp();
  const { auditEvents } = site.names;
  const research = site.sanitized(PATIENTS, 'research');
  const partitions = (await plane.cluster.topic(auditEvents))!.leaders.length;
  const places = [
    ...Array.from({ length: partitions }, (_, partition) => ({ topic: auditEvents, partition })),
    { topic: research, partition: 0 },
  ];
  const before = await dumpTopics([research]);
  await verifyTransactions(false);
  await hang(places);
  await verifyTransactions(true);

  // Lanes at work go on; a reader of committed records sees nothing more of the partition that is hidden.
  await site.feed(generateHospital({ patients: 60, seed: 52 }));
  await site.caughtUp();
  const hidden = await dumpTopics([research]);
  const inFirst = (dump: typeof hidden): number => dump.filter(({ partition }) => partition === 0).length;
  expect(inFirst(hidden)).toBe(inFirst(before));
  expect(hidden.length).toBeGreaterThan(before.length);

  // Lanes that begin have to know how their audit chain ended: they wait, and publish nothing.
  await site.lastInstance().end('SIGTERM');
  await site.feed(generateHospital({ patients: 60, seed: 53 }));
  site.run();
  const { code, stdout } = await site.gauze('status', '--json');
  expect(code).toBe(1);
  const { alarms, lanes } = JSON.parse(stdout) as {
    alarms: unknown;
    lanes: readonly { lag: number | null }[];
  };
  expect(alarms).toMatchObject([{ code: 'ERR_KAFKA_UNSETTLED', topic: auditEvents }]);
  expect(lanes.some(({ lag }) => lag! > 0)).toBe(true);
  await site.logged(/ERR_KAFKA_UNSETTLED/, 1, 120_000);

  const [broker] = await plane.cluster.brokerIds();
  const found = await findHanging(broker!);
  const ours = found.filter(({ topic }) => topic.startsWith(site.namespace));
  expect(ours.map(({ topic, partition }) => `${topic}/${partition}`).toSorted()).toEqual(
    places.map(({ topic, partition }) => `${topic}/${partition}`).toSorted(),
  );
  for (const { topic, partition, startOffset } of ours) {
    const place = ['--topic', topic, '--partition', String(partition)];
    await kafkaTransactions('abort', ...place, '--start-offset', String(startOffset));
  }
  const truth = await siteTruth(site, await site.caughtUp(120_000));
  expect(truth.sequenceFaults).toEqual([]);
  expect(truth.auditFaults).toEqual([]);
  expect(truth.indexFaults).toEqual([]);
  expect(await findHanging(broker!)).toEqual(found.filter(({ topic }) => !topic.startsWith(site.namespace)));
}, 600_000);
