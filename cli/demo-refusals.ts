/**
 * What an audience's log-in may not read, tried out: a Fetch of every topic by its id, with the audience's own
 * password. Only the broker's answer counts; records that came all the same are thrown away unseen.
 */
import { CLINICAL_TOPICS } from '../examples/hospital/clinical-values.ts';
import { BrokerConnections, Cluster } from '../kafka/cluster.ts';
import { fetchRecords } from '../kafka/fetch.ts';
import { parseAddress } from '../kafka/login.ts';
import type { TopicNames } from '../schemas/topic-names.ts';
import { sanitizedTopic } from '../schemas/topic-names.ts';
import { AUDIENCES, READERS } from './demo-site.ts';
import type { DemoAudience, LoggedIn } from './demo-site.ts';
import { checkMark } from './demo-totals.ts';
import { table } from './terminal.ts';

/** Kafka's number for TOPIC_AUTHORIZATION_FAILED. */
const REFUSED = 29;

/** What came of the attempts on one kind of topics. */
export interface Attempts {
  readonly topics: number;
  readonly refused: number;
  readonly allowed: number;
}

export interface Refusals {
  readonly audience: DemoAudience;
  readonly own: Attempts;
  readonly raw: Attempts;
  readonly others: Attempts;
  readonly audit: Attempts;
  readonly ok: boolean;
}

/**
 * Tries all topics with the log-in of each audience.
 * @param known a cluster client that may describe all topics: an audience is not even told that they exist
 */
export async function tryRefusals(
  known: Cluster,
  as: (username: string) => LoggedIn,
  names: TopicNames,
): Promise<readonly Refusals[]> {
  return await Promise.all(
    AUDIENCES.map(async (audience) => {
      const attempt = new Attempt(known, as(READERS[audience]));
      try {
        const own = await attempt.on(topicsFor(audience));
        const raw = await attempt.on(CLINICAL_TOPICS);
        const others = await attempt.on(AUDIENCES.filter((each) => each !== audience).flatMap(topicsFor));
        const audit = await attempt.on([names.auditEvents]);
        const isRefused = [raw, others, audit].every(({ topics, refused }) => topics === refused);
        return { audience, own, raw, others, audit, ok: isRefused && own.allowed === own.topics };
      } finally {
        await attempt.close();
      }
    }),
  );
}

function topicsFor(audience: DemoAudience): string[] {
  return CLINICAL_TOPICS.map((raw) => sanitizedTopic(raw, audience));
}

class Attempt {
  readonly #known: Cluster;
  readonly #cluster: Cluster;
  readonly #connections: BrokerConnections;

  constructor(known: Cluster, { brokers, login }: LoggedIn) {
    this.#known = known;
    const addresses = brokers.flatMap((text) => parseAddress(text) ?? []);
    this.#cluster = new Cluster({ brokers: addresses, ssl: false, login, role: login.username });
    this.#connections = new BrokerConnections(this.#cluster);
  }

  async on(topics: readonly string[]): Promise<Attempts> {
    const answers = await Promise.all(topics.map(async (topic) => await this.#fetch(topic)));
    const count = (number: number): number => answers.filter((answer) => answer === number).length;
    return { topics: topics.length, refused: count(REFUSED), allowed: count(0) };
  }

  async close(): Promise<void> {
    this.#connections.close();
    await this.#cluster.close();
  }

  /** The broker's error number; 0 where it let the log-in read, -1 where there is no such topic. */
  async #fetch(name: string): Promise<number> {
    const topic = await this.#known.topic(name);
    if (!topic) return -1;
    const connection = await this.#connections.to(topic.leaders[0]!);
    const wanted = { topicId: topic.id, partition: 0, offset: 0, maxBytes: 1, maxWaitMs: 0 };
    return (await fetchRecords(connection, { ...wanted, readCommitted: true })).error;
  }
}

export function refusalLines(refusals: readonly Refusals[]): string[] {
  return table(
    ['log-in', 'its own topics', 'raw topics', 'topics of others', 'audit topic'],
    refusals.map(({ audience, own, raw, others, audit }) => [
      READERS[audience],
      `${checkMark(own.allowed === own.topics)} ${own.allowed} of ${own.topics} readable`,
      refused(raw),
      refused(others),
      refused(audit),
    ]),
  );
}

function refused({ refused: count, topics }: Attempts): string {
  return `${checkMark(count === topics)} ${count} of ${topics} refused`;
}
