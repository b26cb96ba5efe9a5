/**
 * Puts a lane's transactions together: outputs, audit events, withheld records, policy log entries, and the offset
 * with its metadata; together or not at all. There is no way to commit without an audit event.
 */
import { AuditChain } from '../audit/audit-chain.ts';
import type { EventBody } from '../audit/audit-chain.ts';
import type { LaneIdentity, PolicyInForce } from '../audit/lane-events.ts';
import { nowMs } from '../platform/clock.ts';
import { controlBatch } from '../kafka/control-batch.ts';
import type { RecordBatchWriter } from '../kafka/record-batch-writer.ts';
import type { TransactionOutput } from '../kafka/sendings.ts';
import type { TransactionalProducer } from '../kafka/transactional-producer.ts';
import { policyLogCodec, withheldCodec } from '../schemas/control-codecs.ts';
import type { PolicyLogEntry, WithheldRecord } from '../schemas/control-codecs.ts';
import type { LaneContext, LaneName } from './lane-context.ts';
import { encodeLaneMetadata } from './lane-metadata.ts';
import type { LaneHold } from './lane-metadata.ts';
import type { LaneStart } from './lane-start.ts';
import type { UnseenTags } from './plan-store.ts';

/** Where gauze's own topics are: ids, and the partitions that this lane writes to. */
export interface ControlTopics {
  readonly audit: { readonly topicId: string; readonly partition: number };
  readonly withheld: { readonly topicId: string; readonly partition: number };
  readonly policies: { readonly topicId: string; readonly partition: number };
}

/** Everything that was found out about a lane before its session could open. */
export interface SessionSetup {
  readonly lane: LaneName;
  readonly identity: LaneIdentity;
  readonly start: LaneStart;
  readonly rawTopicId: string;
  readonly targetTopicId: string;
  /** The partition of the output topic that this lane writes to. */
  readonly targetPartition: number;
  readonly messageBytesMax: number;
  readonly control: ControlTopics;
}

/** An entry about a record in gauze.withheld. */
export type WithheldEntry = Pick<WithheldRecord, 'offset' | 'code' | 'outcome'>;

export interface LaneTransaction {
  /** At least one; in chain order. */
  readonly events: readonly [EventBody, ...EventBody[]];
  /** The position that the transaction commits. */
  readonly position: number;
  readonly policy: PolicyInForce;
  readonly held: LaneHold | null;
  readonly output: RecordBatchWriter | null;
  readonly withheld: readonly WithheldEntry[];
  readonly entries: readonly PolicyLogEntry[];
}

export class LaneLedger {
  /** The committed position. */
  position: number;
  private readonly context: LaneContext;
  private readonly setup: SessionSetup;
  private readonly producer: TransactionalProducer;
  private readonly chain: AuditChain;
  private readonly chainKey: Buffer;
  private auditOffset = -1;

  constructor(context: LaneContext, setup: SessionSetup, producer: TransactionalProducer) {
    this.context = context;
    this.setup = setup;
    this.producer = producer;
    this.position = setup.start.position;
    this.chain = new AuditChain({
      writerId: producer.transactionalId,
      schemaId: context.schemaIds.auditEvent,
      key: context.auditKey,
    });
    this.chainKey = Buffer.from(this.chain.head.chainId);
  }

  /** Is the key that signs the events of this session due to be replaced? Any commit does it. */
  get isRotationDue(): boolean {
    return this.chain.isRotationDue;
  }

  /**
   * Commits; afterwards `position` is the one committed. Throws as TransactionalProducer.commit does, `beforeEnd` as
   * there.
   */
  async commit(
    transaction: LaneTransaction,
    signal: AbortSignal,
    beforeEnd?: () => Promise<void>,
  ): Promise<void> {
    const { identity, lane, control, rawTopicId, targetTopicId } = this.setup;
    const linked = this.chain.link(transaction.events);
    const metadata = encodeLaneMetadata({
      chain: linked.at(-1)!.head,
      auditPartition: control.audit.partition,
      auditOffset: this.auditOffset,
      rawTopicId,
      targetTopicId,
      policyLogOffset: transaction.policy.policyLogOffset,
      policyVersion: transaction.policy.version,
      committedAtMs: nowMs(),
      held: transaction.held,
    });
    const audit = this.auditOutput(linked.map(({ value }) => value));
    const appended = await this.producer.commit(
      [audit, ...this.outputs(transaction)],
      {
        group: identity.group,
        topic: lane.topic,
        partition: lane.partition,
        offset: transaction.position,
        metadata,
      },
      signal,
      beforeEnd,
    );
    this.chain.accept(linked);
    const first = appended.find(({ output }) => output === audit)!;
    this.auditOffset = first.baseOffset + linked.length - 1;
    this.position = transaction.position;
  }

  /** An entry that says this lane began (again) at its start position. */
  startedEntry(): PolicyLogEntry {
    const { lane, rawTopicId, targetTopicId, start } = this.setup;
    const started = { topic_id: rawTopicId, target_topic_id: targetTopicId, start_offset: start.position };
    return { ...policyLogEntry('LANE_STARTED', this.context.principal), lane: { ...lane, ...started } };
  }

  private auditOutput(values: readonly Buffer[]): TransactionOutput {
    const { audit } = this.setup.control;
    return { topic: this.context.names.auditEvents, ...audit, writer: controlBatch(values, this.chainKey) };
  }

  private outputs(transaction: LaneTransaction): readonly TransactionOutput[] {
    const { lane, identity, control, targetTopicId, targetPartition, rawTopicId } = this.setup;
    const { names, schemaIds } = this.context;
    const outputs: TransactionOutput[] = [];
    if (transaction.output && !transaction.output.isEmpty) {
      const target = { topic: identity.outputTopic, topicId: targetTopicId, partition: targetPartition };
      outputs.push({ ...target, writer: transaction.output });
    }
    if (transaction.withheld.length > 0) {
      const values = transaction.withheld.map(({ offset, code, outcome = 'WITHHELD' }) =>
        withheldCodec.encode({ ...lane, topic_id: rawTopicId, offset, code, outcome }, schemaIds.withheld),
      );
      outputs.push({ topic: names.withheld, ...control.withheld, writer: controlBatch(values, null) });
    }
    if (transaction.entries.length > 0) {
      const values = transaction.entries.map((entry) => policyLogCodec.encode(entry, schemaIds.policyLog));
      outputs.push({ topic: names.policies, ...control.policies, writer: controlBatch(values, null) });
    }
    return outputs;
  }
}

/** An entry that keeps tags in force for ever. */
export function tagsEntry(principal: string, unseen: UnseenTags): PolicyLogEntry {
  return { ...policyLogEntry('TAGS_SEEN', principal), tags: unseen };
}

function policyLogEntry(kind: PolicyLogEntry['kind'], by: string): PolicyLogEntry {
  return { kind, at: nowMs(), by, policy: null, tags: null, lane: null, resume: null };
}
