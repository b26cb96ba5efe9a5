/**
 * kafkajs as gauze uses it: version checked, silent, its endless timer stopped, TCP_NODELAY set.
 * Only this file, admin.ts and kafkajs-admin.ts import kafkajs. It is never on the data path (docs/adr): its message-level
 * clients are offered here as "an ordinary Kafka client", for the demo and for tests.
 */
import { createRequire } from 'node:module';
import { connect as connectPlain, isIP } from 'node:net';
import type { Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { ConnectionOptions } from 'node:tls';
import kafkajs from 'kafkajs';
import type { AclEntry, Consumer, ISocketFactory, Kafka, Producer, RetryOptions, SASLOptions } from 'kafkajs';
import { GauzeError } from '../platform/errors.ts';
import type { AnyLogin } from './login.ts';

/** The one version whose internals are known here. */
const KAFKAJS_VERSION = '2.2.4';

/** How to reach a cluster. */
export interface KafkaJsOptions {
  /** `host:port` each. */
  readonly brokers: readonly string[];
  /** TLS with the authorities of the system, TLS with options of node:tls, or none. */
  readonly ssl: boolean | ConnectionOptions;
  /** null: no log-in. */
  readonly login: AnyLogin | null;
  /** Attempts after the first of each request; kafkajs backs off between them. Default 5. */
  readonly retries?: number;
}

/** The part of kafkajs' request queue that is patched. */
interface RequestQueuePrototype {
  scheduleCheckPendingRequests(this: { pending: unknown[] }): void;
}

/** The part of kafkajs' connection that is patched. */
interface ConnectionPrototype {
  connect(this: ConnectionState): Promise<unknown>;
}

/** What a connection has received of an answer that is not whole yet. */
interface ConnectionState {
  isConnected(): boolean;
  bytesBuffered: number;
  bytesNeeded: number;
  chunks: Buffer[];
}

/** Bytes of the length that each answer begins with. */
const LENGTH_BYTES = 4;

/** The client class, for the files of this folder that need no more than its type. */
export type KafkaJs = Kafka;
/** An ACL in the numbers of the protocol. */
export type KafkaJsAclEntry = AclEntry;
/** kafkajs' names for those numbers, and for codecs. */
export const {
  CompressionTypes,
  AclOperationTypes,
  AclPermissionTypes,
  AclResourceTypes,
  ConfigResourceTypes,
  ResourcePatternTypes,
} = kafkajs;

let guarded = false;

/**
 * Checks that the installed kafkajs is the one known here, and mends two faults of it, once for the process:
 * - Its endless timer (tulios/kafkajs#1751): each connection re-arms a timer with a negative delay for ever, which costs
 *   a 1 ms loop and, on Node 24, a TimeoutNegativeWarning. With nothing pending there is nothing to check: the next
 *   push() schedules by itself.
 * - Half answers: a connection that is lost within an answer is opened again with that half still in its buffer, takes
 *   the next answers for the rest of it, and never answers anything any more.
 * @throws GauzeError ERR_KAFKA_CLIENT_CHANGED
 */
export function guardKafkaJs(): void {
  if (guarded) return;
  const require = createRequire(import.meta.url);
  const { version } = require('kafkajs/package.json') as { version?: unknown };
  if (version !== KAFKAJS_VERSION) throw changed();
  const queue = require('kafkajs/src/network/requestQueue') as { prototype?: Partial<RequestQueuePrototype> };
  const connection = require('kafkajs/src/network/connection') as {
    prototype?: Partial<ConnectionPrototype>;
  };
  const schedule = queue.prototype?.scheduleCheckPendingRequests;
  const connect = connection.prototype?.connect;
  if (!queue.prototype || typeof schedule !== 'function') throw changed();
  if (!connection.prototype || typeof connect !== 'function') throw changed();
  queue.prototype.scheduleCheckPendingRequests = function guardedSchedule(): void {
    if (this.pending.length > 0) schedule.call(this);
  };
  connection.prototype.connect = async function connectAnew(): Promise<unknown> {
    if (!this.isConnected()) Object.assign(this, { bytesBuffered: 0, bytesNeeded: LENGTH_BYTES, chunks: [] });
    return await connect.call(this);
  };
  guarded = true;
}

function changed(): GauzeError {
  return new GauzeError('ERR_KAFKA_CLIENT_CHANGED', { expected: KAFKAJS_VERSION });
}

/** The sockets that a client has open. Once they are cut, none that it opens stays open: kafkajs tries again by itself. */
export class ClientSockets {
  readonly #open = new Set<Socket>();
  #end: Error | null = null;

  add(socket: Socket): void {
    if (this.#end) socket.destroy(this.#end);
    else this.#open.add(socket);
    socket.once('close', () => this.#open.delete(socket));
    // kafkajs listens too; an error that nobody listened to would end the process.
    socket.on('error', () => {});
  }

  /** With an error, so that who waits for an answer hears of it. */
  cut(error: Error): void {
    this.#end = error;
    for (const socket of this.#open) socket.destroy(error);
  }
}

/** Sockets without Nagle's algorithm: requests here are small and waited for. Each is in `open` while it is. */
function socketFactory(open: ClientSockets): ISocketFactory {
  return ({ host, port, ssl, onConnect }) => {
    const servername = isIP(host) === 0 ? { servername: host } : {};
    // kafkajs hands over undefined where no TLS is wanted, against its own types.
    const secure = ssl as typeof ssl | undefined;
    const socket = secure
      ? connectTls({ host, port, ...servername, ...secure }, onConnect)
      : connectPlain({ host, port }, onConnect);
    socket.setNoDelay(true);
    socket.setKeepAlive(true, 60_000);
    open.add(socket);
    return socket;
  };
}

/**
 * A kafkajs client of one log-in. It logs nothing: its log lines carry foreign error text. `sockets` are those that it has
 * open at any time.
 * @throws GauzeError ERR_KAFKA_CLIENT_CHANGED
 */
export function createKafkaJs(options: KafkaJsOptions, sockets = new ClientSockets()): Kafka {
  guardKafkaJs();
  return new kafkajs.Kafka({
    clientId: 'gauze',
    brokers: [...options.brokers],
    ssl: options.ssl,
    ...(options.login ? { sasl: saslOptions(options.login) } : {}),
    connectionTimeout: 5_000,
    authenticationTimeout: 10_000,
    // Its default of 10 s makes it log in again at every request where sessions are shorter, which brokers refuse.
    reauthenticationThreshold: 1_000,
    requestTimeout: 30_000,
    retry: retryOptions(options.retries ?? 5),
    socketFactory: socketFactory(sockets),
    logLevel: kafkajs.logLevel.NOTHING,
    logCreator: () => () => {},
  });
}

/** Back-off of kafkajs, in milliseconds. */
function retryOptions(retries: number): RetryOptions {
  return { retries, initialRetryTime: 50, maxRetryTime: 2_000 };
}

function saslOptions(login: AnyLogin): SASLOptions {
  if (login.mechanism === 'oauthbearer')
    return {
      mechanism: 'oauthbearer',
      oauthBearerProvider: async () => ({ value: await login.token() }),
    };
  return { mechanism: login.mechanism, username: login.username, password: login.password };
}

/** An ordinary consumer, read_committed, offsets committed by kafkajs itself. */
export type OrdinaryConsumer = Consumer;
/** An ordinary producer, with the partitioner that Java clients use too. */
export type OrdinaryProducer = Producer;

/**
 * A consumer as any downstream team would write it; it sees nothing of gauze but topic and log-in.
 * The caller connects, subscribes, runs and disconnects it.
 */
export function ordinaryConsumer(options: KafkaJsOptions, groupId: string): OrdinaryConsumer {
  return createKafkaJs(options).consumer({ groupId, allowAutoTopicCreation: false, maxWaitTimeInMs: 250 });
}

/** A producer as a feed of raw records would use it. The caller connects and disconnects it. */
export function ordinaryProducer(options: KafkaJsOptions): OrdinaryProducer {
  return createKafkaJs(options).producer({
    allowAutoTopicCreation: false,
    createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
  });
}
