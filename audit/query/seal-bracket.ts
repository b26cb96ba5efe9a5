/**
 * The seals that bracket a stretch of time: the last one before it and the first one after it, each with the
 * checkpoint over it where there is one. It only finds them; whether they hold is for the verifier to say.
 */
import { BrokerConnections } from '../../kafka/cluster.ts';
import type { Cluster } from '../../kafka/cluster.ts';
import { listOffset } from '../../kafka/list-offsets.ts';
import { LogReader } from '../../kafka/log-reader.ts';
import type { LogRecord } from '../../kafka/log-reader.ts';
import { readSealRecord } from '../../schemas/seal-codecs.ts';
import type { PhiAuditSeal, SealRecord } from '../../schemas/seal-codecs.ts';
import type { Period } from './answer.ts';

export interface FoundSeal {
  readonly seal: PhiAuditSeal;
  /** Where it stands in the topic of seals. */
  readonly offset: number;
  /** The signed note that covers it; null where none followed. */
  readonly checkpoint: string | null;
}

export interface SealBracket {
  readonly before: FoundSeal | null;
  readonly after: FoundSeal | null;
  /** Alarms of the seals between, both ends included: `code place`. */
  readonly alarms: readonly string[];
}

/** How far to look back for a seal before the time, one after the other; then from the beginning. */
const LOOK_BACK_MS = [60_000, 3_600_000, 86_400_000];
const WAIT_MS = 100;

/** The seals around `period`; null where the site has no topic of seals, or nothing in it. */
export async function sealBracket(
  cluster: Cluster,
  sealsTopic: string,
  period: Period,
): Promise<SealBracket | null> {
  if (!(await cluster.refresh([sealsTopic])).has(sealsTopic)) return null;
  const connections = new BrokerConnections(cluster);
  try {
    const end = await listOffset(cluster, connections, sealsTopic, 0, 'latest');
    const earliest = await listOffset(cluster, connections, sealsTopic, 0, 'earliest');
    if (end <= earliest) return null;
    for (const back of [...LOOK_BACK_MS, null]) {
      const from =
        back === null
          ? earliest
          : await listOffset(cluster, connections, sealsTopic, 0, {
              atMs: Math.max(0, period.fromMs - back),
            });
      if (from < 0) continue;
      const found = await around(cluster, sealsTopic, from, end, period);
      if (found.before || back === null) return found;
    }
    return null;
  } finally {
    connections.close();
  }
}

async function around(
  cluster: Cluster,
  topic: string,
  from: number,
  end: number,
  { fromMs, toMs }: Period,
): Promise<SealBracket> {
  const reader = new LogReader(cluster, topic, 0, from);
  let before: FoundSeal | null = null;
  let after: FoundSeal | null = null;
  let alarms: string[] = [];
  const search = { isOver: false };
  const take = (record: LogRecord): void => {
    const found = decoded(record);
    if (found === null || search.isOver) return;
    if (found.kind === 'checkpoint') {
      if (after) {
        after = { ...after, checkpoint: found.note };
        search.isOver = true;
      } else if (before && before.checkpoint === null) before = { ...before, checkpoint: found.note };
      return;
    }
    // A second seal after the time: the first one has got no checkpoint.
    if (after) {
      search.isOver = true;
      return;
    }
    const { seal } = found;
    const place = { seal, offset: record.offset, checkpoint: null };
    const sealedMs = seal.sealed_at / 1000;
    if (sealedMs <= fromMs) [before, alarms] = [place, []];
    alarms.push(...seal.alarms.map(({ code, place: where }) => `${code} ${where}`));
    if (sealedMs >= toMs) after = place;
  };
  try {
    while (reader.position < end && !search.isOver) await reader.read(WAIT_MS, take);
  } finally {
    reader.close();
  }
  return { before, after, alarms: [...new Set(alarms)] };
}

/** What is no record of the topic is for the verifier to find; it brackets nothing. */
function decoded({ key, value }: LogRecord): SealRecord | null {
  try {
    return readSealRecord(key && Buffer.from(key), value && Buffer.from(value));
  } catch {
    return null;
  }
}
