/**
 * A lane takes its transactional id again only while the group counts its instance as the holder of the partition: one
 * that has slept, and wakes up fenced or cut off, must not fence whoever has taken its place.
 */
import { expect, test } from '@jest/globals';
import type { Cluster } from '../../kafka/cluster.ts';
import { GauzeError } from '../../platform/errors.ts';
import type { ErrorCode } from '../../platform/errors.ts';
import { PolicyState } from '../../policy/policy-log.ts';
import type { PolicyLog } from '../../policy/policy-log.ts';
import { topicNames } from '../../schemas/topic-names.ts';
import type { LaneContext } from '../../topology/lane-context.ts';
import { Lane } from '../../topology/lane.ts';
import { INDEX_AUDIENCE } from '../../topology/lane-kind.ts';

const NAME = { audience: INDEX_AUDIENCE, topic: 'raw', partition: 3 };

const TRIES_MAX = 4;

/** A lane whose every try to take its id ends with `code`, and whose instance holds the partition so many times. */
function laneThatFails(code: ErrorCode, held: number) {
  let tries = 0;
  let asked = 0;
  const cluster = {
    coordinator: async () => {
      // One that never gives up must not keep this test from its end.
      if (++tries > TRIES_MAX) void lane.stop();
      return await Promise.reject(new GauzeError(code, {}));
    },
    refresh: async () => await Promise.resolve(new Map<string, never>()),
  } as Partial<Cluster> as Cluster;
  const nothing = (): void => undefined;
  const context: Partial<LaneContext> = {
    cluster,
    names: topicNames('gauze'),
    policyLog: { state: new PolicyState() } as Partial<PolicyLog> as PolicyLog,
    events: { committed: nothing, held: nothing, released: nothing, trouble: nothing },
    stillHolds: async () => await Promise.resolve(++asked <= held),
  };
  const lane = new Lane(context as LaneContext, NAME);
  return { lane, tries: () => tries };
}

test.each<[ErrorCode, string]>([
  ['ERR_KAFKA_FENCED', 'was fenced'],
  ['ERR_KAFKA_CONNECTION_LOST', 'has lost its connections'],
  ['ERR_KAFKA_OUTCOME_UNKNOWN', 'does not know what it has committed'],
])('gives up after %s where its partition is somebody else’s: it %s', async (code) => {
  const { lane, tries } = laneThatFails(code, 0);
  lane.start();
  await lane.finished();
  expect(lane.takenOver).toBe(true);
  expect(tries()).toBe(1);
});

test('tries again for as long as its instance holds the partition, asking each time', async () => {
  const { lane, tries } = laneThatFails('ERR_KAFKA_CONNECTION_LOST', 2);
  lane.start();
  await lane.finished();
  expect(lane.takenOver).toBe(true);
  expect(tries()).toBe(3);
});
