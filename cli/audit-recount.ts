/**
 * Reads raw topics again for `gauze audit verify --recount`, with the log-in that verifies: how many records a range
 * has, and whom they are about as tokens. Nothing of a record leaves this file but counts and tokens.
 */
import type { CountSource, FindPersons, SourceRange } from '../audit/verify/source-check.ts';
import type { Cluster } from '../kafka/cluster.ts';
import { LogReader } from '../kafka/log-reader.ts';
import type { LogRecord } from '../kafka/log-reader.ts';
import type { Keyring } from '../keys/keyring.ts';
import { ownError } from '../platform/errors.ts';
import { laneKey } from '../policy/policy-log.ts';
import { SUBJECT_TOKEN_BYTES } from '../schemas/access-codecs.ts';
import { REGISTRY_PREFIX_BYTES } from '../schemas/control-codec.ts';
import type { RegistryClient } from '../schemas/registry-client.ts';
import { INDEX_AUDIENCE } from '../topology/lane-kind.ts';
import { SubjectRange } from '../topology/subject-range.ts';
import { compileSubjectTokenizer } from '../topology/subject-tokenizer.ts';
import type { SubjectTokenizer } from '../topology/subject-tokenizer.ts';
import { writerSchema } from '../topology/writer-schema.ts';

const WAIT_MS = 100;

/** A counter over a started cluster. It looks at offsets alone. */
export function sourceCounter(cluster: Cluster): CountSource {
  return async (range) => {
    let count = 0;
    return (await readRange(cluster, range, () => (count += 1))) ? count : null;
  };
}

/** What tokens are worked out with. */
export interface PersonsOptions {
  readonly cluster: Cluster;
  readonly registry: RegistryClient;
  readonly keyring: Keyring;
  /** Offsets that people have ordered to pass over, by lane, as the policy log says. */
  readonly withhold: ReadonlyMap<string, ReadonlySet<number>>;
}

/** Works out the persons of a range as the index lane does: from the field that the record's own schema marks. */
export function personsFinder(options: PersonsOptions): FindPersons {
  const { cluster, keyring, withhold } = options;
  const tokenizers = new Map<string, SubjectTokenizer>();
  return async (range, keyEpoch) => {
    const tokens = keyring.subjectTokenEpochs().find(({ epoch }) => epoch === keyEpoch);
    if (!tokens) return null;
    const { topic, partition } = range;
    const ordered = withhold.get(laneKey({ audience: INDEX_AUDIENCE, topic, partition })) ?? new Set();
    const persons = new SubjectRange();
    const passedOver = new Set<number>();
    const unread: { readonly schemaId: number; readonly body: Buffer; readonly at: number }[] = [];
    const keyOf = (schemaId: number): string => `${topic} ${schemaId} ${keyEpoch}`;
    const visit = ({ offset, timestampMs, value }: LogRecord): void => {
      if (ordered.has(offset)) passedOver.add(persons.recordCount);
      const at = persons.add(offset, timestampMs, value?.length ?? 0);
      if (!value || value.length < REGISTRY_PREFIX_BYTES || value[0] !== 0) return;
      const schemaId = value.readInt32BE(1);
      const tokenizer = tokenizers.get(keyOf(schemaId));
      if (tokenizer) tokenizer.tokenInto(value, REGISTRY_PREFIX_BYTES, value.length, persons.room, at);
      else unread.push({ schemaId, body: Buffer.from(value.subarray(REGISTRY_PREFIX_BYTES)), at });
    };
    if (!(await readRange(cluster, range, visit))) return null;
    for (const { schemaId, body, at } of unread) {
      const known = tokenizers.get(keyOf(schemaId));
      const tokenizer = known ?? (await tokenizerOf(options.registry, topic, schemaId, tokens));
      if (!tokenizer && passedOver.has(at / SUBJECT_TOKEN_BYTES)) continue;
      if (!tokenizer) return null;
      tokenizers.set(keyOf(schemaId), tokenizer);
      tokenizer.tokenInto(body, 0, body.length, persons.room, at);
    }
    return { tokens: persons.tokens, offsets: persons.offsets(range.from), passedOver };
  };
}

/** null where the schema says nothing about this topic. Throws the registry's outages. */
async function tokenizerOf(
  registry: RegistryClient,
  topic: string,
  schemaId: number,
  tokens: Parameters<typeof compileSubjectTokenizer>[1],
): Promise<SubjectTokenizer | null> {
  try {
    const { schema, subject } = await writerSchema(registry, topic, schemaId);
    return compileSubjectTokenizer(schema, tokens, subject);
  } catch (thrown) {
    if (ownError(thrown).kind === 'outage') throw thrown;
    return null;
  }
}

/** Visits every record of a range; false where it is gone, of another topic, or may not be read. */
async function readRange(
  cluster: Cluster,
  { topic, topicId, partition, from, to }: SourceRange,
  visit: (record: LogRecord) => void,
): Promise<boolean> {
  const found = await cluster.topic(topic).catch(() => null);
  if (found?.id !== topicId) return false;
  const reader = new LogReader(cluster, topic, partition, from);
  try {
    while (reader.position < to) {
      const ends = await reader.read(WAIT_MS, (record) => {
        if (record.offset < to) visit(record);
      });
      if (ends.logStartOffset > from || ends.highWatermark < to) return false;
    }
    return true;
  } catch (thrown) {
    if (ownError(thrown).kind === 'outage') throw thrown;
    return false;
  } finally {
    reader.close();
  }
}
