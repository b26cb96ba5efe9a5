/**
 * One record a turn into every partition of a raw topic, for as long as a test wants: a load under which a pause of a
 * partition can be seen. Each record's value is one of a few that were encoded before.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { encodeRecord } from '../../examples/hospital/clinical-codecs.ts';
import type { ClinicalTopic } from '../../examples/hospital/clinical-values.ts';
import { registerClinicalSchemas } from '../../examples/hospital/feed.ts';
import { generateHospital } from '../../examples/hospital/hospital.ts';
import { ordinaryProducer } from '../../kafka/kafkajs-client.ts';
import { connectionOf, testStack } from './stack.ts';
import type { TestSite } from './test-site.ts';

export interface SteadyFeedOptions {
  readonly topic: ClinicalTopic;
  readonly partitions: number;
  /** From one record of a partition to the next. */
  readonly everyMs: number;
}

export class SteadyFeed {
  /** Records sent to each partition so far. */
  sent = 0;
  private readonly ending = new AbortController();
  private readonly running: Promise<void>;

  private constructor(running: (feed: SteadyFeed) => Promise<void>) {
    this.running = running(this);
  }

  static async start(site: TestSite, options: SteadyFeedOptions): Promise<SteadyFeed> {
    const { topic, partitions, everyMs } = options;
    const ids = await registerClinicalSchemas(testStack().registryUrl, (name) => site.raw(name));
    const records: { key: string; value: Buffer }[] = [];
    for (const record of generateHospital({ patients: 20, seed: 5 })) {
      if (record.topic !== topic) continue;
      records.push({ key: record.key, value: encodeRecord(record.topic, ids.get(topic)!, record.value) });
    }
    const producer = ordinaryProducer(connectionOf('ehr-feed'));
    await producer.connect();
    return new SteadyFeed(async (feed) => {
      const { signal } = feed.ending;
      for (let dueMs = performance.now(); !signal.aborted; dueMs += everyMs) {
        const { key, value } = records[feed.sent % records.length]!;
        const messages = Array.from({ length: partitions }, (_, partition) => ({ key, value, partition }));
        await producer.sendBatch({ acks: -1, topicMessages: [{ topic: site.raw(topic), messages }] });
        feed.sent += 1;
        await pause(Math.max(0, dueMs + everyMs - performance.now()), undefined, { signal }).catch(
          () => undefined,
        );
      }
      await producer.disconnect();
    });
  }

  async stop(): Promise<void> {
    this.ending.abort();
    await this.running;
  }
}
