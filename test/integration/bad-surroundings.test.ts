/**
 * What is wrong around gauze: a registry that is down, a right, a topic, a partition or a password that is missing, a
 * port that is taken, a clock that is off. Each is told in one clear sentence with what to do, holds or stops what it
 * concerns and nothing else, and ends without a loss once it is mended.
 */
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { Kafka, logLevel } from 'kafkajs';
import { clinicalSchema, clinicalType } from '../../examples/hospital/clinical-codecs.ts';
import { generateHospital } from '../../examples/hospital/hospital.ts';
import { allow } from '../../kafka/acl.ts';
import type { AclOperation } from '../../kafka/acl.ts';
import { RegistryClient } from '../../schemas/registry-client.ts';
import { valueSubject } from '../../schemas/topic-names.ts';
import type { LaneReport } from '../../topology/lane-report.ts';
import { Gate } from '../support/gate.ts';
import { sendRaw } from '../support/raw-feed.ts';
import { connectionOf, eventually, loginOf, testStack, withAdmin } from '../support/stack.ts';
import { AUDIENCES, TestSite } from '../support/test-site.ts';
import { told } from '../support/told.ts';
import { siteTruth } from '../support/verify-site.ts';

const PATIENTS = 'clinical.patients';
const CLAIMS = 'clinical.claims';
const OTHER_TIME = new URL('../support/other-time.ts', import.meta.url);
const TEN_YEARS_MS = 10 * 365 * 86_400_000;
/** A member that could not confirm itself for this long has lost its partitions. */
const SESSION_MS = 10_000;

let site: TestSite;
let registry: Gate;
let seed = 70;

beforeAll(async () => {
  const { hostname, port } = new URL(testStack().registryUrl);
  registry = await Gate.before(hostname, Number(port));
  site = await TestSite.make({ topics: [PATIENTS, CLAIMS], partitions: 1 });
  const file = join(site.directory, 'gauze.yaml');
  const text = await readFile(file, 'utf8');
  const { registryUrl } = testStack();
  await writeFile(file, text.replace(registryUrl, registry.through(registryUrl)));
  await feed();
}, 120_000);

afterAll(async () => {
  await site?.close();
  await registry?.shut();
});

async function feed(): Promise<void> {
  await site.feed(generateHospital({ patients: 8, seed: seed++ }));
}

const lanesOf = (lanes: readonly LaneReport[], audience: string): readonly LaneReport[] =>
  lanes.filter((lane) => lane.audience === audience);
const isHeld =
  (code: string) =>
  (lane: LaneReport): boolean =>
    lane.state === 'held' && lane.code === code;
const isCaughtUp = ({ lag, state }: LaneReport): boolean => lag === 0 && state === 'ok';

/** All of raw is published, once, in order, and audited. */
async function expectWhole(): Promise<void> {
  const truth = await siteTruth(site, await site.caughtUp());
  expect(truth.compared).toBeGreaterThan(0);
  expect([truth.sequenceFaults, truth.auditFaults, truth.indexFaults]).toEqual([[], [], []]);
}

/** What an instance that cannot start says, and how it ends. */
async function failedStart() {
  const instance = site.run();
  const code = await new Promise<number | null>((resolve) => instance.process.once('close', resolve));
  return { code, stderr: instance.log };
}

async function withConfig(change: (text: string) => string, work: () => Promise<void>): Promise<void> {
  const file = join(site.directory, 'gauze.yaml');
  const text = await readFile(file, 'utf8');
  await writeFile(file, change(text));
  try {
    await work();
  } finally {
    await writeFile(file, text);
  }
}

