/**
 * Promises of the example feed on a real broker and registry: what was generated is what an ordinary consumer
 * reads, in order, a patient in one partition, with the schema and its tags in the registry.
 */
import { expect, test } from '@jest/globals';
import { clinicalSchema, clinicalType } from '../../examples/hospital/clinical-codecs.ts';
import { CLINICAL_TOPICS } from '../../examples/hospital/clinical-values.ts';
import type { ClinicalTopic } from '../../examples/hospital/clinical-values.ts';
import { feedHospital, registerClinicalSchemas, SOURCE_HEADER } from '../../examples/hospital/feed.ts';
import { generateHospital } from '../../examples/hospital/hospital.ts';
import { ordinaryConsumer, ordinaryProducer } from '../../kafka/kafkajs-client.ts';
import { connectionOf, testStack, uniqueName, withAdmin } from '../support/stack.ts';

const PARTITIONS = 3;
const prefix = uniqueName('feed');
const topicName = (topic: ClinicalTopic): string => `${prefix}.${topic}`;

interface Seen {
  readonly partition: number;
  readonly key: string;
  readonly value: Buffer;
  readonly source: string;
}

async function readTopic(topic: ClinicalTopic, count: number): Promise<Seen[]> {
  const consumer = ordinaryConsumer(connectionOf('admin'), uniqueName('feed-reader'));
  const seen: Seen[] = [];
  await consumer.connect();
  try {
    await consumer.subscribe({ topic: topicName(topic), fromBeginning: true });
    await new Promise<void>((resolve, reject) => {
      const eachMessage = async ({ partition, message }: Parameters<EachMessage>[0]): Promise<void> => {
        const { key, value, headers } = message;
        if (!key || !value) throw new Error('a record without key or value');
        seen.push({ partition, key: String(key), value, source: String(headers?.[SOURCE_HEADER]) });
        if (seen.length === count) resolve();
      };
      consumer.run({ eachMessage }).catch(reject);
    });
  } finally {
    await consumer.disconnect();
  }
  return seen;
}
type EachMessage = NonNullable<
  NonNullable<Parameters<ReturnType<typeof ordinaryConsumer>['run']>[0]>['eachMessage']
>;

test('brings every generated record to its topic, in order per patient, decodable by the registered schema', async () => {
  const records = [...generateHospital({ patients: 40, seed: 5 })];
  await withAdmin(async (admin) => {
    for (const topic of CLINICAL_TOPICS) {
      await admin.createTopic({ topic: topicName(topic), partitions: PARTITIONS });
    }
  });
  const registryUrl = testStack().registryUrl;
  const producer = ordinaryProducer(connectionOf('admin'));
  await producer.connect();
  const progress: number[] = [];
  const counts = await feedHospital({
    producer,
    registryUrl,
    records,
    topicName,
    onProgress: (soFar) => progress.push(Object.values(soFar).reduce((sum, count) => sum + count, 0)),
  });
  await producer.disconnect();

  expect(progress.at(-1)).toBe(records.length);
  const schemaIds = await registerClinicalSchemas(registryUrl, topicName);
  for (const topic of CLINICAL_TOPICS) {
    const sent = records.filter((record) => record.topic === topic);
    expect(counts[topic]).toBe(sent.length);
    const seen = await readTopic(topic, sent.length);
    const decoded = seen.map(({ value }) => {
      expect(value.readUInt32BE(1)).toBe(schemaIds.get(topic));
      return clinicalType(topic).fromBuffer(value.subarray(5)) as { patientId: string; feedSequence: number };
    });
    expect(seen.map(({ key }) => key)).toEqual(decoded.map(({ patientId }) => patientId));
    expect(new Set(seen.map(({ source }) => source))).toEqual(new Set(['example-hospital']));
    expect(decoded.map(({ feedSequence }) => feedSequence).toSorted((a, b) => a - b)).toEqual(
      sent.map(({ value }) => value.feedSequence),
    );
    const places = new Map<string, Set<number>>();
    const last = new Map<string, number>();
    for (const [index, { key, partition }] of seen.entries()) {
      places.set(key, (places.get(key) ?? new Set()).add(partition));
      expect(decoded[index]!.feedSequence).toBeGreaterThan(last.get(key) ?? 0);
      last.set(key, decoded[index]!.feedSequence);
    }
    expect([...places.values()].every((partitions) => partitions.size === 1)).toBe(true);
  }
});

/** Every tag and person mark of a schema's text, in order. */
function tagsIn(text: string): readonly string[] {
  return text.match(/PHI_\w+|PROVIDER_\w+|SENSITIVE_\w+|gauze:person/g) ?? [];
}

test('leaves the schemas in the registry with their tags', async () => {
  const registryUrl = testStack().registryUrl;
  const ids = await registerClinicalSchemas(registryUrl, topicName);
  for (const topic of CLINICAL_TOPICS) {
    const answer = await fetch(`${registryUrl}/schemas/ids/${ids.get(topic)}`);
    const { schema } = (await answer.json()) as { schema: string };
    expect(tagsIn(schema)).toEqual(tagsIn(clinicalSchema(topic)));
  }
});

test('names a registry that does not answer', async () => {
  await expect(registerClinicalSchemas('http://127.0.0.1:9')).rejects.toMatchObject({
    code: 'ERR_REGISTRY_UNREACHABLE',
  });
});
