/**
 * One session of the sealer: takes the transactional id over, goes on from the last seal, and seals once an interval.
 * A session that has thrown is over; nothing of it is used again.
 */
import { monotonicMs, nowMs, sleep } from '../../platform/clock.ts';
import { GauzeError, ownError } from '../../platform/errors.ts';
import type { Acl } from '../../kafka/acl.ts';
import type { TopicSetting } from '../../kafka/admin.ts';
import type { Cluster } from '../../kafka/cluster.ts';
import { keyedBatch } from '../../kafka/control-batch.ts';
import type { GroupView } from '../../kafka/group-views.ts';
import { TransactionalProducer } from '../../kafka/transactional-producer.ts';
import { checkpointCodec, CHECKPOINT_KEY, sealCodec } from '../../schemas/seal-codecs.ts';
import type { PhiAuditSeal } from '../../schemas/seal-codecs.ts';
import type { TopicNames } from '../../schemas/topic-names.ts';
import { openCheckpoint } from '../checkpoint.ts';
import type { NoteSigner } from '../signed-note.ts';
import { AuditTopics } from './audit-topics.ts';
import { CheckpointMaker } from './checkpoint-maker.ts';
import type { CheckpointWitness } from './checkpoint-maker.ts';
import type { CommittedOffset } from './coverage-watch.ts';
import { olderProof } from './older-proof.ts';
import { sealRound } from './round.ts';
import type { Appended } from './round.ts';
import { SealState } from './seal-state.ts';
import type { RoundFacts } from './seal-state.ts';
import { SealsLog } from './seals-log.ts';
import { SealsTree } from './seals-tree.ts';
import {
  changedSettings,
  exceptPruning,
  settingsHash,
  watchGroups,
  watchRights,
  watchSettings,
} from './site-watch.ts';
import type { SealedRoles, TopicSettings } from './site-watch.ts';

/** What the sealer may ask the cluster beside records. All of it fails with Kafka's errors. */
export interface SealerSight {
  groups(): Promise<readonly GroupView[]>;
  acls(): Promise<readonly Acl[]>;
  settings(topic: string): Promise<ReadonlyMap<string, TopicSetting>>;
  /** End of the log of each place, by `placeKey`; without those that can't be asked. */
  logEnds(
    places: readonly { readonly topic: string; readonly partition: number }[],
  ): Promise<ReadonlyMap<string, number>>;
}

export interface SealerOptions {
  readonly cluster: Cluster;
  readonly names: TopicNames;
  readonly origin: string;
  readonly intervalMs: number;
  /** Signs checkpoints; its name is the origin. */
  readonly signer: NoteSigner;
  readonly witnesses: readonly CheckpointWitness[];
  readonly roles: SealedRoles;
  readonly sight: SealerSight;
  readonly schemaIds: { readonly seal: number; readonly checkpoint: number };
  readonly onSealed: (sealed: { readonly n: number; readonly alarms: number }) => void;
  readonly onTrouble: (error: GauzeError) => void;
}

const GROUP_ATTEMPTS = 5;
const GROUP_WAIT_MS = 100;
const WITNESS_PATIENCE_MS = 3_000;
const NO_HASH = Buffer.alloc(32);

export class SealingSession {
  private readonly options: SealerOptions;
  private readonly producer: TransactionalProducer;
  private readonly log: SealsLog;
  private readonly state: SealState;
  private readonly audit: AuditTopics;
  private readonly maker: CheckpointMaker;
  private tree = new SealsTree();
  private settings: TopicSettings | null = null;

  constructor(options: SealerOptions) {
    const { cluster, names, origin, intervalMs, signer, witnesses } = options;
    this.options = options;
    this.producer = new TransactionalProducer(cluster, names.sealerTransactionalId);
    this.log = new SealsLog(cluster, names.auditSeals);
    const { clusterId } = cluster;
    this.state = new SealState({
      origin,
      clusterId,
      intervalMs,
      eventsTopic: names.auditEvents,
      adminWriterIdPrefix: names.approvalsTransactionalId('admin'),
    });
    this.audit = new AuditTopics(cluster, [names.auditEvents, names.auditSubjects], this.state);
    this.maker = new CheckpointMaker({
      origin,
      signer,
      witnesses,
      patienceMs: Math.min(WITNESS_PATIENCE_MS, intervalMs / 2),
      olderProof: async (oldSize, size) => await olderProof(cluster, names.auditSeals, oldSize, size),
    });
  }

  /** Works until `signal` aborts. Throws what ends the session: ERR_KAFKA_FENCED, ERR_SEAL_..., outages. */
  async run(signal: AbortSignal): Promise<void> {
    await this.producer.initialize(signal);
    await this.goOn(signal);
    while (!signal.aborted) {
      const began = monotonicMs();
      await this.round(signal);
      await sleep(Math.max(0, this.options.intervalMs - (monotonicMs() - began)), signal).catch(
        () => undefined,
      );
    }
  }

  close(): void {
    this.producer.close();
    this.audit.close();
    this.log.close();
  }

  /** Everything that was sealed since the last frontier is read again, and must give the same. */
  private async goOn(signal: AbortSignal): Promise<void> {
    const { seals, tree, note } = await this.log.start();
    this.tree = tree;
    const [first] = seals;
    const last = seals.at(-1);
    if (note !== null) this.checkNote(note);
    if (!first || !last) return;
    if (last.seal.origin !== this.options.origin)
      throw new GauzeError('ERR_SEAL_ORIGIN', { topic: this.options.names.auditSeals });
    this.state.restore(first.seal, first.hash);
    await this.audit.readAgain(seals, signal);
    this.state.coverage.restoreCommitted(last.seal.coverage);
    this.state.follow(last.seal, last.hash);
    // Told in the seals that were read.
    this.state.alarms.take();
  }

