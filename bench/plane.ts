/**
 * What benchmarks need of the broker beside gauze: topics, feeds and committed positions, as the super user of the
 * local stack. It is no part of what is measured and must never be.
 */
import { KafkaAdmin } from '../kafka/admin.ts';
import { Cluster } from '../kafka/cluster.ts';
import { parseAddress } from '../kafka/login.ts';
import { RegistryClient } from '../schemas/registry-client.ts';
import type { StackDescription } from '../stack/local-stack.ts';

/** Connections of the super user. */
export class Plane {
  readonly stack: StackDescription;
  readonly admin: KafkaAdmin;
  readonly cluster: Cluster;
  readonly registry: RegistryClient;

  private constructor(stack: StackDescription) {
    const login = stack.logins['admin']!;
    this.stack = stack;
    this.admin = new KafkaAdmin({ brokers: stack.brokers, ssl: false, login });
    const brokers = stack.brokers.map((text) => parseAddress(text)!);
    this.cluster = new Cluster({ brokers, ssl: false, login, role: 'admin' });
    this.registry = new RegistryClient({ url: stack.registryUrl });
  }

  static async open(stack: StackDescription): Promise<Plane> {
    const plane = new Plane(stack);
    await plane.cluster.start();
    await plane.admin.connect();
    return plane;
  }

  /** A topic that keeps everything, whatever times its records have. */
  async createTopic(topic: string, partitions: number, settings: Record<string, string> = {}): Promise<void> {
    await this.admin.createTopic({ topic, partitions, config: { 'retention.ms': '-1', ...settings } });
  }

  /** Deletes all topics that `isDone` names. */
  async deleteTopics(isDone: (topic: string) => boolean): Promise<void> {
    const topics = (await this.admin.listTopics()).filter((topic) => isDone(topic));
    if (topics.length > 0) await this.admin.deleteTopics(topics);
  }

  /** Offsets of all partitions of a topic, added up: markers of transactions count as well. */
  async endOf(topic: string): Promise<number> {
    return (await this.admin.topicEndOffsets(topic)).reduce((sum, { high }) => sum + Number(high), 0);
  }

  async close(): Promise<void> {
    await this.admin.close();
    await this.cluster.close();
  }
}
