/**
 * All that a sealer knows between two seals: a tree per audit partition, the chains that live, the coverage of each
 * lane, and where the log of seals stands. Pure: it is told what was read and says what the next seal is.
 */
import type { LogRecord } from '../../kafka/log-reader.ts';
import { auditEventCodec } from '../../schemas/control-codecs.ts';
import type { PhiAuditEvent } from '../../schemas/control-codecs.ts';
import type { PhiAuditSeal } from '../../schemas/seal-codecs.ts';
import { RETENTION_DECLARED, readDeclaration } from '../retention/declaration.ts';
import { Alarms } from './alarms.ts';
import { ChainWatch } from './chain-watch.ts';
import { CoverageWatch } from './coverage-watch.ts';
import type { CommittedOffset } from './coverage-watch.ts';
import { PartitionTree } from './partition-tree.ts';
import type { AuditPlace } from './partition-tree.ts';

/** What is the same in all seals of a log. */
export interface SealIdentity {
  readonly origin: string;
  readonly clusterId: string;
  readonly intervalMs: number;
  /** The topic whose records are audit events. */
  readonly eventsTopic: string;
  /** With this the writer ids of admins begin, who alone may declare that records are removed. */
  readonly adminWriterIdPrefix: string;
}

/** The seal before. */
export interface LastSeal {
  readonly n: number;
  /** Its leaf hash. */
  readonly hash: Buffer;
  readonly sealedAtMicros: number;
  readonly topicConfigHash: Buffer;
}

/** What was found in this round, beside records. */
export interface RoundFacts {
  readonly nowMs: number;
  /** Offsets of lanes, read before the ends of the audit partitions were. */
  readonly committed: readonly CommittedOffset[];
  readonly logEnds: ReadonlyMap<string, number>;
  readonly topicConfigHash: Buffer;
  /** Which settings changed since this sealer looked last, as `topic name=value`; empty where it does not know. */
  readonly changedSettings?: readonly string[];
  /** Roots of the complete subtrees of the log of seals so far. */
  readonly sealsFrontier: readonly Buffer[];
}

/** Every so many seals carry what a sealer can go on from. */
export const FRONTIER_EVERY = 100;
/** How long a declared removal may take, with the right to remove that it needs. */
const PRUNING_MS = 10 * 60_000;
const NO_HASH = Buffer.alloc(32);

export class SealState {
  readonly alarms = new Alarms();
  readonly coverage = new CoverageWatch(this.alarms);
  readonly trees: PartitionTree[] = [];
  last: LastSeal | null = null;
  private declaredAtMs = Number.NEGATIVE_INFINITY;
  private readonly chains = new ChainWatch(this.alarms);
  private readonly identity: SealIdentity;

  constructor(identity: SealIdentity) {
    this.identity = identity;
  }

  /** Goes on from a seal with frontiers. @throws GauzeError ERR_SEAL_STATE, ERR_AUDIT_TREE */
  restore(seal: PhiAuditSeal, hash: Buffer): void {
    const sealedAtMs = Math.floor(seal.sealed_at / 1000);
    this.trees.push(...seal.partitions.map((sealed) => PartitionTree.from(sealed)));
    this.chains.restore(seal.chains, sealedAtMs);
    this.coverage.restore(seal.coverage, sealedAtMs);
    this.follow(seal, hash);
  }

  /** This seal has been read back from its topic. */
  follow(
    { n, sealed_at: sealedAtMicros, topic_config_sha256: topicConfigHash }: PhiAuditSeal,
    hash: Buffer,
  ): void {
    this.last = { n, hash, sealedAtMicros, topicConfigHash };
  }

  /** The tree of a partition, begun where there is none. */
  tree(place: AuditPlace): PartitionTree {
    const known = this.trees.find((tree) => isSame(tree.place, place));
    if (known) return known;
    const tree = new PartitionTree(place);
    this.trees.push(tree);
    this.trees.sort((a, b) => order(a.place, b.place));
    return tree;
  }

