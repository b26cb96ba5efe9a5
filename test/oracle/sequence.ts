/**
 * Compares the records of a sanitized partition, in order, with those that must stand there. Where the two part it
 * looks ahead for the smallest difference that explains it, names that, and goes on. Keeps a window of records and one
 * number for each that was found; never tells what stands in a record.
 */
import { hash } from 'node:crypto';
import type { Findings, FindingCode, FindingPlace } from './finding.ts';
import type { LogRecord } from './log-source.ts';
import type { ExpectedRecord } from './reference.ts';

/** A record that must come next. */
export interface Awaited {
  /** Of the raw record. */
  readonly offset: number;
  /** How often its lane had begun anew at or before it: offsets rise within one era. */
  readonly era: number;
  /** Null: any record, of which the raw one is gone. */
  readonly record: ExpectedRecord | null;
  /** Says in what way a record that stands in this one's place is another one. */
  readonly explain: ((found: LogRecord, place: FindingPlace) => void) | null;
}

/** A record that must not be published, as it would look if it were. */
export interface Shadow {
  readonly offset: number;
  readonly code: FindingCode;
  readonly record: ExpectedRecord;
}

/** A record that was missed, or found where nothing should be: for comparison with other partitions. */
export interface Stray {
  readonly print: string;
  readonly place: FindingPlace;
}

/** How far it looks ahead, in records: more than one transaction writes. */
const WINDOW = 4_096;
/** So many records must agree behind a difference for it to explain what was seen. */
const AGREEING = 3;

export class SequenceCheck {
  readonly lost: Stray[] = [];
  readonly strays: Stray[] = [];
  compared = 0;
  private readonly findings: Findings;
  private readonly place: FindingPlace;
  private readonly source: Iterator<LogRecord>;
  private readonly found: LogRecord[] = [];
  private foundHead = 0;
  private foundEnded = false;
  private awaited: Awaited[] = [];
  private head = 0;
  private shadows: Shadow[] = [];
  private readonly published = new Set<string>();
  private readonly lateOnes: Awaited[] = [];

  /** `place`: audience, sanitized topic and partition. */
  constructor(findings: Findings, place: FindingPlace, records: Iterable<LogRecord>) {
    this.findings = findings;
    this.place = place;
    this.source = records[Symbol.iterator]();
  }

  expect(awaited: Awaited): void {
    this.awaited.push(awaited);
    if (this.awaited.length - this.head <= WINDOW) return;
    while (this.awaited.length - this.head > WINDOW / 2) this.step();
    this.awaited = this.awaited.slice(this.head);
    this.head = 0;
  }

  /** A record that stands somewhere among the others, behind those that were said to be late before it. */
  late(awaited: Awaited): void {
    this.lateOnes.push(awaited);
  }

  shadow(shadow: Shadow): void {
    this.shadows.push(shadow);
    if (this.shadows.length > 2 * WINDOW) this.shadows = this.shadows.slice(WINDOW);
  }

  /** Nothing more is awaited. Records that were lost and turned up elsewhere in the partition are out of order. */
  end(): void {
    while (this.head < this.awaited.length) this.step();
    while (this.actual(0)) if (!this.takeLate()) this.extra();
    for (const { offset, record } of this.lateOnes) this.missing(offset, record);
    const lost = new Map(this.lost.map((each) => [each.print, each]));
    const left = this.strays.splice(0).filter((stray) => {
      const moved = lost.get(stray.print);
      if (!moved) return true;
      lost.delete(stray.print);
      this.lost.splice(this.lost.indexOf(moved), 1);
      this.findings.add('RECORD_OUT_OF_ORDER', { ...stray.place, detail: moved.place.detail ?? '' });
      return false;
    });
    for (const stray of left) {
      if (this.published.has(stray.print)) this.findings.add('RECORD_DOUBLED', stray.place);
      else this.strays.push(stray);
    }
  }

  private step(): void {
    const found = this.actual(0);
    if (!found) return this.miss();
    if (this.isSame(0, 0)) return this.match(found);
    if (this.takeLate()) return;
    if (this.isSame(1, 0) && this.isSame(0, 1) && this.agrees(2, 2)) return this.swapped(found);
    if (this.agrees(1, 1)) return this.differs(found);
    for (let by = 1; by < WINDOW; by += 1) {
      const [isMissed, isExtra] = [this.agrees(by, 0), this.agrees(0, by)];
      if (isMissed) return times(by, () => this.miss());
      if (isExtra) return times(by, () => this.extra());
      if (this.head + by >= this.awaited.length && !this.actual(by)) break;
    }
    this.differs(found);
  }

