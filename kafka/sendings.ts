/**
 * What a transaction writes, batch by batch: which is appended already, and which goes into the next request. It knows
 * nothing of connections.
 */
import type { RecordBatchWriter, WrittenBatch } from './record-batch-writer.ts';

/** Everything that one transaction writes to one partition. */
export interface TransactionOutput {
  readonly topic: string;
  /** Must be the id of the topic as the lane knows it; another topic under the name is not written to. */
  readonly topicId: string;
  readonly partition: number;
  readonly writer: RecordBatchWriter;
}

export interface Appended {
  readonly output: TransactionOutput;
  /** Offset of the first record written there, and the one after the last. */
  readonly baseOffset: number;
  readonly nextOffset: number;
  /** Append time of the first batch, and of the last; -1 where the topic keeps producers' times. */
  readonly appendTimeMs: number;
  readonly lastAppendTimeMs: number;
}

/** One batch on its way. */
export interface Sending {
  readonly output: TransactionOutput;
  readonly batch: WrittenBatch;
  readonly baseSequence: number;
  appended: { baseOffset: number; appendTimeMs: number } | null;
}

/** One request takes one batch per partition: the first of each that is not yet appended, in order. */
export function nextRound(sendings: readonly Sending[]): readonly Sending[] {
  const round = new Map<TransactionOutput, Sending>();
  for (const sending of sendings) {
    if (!sending.appended && !round.has(sending.output)) round.set(sending.output, sending);
  }
  return [...round.values()];
}

/** With transactions v2 each transaction has an epoch of its own, so sequences begin at 0 in each. */
export function sendingsOf(output: TransactionOutput): readonly Sending[] {
  let baseSequence = 0;
  return output.writer.finish().map((batch) => {
    const sending: Sending = { output, batch, baseSequence, appended: null };
    baseSequence += batch.count;
    return sending;
  });
}

/** What has been appended of each output. */
export function appendedOf(sendings: readonly Sending[]): readonly Appended[] {
  const found = new Map<TransactionOutput, Appended>();
  for (const { output, batch, appended: last } of sendings.filter(({ appended }) => appended)) {
    const ends = { nextOffset: last!.baseOffset + batch.count, lastAppendTimeMs: last!.appendTimeMs };
    found.set(output, { ...(found.get(output) ?? { output, ...last! }), ...ends });
  }
  return [...found.values()];
}
