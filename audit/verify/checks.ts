/**
 * All checks of one verification, fed from the same records. It decodes, hands each record to every check once, and
 * writes their state down; what follows from a finding is not decided here.
 */
import { auditEventCodec } from '../../schemas/control-codecs.ts';
import type { SourcePartition, SourceRecord } from './audit-source.ts';
import { ChainCheck } from './chain-check.ts';
import type { PlacedEvent } from './chain-check.ts';
import { Findings } from './finding.ts';
import type { FindingPlace } from './finding.ts';
import { LeaseCheck } from './lease-check.ts';
import { NoteCheck } from './note-check.ts';
import { PruningCheck } from './pruning-check.ts';
import { SealCheck } from './seal-check.ts';
import { SeekCheck } from './seek-check.ts';
import { SourceCheck } from './source-check.ts';
import type { CountSource, FindPersons } from './source-check.ts';
import { SubjectCheck } from './subject-check.ts';
import { TilingCheck } from './tiling-check.ts';
import { TimeCheck } from './time-check.ts';
import { leafOf } from './tree-check.ts';
import type { TreeCheck } from './tree-check.ts';
import type { Trust } from './trust.ts';
import type { VerifierState } from './verifier-state.ts';

const NO_BYTES = Buffer.alloc(0);

export class Checks {
  readonly findings: Findings;
  readonly seals: SealCheck;
  readonly notes: NoteCheck;
  readonly chains: ChainCheck;
  readonly tiling: TilingCheck;
  readonly subjects: SubjectCheck;
  readonly pruning: PruningCheck;
  readonly time: TimeCheck;
  readonly sources: SourceCheck;
  readonly seeks: SeekCheck;
  readonly leases: LeaseCheck;
  /** Events that were checked. */
  events = 0;

  constructor(
    clusterId: string,
    trust: Trust | null,
    state: VerifierState | null,
    countSource: CountSource | null,
    findPersons: FindPersons | null = null,
  ) {
    const findings = state ? Findings.from(state.findings) : new Findings();
    this.findings = findings;
    this.seals = new SealCheck(findings, trust?.origin ?? null, clusterId, state?.seals);
    this.notes = new NoteCheck(findings, trust, state?.notes);
    this.chains = new ChainCheck(findings, trust, state?.chains);
    this.tiling = new TilingCheck(findings, state?.tiling);
    this.subjects = new SubjectCheck(findings, state?.subjects);
    this.pruning = new PruningCheck(findings, state?.pruning);
    this.time = new TimeCheck(findings, this.seals.lastSealedAtMs);
    this.seeks = new SeekCheck(findings, state?.seeks);
    this.leases = new LeaseCheck(findings, state?.leases);
    this.sources = new SourceCheck(findings, countSource, findPersons);
  }

  /** `untilMs`: time of the seal that covers the record; null for the tail. */
  accept(tree: TreeCheck, record: SourceRecord, untilMs: number | null): void {
    const { kind, topic, partition } = tree.place;
    const { offset, appendTimeMs } = record;
    const value = record.value ?? NO_BYTES;
    const leaf = leafOf(value);
    tree.append(leaf, offset);
    if (tree.isUnknown) {
      const detail = 'before the first seal that carries a frontier';
      this.findings.once('PRUNED_BEFORE', { topic, partition, offset }, detail);
      return;
    }
    if (kind === 'subjects') return this.acceptIndex(value, { topic, partition, offset });
    const event = this.decoded(value, tree.place, offset);
    if (event) this.acceptEvent({ event, value, leaf, topic, partition, offset, appendTimeMs }, untilMs);
  }

  private acceptIndex(value: Buffer, place: FindingPlace): void {
    const index = this.subjects.acceptIndex(value, place);
    if (index) this.sources.acceptIndex(index, place);
  }

  private acceptEvent(placed: PlacedEvent, untilMs: number | null): void {
    this.events += 1;
    this.chains.accept(placed);
    this.tiling.accept(placed);
    this.subjects.acceptEvent(placed);
    this.time.accept(placed, untilMs);
    this.pruning.accept(placed, this.chains);
    this.sources.accept(placed);
    this.seeks.accept(placed);
    this.leases.accept(placed);
  }

  private decoded(
    value: Buffer,
    { topic, partition }: SourcePartition,
    offset: number,
  ): PlacedEvent['event'] | null {
    try {
      return auditEventCodec.decode(value);
    } catch {
      this.findings.add('UNDECODABLE_EVENT', { topic, partition, offset }, `${value.length} bytes`);
      return null;
    }
  }

  /** What can be said only when everything has been read. */
  finish(places: readonly SourcePartition[], asOfMs: number): void {
    const hasPrunedBegin = places.some(({ logStartOffset }) => logStartOffset > 0);
    this.pruning.finish(places);
    this.subjects.finish(hasPrunedBegin);
    this.leases.finish(hasPrunedBegin);
    this.chains.finish(asOfMs);
    this.seals.finish(asOfMs);
    this.notes.finish();
  }

  toJSON(): Pick<
    VerifierState,
    'seals' | 'notes' | 'chains' | 'tiling' | 'subjects' | 'pruning' | 'seeks' | 'leases' | 'findings'
  > {
    return {
      seals: this.seals.toJSON(),
      notes: this.notes.toJSON(),
      chains: this.chains.toJSON(),
      tiling: this.tiling.toJSON(),
      subjects: this.subjects.toJSON(),
      pruning: this.pruning.toJSON(),
      seeks: this.seeks.toJSON(),
      leases: this.leases.toJSON(),
      findings: this.findings.toJSON(),
    };
  }
}
