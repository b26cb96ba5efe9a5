/**
 * Where the verification stands in each partition of events and of the index of persons: reads up to a seal, or to the
 * end in about the order of time. It goes forward only, so that memory stays flat.
 */
import type { AuditSource, SourcePartition, SourceRecord } from './audit-source.ts';
import type { Checks } from './checks.ts';
import { PartitionCursor } from './partition-cursor.ts';
import { TreeCheck } from './tree-check.ts';
import type { TreeJson } from './tree-check.ts';
import type { VerifierState } from './verifier-state.ts';

/** One partition while it is read. */
export interface Reading {
  readonly tree: TreeCheck;
  readonly cursor: PartitionCursor;
  /** Records behind the last seal. */
  unsealed: number;
  unsealedSinceMs: number | null;
}

/** Records between two looks at what waits. */
const STEP = 512;
/** Fewer where whole indexes of persons wait: each may have half a megabyte. */
const STEP_ASKED = 32;

export class Readings {
  private readonly source: AuditSource;
  private readonly checks: Checks;
  private readonly onProgress: (done: number, all: number) => void;
  private readonly readings = new Map<string, Reading>();
  private done = 0;
  private all = 0;

  constructor(source: AuditSource, checks: Checks, onProgress: (done: number, all: number) => void) {
    this.source = source;
    this.checks = checks;
    this.onProgress = onProgress;
  }

  begin(places: readonly SourcePartition[], state: VerifierState | null): void {
    const known = new Map(state?.trees ?? []);
    for (const place of places) {
      const json = known.get(keyOf(place));
      this.all += place.endOffset - Math.max(place.logStartOffset, json?.nextOffset ?? 0);
      if (place.kind !== 'seals') this.beginAt(place, json);
    }
  }

  private beginAt(place: SourcePartition, json: TreeJson | undefined): void {
    const { topic, partition, topicId } = place;
    const { findings } = this.checks;
    const isSame = json === undefined || json.topicId === topicId;
    if (!isSame) findings.add('TOPIC_RECREATED', { topic, partition }, 'since the last verification');
    if (isSame && json && place.endOffset < json.nextOffset) {
      const detail = `it ends at ${place.endOffset}, ${json.nextOffset} was checked`;
      findings.add('OLDER_THAN_STATE', { topic, partition }, detail);
    }
    const tree = new TreeCheck(place, findings, isSame ? json : undefined);
    const cursor = new PartitionCursor(this.source, place, tree.nextOffset);
    this.readings.set(keyOf(place), { tree, cursor, unsealed: 0, unsealedSinceMs: null });
  }

  /** Partitions that seals may speak of. */
  find(topic: string, partition: number): Reading | null {
    return this.readings.get(keyOf({ topic, partition })) ?? null;
  }

  values(): readonly Reading[] {
    return [...this.readings.values()];
  }

  /** Reads what lies below an offset; `untilMs` as in Checks.accept. */
  async forward(reading: Reading, endOffset: number, untilMs: number | null): Promise<void> {
    const visit = (record: SourceRecord): void => this.checks.accept(reading.tree, record, untilMs);
    const { step } = this;
    for (;;) {
      const count = await reading.cursor.forward(endOffset, step, visit);
      this.progress(count);
      await this.checks.sources.settle();
      if (count < step) return;
    }
  }

  /** A partition that seals do not name keeps step by its times, so that little waits. */
  async forwardInTime(reading: Reading, untilMs: number): Promise<void> {
    for (;;) {
      const next = await reading.cursor.peek();
      if (!next || next.appendTimeMs > untilMs) return;
      await this.forward(reading, next.offset + 1, untilMs);
    }
  }

  /** Everything to the end, about in the order of time: what belongs together in two partitions comes together. */
  async readTail(): Promise<void> {
    for (;;) {
      const reading = await this.earliest();
      if (!reading) return;
      const next = await reading.cursor.peek();
      reading.unsealedSinceMs ??= next!.appendTimeMs;
      const visit = (record: SourceRecord): void => this.checks.accept(reading.tree, record, null);
      const count = await reading.cursor.forward(Number.POSITIVE_INFINITY, this.step, visit);
      reading.unsealed += count;
      this.progress(count);
      await this.checks.sources.settle();
    }
  }

  private get step(): number {
    return this.checks.sources.isAsked ? STEP_ASKED : STEP;
  }

  private async earliest(): Promise<Reading | null> {
    let first: Reading | null = null;
    let firstMs = Number.POSITIVE_INFINITY;
    for (const reading of this.readings.values()) {
      const next = await reading.cursor.peek();
      if (next && next.appendTimeMs < firstMs) [first, firstMs] = [reading, next.appendTimeMs];
    }
    return first;
  }

  /** Events that wait for a seal for longer than `patienceMs`. */
  tellUnsealed(patienceMs: number): void {
    for (const { tree, unsealed, unsealedSinceMs } of this.readings.values()) {
      if (unsealedSinceMs === null) continue;
      const ageMs = this.source.asOfMs - unsealedSinceMs;
      const { topic, partition } = tree.place;
      const detail = `${unsealed} records, the first ${Math.round(ageMs / 1000)} s old`;
      if (ageMs > patienceMs) this.checks.findings.add('UNSEALED_TAIL', { topic, partition }, detail);
    }
  }

  progress(count: number): void {
    this.done += count;
    this.onProgress(this.done, this.all);
  }

  async end(): Promise<void> {
    for (const { cursor } of this.readings.values()) await cursor.end();
  }

  toJSON(): VerifierState['trees'] {
    return [...this.readings].map(([key, { tree }]) => [key, tree.toJSON()]);
  }
}

function keyOf({ topic, partition }: { readonly topic: string; readonly partition: number }): string {
  return `${topic} ${partition}`;
}
