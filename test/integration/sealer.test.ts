/**
 * The sealer on the real stack, beside a topology with records flowing: what it seals is what Kafka's own consumer
 * reads, through kills and take-overs, and what is wrong with the site stands in the next seal.
 */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { generateHospital } from '../../examples/hospital/hospital.ts';
import { allow } from '../../kafka/acl.ts';
import { Cluster } from '../../kafka/cluster.ts';
import { LogReader } from '../../kafka/log-reader.ts';
import type { LogRecord } from '../../kafka/log-reader.ts';
import { readSealRecord } from '../../schemas/seal-codecs.ts';
import type { PhiAuditSeal } from '../../schemas/seal-codecs.ts';
import { endpointOf } from '../support/kafka-plane.ts';
import { siteSeals } from '../support/seal-oracle.ts';
import { eventually, uniqueName, withAdmin } from '../support/stack.ts';
import { TestSite } from '../support/test-site.ts';
import type { RunningInstance } from '../support/test-site.ts';

const TOPICS = ['clinical.patients', 'clinical.encounters'] as const;
const INTERVAL_MS = 500;

let site: TestSite;
let cluster: Cluster;
let reader: LogReader;
const seals: PhiAuditSeal[] = [];

beforeAll(async () => {
  site = await TestSite.make({
    topics: TOPICS,
    partitions: 2,
    config: `audit: { sealIntervalMs: ${INTERVAL_MS} }`,
  });
  await site.feed(generateHospital({ patients: 20, seed: 61 }));
  await site.apply();
  cluster = new Cluster(endpointOf());
  await cluster.start();
  reader = new LogReader(cluster, site.names.auditSeals, 0);
}, 120_000);

afterAll(async () => {
  reader.close();
  await cluster.close();
  await site.close();
});

function take({ key, value }: LogRecord): void {
  const record = readSealRecord(key, value && Buffer.from(value));
  if (record.kind === 'seal') seals.push(record.seal);
}

/** The first seal from number `from` on that is as wanted. */
async function sealThat(
  wanted: (seal: PhiAuditSeal) => boolean,
  from = seals.length,
  timeoutMs = 30_000,
): Promise<PhiAuditSeal> {
  return await eventually(async () => {
    await reader.read(200, take);
    const found = seals.slice(from).find(wanted);
    if (!found) {
      const told = new Set(seals.slice(from).flatMap((seal) => codes(seal)));
      throw new Error(`no such seal; alarms: ${[...told].slice(0, 20).join('\n')}`);
    }
    return found;
  }, timeoutMs);
}

function codes(seal: PhiAuditSeal): readonly string[] {
  return seal.alarms.map(({ code, place, detail }) => `${code} ${place} ${detail}`);
}

/** Of what other tests on this cluster set up in the meantime nothing can be said. */
function codesHere(seal: PhiAuditSeal): readonly string[] {
  return codes(seal).filter((text) => !text.startsWith('RIGHTS_ALTERABLE'));
}

/** Has everything that lanes had committed been told of by events? */
function isCovered({ coverage }: PhiAuditSeal): boolean {
  return coverage.length > 0 && coverage.every((each) => each.committed_offset === each.covered_offset);
}

/** Number of the last seal that is there now. */
async function lastNumber(): Promise<number> {
  await reader.readToEnd(take);
  return seals.length - 1;
}

let first: RunningInstance;

test('seals every interval while records flow, and says nothing alarming of an honest site', async () => {
  first = site.run('sealer');
  await sealThat(({ n }) => n === 0);
  site.run();
  await site.caughtUp();
  const sealed = await sealThat((seal) => isCovered(seal), (await lastNumber()) + 1);
  expect(sealed.coverage).toHaveLength(16);
  // Four audiences with the index, two topics, two partitions.
  expect(new Set(sealed.coverage.map(({ group }) => group)).size).toBe(4);
  for (const each of sealed.coverage) expect(each.committed_offset).toBe(each.log_end_offset);
  expect(sealed.chains.filter(({ state }) => state === 'OPEN').length).toBeGreaterThanOrEqual(16);
  expect(sealed.partitions.map(({ topic }) => topic)).toEqual(
    [site.names.auditEvents, site.names.auditSubjects].flatMap((topic) => Array<string>(4).fill(topic)),
  );
  const next = await sealThat(({ n }) => n === sealed.n + 3);
  expect(next.sealed_at).toBeGreaterThan(sealed.sealed_at);
  expect(seals.flatMap((seal) => codesHere(seal))).toEqual([]);
}, 120_000);

