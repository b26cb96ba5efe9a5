/**
 * Holds: what stops a lane stops that lane alone, says why, loses nothing, and goes on only when it is right to.
 */
import { afterEach, describe, expect, test } from '@jest/globals';
import { clinicalSchema, clinicalType } from '../../examples/hospital/clinical-codecs.ts';
import { generateHospital } from '../../examples/hospital/hospital.ts';
import { ordinaryProducer } from '../../kafka/kafkajs-client.ts';
import { RegistryClient } from '../../schemas/registry-client.ts';
import { valueSubject } from '../../schemas/topic-names.ts';
import type { LaneReport } from '../../topology/lane-report.ts';
import { connectionOf, testStack, withAdmin } from '../support/stack.ts';
import { TestSite } from '../support/test-site.ts';
import { siteTruth } from '../support/verify-site.ts';
import { dumpTopics } from '../support/topic-dump.ts';

let site: TestSite;

afterEach(async () => {
  await site.close();
});

const PATIENTS = 'clinical.patients';
/** Longer than all waits of a test together: each of them has a limit of its own, and says what it waited for. */
const LIMIT_MS = 600_000;
const lanesOf = (lanes: readonly LaneReport[], audience: string): readonly LaneReport[] =>
  lanes.filter((lane) => lane.audience === audience);
const isHeld =
  (code: string) =>
  (lane: LaneReport): boolean =>
    lane.state === 'held' && lane.code === code;
const isCaughtUp = ({ lag, state }: LaneReport): boolean => lag === 0 && state === 'ok';

async function startedSite(): Promise<void> {
  site = await TestSite.make({ topics: [PATIENTS] });
  await site.feed(generateHospital({ patients: 60, seed: 21 }));
  await site.apply();
  site.run();
  await site.caughtUp();
}

async function resumeAll(audience: string, ...how: readonly string[]): Promise<void> {
  for (const partition of ['0', '1']) {
    const raw = site.raw(PATIENTS);
    const { code, stderr } = await site.gauze(
      'resume',
      audience,
      raw,
      partition,
      ...how,
      '--reason',
      'test of holds',
    );
    if (code !== 0) throw new Error(`gauze resume ended with ${code}: ${stderr}`);
  }
}

describe('a sanitized topic that is deleted and made again', () => {
  test(
    'holds its own lanes until a person resumes them; the others go on; then it is complete',
    async () => {
      await startedSite();
      await withAdmin(async (admin) => await admin.deleteTopics([site.sanitized(PATIENTS, 'research')]));
      await site.feed(generateHospital({ patients: 60, seed: 22 }));
      const missing = await site.until(
        (lanes) =>
          lanesOf(lanes, 'research').every(isHeld('ERR_KAFKA_TOPIC_MISSING')) &&
          [...lanesOf(lanes, 'analytics'), ...lanesOf(lanes, 'billing')].every(isCaughtUp),
      );
      expect(lanesOf(missing, 'research').length).toBeGreaterThan(0);

      await site.apply();
      await site.until((lanes) => lanesOf(lanes, 'research').every(isHeld('ERR_LANE_TARGET_RECREATED')));
      const early = await dumpTopics([site.sanitized(PATIENTS, 'research')]);
      expect(early).toHaveLength(0);

      await resumeAll('research', '--from', 'earliest');
      const truth = await siteTruth(site, await site.caughtUp());
      expect(truth.sequenceFaults).toEqual([]);
      expect(truth.auditFaults).toEqual([]);
      const seeks = truth.events.filter(({ event }) => event.type === 'session.seek');
      expect(seeks.map(({ event }) => event.recipient?.id)).toEqual(['research', 'research']);
    },
    LIMIT_MS,
  );
});

describe('a committed offset that an administrator deletes', () => {
  test(
    'holds the lanes until a person resumes them from the audit topic; nothing is lost or doubled',
    async () => {
      await startedSite();
      await withAdmin(async (admin) => await admin.deleteGroups([site.names.audienceGroup('billing')]));
      await site.until((lanes) => lanesOf(lanes, 'billing').every(isHeld('ERR_LANE_OFFSET_LOST')));
      const before = await dumpTopics([site.sanitized(PATIENTS, 'billing')]);
      // The lanes themselves must have noticed before new records come.
      await site.logged(/ERR_LANE_OFFSET_LOST/, 2);
      await site.feed(generateHospital({ patients: 60, seed: 23 }));
      await site.until((lanes) =>
        [...lanesOf(lanes, 'analytics'), ...lanesOf(lanes, 'research')].every(isCaughtUp),
      );
      expect(await dumpTopics([site.sanitized(PATIENTS, 'billing')])).toHaveLength(before.length);

      await resumeAll('billing', '--from-audit');
      const truth = await siteTruth(site, await site.caughtUp());
      expect(truth.sequenceFaults).toEqual([]);
      expect(truth.auditFaults).toEqual([]);
    },
    LIMIT_MS,
  );
});

