/**
 * The end of a grant as the topology sees it: its topic goes, and what was cut off or came too late is on record.
 * The provisioner removes the topic too: whoever comes second finds nothing, and that is no fault.
 */
import { grantStopped, sessionKilled, underGrant } from '../audit/grant-events.ts';
import { sessionClosed } from '../audit/lane-events.ts';
import type { PolicyInForce } from '../audit/lane-events.ts';
import { GauzeError, ownError } from '../platform/errors.ts';
import { nowMs, sleep } from '../platform/clock.ts';
import { TransactionalProducer } from '../kafka/transactional-producer.ts';
import type { GrantState } from '../schemas/access-codecs.ts';
import type { BrokerClock } from './broker-clock.ts';
import type { GrantContext } from './grant-context.ts';
import { firstLateRecord, grantFacts, grantIdentity, openLedger } from './grant-setup.ts';

/** A session that was cut off by a new state. */
export interface CutOff {
  /** This instance's clock when the new state was seen. */
  readonly noticedMs: number;
  readonly lastAppendMs: number | null;
}

const GONE_WAIT_MS = 50;
const GONE_ATTEMPTS = 100;

/** Removes the grant's topic and waits until no broker asked knows it any more; true where there was one. */
export async function removeGrantTopic(context: GrantContext, grantId: string): Promise<boolean> {
  const { cluster, names, events } = context;
  const topic = names.grantTopic(grantId);
  const isThere = async (): Promise<boolean> => (await cluster.refresh([topic])).has(topic);
  if (!(await isThere())) return false;
  try {
    await context.deleteTopic(topic);
  } catch (thrown) {
    const error = ownError(thrown);
    if (error.code !== 'ERR_KAFKA_TOPIC_MISSING') throw error;
  }
  for (let attempt = 0; await isThere(); attempt++) {
    if (attempt === GONE_ATTEMPTS) throw new GauzeError('ERR_KAFKA_REQUEST_TIMEOUT', { topic });
    await sleep(GONE_WAIT_MS);
  }
  events.grantTopicRemoved(grantId);
  return true;
}

/**
 * Settles what a session left behind and says so: its open transaction is ended, and the event names the state that
 * cut it off, what was leased without a delivery on record, and where the grant topic ended. With `isOver`, first
 * asks the topic for records that came too late, and removes it.
 */
export async function settle(
  context: GrantContext,
  state: GrantState,
  clock: BrokerClock,
  parts: { readonly cutOff: CutOff | null; readonly isOver: boolean; readonly signal: AbortSignal },
): Promise<void> {
  const { cutOff, isOver, signal } = parts;
  const producer = new TransactionalProducer(
    context.cluster,
    context.names.taskTransactionalId(state.grant_id),
  );
  const hangUp = (): void => producer.close();
  signal.addEventListener('abort', hangUp);
  try {
    const ledger = await openLedger(context, state, producer, clock, signal);
    const policy = policyOf(context, state);
    const [first] = state.scope.partitions;
    const { partition, first_offset: position } = first ?? { partition: 0, first_offset: 0 };
    const closed = sessionClosed(grantIdentity(context, state, partition), policy, nowMs(), position);
    const late = isOver ? await firstLateRecord(context, state) : null;
    if (isOver) await removeGrantTopic(context, state.grant_id);
    if (late && ledger.progress.stopped !== 'LATE_APPEND') {
      const ext = [{ k: 'late', v: `${late.partition}:${late.offset}` }];
      const event = underGrant(grantStopped({ ...closed, ext }, 'LATE_APPEND'), grantFacts(state));
      await ledger.stop(event, 'LATE_APPEND', policy, signal);
      context.events.grantStopped(state.grant_id, 'LATE_APPEND');
    }
    if (!cutOff) return;
    const { lease, delivered } = ledger.progress;
    const ext: Record<string, string> = {
      state: state.state,
      access_offset: String(state.access_offset),
      noticed_at: String(cutOff.noticedMs),
      last_append_at: cutOff.lastAppendMs === null ? 'none' : String(cutOff.lastAppendMs),
    };
    if (lease) ext['lease'] = `${lease.partition}:${lease.first_offset}-${lease.next_offset}`;
    for (const each of delivered) ext[`output.${each.partition}`] = String(each.output_next_offset);
    await ledger.note([underGrant(sessionKilled(closed, ext), grantFacts(state))], policy, signal);
  } finally {
    signal.removeEventListener('abort', hangUp);
    producer.close();
  }
}

/** The policy of the base audience; of one that has been removed meanwhile, what the scope says. */
function policyOf({ plans }: GrantContext, { scope }: GrantState): PolicyInForce {
  try {
    return plans.inForce({ audience: scope.base_audience, topic: scope.topic, partition: 0 });
  } catch {
    return {
      version: scope.policy_version,
      sha256: scope.policy_sha256.toString('hex'),
      policyLogOffset: 0,
      keyEpoch: 0,
    };
  }
}