describe('before anything runs', () => {
  test('a policy for a topic that is not there is refused, and changes nothing', async () => {
    const topic = `${site.namespace}-clinical.nothing`;
    await site.editPolicy('billing', (policy) => {
      policy.topics[topic] = { key: { tag: 'PHI_ID' } };
    });
    const { code, stderr } = await site.gauze('apply');
    await site.editPolicy('billing', (policy) => {
      delete policy.topics[topic];
    });
    expect([code, stderr]).toEqual([1, told('ERR_POLICY_RAW_TOPIC_MISSING', { topic })]);
    await withAdmin(async (admin) => expect(await admin.listTopics()).not.toContain(site.names.policies));
  });

  test('a registry that is down at the start ends apply and run with one sentence; nothing is published', async () => {
    const down = told('ERR_REGISTRY_UNREACHABLE', { causeName: 'ECONNREFUSED' });
    await registry.shut();
    expect(await site.gauze('apply')).toMatchObject({ code: 1, stderr: down });
    await withAdmin(async (admin) => expect(await admin.listTopics()).not.toContain(site.names.policies));
    await registry.open();
    await site.apply();
    await registry.shut();
    const { code, stderr } = await failedStart();
    expect([code, stderr]).toEqual([1, expect.stringContaining(down)]);
    expect(stderr).not.toMatch(/^\s+at /m);
    await registry.open();
  }, 300_000);

  test('a password that is wrong is told with the role, and never repeated', async () => {
    const file = join(site.directory, 'gauze-topology');
    const right = await readFile(file, 'utf8');
    await writeFile(file, 'hardly-the-password');
    const { code, stderr } = await site.gauze('status');
    const [host, port] = testStack().brokers[0]!.split(':');
    const refused = told('ERR_KAFKA_AUTHENTICATION', { host: host!, port: Number(port), role: 'topology' });
    expect([code, stderr]).toEqual([1, refused]);
    await writeFile(file, right);
  });

  test('a port that is taken ends run before it reads a record', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    await withConfig(
      (text) => `${text}\nmetrics: { host: 127.0.0.1, port: ${port} }\n`,
      async () => {
        const { code, stderr } = await failedStart();
        const taken = told('ERR_STATUS_LISTEN', { host: '127.0.0.1', port, causeName: 'EADDRINUSE' });
        expect([code, stderr]).toEqual([1, taken]);
      },
    );
    await new Promise((resolve) => server.close(resolve));
  });
});

describe('a machine whose clock is off', () => {
  test.each([-TEN_YEARS_MS, TEN_YEARS_MS])(
    'by %i ms masks as ever, and another with the right time goes on after it',
    async (offMs) => {
      await feed();
      const instance = site.run('topology', ['--import', `${OTHER_TIME.href}?offMs=${offMs}`]);
      await site.caughtUp();
      const { time } = JSON.parse(instance.log.split('\n')[0]!) as { time: string };
      expect(Math.abs(Date.parse(time) - Date.now() - offMs)).toBeLessThan(3_600_000);
      expect(await instance.end('SIGTERM')).toBe(0);
      const next = site.run();
      await feed();
      await expectWhole();
      expect(await next.end('SIGTERM')).toBe(0);
      // Whose ages are told as of ten years ago, as far as that machine knows, should hear of it.
      expect(instance.log.includes('ERR_POLICY_AS_OF')).toBe(offMs > 0);
      expect(instance.log + next.log).not.toMatch(/ERR_(?!POLICY_AS_OF)/);
    },
    300_000,
  );
});

