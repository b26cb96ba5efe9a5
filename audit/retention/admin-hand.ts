/**
 * What an admin's log-in does for a pruning: declares it, and moves the beginnings. The right to delete records is
 * nobody's for longer than that takes: it is given before and taken back after, which the sealer sees.
 */
import { allow } from '../../kafka/acl.ts';
import type { KafkaAdmin } from '../../kafka/admin.ts';
import { BrokerConnections } from '../../kafka/cluster.ts';
import type { Cluster } from '../../kafka/cluster.ts';
import { deleteRecords } from '../../kafka/delete-records.ts';
import type { AuditWriterKey } from '../../keys/audit-writer-key.ts';
import { randomId, sleep } from '../../platform/clock.ts';
import { ownError } from '../../platform/errors.ts';
import type { TopicNames } from '../../schemas/topic-names.ts';
import type { EventBody } from '../audit-chain.ts';
import { writeClosedChain } from '../closed-chain.ts';
import type { ChainPlace } from '../closed-chain.ts';
import type { PruneCut, PruningHand } from './pruning.ts';

export interface AdminHandOptions {
  /** Started, with the admin's log-in. */
  readonly cluster: Cluster;
  /** Connected, with the admin's log-in. */
  readonly admin: KafkaAdmin;
  readonly names: TopicNames;
  /** Registry id of PhiAuditEvent. */
  readonly schemaId: number;
  /** The admin's, which the trust file calls one. */
  readonly key: AuditWriterKey;
  /** Kafka principal of the log-in. */
  readonly principal: string;
}

const ATTEMPTS = 100;
const PAUSE_MS = 100;

/** The hand of a site's admin. Both methods throw Kafka's errors. */
export function adminHand(options: AdminHandOptions): PruningHand {
  return {
    declare: async (bodies) => await declareAsAdmin(options, bodies),
    remove: async (cuts) => await removeRecords(options, cuts),
  };
}

/** Writes events in a chain of the admin's own; resolves when they are committed. */
export async function declareAsAdmin(
  { cluster, names, schemaId, key, principal }: Omit<AdminHandOptions, 'admin'>,
  bodies: readonly EventBody[],
): Promise<ChainPlace> {
  const transactionalId = names.approvalsTransactionalId(`admin.${randomId()}`);
  const chain = { cluster, topic: names.auditEvents, transactionalId, schemaId, key, principal };
  return await writeClosedChain(chain, bodies, new AbortController().signal);
}

async function removeRecords(
  { cluster, admin, principal }: AdminHandOptions,
  cuts: readonly PruneCut[],
): Promise<void> {
  const topics = new Set(cuts.map(({ topic }) => topic));
  const rights = [...topics].flatMap((topic) => allow(principal, ['delete'], 'topic', topic));
  const connections = new BrokerConnections(cluster);
  try {
    await admin.createAcls(rights);
    await cluster.refresh([...topics]);
    for (const { topic, partition, offset } of cuts)
      await whenAllowed(async () => {
        await deleteRecords(cluster, connections, topic, partition, offset);
      });
  } finally {
    connections.close();
    await admin.deleteAcls(rights);
  }
}

/** A new right reaches each broker a moment later; a leader may be on its way to another one. */
async function whenAllowed(work: () => Promise<void>): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (thrown) {
      const { code, kind } = ownError(thrown);
      const passes = code === 'ERR_KAFKA_RIGHT_MISSING' || kind === 'outage';
      if (!passes || attempt === ATTEMPTS) throw thrown;
      await sleep(PAUSE_MS);
    }
  }
}
