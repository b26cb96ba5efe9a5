/**
 * Removes the beginning of the audit topics, and only so: archived and read back, sealed under a quorum, under no legal
 * hold, older than the law asks, declared by an admin, and the declaration sealed. Any doubt before the last step leaves
 * everything where it is.
 */
import { monotonicMs, nowMs, sleep } from '../../platform/clock.ts';
import { GauzeError } from '../../platform/errors.ts';
import type { AccessActor } from '../../schemas/access-codecs.ts';
import type { SealedPartition } from '../../schemas/seal-codecs.ts';
import type { EventBody } from '../audit-chain.ts';
import type { ChainPlace } from '../closed-chain.ts';
import type { AuditSource, SourcePartition } from '../verify/audit-source.ts';
import type { Trust } from '../verify/trust.ts';
import { FrontierLookup } from './archive-writer.ts';
import { AuditArchive } from './audit-archive.ts';
import { declarationBody } from './declaration.ts';
import type { PruningDeclaration } from './declaration.ts';
import { HoldScan, touches } from './legal-hold.ts';
import { assertArchived } from './prefix-check.ts';
import { removableBefore } from './retention-time.ts';
import type { RetentionWord } from './retention-time.ts';
import { SealWalk } from './seal-walk.ts';
import type { SealedPoint } from './seal-walk.ts';

/** Up to where a partition is to be removed. */
export interface PruneCut {
  readonly topic: string;
  readonly partition: number;
  /** All records below go. */
  readonly offset: number;
}

/** What only an admin's log-in may do. */
export interface PruningHand {
  /** Commits events in a chain of the admin's; gives where its last event stands. */
  declare(bodies: readonly EventBody[]): Promise<ChainPlace>;
  /** Moves the beginning of partitions. */
  remove(cuts: readonly PruneCut[]): Promise<void>;
}

export interface PruneOptions {
  /** The live topics, read with an auditor's log-in. */
  readonly source: AuditSource;
  readonly trust: Trust;
  /** Folder of the archive. */
  readonly archive: string;
  /** Where the archive is kept, as it is declared. */
  readonly archiveUri: string;
  /** Cut at the newest seal with frontiers before this time, or at the one of this number. */
  readonly before: { readonly timeMs: number } | { readonly seal: number };
  readonly retention: RetentionWord;
  readonly reason: string;
  readonly actor: AccessActor;
  readonly hand: PruningHand;
  /** A chain whose writer is such a lane is gone on with from its last event, which therefore stays. */
  readonly isLane: (writerId: string) => boolean;
  /** How long the declaration may take to be sealed. */
  readonly sealPatienceMs: number;
  readonly onStep?: (step: string) => void;
  readonly onRecords?: (count: number) => void;
}

export interface PruneReport {
  readonly seal: number;
  /** Partitions whose beginning moved; none where there was nothing to remove. */
  readonly cuts: readonly (PruneCut & { readonly records: number })[];
  /** Seal under which the declaration stands; null where nothing was removed. */
  readonly declaredUnder: number | null;
}

const POLL_MS = 200;

/**
 * Prunes. Nothing is removed before every check has passed and the declaration is sealed; a run that was broken off can
 * be repeated.
 * @throws GauzeError ERR_AUDIT_RETENTION, ERR_AUDIT_NOTHING_SEALED, ERR_AUDIT_NOT_SOUND, ERR_AUDIT_ARCHIVE...,
 * ERR_AUDIT_HELD, ERR_AUDIT_LANE_END, ERR_AUDIT_DECLARATION_UNSEALED, and what source and hand throw
 */
export async function pruneAudit(options: PruneOptions): Promise<PruneReport> {
  return await new Pruning(options).run();
}

class Pruning {
  private readonly options: PruneOptions;
  private readonly walk: SealWalk;
  private readonly holds: HoldScan;

  constructor(options: PruneOptions) {
    this.options = options;
    this.walk = new SealWalk(options.source, options.trust);
    this.holds = new HoldScan(options.source, options.trust);
  }

  async run(): Promise<PruneReport> {
    const { source, onStep = () => undefined } = this.options;
    onStep('reading the log of seals');
    const archive = await AuditArchive.open(this.options.archive);
    const places = (await source.partitions()).filter(({ kind }) => kind !== 'seals');
    const starts = new FrontierLookup(beginnings(places, archive));
    const point = await this.point(starts);
    this.assertOld(point);
    this.assertLanesGoOn(point);
    const wanted = cutsOf(point, places);
    if (wanted.length === 0) return { seal: point.n, cuts: [], declaredUnder: null };
    onStep('looking for legal holds');
    await this.assertFree(point, places);
    onStep('reading the archive and the topics up to the cut');
    const declarations: PruningDeclaration[] = [];
    for (const { place, sealed } of placesAt(point, places))
      declarations.push(await this.declaration(archive, place, sealed, point, starts));
    onStep('declaring, and waiting for the seal');
    const declaredUnder = await this.declared(declarations);
    // A hold may have been placed meanwhile.
    await this.assertFree(point, places);
    onStep('removing');
    await this.options.hand.remove(wanted);
    return { seal: point.n, cuts: wanted, declaredUnder };
  }

  private async point(starts: FrontierLookup): Promise<SealedPoint> {
    const { before } = this.options;
    let found: SealedPoint | null = null;
    await this.walk.goOn((point) => {
      starts.take(point);
      const isBefore = 'seal' in before ? point.n <= before.seal : point.sealedAtMs < before.timeMs;
      if (isBefore) found = point;
    });
    const point = found as SealedPoint | null;
    if (!point) throw new GauzeError('ERR_AUDIT_NOTHING_SEALED', {});
    return point;
  }