test('is killed, started again, and goes on with the next number and the same trees', async () => {
  const before = seals.length;
  await first.end('SIGKILL');
  await site.feed(generateHospital({ patients: 10, seed: 62 }));
  first = site.run('sealer');
  await sealThat((seal) => seal.n > before + 1 && isCovered(seal));
  const { faults, notes, seals: all } = await siteSeals(site);
  expect(faults).toEqual([]);
  expect(notes.length).toBeGreaterThan(3);
  expect(notes.at(-1)!.size).toBeGreaterThanOrEqual(all.length - 1);
  expect(new Set(notes.map(({ size }) => size)).size).toBe(notes.length);
  expect(seals.flatMap((seal) => codesHere(seal))).toEqual([]);
}, 120_000);

test('hands over to a standby, and two of them never seal under one number', async () => {
  const standby = site.run('sealer');
  await eventually(async () => {
    await Promise.resolve();
    expect(standby.log).toContain('instance started');
  });
  await first.end('SIGKILL');
  const killedAt = await lastNumber();
  await sealThat(({ n }) => n > killedAt + 2, killedAt, 60_000);
  expect(standby.log).toContain('"seal"');
  const third = site.run('sealer');
  // One that is stopped in its tracks is fenced meanwhile, and must find that out by itself.
  standby.process.kill('SIGSTOP');
  const stoppedAt = await lastNumber();
  await sealThat(({ n }) => n > stoppedAt + 4, stoppedAt, 60_000);
  expect(third.log).toContain('"seal"');
  standby.process.kill('SIGCONT');
  const goingOn = await lastNumber();
  await sealThat(({ n }) => n > goingOn + 6, goingOn, 60_000);
  expect((await siteSeals(site)).faults).toEqual([]);
  expect(await standby.end('SIGTERM')).toBe(0);
}, 180_000);

test('tells of changed settings, of rules and of groups that let somebody read raw topics', async () => {
  const raw = site.raw(TOPICS[0]);
  const { auditEvents } = site.names;
  const lanes = `${site.names.prefix}.research`;
  const rules = [
    ...allow('User:research-app', ['read'], 'group', lanes),
    ...allow('User:research-app', ['read'], 'topic', raw),
    ...allow('User:billing-app', ['delete'], 'topic', auditEvents),
    ...allow('User:analytics-app', ['write'], 'topic', site.names.auditSeals),
  ];
  const group = uniqueName('somebody');
  await withAdmin(async (admin) => {
    await admin.createAcls(rules);
    await admin.setGroupOffsets(group, [{ topic: raw, partition: 0, offset: 1n, metadata: null }]);
    await admin.replaceConfigs(auditEvents, { 'retention.ms': '1000000', 'cleanup.policy': 'delete' });
  });
  const expected = [
    `RAW_READABLE User:research-app read on literal ${raw}`,
    `POSITIONS_MOVABLE User:research-app read on group literal ${lanes}`,
    `AUDIT_ALTERABLE User:billing-app delete on literal ${auditEvents}`,
    `AUDIT_WRITABLE User:analytics-app write on literal ${site.names.auditSeals}`,
    `RAW_GROUP ${group} ${raw}`,
    `TOPIC_CONFIG_DRIFT ${auditEvents} retention.ms 1000000`,
  ];
  const told = await sealThat((seal) => expected.every((text) => codes(seal).includes(text)));
  expect(seals.some((seal) => codes(seal).some((text) => text.startsWith('TOPIC_CONFIG_CHANGED')))).toBe(
    true,
  );
  await withAdmin(async (admin) => {
    await admin.deleteAcls(rules);
    await admin.deleteGroups([group]);
  });
  const later = await sealThat(
    (seal) => !codes(seal).some((text) => /^(RAW|AUDIT|POSITIONS)_/.test(text)),
    told.n + 1,
  );
  expect(later.topic_config_sha256.equals(seals[0]!.topic_config_sha256)).toBe(false);
}, 120_000);

test('stops for good where what was sealed is not what is there', async () => {
  await withAdmin(async (admin) => {
    const { auditSubjects } = site.names;
    await admin.deleteTopics([auditSubjects]);
    await eventually(async () => await admin.createTopic({ topic: auditSubjects, partitions: 4 }));
  });
  const again = site.run('sealer');
  await eventually(async () => {
    await Promise.resolve();
    expect(site.logLines(/ERR_SEAL_STATE/).length).toBeGreaterThan(0);
  }, 60_000);
  await again.end('SIGKILL');
}, 120_000);