describe('a new field that no policy covers', () => {
  test(
    'holds every lane at the first record that has it, until a policy is applied; nothing of it is in clear',
    async () => {
      await startedSite();
      const secret = 'canary-of-an-untagged-field';
      await sendWithNewField(secret);
      const held = await site.until(
        (lanes) => lanes.filter(isHeld('ERR_POLICY_LEAF_UNCOVERED')).length === 3,
      );
      expect(new Set(held.filter(({ state }) => state === 'held').map(({ path }) => path))).toEqual(
        new Set(['nickname']),
      );
      for (const audience of ['analytics', 'billing', 'research'] as const) {
        await site.editPolicy(audience, (policy) => {
          policy.fields ??= {};
          (policy.fields[site.raw(PATIENTS)] ??= {})['nickname'] = { method: 'drop', reason: 'not needed' };
        });
      }
      await site.apply();
      const truth = await siteTruth(site, await site.caughtUp());
      expect(truth.sequenceFaults).toEqual([]);
      expect(truth.auditFaults).toEqual([]);
      expect(truth.indexFaults).toEqual([]);
      const topics = ['analytics', 'billing', 'research'] as const;
      const dump = await dumpTopics(topics.map((audience) => site.sanitized(PATIENTS, audience)));
      expect(dump.filter(({ value }) => value?.includes(secret))).toHaveLength(0);
    },
    LIMIT_MS,
  );
});

describe('an audit chain that does not end where the offset says', () => {
  test(
    'holds the lane until a person resumes it; the others go on',
    async () => {
      await startedSite();
      const instance = site.lastInstance();
      await instance.end('SIGTERM');
      await withAdmin(async (admin) => {
        const group = site.names.audienceGroup('analytics');
        const offsets = await admin.fetchGroupOffsets(group, [site.raw(PATIENTS)]);
        const changed = offsets.map((offset) => {
          const metadata = JSON.parse(offset.metadata!) as Record<string, unknown>;
          return { ...offset, metadata: JSON.stringify({ ...metadata, head: 'ab'.repeat(32) }) };
        });
        await admin.setGroupOffsets(group, changed);
      });
      site.run();
      await site.feed(generateHospital({ patients: 30, seed: 24 }));
      await site.until(
        (lanes) =>
          lanesOf(lanes, 'analytics').every(isHeld('ERR_AUDIT_CHAIN')) &&
          [...lanesOf(lanes, 'research'), ...lanesOf(lanes, 'billing')].every(isCaughtUp),
      );
      await resumeAll('analytics', '--from', 'committed');
      const truth = await siteTruth(site, await site.caughtUp());
      expect(truth.sequenceFaults).toEqual([]);
    },
    LIMIT_MS,
  );
});

describe('an offset that is older than the last audited range', () => {
  test(
    'holds the lane, publishes nothing twice, and lets it go on by itself when the broker tells the right one',
    async () => {
      await startedSite();
      const group = site.names.audienceGroup('analytics');
      const raw = site.raw(PATIENTS);
      const old = await withAdmin(async (admin) => await admin.fetchGroupOffsets(group, [raw]));
      await site.feed(generateHospital({ patients: 30, seed: 25 }));
      await site.caughtUp();
      await site.lastInstance().end('SIGTERM');
      // As a coordinator that has not loaded everything: an offset and its metadata, both of them once true.
      const right = await withAdmin(async (admin) => {
        const offsets = await admin.fetchGroupOffsets(group, [raw]);
        await admin.setGroupOffsets(group, old);
        return offsets;
      });
      site.run();
      await site.until(
        (lanes) =>
          lanesOf(lanes, 'analytics').every(isHeld('ERR_LANE_OFFSET_BEHIND')) &&
          [...lanesOf(lanes, 'research'), ...lanesOf(lanes, 'billing')].every(isCaughtUp),
      );
      await site.logged(/"errorCode":"ERR_LANE_OFFSET_BEHIND".*"msg":"lane held"/, 2);
      await withAdmin(async (admin) => await admin.setGroupOffsets(group, right));
      const truth = await siteTruth(site, await site.caughtUp());
      expect(truth.sequenceFaults).toEqual([]);
      expect(truth.auditFaults).toEqual([]);
    },
    LIMIT_MS,
  );
});

/** One record under a second version of the patient schema that has a field without a tag. */
async function sendWithNewField(nickname: string): Promise<void> {
  const raw = site.raw(PATIENTS);
  const schema = JSON.parse(clinicalSchema(PATIENTS)) as { fields: object[] };
  schema.fields.push({ name: 'nickname', type: 'string', default: '' });
  const registry = new RegistryClient({ url: testStack().registryUrl });
  const id = await registry.register(valueSubject(raw), JSON.stringify(schema));
  const [patient] = generateHospital({ patients: 1, seed: 99 });
  const body = clinicalType(PATIENTS).toBuffer(patient!.value);
  const text = Buffer.from(nickname);
  const value = Buffer.concat([Buffer.from([0, 0, 0, 0, 0]), body, Buffer.from([text.length * 2]), text]);
  value.writeInt32BE(id, 1);
  const producer = ordinaryProducer(connectionOf('ehr-feed'));
  await producer.connect();
  await producer.send({ topic: raw, acks: -1, messages: [{ key: patient!.key, value }] });
  await producer.disconnect();
}
