/**
 * A ledger of lanes that writes no audit event, to measure what the audit costs. It exists in bench/ alone and no
 * product code can reach it; what it writes is evidence of nothing.
 */
import { AuditChain } from '../audit/audit-chain.ts';
import { controlBatch } from '../kafka/control-batch.ts';
import type { TransactionOutput } from '../kafka/sendings.ts';
import type { TransactionalProducer } from '../kafka/transactional-producer.ts';
import { nowMs } from '../platform/clock.ts';
import { policyLogCodec } from '../schemas/control-codecs.ts';
import type { PolicyLogEntry } from '../schemas/control-codecs.ts';
import type { LaneContext } from '../topology/lane-context.ts';
import { LaneLedger as Ledger, tagsEntry } from '../topology/lane-ledger.ts';
import type { LaneTransaction, SessionSetup } from '../topology/lane-ledger.ts';
import { encodeLaneMetadata } from '../topology/lane-metadata.ts';

export { tagsEntry };

export class LaneLedger {
  position: number;
  readonly isRotationDue = false;
  private readonly context: LaneContext;
  private readonly setup: SessionSetup;
  private readonly producer: TransactionalProducer;
  private readonly head: AuditChain['head'];
  private readonly ledger: Ledger;

  constructor(context: LaneContext, setup: SessionSetup, producer: TransactionalProducer) {
    this.context = context;
    this.setup = setup;
    this.producer = producer;
    this.position = setup.start.position;
    this.ledger = new Ledger(context, setup, producer);
    const { schemaIds, auditKey: key } = context;
    this.head = new AuditChain({ writerId: 'none', schemaId: schemaIds.auditEvent, key }).head;
  }

  async commit(transaction: LaneTransaction, signal: AbortSignal): Promise<void> {
    const { identity, lane, control, rawTopicId, targetTopicId } = this.setup;
    const metadata = encodeLaneMetadata({
      chain: { ...this.head, seq: 0 },
      auditPartition: control.audit.partition,
      auditOffset: -1,
      rawTopicId,
      targetTopicId,
      policyLogOffset: transaction.policy.policyLogOffset,
      policyVersion: transaction.policy.version,
      committedAtMs: nowMs(),
      held: transaction.held,
    });
    const offset = { group: identity.group, topic: lane.topic, partition: lane.partition };
    await this.producer.commit(
      this.outputs(transaction),
      { ...offset, offset: transaction.position, metadata },
      signal,
    );
    this.position = transaction.position;
  }

  startedEntry(): PolicyLogEntry {
    return this.ledger.startedEntry();
  }

  private outputs({ output, entries }: LaneTransaction): readonly TransactionOutput[] {
    const { identity, control, targetTopicId, targetPartition } = this.setup;
    const { names, schemaIds } = this.context;
    const outputs: TransactionOutput[] = [];
    if (output && !output.isEmpty) {
      const target = { topic: identity.outputTopic, topicId: targetTopicId, partition: targetPartition };
      outputs.push({ ...target, writer: output });
    }
    if (entries.length > 0) {
      const values = entries.map((entry) => policyLogCodec.encode(entry, schemaIds.policyLog));
      outputs.push({ topic: names.policies, ...control.policies, writer: controlBatch(values, null) });
    }
    return outputs;
  }
}
