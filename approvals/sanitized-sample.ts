/**
 * A few records as an audience sees them, from its sanitized topic: never from the raw one. For people whose own
 * principal reads that audience; whether it does is asked here, each time.
 */
import { BrokerConnections } from '../kafka/cluster.ts';
import type { Cluster } from '../kafka/cluster.ts';
import { listOffset } from '../kafka/list-offsets.ts';
import { LogReader } from '../kafka/log-reader.ts';
import type { PolicyState } from '../policy/policy-log.ts';
import { REGISTRY_PREFIX_BYTES } from '../schemas/control-codec.ts';
import { readableDecoder } from '../schemas/readable-json.ts';
import type { RegistryClient } from '../schemas/registry-client.ts';
import { sanitizedTopic } from '../schemas/topic-names.ts';

export interface SampleRecord {
  /** Of the sanitized topic. */
  readonly partition: number;
  readonly offset: number;
  /** The record as JSON text. */
  readonly json: string;
}

const RECORDS_MAX = 5;
/** How far before the end of a partition a sample begins. */
const REACH = 50;
const JSON_CHARACTERS_MAX = 20_000;

export class SanitizedSamples {
  private readonly cluster: Cluster;
  private readonly registry: RegistryClient;
  private readonly policies: () => PolicyState;

  constructor(cluster: Cluster, registry: RegistryClient, policies: () => PolicyState) {
    this.cluster = cluster;
    this.registry = registry;
    this.policies = policies;
  }

  /** Up to five of the latest records of one partition that has any. Throws Kafka's and the registry's errors. */
  async latest(rawTopic: string, audience: string): Promise<readonly SampleRecord[]> {
    const version = this.policies().versions.topicVersion(audience, rawTopic)?.version;
    const topic = sanitizedTopic(rawTopic, audience, version);
    const found = await this.cluster.topic(topic);
    const connections = new BrokerConnections(this.cluster);
    try {
      for (const partition of (found?.leaders ?? []).keys()) {
        const records = await this.ofPartition(connections, topic, partition);
        if (records.length > 0) return records;
      }
      return [];
    } finally {
      connections.close();
    }
  }

  private async ofPartition(
    connections: BrokerConnections,
    topic: string,
    partition: number,
  ): Promise<readonly SampleRecord[]> {
    const ends = { earliest: 'earliest', latest: 'latest' } as const;
    const first = await listOffset(this.cluster, connections, topic, partition, ends.earliest);
    const end = await listOffset(this.cluster, connections, topic, partition, ends.latest);
    if (end === first) return [];
    const values: { offset: number; value: Buffer }[] = [];
    const reader = new LogReader(this.cluster, topic, partition, Math.max(first, end - REACH));
    try {
      await reader.readToEnd(({ offset, value }) => {
        if (value && value.length > REGISTRY_PREFIX_BYTES) values.push({ offset, value: Buffer.from(value) });
        if (values.length > RECORDS_MAX) values.shift();
      });
    } finally {
      reader.close();
    }
    return await Promise.all(
      values.map(async ({ offset, value }) => ({ partition, offset, json: await this.json(value) })),
    );
  }

  private async json(value: Buffer): Promise<string> {
    const { text } = await this.registry.schemaText(value.readInt32BE(1));
    const decoded = readableDecoder(text)(value.subarray(REGISTRY_PREFIX_BYTES));
    return JSON.stringify(decoded).slice(0, JSON_CHARACTERS_MAX);
  }
}
