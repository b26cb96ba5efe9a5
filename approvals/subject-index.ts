/**
 * The index of persons, as far as previews need it: where in gauze.audit.subjects the tokens of which offsets stand,
 * and how many records and persons lie in a range. Tokens are counted here and never handed out.
 */
import { sleep } from '../platform/clock.ts';
import { GauzeError, ownError } from '../platform/errors.ts';
import type { Cluster } from '../kafka/cluster.ts';
import { LogReader } from '../kafka/log-reader.ts';
import type { LogRecord } from '../kafka/log-reader.ts';
import { spread } from '../kafka/spread.ts';
import { SUBJECT_TOKEN_BYTES, subjectIndexCodec } from '../schemas/access-codecs.ts';
import type { PhiSubjectIndex, Scope } from '../schemas/access-codecs.ts';
import { indexedOffsets } from '../schemas/subject-offsets.ts';

/** One record of the index: which raw offsets, and where it stands. */
interface IndexEntry {
  readonly first: number;
  readonly next: number;
  /** Offset in its partition of the index topic. */
  readonly at: number;
}

/** What the index says of a scope's ranges. */
export interface SubjectCounts {
  /** Data records found. */
  readonly records: number;
  /** Distinct persons. */
  readonly persons: number;
  /** Records that name nobody. */
  readonly withoutPerson: number;
  /** Records about those whom the scope names, and how many of them occur; null where it names nobody. */
  readonly named: { readonly records: number; readonly persons: number } | null;
  /** Offsets of the ranges that the index covers. */
  readonly coveredOffsets: number;
  /** Part of it bears tokens of another key epoch: persons cannot be told there. */
  readonly otherKeyEpochs: boolean;
}

const FOLLOW_WAIT_MS = 1_000;
const RETRY_MS = 500;
/** A preview looks at so many records; beyond that it says that it is incomplete. */
const RECORDS_MAX = 2_000_000;

export class SubjectIndex {
  private readonly cluster: Cluster;
  private readonly topic: string;
  private readonly onTrouble: (error: GauzeError) => void;
  private readonly closing = new AbortController();
  private readonly entries = new Map<string, IndexEntry[]>();
  private partitions = 0;
  private following: readonly Promise<void>[] = [];

  constructor(cluster: Cluster, topic: string, onTrouble: (error: GauzeError) => void) {
    this.cluster = cluster;
    this.topic = topic;
    this.onTrouble = onTrouble;
  }

  /** Follows the index from its beginning; it is used as far as it has been read. */
  async start(): Promise<void> {
    const found = (await this.cluster.refresh([this.topic])).get(this.topic);
    if (!found) throw new GauzeError('ERR_KAFKA_TOPIC_MISSING', { topic: this.topic, partition: 0 });
    this.partitions = found.leaders.length;
    this.following = found.leaders.map(async (_leader, partition) => await this.follow(partition));
  }

  /** Counts what lies in the ranges of `scope`. Throws Kafka's errors. */
  async count(scope: Scope): Promise<SubjectCounts> {
    const tally = new Tally(scope);
    for (const { partition, first_offset: first, next_offset: next } of scope.partitions) {
      const known = this.entries.get(placeOf(scope.topic_id, partition)) ?? [];
      const wanted = known
        .filter((entry) => entry.first < next && entry.next > first)
        .sort((a, b) => a.at - b.at);
      if (wanted.length === 0 || tally.isFull) continue;
      const home = spread(`${scope.topic}/${partition}`, this.partitions);
      await this.visit(home, wanted, (index) => tally.take(index, partition, first, next));
    }
    return tally.counts();
  }

  async close(): Promise<void> {
    this.closing.abort();
    await Promise.all(this.following);
  }

  private async follow(partition: number): Promise<void> {
    const { signal } = this.closing;
    const reader = new LogReader(this.cluster, this.topic, partition);
    const stop = (): void => reader.close();
    signal.addEventListener('abort', stop, { once: true });
    while (!signal.aborted) {
      try {
        await reader.skipRemoved();
        while (!signal.aborted) await reader.read(FOLLOW_WAIT_MS, (record) => this.note(record));
      } catch (error) {
        if (signal.aborted) return;
        this.onTrouble(ownError(error));
        await sleep(RETRY_MS, signal).catch(() => undefined);
      }
    }
  }

