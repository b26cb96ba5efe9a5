/**
 * The verification itself: one pass over seals and events in the order of the seals, all checks fed from the same
 * bytes, nothing believed that can be computed. It shares codecs and hashes with the writers and no more.
 */
import { sleep } from '../../platform/clock.ts';
import { readSealRecord } from '../../schemas/seal-codecs.ts';
import type { PhiAuditSeal, SealRecord } from '../../schemas/seal-codecs.ts';
import type { AuditSource, CommittedPosition, SourcePartition, SourceRecord } from './audit-source.ts';
import { Checks } from './checks.ts';
import type { Findings } from './finding.ts';
import { PartitionCursor } from './partition-cursor.ts';
import { Readings } from './readings.ts';
import type { Reading } from './readings.ts';
import type { CountSource, FindPersons } from './source-check.ts';
import { leafOf } from './tree-check.ts';
import type { Trust } from './trust.ts';
import { STATE_FORMAT } from './verifier-state.ts';
import type { VerifierState } from './verifier-state.ts';

export interface VerifyOptions {
  /** null: there is no trust file, so nobody's keys are known. */
  readonly trust: Trust | null;
  /** Of the run before. */
  readonly state?: VerifierState | null;
  /** Counts the source again; without it nothing is counted. */
  readonly countSource?: CountSource | null;
  /** Works out once more whom the source is about; without it the index of persons is compared with events alone. */
  readonly findPersons?: FindPersons | null;
  /** Told now and then of records done, of records in all, as far as offsets tell. */
  readonly onProgress?: (done: number, all: number) => void;
}

/** What a verification looked at. */
export interface VerifyTotals {
  /** Events of this run, and of all runs that the state tells of. */
  readonly events: number;
  readonly eventsInAll: number;
  readonly seals: number;
  readonly cosignedSeals: number;
  readonly openChains: number;
  readonly domains: number;
  readonly unsealed: number;
  /** Age of the oldest event without a seal, milliseconds. */
  readonly unsealedAgeMs: number | null;
  readonly lastSealedAtMs: number | null;
  /** Ranges that were counted again at their source. */
  readonly recounted: number;
}

export interface VerifyResult {
  readonly findings: Findings;
  readonly totals: VerifyTotals;
  /** For the next run. */
  readonly state: VerifierState;
  readonly asOfMs: number;
  readonly clusterId: string;
  readonly origin: string | null;
}

const SETTLE_MS = 500;
const SETTLE_ATTEMPTS = 10;

/** Verifies what `source` has. Throws what the source throws, such as connection errors. */
export async function verifyAudit(source: AuditSource, options: VerifyOptions): Promise<VerifyResult> {
  const result = await new Verification(source, options).run();
  if (result) return result;
  // Of the state nothing can be gone on from: seals have come to a log that was first looked at without any, or what
  // it has not seen yet was removed.
  return (await new Verification(source, { ...options, state: null }).run())!;
}

class Verification {
  private readonly source: AuditSource;
  private readonly trust: Trust | null;
  private readonly state: VerifierState | null;
  private readonly checks: Checks;
  private readonly readings: Readings;
  private sealsNextOffset = 0;
  private sealsTopicId = '';

  constructor(source: AuditSource, options: VerifyOptions) {
    const { trust, state = null, countSource = null, findPersons = null } = options;
    this.source = source;
    this.trust = trust;
    this.state = state;
    this.checks = new Checks(source.clusterId, trust, state, countSource, findPersons);
    this.readings = new Readings(source, this.checks, options.onProgress ?? (() => undefined));
  }

  /** null: nothing can be gone on from with this state, and another run without it is needed. */
  async run(): Promise<VerifyResult | null> {
    const { source, readings, checks } = this;
    // Witnesses and groups first: what comes later can only be more.
    checks.notes.remember(await source.witnessNotes());
    const before = await source.committed('before');
    const places = await source.partitions();
    checks.seeks.learn((await source.resumeOrders?.()) ?? null);
    if (this.isOvertaken(places)) return null;
    const hasPrunedBegin = places.some(({ kind, logStartOffset }) => kind !== 'seals' && logStartOffset > 0);
    checks.chains.hasPrunedBegin = hasPrunedBegin;
    checks.subjects.isNearCut = hasPrunedBegin && this.state === null;
    readings.begin(places, this.state);
    const sealsBefore = checks.notes.size;
    const sealsPlace = places.find(({ kind }) => kind === 'seals');
    if (sealsPlace) await this.readSeals(sealsPlace);
    if (this.state && sealsBefore === 0 && checks.notes.size > 0) return null;
    // The next run goes on from the last seal: the tail is read again, once there is a seal for it.
    const sealed = checks.notes.size > 0 ? this.snapshot() : null;
    await readings.readTail();
    const state = sealed ?? this.snapshot();
    await this.finish(places, before);
    await readings.end();
    const { asOfMs, clusterId } = source;
    const origin = this.trust?.origin ?? null;
    return { findings: checks.findings, totals: this.totals(), state, asOfMs, clusterId, origin };
  }

  /** Was something removed that the state has not seen? */
  private isOvertaken(places: readonly SourcePartition[]): boolean {
    const seen = new Map(this.state?.trees ?? []);
    return places.some(({ topic, partition, topicId, logStartOffset }) => {
      const tree = seen.get(`${topic} ${partition}`);
      return tree !== undefined && tree.topicId === topicId && tree.nextOffset < logStartOffset;
    });
  }