  /** Everything below the cut was appended before its seal. Neither clock alone says what time it is. */
  private assertOld({ sealedAtMs }: SealedPoint): void {
    const { retention } = this.options;
    const now = Math.min(nowMs(), this.walk.newest?.sealedAtMs ?? 0);
    const limit = removableBefore(retention, now);
    if (limit === null || sealedAtMs > limit)
      throw new GauzeError('ERR_AUDIT_RETENTION', {
        setting: retention,
        expected: limit === null ? 'never' : new Date(limit).toISOString(),
      });
  }

  /** A lane looks for its last event before it goes on. */
  private assertLanesGoOn(point: SealedPoint): void {
    const { isLane } = this.options;
    const then = new Map(point.chains.map((chain) => [chain.chain_id.toString('hex'), chain]));
    for (const { chain_id: id, writer_id: writer, seq, state } of this.walk.newest?.chains ?? []) {
      const isLast = then.get(id.toString('hex'))?.seq === seq && state !== 'CLOSED';
      if (isLast && isLane(writer)) throw new GauzeError('ERR_AUDIT_LANE_END', { actual: writer });
    }
  }

  private async assertFree(point: SealedPoint, places: readonly SourcePartition[]): Promise<void> {
    await this.holds.goOn(this.options.onRecords);
    const firstMs = await this.firstAppendMs(places);
    const ends = new Map(point.partitions.map((sealed) => [keyOf(sealed), sealed.next_offset]));
    for (const hold of this.holds.inForce) {
      const place = places.find(({ kind, partition }) => kind === 'events' && partition === hold.partition);
      // What places a hold is kept for as long as it holds.
      const isBelow = place !== undefined && hold.offset < (ends.get(keyOf(place)) ?? 0);
      if (isBelow || touches(hold, firstMs, point.sealedAtMs))
        throw new GauzeError('ERR_AUDIT_HELD', { actual: hold.id });
    }
  }

  private async firstAppendMs(places: readonly SourcePartition[]): Promise<number> {
    let firstMs = Number.POSITIVE_INFINITY;
    for (const place of places)
      for await (const [record] of this.options.source.records(place, place.logStartOffset)) {
        firstMs = Math.min(firstMs, record?.appendTimeMs ?? firstMs);
        break;
      }
    return firstMs;
  }

  private async declaration(
    archive: AuditArchive,
    place: SourcePartition,
    sealed: SealedPartition,
    { n }: SealedPoint,
    starts: FrontierLookup,
  ): Promise<PruningDeclaration> {
    const { source, archiveUri: uri, retention, reason, onRecords } = this.options;
    const checked = await assertArchived({ archive, source, place, sealed, starts, onRecords });
    const { topic, next_offset: upToOffset, tree_size: upToSize, partition } = sealed;
    return {
      topic,
      partition,
      upToOffset,
      upToSize,
      seal: n,
      archive: { uri, ...checked },
      retention,
      reason,
    };
  }

  /** Gives the number of the seal under which the declaration stands, with its quorum. */
  private async declared(declarations: readonly PruningDeclaration[]): Promise<number> {
    const { hand, actor, sealPatienceMs } = this.options;
    const bodies = declarations.map((each) => declarationBody(each, actor, nowMs()));
    const at = await hand.declare(bodies);
    const deadlineMs = monotonicMs() + sealPatienceMs;
    for (let under: number | null = null; ;) {
      await this.walk.goOn();
      const { newest } = this.walk;
      const sealed = newest?.partitions.find((each) => keyOf(each) === keyOf(at));
      if (newest && sealed && sealed.next_offset > at.offset) under ??= newest.n;
      if (under !== null && this.walk.quorumSize > under) return under;
      if (monotonicMs() >= deadlineMs)
        throw new GauzeError('ERR_AUDIT_DECLARATION_UNSEALED', { limit: Math.round(sealPatienceMs / 1000) });
      await sleep(POLL_MS);
    }
  }
}

/** Every partition that the seal and the topics know. */
function placesAt(
  { partitions }: SealedPoint,
  places: readonly SourcePartition[],
): readonly { readonly place: SourcePartition; readonly sealed: SealedPartition }[] {
  return partitions.map((sealed) => {
    const place = places.find((each) => keyOf(each) === keyOf(sealed));
    if (place?.topicId !== sealed.topic_id.toString('hex'))
      throw new GauzeError('ERR_AUDIT_ARCHIVE_DIFFERS', {
        topic: sealed.topic,
        partition: sealed.partition,
      });
    return { place, sealed };
  });
}

/** Partitions whose beginning would move. */
function cutsOf(point: SealedPoint, places: readonly SourcePartition[]): PruneReport['cuts'] {
  return placesAt(point, places)
    .filter(({ place, sealed }) => sealed.next_offset > place.logStartOffset)
    .map(({ sealed: { topic, partition, next_offset: offset, tree_size: records } }) => ({
      topic,
      partition,
      offset,
      records,
    }));
}

/** Where the archive begins, or will: the trees of what lies before are looked up in seals. */
function beginnings(
  places: readonly SourcePartition[],
  archive: AuditArchive,
): readonly Pick<SourcePartition, 'topic' | 'partition' | 'logStartOffset'>[] {
  return places.map(({ topic, partition, logStartOffset }) => {
    const first = archive.find({ topic, partition })?.firstOffset ?? logStartOffset;
    return { topic, partition, logStartOffset: first };
  });
}

function keyOf({ topic, partition }: { readonly topic: string; readonly partition: number }): string {
  return `${topic} ${partition}`;
}
