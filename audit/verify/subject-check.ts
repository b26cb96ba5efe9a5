/**
 * The index of persons: each range that an event commits to has its index, with the bytes and counts that the event
 * names. Both come in one transaction, so each waits only for the other. It looks at no token.
 */
import { createHash } from 'node:crypto';
import { subjectIndexCodec } from '../../schemas/access-codecs.ts';
import type { PhiSubjectIndex } from '../../schemas/access-codecs.ts';
import { placeOf } from './chain-check.ts';
import type { PlacedEvent } from './chain-check.ts';
import type { FindingPlace, Findings } from './finding.ts';

/** One side that has not met the other yet. */
interface Waiting {
  readonly side: 'event' | 'index';
  /** Base64 of the SHA-256 of the index. */
  readonly sha256: string;
  readonly records: number;
  readonly place: FindingPlace;
  /** It stands next to where the log was cut: the other side may have been on the other side of the cut. */
  readonly isNearCut?: boolean;
}

export interface SubjectsJson {
  readonly waiting: readonly (readonly [string, readonly Waiting[]])[];
}

const TOKEN_BYTES = 8;

export class SubjectCheck {
  private readonly findings: Findings;
  private readonly waiting = new Map<string, readonly Waiting[]>();
  /** Until one seal after the first that is here: both sides of one transaction may be sealed in two. */
  isNearCut = false;

  constructor(findings: Findings, json?: SubjectsJson) {
    this.findings = findings;
    for (const [key, sides] of json?.waiting ?? []) this.waiting.set(key, sides);
  }

  acceptEvent(placed: PlacedEvent): void {
    const { range, subjects } = placed.event;
    if (!range || !subjects?.index_sha256) return;
    const topicId = range.topic_id?.toString('hex') ?? '';
    const key = keyOf(range.topic, topicId, range.partition, range.first_offset, range.next_offset);
    const sha256 = subjects.index_sha256.toString('base64');
    this.meet(key, { side: 'event', sha256, records: range.record_count, place: placeOf(placed) });
  }

  /** Gives the index; null where the record is none. */
  acceptIndex(value: Buffer, place: FindingPlace): PhiSubjectIndex | null {
    let index: PhiSubjectIndex;
    try {
      index = subjectIndexCodec.decode(value);
    } catch {
      this.findings.add('SUBJECT_EXTRA', place, 'the record is no index of persons');
      return null;
    }
    const { topic, topic_id: topicId, partition, record_count: records, tokens } = index;
    if (tokens.length !== records * TOKEN_BYTES)
      this.findings.add('SUBJECT_COUNT', place, `${records} records, ${tokens.length} bytes of tokens`);
    const key = keyOf(topic, topicId, partition, index.first_offset, index.next_offset);
    const sha256 = createHash('sha256').update(value).digest('base64');
    this.meet(key, { side: 'index', sha256, records, place });
    return index;
  }

  private meet(key: string, side: Waiting): void {
    const one = this.isNearCut ? { ...side, isNearCut: true } : side;
    const others = this.waiting.get(key) ?? [];
    const other = others.find(({ side }) => side !== one.side);
    if (!other) {
      this.waiting.set(key, [...others, one]);
      return;
    }
    const left = others.filter((each) => each !== other);
    if (left.length > 0) this.waiting.set(key, left);
    else this.waiting.delete(key);
    const place = one.side === 'index' ? one.place : other.place;
    if (one.sha256 !== other.sha256) this.findings.add('SUBJECT_ROOT', place, 'another SHA-256');
    else if (one.records !== other.records)
      this.findings.add('SUBJECT_COUNT', place, `${one.records} and ${other.records} records`);
  }

  /** Whoever waits when all has been read waits for something that is not there. */
  finish(hasPrunedBegin: boolean): void {
    for (const { side, place, records, isNearCut = false } of [...this.waiting.values()].flat()) {
      if (isNearCut) this.findings.once('REFERS_TO_PRUNED', place, 'the other side of an index of persons');
      else if (side === 'event') this.findings.add('SUBJECT_MISSING', place, `for ${records} records`);
      else if (hasPrunedBegin) this.findings.once('REFERS_TO_PRUNED', place, 'the event of this index');
      else this.findings.add('SUBJECT_EXTRA', place, `for ${records} records`);
    }
  }

  toJSON(): SubjectsJson {
    return { waiting: [...this.waiting] };
  }
}

function keyOf(topic: string, topicId: string, partition: number, from: number, to: number): string {
  return `${topic} ${topicId} ${partition} ${from} ${to}`;
}