  private match(found: LogRecord): void {
    const { offset, record } = this.awaited[this.head]!;
    if (record) {
      this.published.add(printOf(record));
      const wanted = record.timestampMs;
      const isRight =
        wanted === null ? found.isAppendTime : !found.isAppendTime && found.timestampMs === wanted;
      if (!isRight && record.value !== 'any')
        this.findings.add('TIME_DIFFERS', this.at(found, `raw offset ${offset}`));
    }
    this.compared += 1;
    this.head += 1;
    this.take();
  }

  private swapped(found: LogRecord): void {
    this.findings.add(
      'RECORD_OUT_OF_ORDER',
      this.at(found, `raw offset ${this.awaited[this.head + 1]!.offset}`),
    );
    const [first, second] = [this.awaited[this.head]!, this.awaited[this.head + 1]!];
    this.awaited[this.head] = second;
    this.awaited[this.head + 1] = first;
  }

  private differs(found: LogRecord): void {
    const { offset, explain } = this.awaited[this.head]!;
    explain?.(found, this.at(found, `raw offset ${offset}`));
    this.compared += 1;
    this.head += 1;
    this.take();
  }

  private miss(): void {
    const { offset, record } = this.awaited[this.head]!;
    this.head += 1;
    this.missing(offset, record);
  }

  private takeLate(): boolean {
    const [late] = this.lateOnes;
    const next = this.awaited[this.head];
    // It was withheld when the lane came by: whatever the lane published before that stands before it.
    if (late && next && next.era === late.era && next.offset < late.offset) return false;
    const record = late?.record;
    const found = this.actual(0);
    if (!record || !found || !isSameRecord(record, found)) return false;
    this.lateOnes.shift();
    this.published.add(printOf(record));
    this.compared += 1;
    this.take();
    return true;
  }

  private missing(offset: number, record: ExpectedRecord | null): void {
    const place = { ...this.place, detail: `raw offset ${offset}` };
    this.lost.push({ print: record ? printOf(record) : '', place });
  }

  private extra(): void {
    const found = this.actual(0)!;
    this.take();
    const shadow = this.shadows.find(({ record }) => isSameRecord(record, found));
    if (shadow) this.findings.add(shadow.code, this.at(found, `raw offset ${shadow.offset}`));
    else this.strays.push({ print: printOf(found), place: this.at(found) });
  }

  private at(found: LogRecord, detail?: string): FindingPlace {
    return { ...this.place, offset: found.offset, ...(detail === undefined ? {} : { detail }) };
  }

  /** Do the awaited from `i` on stand from `j` on, as far as can be seen, and at least one of them? */
  private agrees(i: number, j: number): boolean {
    for (let step = 0; step < AGREEING; step += 1) {
      const isOver = this.head + i + step >= this.awaited.length;
      const found = this.actual(j + step);
      if (isOver && !found) return true;
      if (isOver || !found || !this.isSame(i + step, j + step)) return false;
    }
    return true;
  }

  private isSame(i: number, j: number): boolean {
    const awaited = this.awaited[this.head + i];
    const found = this.actual(j);
    if (!awaited || !found) return false;
    return awaited.record === null || isSameRecord(awaited.record, found);
  }

  private actual(ahead: number): LogRecord | null {
    while (this.found.length - this.foundHead <= ahead && !this.foundEnded) {
      const next = this.source.next();
      if (next.done) this.foundEnded = true;
      else this.found.push(next.value);
    }
    return this.found[this.foundHead + ahead] ?? null;
  }

  private take(): void {
    this.foundHead += 1;
    if (this.foundHead > WINDOW) this.found.splice(0, this.foundHead);
    if (this.foundHead > WINDOW) this.foundHead = 0;
  }
}

function times(count: number, work: () => void): void {
  for (let i = 0; i < count; i += 1) work();
}

/** Key, value and headers; times are another matter. */
export function isSameRecord(want: ExpectedRecord, have: LogRecord): boolean {
  return (
    isSameBytes(want.key, have.key) &&
    (want.value === 'any' || isSameBytes(want.value, have.value)) &&
    isSameHeaders(want.headers, have.headers)
  );
}

export function isSameBytes(one: Buffer | null, other: Buffer | null): boolean {
  return one === null || other === null ? one === other : one.equals(other);
}

export function isSameHeaders(one: LogRecord['headers'], other: LogRecord['headers']): boolean {
  return (
    one.length === other.length &&
    one.every(([name, value], i) => other[i]![0] === name && isSameBytes(value, other[i]![1]))
  );
}

function printOf({ key, value, headers }: ExpectedRecord | LogRecord): string {
  const parts = [key, value, ...headers.flatMap(([name, content]) => [Buffer.from(name), content])];
  const sized = parts.flatMap((part) => {
    const bytes = part === 'any' || part === null ? Buffer.alloc(0) : part;
    return [Buffer.from(`${part === null ? -1 : bytes.length} `), bytes];
  });
  return hash('sha1', Buffer.concat(sized), 'base64').slice(0, 16);
}
