/**
 * Topics, rights, configs and group offsets, over kafkajs' admin client.
 * Every failure becomes an error of ours without foreign text. It cannot alter one setting: kafkajs can only
 * replace all overrides of a topic at once (AlterConfigs v1), which would silently lose the others.
 */
import kafkajs from 'kafkajs';
import type { Acl } from './acl.ts';
import { kafkaError } from './kafka-errors.ts';
import { fromAclEntry, toAclEntry } from './kafkajs-acl.ts';
import { KafkaJsAdmin } from './kafkajs-admin.ts';
import type { KafkaJsOptions } from './kafkajs-client.ts';
import { alterScramRequest } from './kafkajs-cluster.ts';

/** A topic to be made. */
export interface NewTopic {
  readonly topic: string;
  readonly partitions: number;
  /** Copies of each partition; -1 (default) takes the cluster's default. */
  readonly replicas?: number;
  readonly config?: Readonly<Record<string, string>>;
}

/** What is known of a topic. */
export interface TopicDescription {
  readonly topic: string;
  readonly partitions: number;
}

/** One committed offset; -1n where the group has none for that partition. */
export interface GroupOffset {
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
  readonly metadata: string | null;
}

/** First and next offset of a partition. */
export interface PartitionRange {
  readonly partition: number;
  /** First offset that retention has left. */
  readonly low: bigint;
  /** High watermark: the offset that the next record gets. */
  readonly high: bigint;
}

/** One setting of a topic. */
export interface TopicSetting {
  readonly value: string;
  /** Set on the topic itself, not inherited from broker or default. */
  readonly own: boolean;
}

/** An administrative connection of one log-in. All methods throw GauzeError of the codes ERR_KAFKA_*. */
export class KafkaAdmin {
  readonly #client: KafkaJsAdmin;

  /** Connects nothing yet. @throws GauzeError ERR_KAFKA_CLIENT_CHANGED */
  constructor(options: KafkaJsOptions) {
    this.#client = new KafkaJsAdmin(options);
  }

  async connect(): Promise<void> {
    await this.#client.ask('Metadata', async (admin) => await admin.connect());
  }

  /** Ends all connections; never throws. */
  async close(): Promise<void> {
    await this.#client.close();
  }

  /** Names of all topics that this log-in may describe. */
  async listTopics(): Promise<string[]> {
    return await this.#client.ask('Metadata', async (admin) => (await admin.listTopics()).toSorted());
  }

