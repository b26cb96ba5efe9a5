/**
 * Whose turn it is to redrive a raw partition: of whoever ordered it last, as the policy log says. A redrive that has
 * slept or lost its connections while another one began must never take the transactional id back from it.
 */
import { nowMs } from '../platform/clock.ts';
import { GauzeError } from '../platform/errors.ts';
import { laneKey } from '../policy/policy-log.ts';
import type { PolicyLog } from '../policy/policy-log.ts';
import type { PolicyLogEntry, RedriveOrderEntry } from '../schemas/control-codecs.ts';
import type { LaneName } from './lane-context.ts';

export class RedriveTurn {
  private readonly log: Pick<PolicyLog, 'state' | 'readToEnd'>;
  private readonly lane: LaneName;
  /** Times of orders that this redrive has written, or has tried to. */
  private readonly own = new Set<number>();
  private isTaken = false;
  /** End of the log when the id was first ours: whoever ordered before has been fenced by it. */
  private since = 0;

  constructor(log: Pick<PolicyLog, 'state' | 'readToEnd'>, lane: LaneName) {
    this.log = log;
    this.lane = lane;
  }

  /** Before the transactional id is taken, the first time or again. Throws ERR_REDRIVE_TAKEN_OVER. */
  async before(signal: AbortSignal): Promise<void> {
    await this.log.readToEnd(signal);
    if (this.isTaken) this.assertOurs();
    else this.since = this.log.state.endOffset;
  }

  /** Once it is taken: nobody can order any more without ending this one. Throws ERR_REDRIVE_TAKEN_OVER. */
  async taken(signal: AbortSignal): Promise<void> {
    const isFirst = !this.isTaken;
    this.isTaken = true;
    await this.log.readToEnd(signal);
    if (isFirst) this.since = this.log.state.endOffset;
    else this.assertOurs();
  }

  /** The entry of the policy log by which this redrive takes its turn: from now on it is known as its own. */
  order(redrive: RedriveOrderEntry, principal: string): PolicyLogEntry {
    const at = nowMs();
    this.own.add(at);
    const nothing = { policy: null, tags: null, lane: null, resume: null };
    return { kind: 'REDRIVE_ORDERED', at, by: principal, ...nothing, redrive };
  }

  /** Throws ERR_REDRIVE_TAKEN_OVER where the log, as far as it has been read, has a newer order of somebody else. */
  assertOurs(): void {
    const last = this.log.state.redriven.get(laneKey(this.lane));
    if (last && last.logOffset >= this.since && !this.own.has(last.atMs))
      throw new GauzeError('ERR_REDRIVE_TAKEN_OVER', { ...this.lane });
  }
}
