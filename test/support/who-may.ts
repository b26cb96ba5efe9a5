/**
 * What a log-in may do, tried with ordinary clients: the broker's answer by its name, or what came of it.
 */
import { Cluster } from '../../kafka/cluster.ts';
import { ordinaryConsumer, ordinaryProducer } from '../../kafka/kafkajs-client.ts';
import { LogReader } from '../../kafka/log-reader.ts';
import { parseAddress } from '../../kafka/login.ts';
import type { Login } from '../../kafka/login.ts';
import { testStack } from './stack.ts';

type EachMessage = NonNullable<
  NonNullable<Parameters<ReturnType<typeof ordinaryConsumer>['run']>[0]>['eachMessage']
>;
export type Message = Parameters<EachMessage>[0]['message'];

export const NO_TOPIC = 'TOPIC_AUTHORIZATION_FAILED';
export const NO_GROUP = 'GROUP_AUTHORIZATION_FAILED';

/** What the broker answered, by the name of its error; kafkajs may have wrapped it. */
function refusal(error: unknown): string {
  const { type, cause } = error as { type?: string; cause?: unknown };
  if (type !== undefined) return type;
  return cause instanceof Error ? refusal(cause) : String(error);
}

function connection(login: Login) {
  return { brokers: testStack().brokers, ssl: false, login, retries: 0 };
}

/** The first record that the log-in gets as a member of `group`; throws what the broker refuses, by its name. */
export async function firstRecord(login: Login, topic: string, group: string): Promise<Message> {
  const consumer = ordinaryConsumer(connection(login), group);
  try {
    await consumer.connect();
    return await new Promise<Message>((resolve, reject) => {
      consumer.on(consumer.events.CRASH, ({ payload }) => reject(new Error(refusal(payload.error))));
      const eachMessage: EachMessage = async ({ message }) => await Promise.resolve(resolve(message));
      consumer
        .subscribe({ topic, fromBeginning: true })
        .then(async () => await consumer.run({ eachMessage }))
        .catch((error: unknown) => reject(new Error(refusal(error))));
    });
  } finally {
    await consumer.disconnect();
  }
}

/** What the broker says when the log-in tries to write one record. */
export async function write(login: Login, topic: string): Promise<unknown> {
  const producer = ordinaryProducer(connection(login));
  await producer.connect();
  try {
    return await producer
      .send({ topic, acks: -1, messages: [{ value: 'x', partition: 0 }] })
      .then(() => 'written', refusal);
  } finally {
    await producer.disconnect();
  }
}

/** A started cluster client of a log-in that need not be one of the stack's own; close it. */
export async function clusterAs(login: Login): Promise<Cluster> {
  const brokers = testStack().brokers.map((text) => parseAddress(text)!);
  const cluster = new Cluster({ brokers, ssl: false, login, role: login.username });
  await cluster.start();
  return cluster;
}

/** How many records the log-in gets in one Fetch from the beginning, without a group: only the topic's right counts. */
export async function fetchFirst(login: Login, topic: string): Promise<number> {
  const cluster = await clusterAs(login);
  const reader = new LogReader(cluster, topic, 0);
  try {
    let count = 0;
    await reader.read(1_000, () => (count += 1));
    return count;
  } finally {
    reader.close();
    await cluster.close();
  }
}
