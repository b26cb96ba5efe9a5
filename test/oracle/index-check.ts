/**
 * The index of persons against the raw records: one token for each record of each range, made here a second time out of
 * the schema's own words and the keyring (token-oracle.ts), and an event for each index that commits to it.
 */
import { createHash } from 'node:crypto';
import avsc from 'avsc';
import { subjectIndexCodec } from '../../schemas/access-codecs.ts';
import type { PhiSubjectIndex } from '../../schemas/access-codecs.ts';
import { valueSubject } from '../../schemas/topic-names.ts';
import { tokenByHand } from '../support/token-oracle.ts';
import type { FindingPlace } from './finding.ts';
import type { AuditedRange } from './lane-account.ts';
import type { LogRecord, LogSource } from './log-source.ts';
import { RangeCounts, within } from './range-counts.ts';
import type { CountedLane } from './range-counts.ts';
import { placeName, schemaIdOf } from './reference.ts';
import type { SchemaSource } from './reference.ts';

/** Root keys of subject tokens by epoch. */
export type TokenRoots = ReadonlyMap<number, Buffer>;

interface Index {
  readonly index: PhiSubjectIndex;
  readonly sha256: string;
}

const NOBODY = '0'.repeat(16);
const REMEMBERED = 100_000;

export class IndexCheck {
  private readonly indexes = new Map<string, Index[]>();
  private readonly registry: SchemaSource;
  private readonly roots: TokenRoots;
  private readonly readers = new Map<number, PersonReader>();
  private readonly tokens = new Map<string, string>();

  /** `topic`: of the index. */
  constructor(logs: LogSource, topic: string, registry: SchemaSource, roots: TokenRoots) {
    this.registry = registry;
    this.roots = roots;
    for (const at of logs.partitions(topic))
      for (const { value } of logs.committed(at)) {
        const index = subjectIndexCodec.decode(value!);
        const sha256 = createHash('sha256').update(value!).digest('hex');
        const place = nameOf(index.topic, index.topic_id, index.partition);
        const mine = this.indexes.get(place) ?? [];
        mine.push({ index, sha256 });
        this.indexes.set(place, mine);
      }
  }

  /** Compares one raw partition with its index. */
  async check(lane: CountedLane, committed: number): Promise<void> {
    const { account, raw, findings, logs } = lane;
    const place = { audience: 'index', topic: raw.topic, partition: raw.partition };
    await this.learn(raw.topic);
    const mine = this.indexes.get(nameOf(raw.topic, raw.topicId, raw.partition)) ?? [];
    const ranges = account.segments.flatMap((segment) => segment.ranges);
    if (ranges.length !== mine.length)
      findings.add('INDEX_MISSING', { ...place, detail: `${mine.length} for ${ranges.length} events` });
    let next = 0;
    for (const [i, segment] of account.segments.entries()) {
      const counts = new RangeCounts(segment.ranges, lane, place);
      const gone = new Set([...counts.before(raw.startOffset)].map(({ range }) => range));
      const found = new Map(segment.ranges.map((range) => [range, mine[next++]]));
      for (const [range, index] of found) if (index) this.compare(lane, place, range, index);
      const last = i === account.segments.length - 1 ? committed : (segment.ranges.at(-1)?.nextOffset ?? 0);
      const pairsOf = new PairsOfLast();
      for (const record of within(logs.committed(raw), segment.from, last)) {
        const { range, index: number } = counts.take(record);
        const index = range && found.get(range)?.index;
        if (!range || !index || number === null || gone.has(range)) continue;
        const pair = pairsOf.get(index)[number];
        if (pair?.offset !== record.offset || pair.token !== this.tokenOf(lane, record, index.key_epoch))
          findings.add('INDEX_TOKEN', { ...place, offset: record.offset });
      }
      counts.finish();
    }
  }

  private compare({ findings }: CountedLane, place: FindingPlace, range: AuditedRange, found: Index): void {
    const { index, sha256 } = found;
    const tokens = pairs(index).map(({ token }) => token);
    const named = new Set(tokens.filter((token) => token !== NOBODY));
    const isSame =
      index.first_offset === range.firstOffset &&
      index.next_offset === range.nextOffset &&
      index.record_count === range.recordCount &&
      tokens.length === range.recordCount &&
      sha256 === range.indexSha256 &&
      named.size === range.distinct;
    if (!isSame) findings.add('INDEX_OTHER', { ...place, offset: range.firstOffset });
  }

  /** What has no readable value, and what a person has ordered to pass over, is about nobody. */
  private tokenOf({ reference, account }: CountedLane, record: LogRecord, epoch: number): string {
    const isOrdered = reference.ordered.get(placeName(account))?.has(record.offset) ?? false;
    const id = record.value && !isOrdered ? schemaIdOf(record) : null;
    const person = id === null ? null : (this.readers.get(id)?.(record.value!.subarray(5)) ?? null);
    return person ? this.token(epoch, person) : NOBODY;
  }

  private token(epoch: number, person: string): string {
    const name = `${epoch} ${person}`;
    const known = this.tokens.get(name);
    if (known !== undefined) return known;
    const root = this.roots.get(epoch);
    const token = root ? tokenByHand(root, epoch, person).toString('hex') : 'no such epoch';
    if (this.tokens.size >= REMEMBERED) this.tokens.clear();
    this.tokens.set(name, token);
    return token;
  }

  private async learn(topic: string): Promise<void> {
    for (const { id, text } of await this.registry.subjectVersions(valueSubject(topic)))
      if (!this.readers.has(id)) this.readers.set(id, personReader(text));
  }
}

type PersonReader = (body: Buffer) => string | null;

/** Decodes with avsc and takes the field marked at the top of the schema; null for a value that does not decode. */
function personReader(schemaText: string): PersonReader {
  const { fields } = JSON.parse(schemaText) as { fields: { name: string; 'gauze:person'?: boolean }[] };
  const type = avsc.Type.forSchema(JSON.parse(schemaText) as avsc.Schema);
  const field = fields.find((each) => each['gauze:person'] === true)?.name;
  return (body) => {
    try {
      const value = type.fromBuffer(body) as Record<string, string | number | null>;
      return field === undefined ? null : (value[field]?.toString() ?? null);
    } catch {
      return null;
    }
  };
}

interface Pair {
  readonly offset: number;
  readonly token: string;
}

/** Records come in order: what the index under them says is looked up once. */
class PairsOfLast {
  private index: PhiSubjectIndex | null = null;
  private pairs: readonly Pair[] = [];

  get(index: PhiSubjectIndex): readonly Pair[] {
    if (this.index !== index) this.pairs = pairs(index);
    this.index = index;
    return this.pairs;
  }
}

/** What an index says of each record: its offset, and the token in hex. */
function pairs({
  first_offset: first,
  record_count: count,
  offsets,
  tokens,
}: PhiSubjectIndex): readonly Pair[] {
  const distances: number[] = [];
  for (let at = 0; at < (offsets?.length ?? 0);) {
    let distance = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = offsets![at++]!;
      distance += (byte & 0x7f) * factor;
      if (byte < 0x80) break;
    }
    distances.push(distance);
  }
  let offset = first;
  return Array.from({ length: Math.max(count, tokens.length / 8) }, (_, i) => {
    offset += offsets === null ? Number(i > 0) : (distances[i] ?? Number.NaN);
    return { offset, token: tokens.toString('hex', i * 8, i * 8 + 8) };
  });
}

function nameOf(topic: string, topicId: string, partition: number): string {
  return `${topic} ${topicId} ${partition}`;
}
