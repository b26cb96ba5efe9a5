/**
 * Fetch (API 1, version 15): the raw record set of one partition, named by topic id, without a fetch session.
 * A topic made again under its name has another id, so it can't be read by mistake.
 */
import type { ApiSpec, Connection } from './connection.ts';
import { request } from './connection.ts';
import { ProtocolWriter } from './protocol-writer.ts';

const FETCH: ApiSpec = { key: 1, version: 15, name: 'Fetch', flexible: true };
/** What a broker may take beyond maxWaitMs before the connection counts as dead. */
const ANSWER_MARGIN_MS = 10_000;

export interface FetchRequest {
  readonly topicId: string;
  readonly partition: number;
  readonly offset: number;
  /** Bytes of the record set; one whole batch comes even where it is larger. */
  readonly maxBytes: number;
  /** How long the broker may wait for data. */
  readonly maxWaitMs: number;
  readonly readCommitted: boolean;
}

/** A transaction that ended in an abort: its producer's records from `firstOffset` to its marker do not count. */
export interface AbortedTransaction {
  readonly producerId: bigint;
  readonly firstOffset: number;
}

export interface FetchAnswer {
  /** Kafka's error number, 0 for none. */
  readonly error: number;
  readonly highWatermark: number;
  readonly lastStableOffset: number;
  readonly logStartOffset: number;
  readonly aborted: readonly AbortedTransaction[];
  readonly records: Buffer;
}

/** Reads one partition. Rejects with connection errors only; Kafka's own error stands in the answer. */
export async function fetchRecords(connection: Connection, wanted: FetchRequest): Promise<FetchAnswer> {
  const body = new ProtocolWriter()
    .int32(wanted.maxWaitMs)
    .int32(1)
    .int32(wanted.maxBytes)
    .int8(wanted.readCommitted ? 1 : 0)
    .int32(0) // no fetch session (KIP-227): id 0 ...
    .int32(-1); // ... and epoch -1
  body.compactArray([wanted], ({ topicId, partition, offset, maxBytes }) => {
    body.uuid(topicId).compactArray([partition], (index) => {
      body.int32(index).int32(-1).int64(offset).int32(-1).int64(-1).int32(maxBytes).noTags();
    });
    body.noTags();
  });
  body
    .compactArray([], () => undefined)
    .compactString('')
    .noTags();
  return await request(connection, FETCH, [body.done()], wanted.maxWaitMs + ANSWER_MARGIN_MS, (r) => {
    r.int32();
    const topError = r.int16();
    r.int32();
    let answer: FetchAnswer | undefined;
    r.compactArray(() => {
      r.uuid();
      r.compactArray(() => {
        r.int32();
        const error = r.int16();
        const highWatermark = r.offset();
        const lastStableOffset = r.offset();
        const logStartOffset = r.offset();
        const aborted = r.compactArray(() => {
          const transaction = { producerId: r.int64(), firstOffset: r.offset() };
          r.tags();
          return transaction;
        });
        r.int32();
        const records = r.compactBytes();
        r.tags();
        answer = { error, highWatermark, lastStableOffset, logStartOffset, aborted, records };
      });
      r.tags();
    });
    if (topError !== 0 || !answer) return { ...EMPTY, error: topError || answer?.error || -1 };
    return answer;
  });
}

const EMPTY: FetchAnswer = {
  error: 0,
  highWatermark: -1,
  lastStableOffset: -1,
  logStartOffset: -1,
  aborted: [],
  records: Buffer.alloc(0),
};
