/**
 * Takes the samples that administrators ask for in the policy log: of the topics whose first partition this instance
 * holds, one after the other. A question that nobody has answered for ten minutes is given up.
 */
import { nowMs } from '../platform/clock.ts';
import { ownError } from '../platform/errors.ts';
import type { GauzeError } from '../platform/errors.ts';
import { TransactionalProducer } from '../kafka/transactional-producer.ts';
import { parsePolicy } from '../policy/policy-file.ts';
import type { OpenSample } from '../policy/sample-log.ts';
import type { LaneContext } from './lane-context.ts';
import { SampleSession } from './sample-session.ts';

/** How long a question waits for somebody who can answer it. */
export const SAMPLE_WAIT_MS = 10 * 60_000;
const RECHECK_MS = 5_000;

export class SampleRunner {
  private readonly context: LaneContext;
  /** Does this instance hold the first partition of the topic? */
  private readonly isOurs: (topic: string) => boolean;
  private readonly trouble: (error: GauzeError) => void;

  constructor(
    context: LaneContext,
    isOurs: (topic: string) => boolean,
    trouble: (error: GauzeError) => void,
  ) {
    this.context = context;
    this.isOurs = isOurs;
    this.trouble = trouble;
  }

  /** Works until `signal`; never throws. */
  async run(signal: AbortSignal): Promise<void> {
    const { policyLog } = this.context;
    while (!signal.aborted) {
      for (const sample of policyLog.state.samples.open.values()) {
        if (signal.aborted) return;
        const isLate = nowMs() - sample.atMs > SAMPLE_WAIT_MS;
        if (!isLate && this.isOurs(sample.topic)) await this.take(sample, signal);
      }
      await policyLog.changed(signal, RECHECK_MS);
    }
  }

  private async take(sample: OpenSample, signal: AbortSignal): Promise<void> {
    const { cluster, names } = this.context;
    const producer = new TransactionalProducer(cluster, names.taskTransactionalId(`sample-${sample.id}`));
    try {
      const policy = parsePolicy(sample.text, `${sample.audience}.yaml`);
      await producer.initialize(signal);
      await new SampleSession(this.context, { sample, policy, producer, signal }).run();
    } catch (thrown) {
      if (!signal.aborted) this.trouble(ownError(thrown));
    } finally {
      producer.close();
    }
  }
}
