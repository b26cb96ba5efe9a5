/**
 * The requests of the transactions protocol v2 (KIP-890): InitProducerId v5, TxnOffsetCommit v5, EndTxn v5,
 * and OffsetFetch v9. Each only encodes and decodes; what an answer means is decided by its caller.
 */
import type { ApiSpec, Connection } from './connection.ts';
import { request } from './connection.ts';
import { ProtocolReader } from './protocol-reader.ts';
import { ProtocolWriter } from './protocol-writer.ts';

const INIT_PRODUCER_ID: ApiSpec = { key: 22, version: 5, name: 'InitProducerId', flexible: true };
const TXN_OFFSET_COMMIT: ApiSpec = { key: 28, version: 5, name: 'TxnOffsetCommit', flexible: true };
const END_TXN: ApiSpec = { key: 26, version: 5, name: 'EndTxn', flexible: true };
const OFFSET_FETCH: ApiSpec = { key: 9, version: 9, name: 'OffsetFetch', flexible: true };

/** Who a transactional producer is at the moment; the broker hands out the next one with each EndTxn. */
export interface ProducerIdentity {
  readonly producerId: bigint;
  readonly epoch: number;
}

export interface OffsetCommit {
  readonly group: string;
  readonly topic: string;
  readonly partition: number;
  /** The position after the last record read. */
  readonly offset: number;
  /** At most 4,096 bytes at the broker's default. */
  readonly metadata: string;
}

export interface CommittedOffset {
  /** -1 where none was ever committed, or it has expired. */
  readonly offset: number;
  readonly metadata: string | null;
}

/** Fences whoever had this id before and ends its open transaction. */
export async function initProducerId(
  connection: Connection,
  transactionalId: string,
  transactionTimeoutMs: number,
  timeoutMs: number,
): Promise<ProducerIdentity & { readonly error: number }> {
  const body = new ProtocolWriter()
    .compactString(transactionalId)
    .int32(transactionTimeoutMs)
    .int64(-1)
    .int16(-1)
    .noTags();
  return await request(connection, INIT_PRODUCER_ID, [body.done()], timeoutMs, (r) => {
    r.int32();
    return { error: r.int16(), producerId: r.int64(), epoch: r.int16() };
  });
}

/** Adds an offset to the transaction. Generation -1 and no member: the producer epoch is the fence. */
export async function txnOffsetCommit(
  connection: Connection,
  transactionalId: string,
  identity: ProducerIdentity,
  commit: OffsetCommit,
  timeoutMs: number,
): Promise<number> {
  const body = new ProtocolWriter(512)
    .compactString(transactionalId)
    .compactString(commit.group)
    .int64(identity.producerId)
    .int16(identity.epoch)
    .int32(-1)
    .compactString('')
    .compactString(null);
  body.compactArray([commit], ({ topic, partition, offset, metadata }) => {
    body.compactString(topic).compactArray([partition], (index) => {
      body.int32(index).int64(offset).int32(-1).compactString(metadata).noTags();
    });
    body.noTags();
  });
  return await request(connection, TXN_OFFSET_COMMIT, [body.noTags().done()], timeoutMs, (r) => {
    r.int32();
    let error = -1;
    r.compactArray(() => {
      r.compactString();
      r.compactArray(() => {
        r.int32();
        error = r.int16();
        r.tags();
      });
      r.tags();
    });
    return error;
  });
}

/** Ends the transaction; the answer carries the identity for the next one. */
export async function endTxn(
  connection: Connection,
  transactionalId: string,
  identity: ProducerIdentity,
  commit: boolean,
  timeoutMs: number,
): Promise<ProducerIdentity & { readonly error: number }> {
  const body = new ProtocolWriter()
    .compactString(transactionalId)
    .int64(identity.producerId)
    .int16(identity.epoch)
    .boolean(commit)
    .noTags();
  return await request(connection, END_TXN, [body.done()], timeoutMs, readEndTxn);
}

/** Decodes the body of an EndTxn v5 answer. */
export function readEndTxn(r: ProtocolReader): ProducerIdentity & { readonly error: number } {
  r.int32();
  return { error: r.int16(), producerId: r.int64(), epoch: r.int16() };
}

/**
 * The committed offset with its metadata. `require_stable` (KIP-447): while a transaction that may move it is
 * open, the broker answers 88 in place of an offset that is about to change.
 */
export async function fetchCommittedOffset(
  connection: Connection,
  group: string,
  topic: string,
  partition: number,
  timeoutMs: number,
): Promise<CommittedOffset & { readonly error: number }> {
  const body = new ProtocolWriter();
  body.compactArray([group], (id) => {
    body.compactString(id).compactString(null).int32(-1);
    body.compactArray([topic], (name) => {
      body.compactString(name).compactArray([partition], (index) => body.int32(index));
      body.noTags();
    });
    body.noTags();
  });
  return await request(connection, OFFSET_FETCH, [body.boolean(true).noTags().done()], timeoutMs, (r) => {
    r.int32();
    let found = { offset: -1, metadata: null as string | null, error: -1 };
    r.compactArray(() => {
      r.compactString();
      r.compactArray(() => {
        r.compactString();
        r.compactArray(() => {
          r.int32();
          const offset = r.offset();
          r.int32();
          const metadata = r.compactNullableString();
          found = { offset, metadata, error: r.int16() };
          r.tags();
        });
        r.tags();
      });
      const groupError = r.int16();
      if (groupError !== 0) found = { ...found, error: groupError };
      r.tags();
    });
    return found;
  });
}
