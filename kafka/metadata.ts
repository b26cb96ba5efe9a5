/**
 * Metadata (API 3, version 12): what one broker knows of the other brokers and of topics.
 */
import { request } from './connection.ts';
import type { ApiSpec, Connection } from './connection.ts';
import { ProtocolWriter } from './protocol-writer.ts';

const METADATA: ApiSpec = { key: 3, version: 12, name: 'Metadata', flexible: true };
const REQUEST_TIMEOUT_MS = 10_000;
const NO_TOPIC_ID = Buffer.alloc(16);

/** What one broker answers to Metadata. */
export interface MetadataAnswer {
  readonly brokers: readonly { readonly id: number; readonly host: string; readonly port: number }[];
  readonly clusterId: string;
  readonly topics: readonly {
    /** Error number of the protocol, 0 where the topic is there. */
    readonly error: number;
    readonly name: string;
    readonly id: string;
    readonly partitions: readonly { readonly index: number; readonly leader: number }[];
    /** What this log-in may do with the topic, one bit for each operation; see topic-rights.ts. */
    readonly operations: number;
  }[];
}

/** Asks the broker of this very connection what it knows of the brokers and of these topics. */
export async function askMetadata(connection: Connection, names: readonly string[]): Promise<MetadataAnswer> {
  const body = new ProtocolWriter();
  body.compactArray(names, (name) => body.raw(NO_TOPIC_ID).compactString(name).noTags());
  body.boolean(false).boolean(true).noTags(); // create no topics; say what this log-in may do
  return await request(connection, METADATA, [body.done()], REQUEST_TIMEOUT_MS, (r) => {
    r.int32();
    const brokers = r.compactArray(() => {
      const node = { id: r.int32(), host: r.compactString(), port: r.int32() };
      r.compactNullableString();
      r.tags();
      return node;
    });
    const clusterId = r.compactString();
    r.int32();
    const topics = r.compactArray(() => {
      const error = r.int16();
      const name = r.compactString();
      const id = r.uuid();
      r.boolean();
      const partitions = r.compactArray(() => {
        r.int16();
        const partition = { index: r.int32(), leader: r.int32() };
        r.int32();
        for (let i = 0; i < 3; i++) r.compactArray(() => r.int32());
        r.tags();
        return partition;
      });
      const operations = r.int32();
      r.tags();
      return { error, name, id, partitions, operations };
    });
    return { brokers, clusterId, topics };
  });
}
