/**
 * Compares what was masked again with what was published: with the hash in the event, or with the records that the
 * very transaction of the event put into the sanitized topic, as long as retention has left them there. Says whether
 * and where they differ, and nothing of what they are.
 */
import { outputSha256, publishedBodies } from '../audit/output-hash.ts';
import { BrokerConnections } from '../kafka/cluster.ts';
import { listOffset } from '../kafka/list-offsets.ts';
import { MarkedBatches } from '../kafka/marked-batches.ts';
import type { MarkedBatch } from '../kafka/marked-batches.ts';
import { RecordCursor } from '../kafka/record-cursor.ts';
import type { ReplayResult } from '../schemas/access-codecs.ts';
import type { GrantContext } from './grant-context.ts';
import type { ReplayedEvent } from './replay-event.ts';
import type { MaskedAgain } from './replay-masking.ts';
import type { PastPolicy } from './replay-policies.ts';
import { different, equal, unverifiable } from './replay-result.ts';

/** Clocks of brokers, and the length of a transaction, stay well within this. */
const AROUND_MS = 10 * 60_000;

/** What was published is what the plan makes, or is not, or cannot be told. Throws Kafka's errors. */
export async function compare(
  context: GrantContext,
  replayed: ReplayedEvent,
  past: PastPolicy,
  again: MaskedAgain,
  signal: AbortSignal,
): Promise<ReplayResult> {
  const { event } = replayed;
  const count = again.offsets.length;
  if (event.output_sha256) {
    const isSame = outputSha256(again.writer)?.equals(event.output_sha256) ?? false;
    return isSame ? equal(count) : different('HASH', count, null);
  }
  if (event.grant) return unverifiable('NOT_PUBLISHED');
  const topic = event.view.output_topic;
  const found = (await context.cluster.refresh([topic])).get(topic);
  if (!found || (past.targetTopicId !== null && found.id !== past.targetTopicId))
    return unverifiable('OUTPUT_TOPIC');
  const { appendTime } = await context.targetSettings(topic);
  return await new PublishedRecords(context, replayed, { topicId: found.id, appendTime }).compare(
    again,
    signal,
  );
}

/** The records of one transaction in one partition of a sanitized topic. */
class PublishedRecords {
  private readonly context: GrantContext;
  private readonly replayed: ReplayedEvent;
  private readonly target: { readonly topicId: string; readonly appendTime: boolean };

  constructor(
    context: GrantContext,
    replayed: ReplayedEvent,
    target: { readonly topicId: string; readonly appendTime: boolean },
  ) {
    this.context = context;
    this.replayed = replayed;
    this.target = target;
  }

  async compare({ writer, offsets }: MaskedAgain, signal: AbortSignal): Promise<ReplayResult> {
    const expected: Buffer[] = [];
    publishedBodies(writer, (bytes, start, end) => expected.push(bytes.subarray(start, end)));
    const published = new Map<number, Buffer>();
    const isWhole = await this.read(published, expected.length, signal);
    const rising = [...published.keys()].sort((a, b) => a - b);
    const surplus = rising.find((sequence) => sequence >= expected.length);
    if (surplus !== undefined) return different('MORE', expected.length, null);
    for (const [i, body] of expected.entries()) {
      const found = published.get(i);
      if (found && !found.equals(body)) return different('BYTES', expected.length, offsets[i] ?? null);
    }
    const missing = expected.findIndex((_, i) => !published.has(i));
    if (missing === -1) return equal(expected.length);
    // Retention takes what is oldest: it cannot take a record and leave one before it.
    const isTakenFromFront = !isWhole && (rising[0] ?? expected.length) > missing;
    if (isTakenFromFront) return unverifiable('OUTPUT_RETENTION');
    return different('MISSING', expected.length, offsets[missing] ?? null);
  }

  /** Fills in what the transaction wrote, by its order; true where nothing of that time has been deleted. */
  private async read(into: Map<number, Buffer>, count: number, signal: AbortSignal): Promise<boolean> {
    const { cluster } = this.context;
    const { range, view } = this.replayed.event;
    const place = { topic: view.output_topic, topicId: this.target.topicId, partition: range.partition };
    const connections = new BrokerConnections(cluster);
    const batches = new MarkedBatches(cluster, place);
    try {
      const at = async (which: Parameters<typeof listOffset>[4]): Promise<number> =>
        await listOffset(cluster, connections, place.topic, place.partition, which);
      const earliest = await at('earliest');
      const end = await at('latest');
      const atMs = this.replayed.recordedMs - AROUND_MS;
      const around = this.target.appendTime ? await at({ atMs }) : earliest;
      const from = around < 0 ? end : Math.max(around, earliest);
      for (let position = from; position < end && into.size < count;) {
        signal.throwIfAborted();
        const read = await batches.read(position);
        for (const batch of read.batches) if (this.isOurs(batch)) addBodies(into, batch);
        if (read.nextOffset === position || this.isLater(read.batches)) break;
        position = read.nextOffset;
      }
      return earliest === 0 || from > earliest;
    } finally {
      batches.close();
      connections.close();
    }
  }

  private isOurs({ producerId, epoch }: MarkedBatch): boolean {
    const { mark } = this.replayed;
    return producerId === mark.producerId && epoch === mark.epoch;
  }

  private isLater(batches: readonly MarkedBatch[]): boolean {
    const last = batches.at(-1)?.batch.appendTimeMs ?? null;
    return last !== null && last > this.replayed.recordedMs + AROUND_MS;
  }
}

function addBodies(into: Map<number, Buffer>, { batch, firstSequence }: MarkedBatch): void {
  const cursor = new RecordCursor();
  cursor.open(batch);
  // Compaction, and a deletion at the front, may leave fewer records than were numbered: offsets tell which.
  while (cursor.next()) {
    const sequence = firstSequence + cursor.offset - batch.baseOffset;
    into.set(sequence, cursor.bytes.subarray(cursor.bodyStart, cursor.end));
  }
}