  /** Those of `topics` that are there, and that this log-in may describe. */
  async describeTopics(topics: readonly string[]): Promise<TopicDescription[]> {
    const there = new Set(await this.listTopics());
    const wanted = topics.filter((topic) => there.has(topic));
    if (wanted.length === 0) return [];
    return await this.#client.ask('Metadata', async (admin) => {
      const answer = await admin.fetchTopicMetadata({ topics: wanted });
      return answer.topics.map(({ name, partitions }) => ({ topic: name, partitions: partitions.length }));
    });
  }

  /** Makes a topic, and says `existed` where one of that name is there already (whatever its shape). */
  async createTopic(topic: NewTopic): Promise<'created' | 'existed'> {
    return await this.#client.ask(
      'CreateTopics',
      async (admin) => {
        const created = await admin.createTopics({
          topics: [
            {
              topic: topic.topic,
              numPartitions: topic.partitions,
              replicationFactor: topic.replicas ?? -1,
              configEntries: Object.entries(topic.config ?? {}).map(([name, value]) => ({ name, value })),
            },
          ],
          waitForLeaders: false,
        });
        return created ? 'created' : 'existed';
      },
      topic.topic,
    );
  }

  /** @throws GauzeError ERR_KAFKA_TOPIC_MISSING if one of them is not there */
  async deleteTopics(topics: readonly string[]): Promise<void> {
    await this.#client.ask(
      'DeleteTopics',
      async (admin) => await admin.deleteTopics({ topics: [...topics] }),
      topics[0],
    );
  }

  /** All settings of a topic, by name. Sensitive ones have an empty value. */
  async describeConfigs(topic: string): Promise<Map<string, TopicSetting>> {
    return await this.#client.ask(
      'DescribeConfigs',
      async (admin) => {
        const answer = await admin.describeConfigs({
          includeSynonyms: false,
          resources: [{ type: kafkajs.ConfigResourceTypes.TOPIC, name: topic }],
        });
        const entries = answer.resources[0]?.configEntries ?? [];
        return new Map(
          entries.map(({ configName, configValue, configSource }) => [
            configName,
            { value: configValue, own: configSource === kafkajs.ConfigSource.TOPIC_CONFIG },
          ]),
        );
      },
      topic,
    );
  }

  /** Gives a topic these settings and no others of its own. Only for topics all of whose settings are gauze's. */
  async replaceConfigs(topic: string, config: Readonly<Record<string, string>>): Promise<void> {
    const configEntries = Object.entries(config).map(([name, value]) => ({ name, value }));
    const resources = [{ type: kafkajs.ConfigResourceTypes.TOPIC, name: topic, configEntries }];
    await this.#client.ask(
      'AlterConfigs',
      async (admin) => await admin.alterConfigs({ validateOnly: false, resources }),
      topic,
    );
  }

  /** Adds rules; those that are there already stay as they are. */
  async createAcls(acls: readonly Acl[]): Promise<void> {
    if (acls.length === 0) return;
    await this.#client.ask(
      'CreateAcls',
      async (admin) => await admin.createAcls({ acl: acls.map(toAclEntry) }),
    );
  }

  /** All rules, or those that name `principal`. */
  async describeAcls(principal?: string): Promise<Acl[]> {
    return await this.#client.ask('DescribeAcls', async (admin) => {
      const answer = await admin.describeAcls({
        resourceType: kafkajs.AclResourceTypes.ANY,
        resourcePatternType: kafkajs.ResourcePatternTypes.ANY,
        operation: kafkajs.AclOperationTypes.ANY,
        permissionType: kafkajs.AclPermissionTypes.ANY,
        ...(principal === undefined ? {} : { principal }),
      });
      return answer.resources.flatMap(({ acls, ...resource }) =>
        acls.flatMap((acl) => fromAclEntry({ ...resource, ...acl })),
      );
    });
  }

  /** Removes exactly these rules; how many of them were there. */
  async deleteAcls(acls: readonly Acl[]): Promise<number> {
    if (acls.length === 0) return 0;
    return await this.#client.ask('DeleteAcls', async (admin) => {
      const answer = await admin.deleteAcls({ filters: acls.map(toAclEntry) });
      return answer.filterResponses.reduce((sum, { matchingAcls }) => sum + matchingAcls.length, 0);
    });
  }

  /** Committed offsets of a group with their metadata, for every partition of `topics`. */
  async fetchGroupOffsets(group: string, topics: readonly string[]): Promise<GroupOffset[]> {
    return await this.#client.ask('OffsetFetch', async (admin) => {
      const answer = await admin.fetchOffsets({ groupId: group, topics: [...topics] });
      return answer.flatMap(({ topic, partitions }) =>
        partitions.map(({ partition, offset, metadata }) => ({
          topic,
          partition,
          offset: BigInt(offset),
          metadata,
        })),
      );
    });
  }

  /**
   * Commits offsets for a group without members, outside any transaction: for `gauze resume` and tests.
   * @throws GauzeError ERR_KAFKA_ANSWER (UNKNOWN_MEMBER_ID) while the group has members
   */
  async setGroupOffsets(group: string, offsets: readonly GroupOffset[]): Promise<void> {
    const topics = [...Map.groupBy(offsets, ({ topic }) => topic)].map(([topic, rows]) => ({
      topic,
      partitions: rows.map(({ partition, offset, metadata }) => ({
        partition,
        offset: offset.toString(),
        metadata,
      })),
    }));
    await this.#client.ask('OffsetCommit', async () => {
      const cluster = await this.#client.cluster();
      const coordinator = await cluster.findGroupCoordinator({ groupId: group });
      await coordinator.offsetCommit({ groupId: group, groupGenerationId: -1, memberId: '', topics });
    });
  }

  /** Deletes groups with all their offsets. @throws GauzeError ERR_KAFKA_ANSWER while one has members */
  async deleteGroups(groups: readonly string[]): Promise<void> {
    await this.#client.ask('DeleteGroups', async (admin) => await admin.deleteGroups([...groups]));
  }

  /** First offset and high watermark of every partition of a topic, by partition. */
  async topicEndOffsets(topic: string): Promise<PartitionRange[]> {
    return await this.#client.ask(
      'ListOffsets',
      async (admin) => {
        const answer = await admin.fetchTopicOffsets(topic);
        return answer
          .map(({ partition, low, high }) => ({ partition, low: BigInt(low), high: BigInt(high) }))
          .toSorted((one, other) => one.partition - other.partition);
      },
      topic,
    );
  }

  /** Node ids of the brokers that are up. */
  async describeBrokers(): Promise<number[]> {
    return await this.#client.ask('Metadata', async (admin) => {
      const { brokers } = await admin.describeCluster();
      return brokers.map(({ nodeId }) => nodeId).toSorted((one, other) => one - other);
    });
  }

  /**
   * Makes a SCRAM-SHA-256 user or changes its password. For the local stack: a site makes its users itself.
   * Needs ALTER on the cluster.
   */
  async upsertScramUser(username: string, password: string): Promise<void> {
    await this.#client.ask('AlterUserScramCredentials', async () => {
      const cluster = await this.#client.cluster();
      const controller = await cluster.findControllerBroker();
      const answer = await controller.connectionPool.send(alterScramRequest(username, password));
      if (answer !== 0) throw kafkaError('AlterUserScramCredentials', answer);
    });
  }
}
