/**
 * The connections behind KafkaAdmin: each failure is made an error of ours, "not yet" is asked again, and a client that
 * has stopped answering is left for a new one.
 */
import type { Admin, Kafka } from 'kafkajs';
import { sleep } from '../platform/clock.ts';
import { GauzeError } from '../platform/errors.ts';
import { kafkaErrorClass } from './kafka-errors.ts';
import { ClientSockets, createKafkaJs } from './kafkajs-client.ts';
import type { KafkaJsOptions } from './kafkajs-client.ts';
import { openCluster } from './kafkajs-cluster.ts';
import type { KafkaJsCluster } from './kafkajs-cluster.ts';
import { ownKafkaJsError } from './kafkajs-errors.ts';

/** How often a request is sent while its answer says "not yet"; kafkajs repeats only some of them by itself. */
const ATTEMPTS = 50;
const PAUSE_MS = 100;
/** How long connections have to end in order. */
const CLOSING_MS = 1_000;

export class KafkaJsAdmin {
  readonly #options: KafkaJsOptions;
  readonly #role: string;
  #sockets = new ClientSockets();
  #kafka: Kafka;
  #admin: Admin;
  #cluster: KafkaJsCluster | null = null;
  /** A connection that has stopped answering is never given up by kafkajs: nothing is asked over it again. */
  #isSilent = false;
  #opening: Promise<void> | null = null;

  /** Connects nothing yet. @throws GauzeError ERR_KAFKA_CLIENT_CHANGED */
  constructor(options: KafkaJsOptions) {
    this.#options = options;
    this.#kafka = createKafkaJs(options, this.#sockets);
    this.#admin = this.#kafka.admin();
    this.#role = options.login?.username ?? 'anonymous';
  }

  /** Ends all connections, soon also where a broker answers no more; never throws. */
  async close(): Promise<void> {
    const inOrder = Promise.allSettled([this.#admin.disconnect(), this.#cluster?.disconnect()]);
    const late = new AbortController();
    // kafkajs waits for the answer to each request that is under way, and for some of them for ever.
    await Promise.race([inOrder, sleep(CLOSING_MS, late.signal).catch(() => {})]);
    late.abort();
    this.#cluster = null;
    this.#sockets.cut(new GauzeError('ERR_KAFKA_CONNECTION_LOST', { role: this.#role }));
  }

  /** What `call` gives. @throws GauzeError of the codes ERR_KAFKA_*, about `topic` where there is one */
  async ask<T>(apiName: string, call: (admin: Admin) => Promise<T>, topic?: string): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        if (this.#isSilent) await (this.#opening ??= this.#openAnew());
        return await call(this.#admin);
      } catch (thrown) {
        const context = { apiName, role: this.#role, ...(topic === undefined ? {} : { topic }) };
        const error = ownKafkaJsError(thrown, context);
        this.#isSilent ||= error.code === 'ERR_KAFKA_REQUEST_TIMEOUT';
        if (attempt === ATTEMPTS || !passes(error)) throw error;
        await sleep(PAUSE_MS);
      }
    }
  }

  /** For requests that kafkajs' admin client lacks or spoils; connected, with the brokers known. */
  async cluster(): Promise<KafkaJsCluster> {
    this.#cluster ??= openCluster(this.#kafka);
    await this.#cluster.connect();
    await this.#cluster.refreshMetadata();
    return this.#cluster;
  }

  /** One at a time, for all who wait. */
  async #openAnew(): Promise<void> {
    try {
      // It would wait for answers that do not come: its connections are cut off, and nobody waits for it.
      void this.#admin.disconnect().catch(() => {});
      void this.#cluster?.disconnect().catch(() => {});
      this.#sockets.cut(new GauzeError('ERR_KAFKA_CONNECTION_LOST', { role: this.#role }));
      this.#cluster = null;
      this.#sockets = new ClientSockets();
      this.#kafka = createKafkaJs(this.#options, this.#sockets);
      this.#admin = this.#kafka.admin();
      await this.#admin.connect();
      this.#isSilent = false;
    } finally {
      this.#opening = null;
    }
  }
}

/** True for answers that end by themselves, such as a group coordinator that is still loading. */
function passes({ context: { kafkaError } }: GauzeError): boolean {
  if (kafkaError === undefined) return false;
  const answer = kafkaErrorClass(kafkaError);
  return answer === 'coordinator' || answer === 'retry';
}
