/**
 * Leases of grants: what was delivered under a grant was leased on record before, range by range, and no more of it than
 * was leased. A lease that no delivery follows counts as delivered, because nobody can know. Both may stand in sessions
 * of their own, so each waits for the other.
 */
import { placeOf } from './chain-check.ts';
import type { PlacedEvent } from './chain-check.ts';
import type { FindingPlace, Findings } from './finding.ts';

/** One side that has not met the other yet. */
interface Waiting {
  readonly side: 'lease' | 'delivery';
  /** Records to deliver, or delivered. */
  readonly records: number;
  readonly place: FindingPlace;
}

export interface LeasesJson {
  readonly waiting: readonly (readonly [string, Waiting])[];
}

export class LeaseCheck {
  private readonly findings: Findings;
  private readonly waiting: Map<string, Waiting>;

  constructor(findings: Findings, json?: LeasesJson) {
    this.findings = findings;
    this.waiting = new Map(json?.waiting ?? []);
  }

  accept(placed: PlacedEvent): void {
    const { grant, range, phase } = placed.event;
    if (!grant || !range || range.delivered_count === 0) return;
    const side = phase === 'LEASE' ? 'lease' : 'delivery';
    const { topic, topic_id: id, partition, first_offset: from, next_offset: to } = range;
    const key = [grant.id, topic, id?.toString('hex') ?? '', partition, from, to].join('\n');
    const place = { ...placeOf(placed), source: topic, sourcePartition: partition, from, to };
    this.meet(key, { side, records: range.delivered_count, place });
  }

  private meet(key: string, one: Waiting): void {
    const other = this.waiting.get(key);
    if (!other || other.side === one.side) {
      this.waiting.set(key, one);
      return;
    }
    this.waiting.delete(key);
    const [lease, delivery] = one.side === 'lease' ? [one, other] : [other, one];
    if (isAfter(lease.place, delivery.place))
      this.findings.add('DELIVERY_NOT_LEASED', delivery.place, 'its lease stands behind it');
    else if (delivery.records > lease.records) {
      const detail = `${delivery.records} records, leased ${lease.records}`;
      this.findings.add('DELIVERY_NOT_LEASED', delivery.place, detail);
    }
  }

  /** Whoever waits when all has been read waits for something that is not there. */
  finish(hasPrunedBegin: boolean): void {
    for (const { side, records, place } of this.waiting.values()) {
      if (side === 'lease') this.findings.add('LEASE_UNDELIVERED', place, `${records} records`);
      else if (hasPrunedBegin) this.findings.once('REFERS_TO_PRUNED', place, 'the lease of this delivery');
      else this.findings.add('DELIVERY_NOT_LEASED', place, `${records} records`);
    }
  }

  toJSON(): LeasesJson {
    return { waiting: [...this.waiting] };
  }
}

/** In different partitions nothing says which came first. */
function isAfter(lease: FindingPlace, delivery: FindingPlace): boolean {
  return lease.partition === delivery.partition && (lease.offset ?? 0) > (delivery.offset ?? 0);
}
