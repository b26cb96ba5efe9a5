/**
 * What each broker by itself knows of a topic and of the rules on it. A change that the controller has made is taken up
 * by each broker a moment later, and only a broker that has taken it up acts by it: so "gone" is proved by asking all
 * of them. A broker that the cluster does not list (down, or cut off from the controller) is not asked.
 */
import type { Acl } from './acl.ts';
import { BrokerConnections } from './cluster.ts';
import type { Cluster, TopicMetadata } from './cluster.ts';
import { request } from './connection.ts';
import type { ApiSpec, Connection } from './connection.ts';
import { kafkaError, kafkaErrorClass } from './kafka-errors.ts';
import { fromAclEntry } from './kafkajs-acl.ts';
import {
  AclOperationTypes,
  AclPermissionTypes,
  AclResourceTypes,
  ResourcePatternTypes,
} from './kafkajs-client.ts';
import { askMetadata } from './metadata.ts';
import { ProtocolWriter } from './protocol-writer.ts';

/** One broker's answer. */
export interface BrokerView {
  readonly nodeId: number;
  /** null: this broker knows no topic of that name. */
  readonly topic: TopicMetadata | null;
  /** Every rule that this broker applies to the topic: on its name, on a beginning of it, on `*`. */
  readonly acls: readonly Acl[];
}

/** DescribeAcls (API 29, version 3). */
const DESCRIBE_ACLS: ApiSpec = { key: 29, version: 3, name: 'DescribeAcls', flexible: true };
const REQUEST_TIMEOUT_MS = 10_000;

export class BrokerViews {
  readonly #cluster: Cluster;
  readonly #connections: BrokerConnections;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
    this.#connections = new BrokerConnections(cluster);
  }

  /**
   * The answers of all brokers that are up. Needs DESCRIBE on the topic and on the cluster.
   * Throws rights and connection errors: a broker that does not answer has proved nothing.
   */
  async of(topic: string): Promise<readonly BrokerView[]> {
    const nodeIds = await this.#cluster.brokerIds();
    return await Promise.all(
      nodeIds.map(async (nodeId) => {
        const connection = await this.#connections.to(nodeId);
        const [metadata, acls] = await Promise.all([topicAt(connection, topic), rulesAt(connection, topic)]);
        return { nodeId, topic: metadata, acls };
      }),
    );
  }

  close(): void {
    this.#connections.close();
  }
}

async function topicAt(connection: Connection, name: string): Promise<TopicMetadata | null> {
  const found = (await askMetadata(connection, [name])).topics[0];
  if (!found) return null;
  if (found.error !== 0 && kafkaErrorClass(found.error) === 'missing') return null;
  if (found.error !== 0 && kafkaErrorClass(found.error) !== 'metadata')
    throw kafkaError('Metadata', found.error, { topic: name });
  const leaders: number[] = [];
  for (const { index, leader } of found.partitions) leaders[index] = leader;
  return { name, id: found.id, leaders, operations: found.operations };
}

async function rulesAt(connection: Connection, topic: string): Promise<readonly Acl[]> {
  const body = new ProtocolWriter().int8(AclResourceTypes.TOPIC).compactString(topic);
  body.int8(ResourcePatternTypes.MATCH).compactString(null).compactString(null);
  body.int8(AclOperationTypes.ANY).int8(AclPermissionTypes.ANY).noTags();
  return await request(connection, DESCRIBE_ACLS, [body.done()], REQUEST_TIMEOUT_MS, (r) => {
    r.int32();
    const error = r.int16();
    r.compactNullableString();
    if (error !== 0) throw kafkaError('DescribeAcls', error, { topic });
    const resources = r.compactArray(() => {
      const resourceType = r.int8();
      const resourceName = r.compactString();
      const resourcePatternType = r.int8();
      const rules = r.compactArray(() => {
        const principal = r.compactString();
        const host = r.compactString();
        const operation = r.int8();
        const permissionType = r.int8();
        r.tags();
        return {
          resourceType,
          resourceName,
          resourcePatternType,
          principal,
          host,
          operation,
          permissionType,
        };
      });
      r.tags();
      return rules;
    });
    return resources.flat().flatMap((rule) => fromAclEntry(rule));
  });
}
