/**
 * Sends records to the raw topics as a hospital's interface engine would: an ordinary producer, schemas
 * in the registry, one partition per patient. It writes raw PHI, so it needs a log-in with WRITE on the
 * raw topics, and it reads nothing.
 */
import { COMPATIBILITY, SchemaRegistry, SchemaType } from '@kafkajs/confluent-schema-registry';
import type { OrdinaryProducer } from '../../kafka/kafkajs-client.ts';
import { ownError } from '../../platform/errors.ts';
import { clinicalSchema, encodeRecord } from './clinical-codecs.ts';
import { CLINICAL_TOPICS } from './clinical-values.ts';
import type { ClinicalRecord, ClinicalTopic } from './clinical-values.ts';

/** Name of the header that says where records come from; the example research policy keeps it. */
export const SOURCE_HEADER = 'source-system';

/** Records of one send: enough to fill batches, little enough to hold in memory. */
const RECORDS_PER_SEND = 500;

/** How many records went to each topic. */
export type FeedCounts = Record<ClinicalTopic, number>;

/** What a clinical topic is called on the cluster. */
export type TopicName = (topic: ClinicalTopic) => string;

const OWN_NAME: TopicName = (topic) => topic;

export interface FeedOptions {
  /** Connected by the caller, who also disconnects it. */
  readonly producer: OrdinaryProducer;
  /** Base address of the registry's Confluent API. */
  readonly registryUrl: string;
  readonly records: Iterable<ClinicalRecord> | AsyncIterable<ClinicalRecord>;
  /** Other names for the topics; default: their own. */
  readonly topicName?: TopicName;
  /** Called after each send with the counts so far. */
  readonly onProgress?: (counts: Readonly<FeedCounts>) => void;
}

/**
 * Registers the four schemas under `<topic>-value` and sends all records in order, keyed by patient.
 * Record times are the moment of sending; clinical times are in the values.
 * @returns how many records went to each topic
 * @throws GauzeError ERR_REGISTRY_UNREACHABLE; errors of the producer as they are
 */
export async function feedHospital(options: FeedOptions): Promise<FeedCounts> {
  const { producer, topicName = OWN_NAME } = options;
  const schemaIds = await registerClinicalSchemas(options.registryUrl, topicName);
  const counts = emptyCounts();
  let waiting: ClinicalRecord[] = [];
  const send = async (): Promise<void> => {
    await producer.sendBatch({ acks: -1, topicMessages: topicMessages(waiting, schemaIds, topicName) });
    for (const record of waiting) counts[record.topic] += 1;
    waiting = [];
    options.onProgress?.({ ...counts });
  };
  for await (const record of options.records) {
    waiting.push(record);
    if (waiting.length >= RECORDS_PER_SEND) await send();
  }
  if (waiting.length > 0) await send();
  return counts;
}

/** Registers the schemas, or finds them registered. @throws GauzeError ERR_REGISTRY_UNREACHABLE */
export async function registerClinicalSchemas(
  registryUrl: string,
  topicName = OWN_NAME,
): Promise<ReadonlyMap<ClinicalTopic, number>> {
  const registry = new SchemaRegistry({ host: registryUrl });
  const ids = new Map<ClinicalTopic, number>();
  for (const topic of CLINICAL_TOPICS) {
    try {
      const schema = { type: SchemaType.AVRO as const, schema: clinicalSchema(topic) };
      const { id } = await registry.register(schema, {
        subject: `${topicName(topic)}-value`,
        compatibility: COMPATIBILITY.BACKWARD,
      });
      ids.set(topic, id);
    } catch (error) {
      throw ownError(error, 'ERR_REGISTRY_UNREACHABLE');
    }
  }
  return ids;
}

function topicMessages(
  records: readonly ClinicalRecord[],
  schemaIds: ReadonlyMap<ClinicalTopic, number>,
  topicName: TopicName,
) {
  return CLINICAL_TOPICS.map((topic) => ({
    topic: topicName(topic),
    messages: records
      .filter((record) => record.topic === topic)
      .map((record) => ({
        key: record.key,
        value: encodeRecord(topic, schemaIds.get(topic)!, record.value),
        headers: { [SOURCE_HEADER]: 'example-hospital' },
      })),
  })).filter(({ messages }) => messages.length > 0);
}

function emptyCounts(): FeedCounts {
  return {
    'clinical.patients': 0,
    'clinical.encounters': 0,
    'clinical.observations': 0,
    'clinical.claims': 0,
  };
}