  /** Takes the next committed record of a partition. */
  take(tree: PartitionTree, record: LogRecord): void {
    const hash = tree.append(record);
    const { topic, partition } = tree.place;
    if (topic !== this.identity.eventsTopic) return;
    const event = record.value && decoded(record.value);
    if (!record.value || !event) {
      this.alarms.raise('EVENT_UNREADABLE', `${topic} ${partition}`, `${record.offset}`);
      return;
    }
    // Without the broker's time, which a changed setting takes away, the writer's is better than none.
    const appendTimeMs = record.timestampMs > 0 ? record.timestampMs : Math.floor(event.recorded_at / 1000);
    this.chains.take({ event, value: record.value, hash, partition, appendTimeMs });
    this.coverage.take(event, appendTimeMs);
    if (event.type === RETENTION_DECLARED) this.takeDeclaration(event, appendTimeMs);
  }

  /** Is a removal under way that was declared a short time ago? */
  isPruning(nowMs: number): boolean {
    return nowMs - this.declaredAtMs < PRUNING_MS;
  }

  /** Whether a key of an admin stands behind it is the verifier's to check. */
  private takeDeclaration(event: PhiAuditEvent, appendTimeMs: number): void {
    const declared = readDeclaration(event);
    const tree = this.trees.find(
      ({ place }) => place.topic === declared?.topic && place.partition === declared.partition,
    );
    if (!declared || !tree || !event.writer_id.startsWith(this.identity.adminWriterIdPrefix)) return;
    this.declaredAtMs = appendTimeMs;
    if (declared.upToOffset <= tree.prunedOffset) return;
    tree.prunedOffset = declared.upToOffset;
    tree.prunedSize = declared.upToSize ?? 0;
  }

  /** What has been read up to, and where the log begins now. */
  reached(tree: PartitionTree, nextOffset: number, logStartOffset: number): void {
    const { topic, partition } = tree.place;
    if (logStartOffset > Math.max(tree.logStartOffset, tree.prunedOffset))
      this.alarms.raise(
        'LOG_START_MOVED',
        `${topic} ${partition}`,
        `${tree.logStartOffset}-${logStartOffset}`,
      );
    tree.nextOffset = nextOffset;
    tree.logStartOffset = logStartOffset;
  }

  /** The next seal. */
  seal(facts: RoundFacts): PhiAuditSeal {
    const { identity, last } = this;
    const n = (last?.n ?? -1) + 1;
    const withFrontier = n % FRONTIER_EVERY === 0;
    const nowMicros = facts.nowMs * 1000;
    if (last && nowMicros <= last.sealedAtMicros) this.alarms.raise('CLOCK_BACK', identity.origin);
    if (last && !last.topicConfigHash.equals(facts.topicConfigHash))
      this.alarms.raise(
        'TOPIC_CONFIG_CHANGED',
        identity.eventsTopic,
        facts.changedSettings?.join(', ') || null,
      );
    const chains = this.chains.sealed(facts.nowMs);
    const coverage = this.coverage.sealed(facts.committed, facts.logEnds, facts.nowMs);
    return {
      n,
      sealed_at: Math.max(nowMicros, (last?.sealedAtMicros ?? 0) + 1),
      interval_ms: identity.intervalMs,
      cluster_id: identity.clusterId,
      origin: identity.origin,
      partitions: this.trees.map((tree) => tree.sealed({ withFrontier })),
      chains,
      coverage,
      topic_config_sha256: facts.topicConfigHash,
      alarms: this.alarms.take(),
      prev_seal_hash: last?.hash ?? NO_HASH,
      seals_frontier: withFrontier ? facts.sealsFrontier : null,
    };
  }
}

function decoded(value: Buffer): PhiAuditEvent | null {
  try {
    return auditEventCodec.decode(value);
  } catch {
    return null;
  }
}

function isSame(one: AuditPlace, other: AuditPlace): boolean {
  return one.topic === other.topic && one.partition === other.partition && one.topicId === other.topicId;
}

function order(one: AuditPlace, other: AuditPlace): number {
  if (one.topic !== other.topic) return one.topic < other.topic ? -1 : 1;
  return one.partition - other.partition;
}
