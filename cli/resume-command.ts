/**
 * `gauze resume`: a person says from where a held lane goes on, and why. The order is an entry of the policy log;
 * the lane carries it out in the transaction that also audits it.
 */
import { nowMs, sleep } from '../platform/clock.ts';
import { GauzeError } from '../platform/errors.ts';
import { nearestOf } from '../platform/suggestion.ts';
import { policyLogCodec } from '../schemas/control-codecs.ts';
import type { LaneResumedEntry, PolicyLogEntry, ResumeFrom } from '../schemas/control-codecs.ts';
import { valueSubject } from '../schemas/topic-names.ts';
import { laneKey } from '../policy/policy-log.ts';
import { INDEX_AUDIENCE } from '../topology/lane-kind.ts';
import type { PolicyState } from '../policy/policy-log.ts';
import { appendPolicies } from './apply-command.ts';
import { withPolicyLog } from './policy-log-access.ts';
import { Site } from './site.ts';
import { EXIT, note, print } from './terminal.ts';

const TAKEN_UP = 'The lane has taken it up.';
const NOT_TAKEN_UP = 'No instance has taken it up yet; it will when one runs the lane.';

export interface ResumeOptions {
  readonly config: string;
  readonly json: boolean;
  readonly from?: string;
  readonly fromAudit?: boolean;
  readonly withhold?: string;
  readonly reason: string;
  readonly wait: string;
}

/** Appends the order and waits until a lane has taken it up, or `--wait` seconds are over. */
export async function resumeCommand(
  audience: string,
  topic: string,
  partitionText: string,
  options: ResumeOptions,
): Promise<number> {
  const lane = { audience, topic, partition: wholeNumber('partition', partitionText) };
  const order = orderOf(options);
  const waitS = wholeNumber('--wait', options.wait);
  const site = await Site.load(options.config);
  return await withPolicyLog(site, 'admin', async (read) => {
    const { policies } = await read();
    if (!policies.has(audience) && audience !== INDEX_AUDIENCE)
      throw new GauzeError('ERR_POLICY_ABSENT', { audience, topic, ...nearestOf(audience, policies.keys()) });
    await appendOrder(site, { ...lane, ...order, reason: options.reason });
    note('The order stands in the policy log; waiting for the lane.');
    const taken = await takenUp(read, laneKey(lane), waitS);
    if (options.json) print(JSON.stringify({ ordered: true, takenUp: taken }));
    else print(taken ? TAKEN_UP : NOT_TAKEN_UP);
    return taken ? EXIT.ok : EXIT.problems;
  });
}

async function appendOrder(site: Site, resume: LaneResumedEntry): Promise<void> {
  const registry = await site.registry();
  const id = await registry.register(valueSubject(site.names.policies), policyLogCodec.schemaText);
  const entry: PolicyLogEntry = {
    kind: 'LANE_RESUMED',
    at: nowMs(),
    by: site.principals.admin,
    policy: null,
    tags: null,
    lane: null,
    resume,
  };
  await appendPolicies(site, [policyLogCodec.encode(entry, id)]);
}

function orderOf(options: ResumeOptions): {
  readonly from: ResumeFrom;
  readonly withhold_offset: number | null;
} {
  const { from, fromAudit, withhold } = options;
  const given = [from !== undefined, fromAudit === true, withhold !== undefined].filter(Boolean).length;
  if (given !== 1) {
    throw new GauzeError('ERR_USAGE_ARGUMENT', {
      setting: '--from',
      expected: 'exactly one of --from earliest, --from committed, --from-audit, --withhold OFFSET',
    });
  }
  if (fromAudit) return { from: 'AUDIT', withhold_offset: null };
  if (withhold !== undefined)
    return { from: 'WITHHOLD', withhold_offset: wholeNumber('--withhold', withhold) };
  if (from === 'earliest') return { from: 'EARLIEST', withhold_offset: null };
  if (from === 'committed') return { from: 'COMMITTED', withhold_offset: null };
  throw new GauzeError('ERR_USAGE_ARGUMENT', { setting: '--from', expected: 'earliest or committed' });
}

/** A lane that has taken up the order has appended a new start after it. */
async function takenUp(read: () => Promise<PolicyState>, key: string, waitS: number): Promise<boolean> {
  for (let waited = 0; ; waited++) {
    const { resumed, started } = await read();
    const ordered = resumed.get(key)?.logOffset ?? -1;
    if ((started.get(key)?.logOffset ?? -1) > ordered) return true;
    if (waited >= waitS) return false;
    await sleep(1_000);
  }
}

function wholeNumber(setting: string, text: string): number {
  if (!/^\d{1,15}$/.test(text))
    throw new GauzeError('ERR_USAGE_ARGUMENT', { setting, expected: 'a whole number' });
  return Number(text);
}
