/**
 * Replays as people's decisions would make them: events of the audit topic, the grant that replays one, and its result.
 */
import { scopeHash } from '../../approvals/scope-hash.ts';
import { eventHash } from '../../audit/audit-chain.ts';
import type { ClinicalTopic } from '../../examples/hospital/clinical-values.ts';
import type { GrantState, ReplayResult, ScopeReplay } from '../../schemas/access-codecs.ts';
import { auditEventCodec } from '../../schemas/control-codecs.ts';
import type { PhiAuditEvent } from '../../schemas/control-codecs.ts';
import type { GrantBench } from './grant-bench.ts';
import type { TestSite } from './test-site.ts';

const PARTITIONS = 4;

/** An event of the audit topic, and where it stands. */
export interface Told {
  readonly partition: number;
  readonly offset: number;
  readonly value: Buffer;
  readonly event: PhiAuditEvent;
}

async function told(bench: GrantBench, site: TestSite): Promise<readonly Told[]> {
  const topic = { name: site.names.auditEvents, id: await bench.topicId(site.names.auditEvents) };
  const all: Told[] = [];
  for (let partition = 0; partition < PARTITIONS; partition++) {
    const { records } = await bench.plane.readAll(topic, partition);
    for (const { offset, value: hex } of records) {
      const value = Buffer.from(hex ?? '', 'hex');
      all.push({ partition, offset, value, event: auditEventCodec.decode(value) });
    }
  }
  return all;
}

/** Whose deliveries. */
export interface DeliveriesOf {
  readonly policy: string;
  readonly grant?: string;
}

/** Deliveries to an audience, or under a grant, in the order of their ranges. */
export async function deliveriesOf(
  bench: GrantBench,
  site: TestSite,
  of: DeliveriesOf,
): Promise<readonly Told[]> {
  return (await told(bench, site))
    .filter(({ event: { type, range, policy, grant } }) => {
      const isOf = policy.id === of.policy && (grant?.id ?? null) === (of.grant ?? null);
      return type === 'session.batch' && isOf && (range?.delivered_count ?? 0) > 0;
    })
    .sort((a, b) => a.event.range!.first_offset - b.event.range!.first_offset);
}

/** The state of a replay as people's decision would make it; `change` for what they did not decide. */
export async function replayRequest(
  bench: GrantBench,
  topic: ClinicalTopic,
  { partition, offset, value, event }: Told,
  change: Partial<ScopeReplay> = {},
): Promise<GrantState> {
  const range = event.range!;
  const state = await bench.replay(topic);
  const replayed = {
    ...state.scope,
    base_audience: event.policy.id,
    policy_version: event.policy.version,
    policy_sha256: event.policy.sha256,
    partitions: [
      { partition: range.partition, first_offset: range.first_offset, next_offset: range.next_offset },
    ],
    max_records: range.record_count,
    replay: {
      event_partition: partition,
      event_offset: offset,
      event_sha256: eventHash(value),
      recipient: event.recipient!.id,
      grant_id: event.grant?.id ?? null,
      plan_hash: event.plan!.hash,
      key_epoch: event.plan!.masking_key_epoch,
      output_topic: event.view!.output_topic!,
      ...change,
    },
  };
  return { ...state, scope: replayed, scope_sha256: scopeHash(replayed) };
}

/** Lets a replay run to its end. */
export async function replayResult(bench: GrantBench, state: GrantState): Promise<ReplayResult> {
  await bench.write(state);
  const { replayed } = await bench.untilStopped(state.grant_id, 60_000);
  if (!replayed) throw new Error('stopped without a result');
  return replayed;
}
