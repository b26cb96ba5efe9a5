/**
 * Jumps against the orders for them: a lane may be moved only where a person ordered it in the policy log, once for each
 * order. A grant task may pass over what retention took, and never goes back. It judges no position by itself.
 */
import { isRedriveGroup } from '../../schemas/topic-names.ts';
import { REDRIVE } from '../redrive-events.ts';
import { placeOf } from './chain-check.ts';
import type { PlacedEvent } from './chain-check.ts';
import type { ResumeOrder } from './audit-source.ts';
import type { Findings } from './finding.ts';
import { extOf } from './signature-check.ts';

export interface SeeksJson {
  /** Offsets of the orders that were carried out; with the partition where an order is to all lanes of a topic. */
  readonly used: readonly (number | string)[];
}

/** How a grant task says that records were gone before it came to them. */
const RETENTION = 'RETENTION';

export class SeekCheck {
  private readonly findings: Findings;
  private readonly used: Set<number | string>;
  private orders: readonly ResumeOrder[] | null = null;

  constructor(findings: Findings, json?: SeeksJson) {
    this.findings = findings;
    this.used = new Set(json?.used ?? []);
  }

  /** What the policy log says; null where it is not at hand. Read after the ends of the events were. */
  learn(orders: readonly ResumeOrder[] | null): void {
    this.orders = orders;
  }

  accept(placed: PlacedEvent): void {
    const { event } = placed;
    if (event.type !== 'session.seek' || !event.range) return;
    const detail = event.grant === null ? this.laneFault(placed) : grantFault(placed);
    if (detail !== null) this.findings.add('SEEK_NOT_ORDERED', placeOf(placed), detail);
  }

  /** Why the jump is not what a person ordered; null where it is, or nobody can tell. */
  private laneFault(placed: PlacedEvent): string | null {
    const { event } = placed;
    if (!this.orders) {
      this.findings.once('SEEK_UNCHECKED', placeOf(placed), 'no right to read it, or not in the export');
      return null;
    }
    const entry = Number(extOf(event, 'policy_log_entry') ?? Number.NaN);
    const { topic, partition } = event.range!;
    const orders = this.orders.filter(({ offset }) => offset === entry);
    if (orders.length === 0) return `the policy log has no order at ${entry}`;
    const order = orders.find(
      (each) =>
        each.audience === event.policy.id &&
        each.topic === topic &&
        (each.partition === null || each.partition === partition),
    );
    if (!order) return `the order at ${entry} is about another lane`;
    if (order.from !== extOf(event, 'how')) return `the order at ${entry} is another one`;
    // Who may have withheld records read again may not move a lane, and the other way round.
    if ((order.from === REDRIVE) !== isRedriveGroup(event.group?.id ?? ''))
      return `the order at ${entry} is not about this group`;
    const use = order.partition === null ? `${entry}/${topic}/${partition}` : entry;
    if (this.used.has(use)) return `the order at ${entry} was carried out before`;
    this.used.add(use);
    return null;
  }

  toJSON(): SeeksJson {
    return { used: [...this.used] };
  }
}

function grantFault({ event }: PlacedEvent): string | null {
  const from = Number(extOf(event, 'from_offset') ?? Number.NaN);
  const isForward = event.range!.first_offset >= from;
  return extOf(event, 'how') === RETENTION && isForward
    ? null
    : 'a grant task passes over lost records alone';
}