  private async readSeals(place: SourcePartition): Promise<void> {
    const { topic, partition, topicId } = place;
    const { state, checks } = this;
    const isSame = state?.sealsTopicId === topicId;
    const from = state && isSame ? state.sealsNextOffset : place.logStartOffset;
    if (state && state.sealsTopicId !== '' && !isSame)
      checks.findings.add(
        'TOPIC_RECREATED',
        { topic, partition },
        'the log of seals, since the last verification',
      );
    if (place.endOffset < from) {
      const detail = `it ends at ${place.endOffset}, ${from} was checked`;
      checks.findings.add('OLDER_THAN_STATE', { topic, partition }, detail);
    }
    const cursor = new PartitionCursor(this.source, place, from);
    this.sealsTopicId = topicId;
    this.sealsNextOffset = from;
    for (let record = await cursor.take(); record; record = await cursor.take()) {
      await this.acceptSealRecord(record, topic);
      this.sealsNextOffset = record.offset + 1;
      this.readings.progress(1);
    }
    await cursor.end();
  }

  private async acceptSealRecord(
    { key, value, offset, appendTimeMs }: SourceRecord,
    topic: string,
  ): Promise<void> {
    const place = { topic, partition: 0, offset };
    let read: SealRecord;
    try {
      read = readSealRecord(key, value);
    } catch {
      this.checks.findings.add('SEAL_MALFORMED', place, 'it does not decode');
      return;
    }
    if (read.kind === 'checkpoint') this.checks.notes.acceptNote(read.note, place, appendTimeMs);
    else await this.acceptSeal(read.seal, leafOf(read.value));
  }

  private async acceptSeal(seal: PhiAuditSeal, leaf: Buffer): Promise<void> {
    const { checks, readings } = this;
    checks.seals.accept(seal, leaf);
    checks.notes.appendSeal(leaf, seal.n);
    const untilMs = seal.sealed_at / 1000;
    const isPruned = readings.values().some(({ tree }) => tree.isUnknown);
    checks.pruning.seal(seal, isPruned);
    const named = new Set<Reading>();
    for (const sealed of seal.partitions) {
      const { topic, partition } = sealed;
      const reading = readings.find(topic, partition);
      if (!reading) {
        checks.findings.once(
          'SHORTER_THAN_SEALED',
          { topic, partition, seal: seal.n },
          'it is not here at all',
        );
        continue;
      }
      named.add(reading);
      await readings.forward(reading, sealed.next_offset, untilMs);
      reading.tree.compare(seal.n, sealed);
    }
    for (const reading of readings.values())
      if (!named.has(reading)) await readings.forwardInTime(reading, untilMs);
    if (isPruned) {
      checks.chains.adopt(seal.chains, untilMs);
      checks.tiling.adopt(seal.coverage);
    } else {
      checks.tiling.seal(seal.n, seal.coverage, untilMs);
      checks.subjects.isNearCut = false;
    }
    checks.time.sealedAtMs = untilMs;
  }

  private async finish(
    places: readonly SourcePartition[],
    before: readonly CommittedPosition[] | null,
  ): Promise<void> {
    const { source, checks } = this;
    await checks.pruning.finishArchive(source, places);
    checks.tiling.gaps();
    checks.tiling.compare(before, await this.settledPositions());
    checks.finish(
      places.filter(({ kind }) => kind !== 'seals'),
      source.asOfMs,
    );
    const { patienceMs } = checks.seals;
    if (patienceMs !== null) this.readings.tellUnsealed(patienceMs);
    if (!this.trust) checks.findings.once('NO_TRUST_FILE', {}, 'none was given');
    for (const place of source.unsettled?.() ?? [])
      checks.findings.add('UNSETTLED', place, 'for longer than a transaction may take');
    for (const { place, detail } of await source.damage())
      checks.findings.add('EXPORT_DAMAGED', { file: place }, detail);
  }

  /** Positions after the events; in a live log the last marker may need a moment to reach the group's partition. */
  private async settledPositions(): Promise<readonly CommittedPosition[] | null> {
    for (let attempt = 0; ; attempt += 1) {
      const after = await this.source.committed('after');
      const isSettled = !this.source.isLive || !after || !this.checks.tiling.isBeyond(after);
      if (isSettled || attempt >= SETTLE_ATTEMPTS) return after;
      await sleep(SETTLE_MS);
    }
  }

  private totals(): VerifyTotals {
    const { notes, chains, tiling, seals, sources, events } = this.checks;
    const readings = this.readings.values().filter(({ tree }) => tree.place.kind === 'events');
    const since = readings.flatMap(({ unsealedSinceMs: ms }) => (ms === null ? [] : [ms]));
    return {
      events,
      eventsInAll: events + (this.state?.events ?? 0),
      seals: notes.size,
      cosignedSeals: notes.witnessedSize,
      openChains: chains.openChains,
      domains: tiling.size,
      unsealed: readings.reduce((sum, { unsealed }) => sum + unsealed, 0),
      unsealedAgeMs: since.length > 0 ? this.source.asOfMs - Math.min(...since) : null,
      lastSealedAtMs: seals.lastSealedAtMs,
      recounted: sources.counted,
    };
  }

  /** Everything as it is now, by value. */
  private snapshot(): VerifierState {
    const state: VerifierState = {
      format: STATE_FORMAT,
      origin: this.trust?.origin ?? '',
      rootVkey: this.trust?.rootVkey ?? '',
      clusterId: this.source.clusterId,
      sealsNextOffset: this.sealsNextOffset,
      sealsTopicId: this.sealsTopicId,
      events: this.checks.events + (this.state?.events ?? 0),
      trees: this.readings.toJSON(),
      ...this.checks.toJSON(),
    };
    return JSON.parse(JSON.stringify(state)) as VerifierState;
  }
}
