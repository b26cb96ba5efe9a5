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

/** A broker knows the last five batches of a producer again, and no more: one of those may be sent twice. */
const IN_FLIGHT_MAX = 5;

/** One batch on its way. */
export interface Sending {
  readonly output: TransactionOutput;
  readonly batch: WrittenBatch;
  readonly baseSequence: number;
  appended: { baseOffset: number; appendTimeMs: number } | null;
}

/** One that was answered with a Kafka error. */
export interface FailedSending {
  readonly error: number;
  readonly sending: Sending;
}

/**
 * Requests to be written one after another, without waiting for answers in between. Each takes one batch per partition:
 * of each output those that are not yet appended, in order. A broker takes the requests of a connection in their order.
 */
export function nextRounds(sendings: readonly Sending[]): readonly (readonly Sending[])[] {
  const rounds: Sending[][] = [];
  const counts = new Map<TransactionOutput, number>();
  for (const sending of sendings.filter(({ appended }) => !appended)) {
    const round = counts.get(sending.output) ?? 0;
    counts.set(sending.output, round + 1);
    if (round < IN_FLIGHT_MAX) (rounds[round] ??= []).push(sending);
  }
  return rounds;
}

/** Of each output the first that failed: those behind it fail for want of it, whatever their answers say. */
export function firstFailures(failures: readonly FailedSending[]): readonly FailedSending[] {
  const first = new Map<TransactionOutput, FailedSending>();
  for (const failure of failures)
    if (!first.has(failure.sending.output)) first.set(failure.sending.output, failure);
  return [...first.values()];
}

/** The first batch that stands in the log before the end of the one that was sent before it; null where all is well. */
export function outOfOrder(sendings: readonly Sending[]): Sending | null {
  const ends = new Map<TransactionOutput, number>();
  for (const sending of sendings) {
    const { output, batch, appended } = sending;
    const baseOffset = appended?.baseOffset ?? -1;
    if (baseOffset < (ends.get(output) ?? 0)) return sending;
    ends.set(output, baseOffset + batch.count);
  }
  return null;
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
