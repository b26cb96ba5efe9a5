/**
 * A chain of few events that begins and ends in one transaction: what a command puts on record before it goes on. All
 * of it stands there or nothing; where that is in doubt it rejects.
 */
import { controlBatch } from '../kafka/control-batch.ts';
import type { Cluster } from '../kafka/cluster.ts';
import { spread } from '../kafka/spread.ts';
import { TransactionalProducer } from '../kafka/transactional-producer.ts';
import type { AuditWriterKey } from '../keys/audit-writer-key.ts';
import { GauzeError } from '../platform/errors.ts';
import { AuditChain, systemEvent } from './audit-chain.ts';
import type { EventBody } from './audit-chain.ts';

export interface ClosedChainOptions {
  /** Started. */
  readonly cluster: Cluster;
  /** Name of the topic of events. */
  readonly topic: string;
  /** Used by nobody else. */
  readonly transactionalId: string;
  /** Registry id of PhiAuditEvent. */
  readonly schemaId: number;
  readonly key: AuditWriterKey;
  /** Who ends the chain: a Kafka principal. */
  readonly principal: string;
}

/** Where the last event of a chain stands. */
export interface ChainPlace {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
}

/**
 * Writes `bodies` between an opening and an end, all signed for by the last one. Resolves when they are committed;
 * throws ERR_KAFKA_TOPIC_MISSING, rights and connection errors.
 */
export async function writeClosedChain(
  { cluster, topic, transactionalId, schemaId, key, principal }: ClosedChainOptions,
  bodies: readonly EventBody[],
  signal: AbortSignal,
): Promise<ChainPlace> {
  const producer = new TransactionalProducer(cluster, transactionalId);
  try {
    await producer.initialize(signal);
    const chain = new AuditChain({ writerId: transactionalId, schemaId, key });
    const by = { id: principal, role: key.name };
    const linked = chain.link([...bodies, systemEvent('session.closed', by, [])]);
    const found = await cluster.topic(topic);
    if (!found) throw new GauzeError('ERR_KAFKA_TOPIC_MISSING', { topic, partition: 0 });
    const partition = spread(transactionalId, found.leaders.length);
    const writer = controlBatch(
      linked.map(({ value }) => value),
      Buffer.from(chain.head.chainId),
    );
    const [appended] = await producer.commit([{ topic, topicId: found.id, partition, writer }], null, signal);
    return { topic, partition, offset: appended!.nextOffset - 1 };
  } finally {
    producer.close();
  }
}
