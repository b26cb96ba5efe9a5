/**
 * The two things that gauze needs from inside kafkajs' cluster: requests that its admin client lacks
 * (AlterUserScramCredentials) or spoils (OffsetCommit with metadata). The internals are checked before use.
 * Nothing of the data path may travel here: its socket layer drops late answers without ending the connection.
 */
import { pbkdf2Sync } from 'node:crypto';
import { random } from '../platform/clock.ts';
import { GauzeError } from '../platform/errors.ts';
import type { KafkaJs } from './kafkajs-client.ts';
import { ProtocolReader } from './protocol-reader.ts';
import { ProtocolWriter } from './protocol-writer.ts';

/** A request with an answer of type T, as kafkajs' connections take them. */
interface OwnRequest<T> {
  readonly request: {
    readonly apiKey: number;
    readonly apiVersion: number;
    readonly apiName: string;
    encode(): Promise<{ readonly buf: Buffer; readonly buffer: Buffer }>;
  };
  readonly response: {
    decode(payload: Buffer): Promise<{ value: T }>;
    parse(data: { value: T }): Promise<T>;
  };
}

interface OffsetCommitRequest {
  readonly groupId: string;
  readonly groupGenerationId: number;
  readonly memberId: string;
  readonly topics: readonly {
    readonly topic: string;
    readonly partitions: readonly {
      readonly partition: number;
      readonly offset: string;
      readonly metadata: string | null;
    }[];
  }[];
}

interface KafkaJsBroker {
  offsetCommit(request: OffsetCommitRequest): Promise<unknown>;
  readonly connectionPool: { send<T>(request: OwnRequest<T>): Promise<T> };
}

/** The part of kafkajs' Cluster that is used here. */
export interface KafkaJsCluster {
  connect(): Promise<void>;
  disconnect(): Promise<void>;
  /** Must have run before a broker can be found. */
  refreshMetadata(): Promise<void>;
  findControllerBroker(): Promise<KafkaJsBroker>;
  findGroupCoordinator(group: { groupId: string }): Promise<KafkaJsBroker>;
}

type ClusterFactory = (options: { metadataMaxAge: number; allowAutoTopicCreation: boolean }) => unknown;

/** A cluster of its own connections. @throws GauzeError ERR_KAFKA_CLIENT_CHANGED */
export function openCluster(kafka: KafkaJs): KafkaJsCluster {
  const symbol = Object.getOwnPropertySymbols(kafka).find(
    ({ description }) => description === 'private:Kafka:createCluster',
  );
  const create = symbol === undefined ? undefined : (Reflect.get(kafka, symbol) as unknown);
  if (typeof create !== 'function') throw changed();
  const cluster = (create as ClusterFactory)({ metadataMaxAge: 300_000, allowAutoTopicCreation: false });
  if (!isCluster(cluster)) throw changed();
  return cluster;
}

function changed(): GauzeError {
  return new GauzeError('ERR_KAFKA_CLIENT_CHANGED', { expected: '2.2.4' });
}

function isCluster(candidate: unknown): candidate is KafkaJsCluster {
  const methods = [
    'connect',
    'disconnect',
    'refreshMetadata',
    'findControllerBroker',
    'findGroupCoordinator',
  ];
  return (
    typeof candidate === 'object' &&
    candidate !== null &&
    methods.every((name) => typeof Reflect.get(candidate, name) === 'function')
  );
}

/** Rounds of PBKDF2: the least that Kafka takes; these users live as long as one local stack. */
const ITERATIONS = 4096;
const SCRAM_SHA_256 = 1;

/** AlterUserScramCredentials v0 (KIP-554) for one user; answers with the error number of that user. */
export function alterScramRequest(username: string, password: string): OwnRequest<number> {
  const salt = random(16);
  const salted = pbkdf2Sync(password.normalize('NFKC'), salt, ITERATIONS, 32, 'sha256');
  const body = new ProtocolWriter()
    // kafkajs writes request header 1; this byte makes it the header 2 of a flexible request.
    .noTags()
    .compactArray([], () => {});
  body.compactArray([username], (name) => {
    body.compactString(name).int8(SCRAM_SHA_256).int32(ITERATIONS);
    body.compactBytes(salt).compactBytes(salted).noTags();
  });
  const bytes = body.noTags().done();
  return {
    request: {
      apiKey: 51,
      apiVersion: 0,
      apiName: 'AlterUserScramCredentials',
      encode: async () => await Promise.resolve({ buf: bytes, buffer: bytes }),
    },
    response: {
      decode: async (payload) => await Promise.resolve({ value: readScramAnswer(payload) }),
      parse: async ({ value }) => await Promise.resolve(value),
    },
  };
}

/** First error number of the answer, 0 where all went well. */
function readScramAnswer(payload: Buffer): number {
  const reader = new ProtocolReader(payload);
  reader.tags();
  reader.int32();
  const count = reader.unsignedVarint() - 1;
  let first = 0;
  for (let at = 0; at < count; at++) {
    reader.compactNullableString();
    const code = reader.int16();
    if (first === 0) first = code;
    reader.compactNullableString();
    reader.tags();
  }
  return first;
}
