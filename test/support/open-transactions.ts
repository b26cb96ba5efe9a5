/**
 * Transactions as the brokers see them (ListTransactions, API 66 version 0): which are under way, and under which
 * producer id. Looks from outside; asks nothing of gauze.
 */
import { BrokerConnections } from '../../kafka/cluster.ts';
import type { Cluster } from '../../kafka/cluster.ts';
import { request } from '../../kafka/connection.ts';
import type { ApiSpec } from '../../kafka/connection.ts';
import { ProtocolWriter } from '../../kafka/protocol-writer.ts';

const LIST_TRANSACTIONS: ApiSpec = { key: 66, version: 0, name: 'ListTransactions', flexible: true };
const TIMEOUT_MS = 10_000;

export interface ListedTransaction {
  readonly transactionalId: string;
  readonly producerId: bigint;
  /** `Ongoing`, `PrepareCommit`, `CompleteCommit`, `Empty` ... */
  readonly state: string;
}

/** All transactions, or those in one of `states`, at all brokers; `given`: connections to use and leave open. */
export async function listTransactions(
  cluster: Cluster,
  states: readonly string[] = [],
  given: BrokerConnections | null = null,
): Promise<readonly ListedTransaction[]> {
  const connections = given ?? new BrokerConnections(cluster);
  try {
    const found: ListedTransaction[] = [];
    for (const node of await cluster.brokerIds()) {
      const body = new ProtocolWriter();
      body.compactArray([...states], (state) => body.compactString(state));
      body.compactArray([], () => undefined).noTags();
      const connection = await connections.to(node);
      const listed = await request(connection, LIST_TRANSACTIONS, [body.done()], TIMEOUT_MS, (r) => {
        r.int32();
        r.int16();
        r.compactArray(() => r.compactString());
        return r.compactArray(() => {
          const transaction = { transactionalId: r.compactString(), producerId: r.int64() };
          const state = r.compactString();
          r.tags();
          return { ...transaction, state };
        });
      });
      found.push(...listed);
    }
    return found;
  } finally {
    if (!given) connections.close();
  }
}

/** Transactional ids with a transaction under way. */
export async function openTransactions(
  cluster: Cluster,
  given: BrokerConnections | null = null,
): Promise<ReadonlySet<string>> {
  const open = await listTransactions(cluster, ['Ongoing'], given);
  return new Set(open.map(({ transactionalId }) => transactionalId));
}
