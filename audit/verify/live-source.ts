/**
 * The live audit topics as a source of the verifier, read with the auditor's log-in. It reads committed records and
 * positions and changes nothing; what it has no right to see is told as unknown, never as empty.
 */
import { BrokerConnections } from '../../kafka/cluster.ts';
import type { Cluster } from '../../kafka/cluster.ts';
import { GroupViews } from '../../kafka/group-views.ts';
import { listOffset } from '../../kafka/list-offsets.ts';
import { LogReader } from '../../kafka/log-reader.ts';
import { monotonicMs, nowMs } from '../../platform/clock.ts';
import { ownError } from '../../platform/errors.ts';
import { policyLogCodec } from '../../schemas/control-codecs.ts';
import type { TopicNames } from '../../schemas/topic-names.ts';
import { REDRIVE } from '../redrive-events.ts';
import type {
  AuditSource,
  AuditTopicKind,
  CommittedPosition,
  CommittedWhen,
  ResumeOrder,
  SourcePartition,
  SourceRecord,
} from './audit-source.ts';

/** Asks witnesses what they saw last; null where none could be asked. */
export type AskWitnesses = () => Promise<readonly string[] | null>;

const WAIT_MS = 100;
/** No transaction may be open for more than ten seconds: one that is there for longer has lost its end. */
const SETTLE_MS = 30_000;

export class LiveSource implements AuditSource {
  readonly asOfMs = nowMs();
  readonly isLive = true;
  private readonly cluster: Cluster;
  private readonly names: TopicNames;
  private readonly askWitnesses: AskWitnesses;
  private readonly stuck: { topic: string; partition: number; offset: number }[] = [];

  /** @param cluster started; the caller closes it */
  constructor(cluster: Cluster, names: TopicNames, askWitnesses: AskWitnesses) {
    this.cluster = cluster;
    this.names = names;
    this.askWitnesses = askWitnesses;
  }

  get clusterId(): string {
    return this.cluster.clusterId;
  }

  /** Seals first, events next: so whatever a seal or an event speaks of lies below the ends that are taken after. */
  async partitions(): Promise<readonly SourcePartition[]> {
    const topics: readonly (readonly [AuditTopicKind, string])[] = [
      ['seals', this.names.auditSeals],
      ['events', this.names.auditEvents],
      ['subjects', this.names.auditSubjects],
    ];
    const connections = new BrokerConnections(this.cluster);
    const places: SourcePartition[] = [];
    try {
      for (const [kind, topic] of topics) {
        const metadata = (await this.cluster.refresh([topic])).get(topic);
        for (const partition of metadata?.leaders.keys() ?? []) {
          const ask = async (which: 'earliest' | 'latest'): Promise<number> =>
            await listOffset(this.cluster, connections, topic, partition, which);
          const [logStartOffset, endOffset] = [await ask('earliest'), await ask('latest')];
          places.push({ kind, topic, topicId: metadata!.id, partition, logStartOffset, endOffset });
        }
      }
    } finally {
      connections.close();
    }
    return places;
  }

  async *records(place: SourcePartition, fromOffset: number): AsyncGenerator<readonly SourceRecord[]> {
    yield* this.committedRecords(place, fromOffset);
  }

  private async *committedRecords(
    place: Pick<SourcePartition, 'topic' | 'partition' | 'endOffset'>,
    fromOffset: number,
  ): AsyncGenerator<readonly SourceRecord[]> {
    const reader = new LogReader(this.cluster, place.topic, place.partition, fromOffset);
    try {
      // Transactions that are open below the end are waited for: they settle within seconds, or never.
      let waitsSinceMs = monotonicMs();
      while (reader.position < place.endOffset) {
        const records: SourceRecord[] = [];
        const { position } = reader;
        await reader.read(WAIT_MS, ({ offset, timestampMs, key, value }) => {
          if (offset >= place.endOffset) return;
          // The bytes belong to the fetch.
          const copy = (bytes: Buffer | null): Buffer | null => bytes && Buffer.from(bytes);
          records.push({ offset, appendTimeMs: timestampMs, key: copy(key), value: copy(value) });
        });
        if (records.length > 0) yield records;
        if (reader.position > position) waitsSinceMs = monotonicMs();
        else if (monotonicMs() - waitsSinceMs > SETTLE_MS) {
          this.stuck.push({ topic: place.topic, partition: place.partition, offset: position });
          return;
        }
      }
    } finally {
      reader.close();
    }
  }

  async committed(_when: CommittedWhen): Promise<readonly CommittedPosition[] | null> {
    const { prefix, topologyGroup, approvalsGroup } = this.names;
    const views = new GroupViews(this.cluster);
    try {
      const isOurs = (group: string): boolean =>
        group.startsWith(`${prefix}.`) && group !== topologyGroup && group !== approvalsGroup;
      const groups = await views.read(isOurs);
      const raw = (topic: string): boolean => !topic.startsWith(`${prefix}.`);
      const positions = groups.flatMap(({ group, offsets }) =>
        offsets.filter(({ topic }) => raw(topic)).map((each) => ({ group, ...each })),
      );
      // A broker lists no group to whoever may see none: nothing at all is no answer.
      return positions.length > 0 ? positions : null;
    } catch (thrown) {
      if (ownError(thrown).kind === 'outage') throw thrown;
      return null;
    } finally {
      views.close();
    }
  }

  async witnessNotes(): Promise<readonly string[] | null> {
    return await this.askWitnesses();
  }

  async resumeOrders(): Promise<readonly ResumeOrder[] | null> {
    const { policies: topic } = this.names;
    const orders: ResumeOrder[] = [];
    const connections = new BrokerConnections(this.cluster);
    try {
      await this.cluster.refresh([topic]);
      const ask = async (which: 'earliest' | 'latest'): Promise<number> =>
        await listOffset(this.cluster, connections, topic, 0, which);
      const [begin, endOffset] = [await ask('earliest'), await ask('latest')];
      for await (const piece of this.committedRecords({ topic, partition: 0, endOffset }, begin))
        orders.push(...piece.flatMap(ordersOf));
      return orders;
    } catch (thrown) {
      if (ownError(thrown).kind === 'outage') throw thrown;
      return null;
    } finally {
      connections.close();
    }
  }

  /** Partitions whose records could not be read to their end. */
  unsettled(): readonly { readonly topic: string; readonly partition: number; readonly offset: number }[] {
    return this.stuck;
  }

  damage(): Promise<readonly { readonly place: string; readonly detail: string }[]> {
    return Promise.resolve([]);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

/**
 * The orders in an entry of the policy log: to one lane, to all lanes of topics that get a new version, or to have
 * withheld records read again.
 */
function ordersOf({ offset, value }: SourceRecord): readonly ResumeOrder[] {
  if (!value) return [];
  const { resume, policy, topic_versions: raised, redrive } = policyLogCodec.decode(value);
  if (policy && raised) {
    const { audience } = policy;
    return raised.map(({ topic, from }) => ({ offset, audience, topic, partition: null, from }));
  }
  if (redrive) {
    const { audience, topic, partition } = redrive;
    return [{ offset, audience, topic, partition, from: REDRIVE }];
  }
  if (!resume) return [];
  const { audience, topic, partition, from } = resume;
  return [{ offset, audience, topic, partition, from }];
}