describe('in mid-run', () => {
  beforeAll(async () => {
    await site.apply();
    site.run();
    await feed();
    await site.caughtUp();
  }, 120_000);

  afterEach(async () => {
    await registry.open();
  });

  test('a registry that is down stops only what needs it, and what waited for it comes afterwards', async () => {
    const raw = site.raw(PATIENTS);
    const schema = JSON.parse(clinicalSchema(PATIENTS)) as { fields: object[] };
    const added = {
      name: 'addedLater',
      type: ['null', 'string'],
      default: null,
      'confluent:tags': ['PHI_NONE'],
    };
    const text = JSON.stringify({ ...schema, fields: [...schema.fields, added] });
    const id = await new RegistryClient({ url: testStack().registryUrl }).register(valueSubject(raw), text);
    await registry.shut();
    await feed();
    // Schemas that this instance has met need no registry.
    await site.caughtUp();
    const [patient] = generateHospital({ patients: 1, seed: 99 });
    const ofNull = Buffer.alloc(1);
    const value = Buffer.concat([Buffer.alloc(5), clinicalType(PATIENTS).toBuffer(patient!.value), ofNull]);
    value.writeInt32BE(id, 1);
    await sendRaw([{ topic: raw, partition: 0, key: patient!.key, value }]);
    await eventually(async () => {
      await new Promise((resolve) => setTimeout(resolve, 100));
      const waiting = site.logLines(/"ERR_REGISTRY_UNREACHABLE".*"lane waits"/);
      if (waiting.length === 0) throw new Error('no lane waits for the registry yet');
    }, 120_000);
    const lanes = await site.status();
    const behind = lanes.filter(({ lag }) => lag !== 0);
    expect(behind.map(({ topic, lag }) => [topic, lag])).toEqual(behind.map(() => [raw, 1]));
    expect(behind.length).toBeGreaterThan(0);
    await registry.open();
    await expectWhole();
  }, 300_000);

  test.each<[AclOperation, () => string, (lane: LaneReport) => boolean]>([
    ['write', () => site.sanitized(PATIENTS, 'research'), ({ audience }) => audience === 'research'],
    ['read', () => site.raw(PATIENTS), () => true],
  ])(
    'a right to %s that is withdrawn holds the lanes that need it alone; apply gives it back, and nothing is lost',
    async (operation, topicOf, needsIt) => {
      const topic = topicOf();
      const isConcerned = (lane: LaneReport): boolean => lane.topic === site.raw(PATIENTS) && needsIt(lane);
      const right = allow('User:gauze-topology', [operation], 'topic', topic);
      await withAdmin(async (admin) => expect(await admin.deleteAcls(right)).toBe(1));
      const withdrawnMs = Date.now();
      await feed();
      const lanes = await site.until(
        (all) =>
          all.filter(isConcerned).every(isHeld('ERR_KAFKA_RIGHT_MISSING')) &&
          all.filter((lane) => !isConcerned(lane)).every(isCaughtUp),
      );
      expect(lanes.filter(isConcerned).length).toBeGreaterThan(0);
      const { code, stdout } = await site.gauze('status');
      expect(code).toBe(1);
      expect(stdout).toContain('ERR_KAFKA_RIGHT_MISSING: goes on by itself once the cause is gone.');
      // The others go on for longer than the group would keep a member that is in trouble.
      while (Date.now() - withdrawnMs < SESSION_MS + 2_000) await site.status();
      await feed();
      await site.until((all) => all.filter((lane) => !isConcerned(lane)).every(isCaughtUp));
      const held = site.logLines(/"ERR_KAFKA_RIGHT_MISSING".*"lane held"/);
      expect(new Set(held).size).toBeLessThanOrEqual(2 * (AUDIENCES.length + 1));

      expect((await site.gauze('plan')).stdout).toContain(`User:gauze-topology ${operation} topic ${topic}`);
      await site.apply();
      await expectWhole();
    },
    300_000,
  );

  test('a sanitized topic with fewer partitions than raw holds the lanes of those that it lacks, until it has them', async () => {
    await raisePartitions([site.raw(PATIENTS), site.sanitized(PATIENTS, 'billing')]);
    await site.feed(generateHospital({ patients: 30, seed: seed++ }));
    const lanes = await site.until(
      (all) =>
        all.some(isHeld('ERR_KAFKA_TOPIC_MISSING')) &&
        [...lanesOf(all, 'billing'), ...lanesOf(all, 'index')].every(isCaughtUp),
    );
    const held = lanes.filter(({ state }) => state === 'held');
    expect(held.map(({ audience, partition }) => [audience, partition])).toEqual([
      ['analytics', 1],
      ['research', 1],
    ]);
    const { code, stderr } = await site.gauze('apply');
    const shapes = ['analytics', 'research'] as const;
    expect([code, stderr]).toEqual([
      1,
      shapes
        .map((audience) =>
          told('ERR_POLICY_TARGET_SHAPE', {
            topic: site.sanitized(PATIENTS, audience),
            audience,
            setting: 'number of partitions',
            expected: 'at least 2',
          }),
        )
        .join(''),
    ]);
    await raisePartitions(shapes.map((audience) => site.sanitized(PATIENTS, audience)));
    await expectWhole();
  }, 300_000);
});

/** To two partitions, as `kafka-topics --alter` does. */
async function raisePartitions(topics: readonly string[]): Promise<void> {
  const { username, password } = loginOf('admin');
  const kafka = new Kafka({
    brokers: [...connectionOf('admin').brokers],
    sasl: { mechanism: 'scram-sha-256', username, password },
    logLevel: logLevel.NOTHING,
  });
  const admin = kafka.admin();
  await admin.connect();
  try {
    await admin.createPartitions({ topicPartitions: topics.map((topic) => ({ topic, count: 2 })) });
  } finally {
    await admin.disconnect();
  }
}
