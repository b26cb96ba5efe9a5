/**
 * What a grant has taken, read back from gauze.grant-progress: after InitProducerId, so that no transaction of the
 * task itself can still change it. A record that cannot be read is never taken for nothing.
 */
import type { Cluster } from '../kafka/cluster.ts';
import { LogReader } from '../kafka/log-reader.ts';
import { GauzeError } from '../platform/errors.ts';
import { grantProgressCodec } from '../schemas/access-codecs.ts';
import type { GrantProgress } from '../schemas/access-codecs.ts';

/** A grant that has taken nothing. */
export function noProgress(grantId: string): GrantProgress {
  return {
    grant_id: grantId,
    records: 0,
    persons: [],
    lease: null,
    delivered: [],
    stopped: null,
    chain: null,
  };
}

/** The progress at the end of the partition. Throws ERR_GRANT_PROGRESS_CORRUPT, and errors of Kafka. */
export async function readProgress(
  cluster: Cluster,
  topic: string,
  partition: number,
  grantId: string,
  signal: AbortSignal,
): Promise<GrantProgress> {
  const reader = new LogReader(cluster, topic, partition);
  const hangUp = (): void => reader.close();
  signal.addEventListener('abort', hangUp);
  let progress = noProgress(grantId);
  const key = Buffer.from(grantId);
  try {
    await reader.readToEnd((record) => {
      if (!record.key?.equals(key)) return;
      progress = decoded(record.value, grantId) ?? fail(topic, record.offset, grantId);
    }, signal);
    return progress;
  } finally {
    signal.removeEventListener('abort', hangUp);
    reader.close();
  }
}

function decoded(value: Buffer | null, grantId: string): GrantProgress | null {
  try {
    const progress = value ? grantProgressCodec.decode(value) : null;
    return progress?.grant_id === grantId ? progress : null;
  } catch {
    return null;
  }
}

function fail(topic: string, offset: number, grant: string): never {
  throw new GauzeError('ERR_GRANT_PROGRESS_CORRUPT', { topic, offset, grant });
}
