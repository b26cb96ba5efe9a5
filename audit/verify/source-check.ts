/**
 * The source once more: where its records are still there and may be read, each range has as many as its event says,
 * and they are about whom the index of persons says. It asks what its caller provides, and reads no record itself.
 */
import type { PhiSubjectIndex } from '../../schemas/access-codecs.ts';
import type { PhiAuditEvent } from '../../schemas/control-codecs.ts';
import { isRedriveGroup } from '../../schemas/topic-names.ts';
import { PASSED_OVER } from '../redrive-events.ts';
import { placeOf } from './chain-check.ts';
import type { PlacedEvent } from './chain-check.ts';
import type { Findings, FindingPlace } from './finding.ts';

/** A range of a raw partition. */
export interface SourceRange {
  readonly topic: string;
  /** 32 hex digits. */
  readonly topicId: string;
  readonly partition: number;
  readonly from: number;
  readonly to: number;
}

/** Counts data records; null where they are gone, are of another topic, or may not be read. */
export type CountSource = (range: SourceRange) => Promise<number | null>;

/** Whom the records of a range are about, worked out from the records themselves. */
export interface SourcePersons {
  /** As in the index: 8 bytes for each data record in offset order, zeros where it names nobody. */
  readonly tokens: Buffer;
  /** As in the index: where the records stand; null where they stand next to each other. */
  readonly offsets: Buffer | null;
  /** Numbers of records, from 0, that somebody ordered to pass over: the index may name nobody there. */
  readonly passedOver: ReadonlySet<number>;
}

/** Works out tokens of a key epoch; null where records or the key are gone, or may not be read. */
export type FindPersons = (range: SourceRange, keyEpoch: number) => Promise<SourcePersons | null>;

interface Waiting {
  readonly range: SourceRange;
  readonly records: number;
  readonly place: FindingPlace;
}

interface WaitingIndex {
  readonly range: SourceRange;
  readonly index: PhiSubjectIndex;
  readonly place: FindingPlace;
}

const TOKEN_BYTES = 8;

export class SourceCheck {
  private readonly findings: Findings;
  private readonly count: CountSource | null;
  private readonly persons: FindPersons | null;
  private waiting: Waiting[] = [];
  private indexes: WaitingIndex[] = [];
  /** Ranges that were counted again. */
  counted = 0;

  constructor(findings: Findings, count: CountSource | null, persons: FindPersons | null = null) {
    this.findings = findings;
    this.count = count;
    this.persons = persons;
  }

  get isAsked(): boolean {
    return this.count !== null || this.persons !== null;
  }

  accept(placed: PlacedEvent): void {
    const { range, phase } = placed.event;
    if (!this.count || !range || phase !== 'COMMITTED' || range.next_offset <= range.first_offset) return;
    if (isPassedOver(placed.event)) return;
    this.waiting.push({ range: rangeOf(range), records: range.record_count, place: placeOf(placed) });
  }

  acceptIndex(index: PhiSubjectIndex, place: FindingPlace): void {
    const { topic, topic_id: topicId, partition, first_offset: from, next_offset: to } = index;
    const range = { topic, topicId, partition, from, to };
    if (this.persons) this.indexes.push({ range, index, place: { ...place, ...sourcePlace(range) } });
    else if (this.count) this.findings.once('SUBJECTS_NOT_RECOUNTED', place, 'no key of subject tokens');
  }

  /** Asks about what has come together. */
  async settle(): Promise<void> {
    const { waiting, indexes } = this;
    this.waiting = [];
    this.indexes = [];
    for (const each of waiting) await this.settleCount(each);
    for (const each of indexes) await this.settlePersons(each);
  }

  private async settleCount({ range, records, place }: Waiting): Promise<void> {
    const found = await this.count!(range);
    const at = { ...place, ...sourcePlace(range) };
    if (found === null)
      this.findings.add('SOURCE_UNREADABLE', at, 'gone by retention, another topic, or no right');
    else if (found !== records)
      this.findings.add('SOURCE_COUNT', at, `${found} records, the event says ${records}`);
    if (found !== null) this.counted += 1;
  }

  private async settlePersons({ range, index, place }: WaitingIndex): Promise<void> {
    const found = await this.persons!(range, index.key_epoch);
    if (!found) {
      const detail = 'records are gone or may not be read, or their key epoch is not in the keyring';
      this.findings.add('SUBJECTS_NOT_RECOUNTED', place, detail);
      return;
    }
    const wrong = differences(index, found);
    if (wrong > 0) this.findings.add('SOURCE_SUBJECTS', place, `${wrong} of ${index.record_count} records`);
    else if (!sameBytes(index.offsets, found.offsets))
      this.findings.add('SOURCE_SUBJECTS', place, 'the records stand at other offsets');
  }
}

/** How many records are about somebody else than the index says. */
function differences({ tokens }: PhiSubjectIndex, { tokens: found, passedOver }: SourcePersons): number {
  let wrong = Math.abs(tokens.length - found.length) / TOKEN_BYTES;
  const end = Math.min(tokens.length, found.length);
  for (let at = 0; at < end; at += TOKEN_BYTES) {
    if (tokens.compare(found, at, at + TOKEN_BYTES, at, at + TOKEN_BYTES) === 0) continue;
    const isNobody = tokens.readBigUInt64LE(at) === 0n;
    if (!isNobody || !passedOver.has(at / TOKEN_BYTES)) wrong += 1;
  }
  return Math.ceil(wrong);
}

/** A redrive tells of stretches that it has not read, because nothing in them was withheld; nobody else may. */
function isPassedOver({ type, range, group }: PhiAuditEvent): boolean {
  const isEmpty = range?.record_count === 0 && range.delivered_count === 0;
  return type === PASSED_OVER && isEmpty && isRedriveGroup(group?.id ?? '');
}

function sameBytes(one: Buffer | null, other: Buffer | null): boolean {
  return one === null || other === null ? one === other : one.equals(other);
}

function sourcePlace({ topic, partition, from, to }: SourceRange): FindingPlace {
  return { source: topic, sourcePartition: partition, from, to };
}

function rangeOf(range: NonNullable<PhiAuditEvent['range']>): SourceRange {
  const { topic, partition, first_offset: from, next_offset: to } = range;
  return { topic, topicId: range.topic_id?.toString('hex') ?? '', partition, from, to };
}