  private note(record: LogRecord): void {
    const index = decoded(record);
    if (!index) return;
    const place = placeOf(index.topic_id, index.partition);
    const entries = this.entries.get(place) ?? [];
    this.entries.set(place, entries);
    entries.push({ first: index.first_offset, next: index.next_offset, at: record.offset });
  }

  private async visit(
    partition: number,
    wanted: readonly IndexEntry[],
    take: (index: PhiSubjectIndex) => void,
  ): Promise<void> {
    const reader = new LogReader(this.cluster, this.topic, partition, wanted[0]!.at);
    try {
      // What was removed meanwhile is not counted.
      const first = await reader.skipRemoved();
      const places = new Set(wanted.map(({ at }) => at).filter((at) => at >= first));
      for (const { at } of wanted) {
        if (!places.has(at)) continue;
        reader.position = at;
        while (places.has(at)) {
          const before = reader.position;
          await reader.read(0, (record) => {
            if (!places.delete(record.offset)) return;
            const index = decoded(record);
            if (index) take(index);
          });
          // Retention has taken it meanwhile: what is not there any more is not counted.
          if (reader.position === before || reader.position > at) places.delete(at);
        }
      }
    } finally {
      reader.close();
    }
  }
}

/** Adds up what index entries say; where two cover the same offsets, the later one counts nothing twice. */
class Tally {
  private readonly scope: Scope;
  private readonly named: ReadonlySet<bigint> | null;
  private readonly seen = new Set<bigint>();
  private readonly namedSeen = new Set<bigint>();
  /** Ranges taken in, by raw partition. */
  private readonly covered = new Map<number, [first: number, next: number][]>();
  private records = 0;
  private nobody = 0;
  private namedRecords = 0;
  private otherEpochs = false;

  constructor(scope: Scope) {
    this.scope = scope;
    this.named = scope.persons ? new Set(scope.persons.map((token) => token.readBigUInt64BE(0))) : null;
  }

  get isFull(): boolean {
    return this.records >= RECORDS_MAX;
  }

  take(index: PhiSubjectIndex, partition: number, first: number, next: number): void {
    if (this.isFull) return;
    const ranges = this.covered.get(partition) ?? [];
    const isCovered = (offset: number): boolean => ranges.some(([from, to]) => from <= offset && offset < to);
    const isOtherEpoch = index.key_epoch !== this.scope.token_epoch;
    this.otherEpochs ||= isOtherEpoch;
    for (const [i, offset] of indexedOffsets(index).entries()) {
      if (offset < first || offset >= next || isCovered(offset)) continue;
      this.records++;
      if (!isOtherEpoch) this.person(index.tokens.readBigUInt64BE(i * SUBJECT_TOKEN_BYTES));
    }
    const range: [number, number] = [Math.max(first, index.first_offset), Math.min(next, index.next_offset)];
    this.covered.set(partition, joined([...ranges, range]));
  }

  counts(): SubjectCounts {
    const covered = [...this.covered.values()].flat().reduce((sum, [first, next]) => sum + next - first, 0);
    return {
      records: this.records,
      persons: this.seen.size,
      withoutPerson: this.nobody,
      named: this.named && { records: this.namedRecords, persons: this.namedSeen.size },
      coveredOffsets: covered,
      otherKeyEpochs: this.otherEpochs,
    };
  }

  private person(token: bigint): void {
    if (token === 0n) {
      this.nobody++;
      return;
    }
    this.seen.add(token);
    if (!this.named?.has(token)) return;
    this.namedRecords++;
    this.namedSeen.add(token);
  }
}

/** Ranges that touch become one. */
function joined(ranges: readonly [number, number][]): [number, number][] {
  const out: [number, number][] = [];
  for (const [first, next] of ranges.toSorted((a, b) => a[0] - b[0])) {
    const last = out.at(-1);
    if (last && first <= last[1]) last[1] = Math.max(last[1], next);
    else out.push([first, next]);
  }
  return out;
}

function placeOf(topicId: string, partition: number): string {
  return `${topicId}/${partition}`;
}

/** An entry that cannot be read covers nothing: the preview says that it is incomplete. */
function decoded(record: LogRecord): PhiSubjectIndex | null {
  if (!record.value) return null;
  try {
    return subjectIndexCodec.decode(record.value);
  } catch {
    return null;
  }
}