  /** What this very key signed before must be the beginning of what is there. */
  private checkNote(note: string): void {
    const { origin, signer, names } = this.options;
    try {
      const { size, root } = openCheckpoint(note, origin, [signer]).checkpoint;
      const found = size > this.tree.size ? NO_HASH : this.tree.rootAt(size);
      if (found && !found.equals(root)) throw new GauzeError('ERR_SEAL_NOTE', { topic: names.auditSeals });
    } catch (error) {
      // The key may have been changed since; then it is for the verifier, who has the old one too.
      if (ownError(error).code !== 'ERR_AUDIT_NOTE_UNTRUSTED') throw error;
    }
  }

  private async round(signal: AbortSignal): Promise<void> {
    const { n, alarms } = await sealRound<readonly GroupView[], PhiAuditSeal>({
      readGroups: async () => await this.groups(signal),
      readAudit: async () => await this.audit.readNew(signal),
      seal: async (groups) => await this.nextSeal(groups),
      append: async (seal) => await this.append(seal, signal),
      readBack: async ({ value, offset }) => {
        const read = await this.log.readBack(value, offset, signal);
        this.tree.append(read.hash);
        this.state.follow(read.seal, read.hash);
      },
      sign: async () => await this.maker.make(this.tree, this.state.alarms, signal),
      publish: async (note) => {
        const checkpoint = checkpointCodec.encode({ note }, this.options.schemaIds.checkpoint);
        await this.commit(CHECKPOINT_KEY, checkpoint, signal);
      },
    });
    this.options.onSealed({ n, alarms: alarms.length });
  }

  private async nextSeal(groups: readonly GroupView[]): Promise<PhiAuditSeal> {
    const { topicConfigHash, changedSettings: changed } = await this.watch(groups);
    return this.state.seal({
      nowMs: nowMs(),
      committed: this.laneOffsets(groups),
      logEnds: await this.options.sight.logEnds(this.state.coverage.places),
      topicConfigHash,
      changedSettings: changed,
      sealsFrontier: this.tree.subtreeRoots,
    });
  }

  private async append(seal: PhiAuditSeal, signal: AbortSignal): Promise<Appended> {
    const value = sealCodec.encode(seal, this.options.schemaIds.seal);
    return { value, offset: await this.commit(this.options.origin, value, signal) };
  }

  /** Gives the offset. */
  private async commit(key: string, value: Buffer, signal: AbortSignal): Promise<number> {
    const { cluster, names } = this.options;
    const topic = names.auditSeals;
    const found = await cluster.topic(topic);
    if (!found) throw new GauzeError('ERR_KAFKA_TOPIC_MISSING', { topic, partition: 0 });
    const writer = keyedBatch([{ key: Buffer.from(key), value }]);
    const [appended] = await this.producer.commit(
      [{ topic, topicId: found.id, partition: 0, writer }],
      null,
      signal,
    );
    return appended!.baseOffset;
  }

  /** Asked again for groups that had an offset before: their coordinator may be on its way to another broker. */
  private async groups(signal: AbortSignal): Promise<readonly GroupView[]> {
    for (let attempt = 1; ; attempt++) {
      const views = await this.options.sight.groups();
      const seen = new Set(views.map(({ group }) => group));
      const isWhole = [...this.state.coverage.groups].every((group) => seen.has(group));
      if (isWhole || attempt === GROUP_ATTEMPTS) return views;
      await sleep(GROUP_WAIT_MS, signal);
    }
  }

  /** Of audiences, the index and grant tasks: groups whose offsets their events have to reach. */
  private laneOffsets(groups: readonly GroupView[]): readonly CommittedOffset[] {
    const { prefix, approvalsGroup } = this.options.names;
    return groups
      .filter(({ group }) => group.startsWith(`${prefix}.`) && !group.startsWith(approvalsGroup))
      .flatMap(({ group, offsets }) => offsets.map((each) => ({ group, ...each })));
  }

  /** Looks at settings and rights. What can't be looked at is told, and holds no seal up. */
  private async watch(
    groups: readonly GroupView[],
  ): Promise<Required<Pick<RoundFacts, 'topicConfigHash' | 'changedSettings'>>> {
    const { sight, names, roles } = this.options;
    const { alarms, coverage } = this.state;
    const attempt = async (what: string, look: () => Promise<void>): Promise<void> => {
      await look().catch((error: unknown) => alarms.raise('NOT_SEEN', what, ownError(error).code));
    };
    let topicConfigHash: Buffer = this.state.last?.topicConfigHash ?? NO_HASH;
    let changed: readonly string[] = [];
    await attempt('settings', async () => {
      const found = new Map<string, ReadonlyMap<string, TopicSetting>>();
      for (const topic of [names.auditEvents, names.auditSubjects, names.auditSeals])
        found.set(topic, await sight.settings(topic));
      topicConfigHash = settingsHash(found);
      changed = this.settings ? changedSettings(this.settings, found) : [];
      this.settings = found;
      watchSettings(found, alarms);
    });
    await attempt('rights', async () => {
      const raw = coverage.topics;
      watchGroups(groups, raw, names, alarms);
      const acls = await sight.acls();
      const isPruning = this.state.isPruning(nowMs());
      watchRights(isPruning ? exceptPruning(acls, names, roles) : acls, raw, names, roles, alarms);
    });
    return { topicConfigHash, changedSettings: changed };
  }
}
