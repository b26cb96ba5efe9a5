/**
 * Counts records of raw topics again for `gauze audit verify --recount`, with the log-in that verifies. It looks at
 * offsets alone: no key and no value of a record is touched.
 */
import type { CountSource } from '../audit/verify/source-check.ts';
import type { Cluster } from '../kafka/cluster.ts';
import { LogReader } from '../kafka/log-reader.ts';
import { ownError } from '../platform/errors.ts';

const WAIT_MS = 100;

/** A counter over a started cluster. */
export function sourceCounter(cluster: Cluster): CountSource {
  return async ({ topic, topicId, partition, from, to }) => {
    const found = await cluster.topic(topic).catch(() => null);
    if (found?.id !== topicId) return null;
    const reader = new LogReader(cluster, topic, partition, from);
    try {
      let count = 0;
      while (reader.position < to) {
        const ends = await reader.read(WAIT_MS, ({ offset }) => {
          if (offset < to) count += 1;
        });
        if (ends.logStartOffset > from || ends.highWatermark < to) return null;
      }
      return count;
    } catch (thrown) {
      if (ownError(thrown).kind === 'outage') throw thrown;
      return null;
    } finally {
      reader.close();
    }
  };
}
