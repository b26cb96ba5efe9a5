/**
 * The index of persons: each range that an event commits to has its index, with the bytes and counts that the event
 * names, and the root over its persons where it names one. Both come in one transaction, so each waits only for the
 * other. No token leaves it.
 */
import { createHash } from 'node:crypto';
import { subjectIndexCodec } from '../../schemas/access-codecs.ts';
import type { PhiSubjectIndex } from '../../schemas/access-codecs.ts';
import { EXT_SUBJECTS_ROOT, subjectsHead } from '../membership-tree.ts';
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
  /** Root and number of the persons: what an event says, where it does; what an index has, once worked out. */
  readonly head?: string;
  /** Of an index whose event has not come yet. */
  readonly tokens?: Buffer;
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
    const said = placed.event.ext.find(({ k }) => k === EXT_SUBJECTS_ROOT)?.v;
    const head = said === undefined ? {} : { head: `${said} ${subjects.distinct}` };
    this.meet(key, { side: 'event', sha256, records: range.record_count, place: placeOf(placed), ...head });
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
    this.meet(key, { side: 'index', sha256, records, place, tokens });
    return index;
  }

  private meet(key: string, side: Waiting): void {
    const one = this.isNearCut ? { ...side, isNearCut: true } : side;
    const others = this.waiting.get(key) ?? [];
    const other = others.find(({ side }) => side !== one.side);
    if (!other) {
      // The bytes belong to whoever has read them.
      const kept = one.tokens ? { ...one, tokens: Buffer.from(one.tokens) } : one;
      this.waiting.set(key, [...others, kept]);
      return;
    }
    const left = others.filter((each) => each !== other);
    if (left.length > 0) this.waiting.set(key, left);
    else this.waiting.delete(key);
    const [event, index] = one.side === 'event' ? [one, other] : [other, one];
    const { place } = index;
    if (one.sha256 !== other.sha256) this.findings.add('SUBJECT_ROOT', place, 'another SHA-256');
    else if (one.records !== other.records)
      this.findings.add('SUBJECT_COUNT', place, `${one.records} and ${other.records} records`);
    else if (event.head !== undefined && headOf(index) !== event.head)
      this.findings.add('SUBJECT_ROOT', place, 'another root of its persons');
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
    const waiting = [...this.waiting].map(([key, sides]) => [key, sides.map(withoutTokens)] as const);
    return { waiting };
  }
}

/** Root and number of the persons of an index. */
function headOf({ head, tokens }: Waiting): string | undefined {
  if (!tokens) return head;
  const { root, size } = subjectsHead(tokens);
  return `${root.toString('hex')} ${size}`;
}

/** As the state file has it: it holds no token. */
function withoutTokens({ tokens, ...side }: Waiting): Waiting {
  return tokens ? { ...side, head: headOf({ ...side, tokens })! } : side;
}

function keyOf(topic: string, topicId: string, partition: number, from: number, to: number): string {
  return `${topic} ${topicId} ${partition} ${from} ${to}`;
}
