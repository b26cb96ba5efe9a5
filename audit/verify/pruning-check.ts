/**
 * Where a partition begins later than at its first event: was it declared, by an admin, in an event that is sealed?
 * What was removed as declared is no finding beyond being told.
 */
import { placeOf } from './chain-check.ts';
import type { ChainCheck, PlacedEvent } from './chain-check.ts';
import type { SourcePartition } from './audit-source.ts';
import type { Findings } from './finding.ts';
import { extOf } from './signature-check.ts';

export const PRUNING_EVENT = 'retention.declared';

export interface PruningJson {
  readonly declared: readonly (readonly [string, number])[];
}

export class PruningCheck {
  private readonly findings: Findings;
  /** By topic and partition: the offset below which records may be gone. */
  private readonly declared: Map<string, number>;

  constructor(findings: Findings, json?: PruningJson) {
    this.findings = findings;
    this.declared = new Map(json?.declared ?? []);
  }

  accept(placed: PlacedEvent, chains: ChainCheck): void {
    const { event } = placed;
    if (event.type !== PRUNING_EVENT) return;
    const isAdmin = chains.isAdmin(event.chain_id.toString('hex'));
    const partition = Number(extOf(event, 'partition') ?? Number.NaN);
    const upTo = Number(extOf(event, 'up_to_offset') ?? Number.NaN);
    const topic = extOf(event, 'topic') ?? '';
    if (!isAdmin || !Number.isSafeInteger(upTo)) {
      this.findings.add(
        'UNKNOWN_WRITER',
        placeOf(placed),
        'only an admin may declare that records are removed',
      );
      return;
    }
    const key = `${topic} ${partition}`;
    this.declared.set(key, Math.max(this.declared.get(key) ?? 0, upTo));
  }

  finish(places: readonly SourcePartition[]): void {
    for (const { topic, partition, logStartOffset: start } of places) {
      if (start <= 0) continue;
      const declared = this.declared.get(`${topic} ${partition}`) ?? 0;
      const place = { topic, partition, from: 0, to: start };
      if (start > declared)
        this.findings.once(
          'UNDECLARED_TRUNCATION',
          place,
          `it begins at ${start}, declared up to ${declared}`,
        );
      else this.findings.once('DECLARED_PRUNING', place, `it begins at ${start}`);
    }
  }

  toJSON(): PruningJson {
    return { declared: [...this.declared] };
  }
}
