/**
 * A new key epoch and merged persons on a running site: each lane takes both at one recorded offset, holds until its
 * keyring has the epoch, and leaves no old key standing in a compacted topic.
 */
import { createHash, createHmac, hkdfSync } from 'node:crypto';
import { chmod, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import avsc from 'avsc';
import type { ClinicalRecord } from '../../examples/hospital/clinical-values.ts';
import { generateHospital } from '../../examples/hospital/hospital.ts';
import { derivationInfo } from '../../keys/derivation.ts';
import type { KeyPurpose } from '../../keys/derivation.ts';
import { RegistryClient } from '../../schemas/registry-client.ts';
import { valueSubject } from '../../schemas/topic-names.ts';
import { auditedEvents } from '../support/audit-oracle.ts';
import { GrantBench } from '../support/grant-bench.ts';
import { deliveriesOf, replayRequest, replayResult } from '../support/replay-requests.ts';
import { sendRaw } from '../support/raw-feed.ts';
import { testStack, withAdmin } from '../support/stack.ts';
import { TestSite } from '../support/test-site.ts';
import { dumpTopics } from '../support/topic-dump.ts';
import type { DumpedRecord } from '../support/topic-dump.ts';

const PATIENTS = 'clinical.patients';
const ENCOUNTERS = 'clinical.encounters';
const DAY_MS = 86_400_000;
const MAX_DAYS = 182;

let site: TestSite;
let records: readonly ClinicalRecord[];
/** Two people with encounters; the first is merged into the second. */
let merged: string;
let survivor: string;
let removed: string;
let roots: Readonly<Record<string, string>>;
/** Raw records of each topic before the change. */
let before: { readonly patients: number; readonly encounters: number };
let refusal: string;
let publishedWhileHeld: number;
let bench: GrantBench;
let published: readonly DumpedRecord[];

const merges = (): string => join(site.directory, 'merges.csv');

beforeAll(async () => {
  site = await TestSite.make({
    topics: [PATIENTS, ENCOUNTERS],
    partitions: 1,
    config: 'persons: { aliasFile: merges.csv }',
  });
  await writeFile(merges(), 'merged,into,since\n', { mode: 0o600 });
  for (const other of ['analytics', 'billing']) await rm(join(site.directory, 'policies', `${other}.yaml`));
  await site.editPolicy('research', (policy) => {
    policy.topics[site.raw(PATIENTS)] = { key: { tag: 'PHI_MRN' }, compact: true };
  });
  refusal = (await site.gauze('apply')).stderr;
  await withAdmin(
    async (admin) => await admin.replaceConfigs(site.raw(PATIENTS), { 'cleanup.policy': 'compact' }),
  );
  records = [...generateHospital({ patients: 12, seed: 5 })].filter(
    ({ topic }) => topic === PATIENTS || topic === ENCOUNTERS,
  );
  const people = [...new Set(records.filter(({ topic }) => topic === ENCOUNTERS).map(({ key }) => key))];
  [merged, survivor, removed] = people as [string, string, string];
  const count = (wanted: string): number => records.filter(({ topic }) => topic === wanted).length;
  before = { patients: count(PATIENTS), encounters: count(ENCOUNTERS) };

  await site.feed(records);
  await site.apply();
  const first = site.run();
  await site.caughtUp();

  // The policy asks for what the running instance's keyring does not have: it holds.
  await site.gauze('keys', 'rotate', 'research');
  const text = `merged,into,since\n${merged},${survivor},2026-01-01\n`;
  await writeFile(merges(), text);
  await chmod(merges(), 0o600);
  const sha256 = createHash('sha256').update(text).digest('hex');
  await site.editPolicy('research', (policy) => {
    Object.assign(policy, { keys: { epoch: 2 }, persons: { aliases: sha256, domains: ['patient'] } });
  });
  await site.apply();
  await site.feed(records.filter(({ topic }) => topic === ENCOUNTERS));
  await sendRaw([
    { topic: site.raw(PATIENTS), key: survivor, value: Buffer.from('no Avro'), partition: 0 },
    { topic: site.raw(PATIENTS), key: removed, value: null, partition: 0 },
  ]);
  const ofResearch = (lanes: Awaited<ReturnType<TestSite['status']>>) =>
    lanes.filter(({ audience }) => audience === 'research');
  await site.until((lanes) => ofResearch(lanes).every(({ lag }) => lag !== 0));
  await site.until(() => site.logLines(/ERR_KEY_EPOCH_MISSING/).length > 0);
  publishedWhileHeld = (await publishedNow()).length;
  await first.end('SIGTERM');
  site.run();
  await site.caughtUp();
  roots = (
    JSON.parse(await readFile(site.keyringFile, 'utf8')) as {
      audiences: { research: { roots: Record<string, string> } };
    }
  ).audiences.research.roots;
  published = await publishedNow();
  bench = new GrantBench(site);
  await bench.start();
}, 180_000);

afterAll(async () => {
  await bench.close();
  await site.close();
});

async function publishedNow(): Promise<readonly DumpedRecord[]> {
  return await dumpTopics([site.sanitized(PATIENTS, 'research'), site.sanitized(ENCOUNTERS, 'research')]);
}

/** 16 bytes of HMAC under the key of an epoch, by node:crypto. */
function hmac(epoch: number, purpose: KeyPurpose, domain: string, id: string): Buffer {
  const root = Buffer.from(roots[String(epoch)]!, 'base64');
  const info = derivationInfo({ purpose, audience: 'research', domain, epoch });
  const key = Buffer.from(hkdfSync('sha256', root, Buffer.alloc(0), info, 32));
  return createHmac('sha256', key).update(id).digest().subarray(0, 16);
}

const pseudonym = (epoch: number, domain: string, id: string): string =>
  hmac(epoch, 'pseudonym', domain, id).toString('hex');

/** 1 to maxDays days, back or forth. */
function shiftMs(epoch: number, id: string): number {
  const index = hmac(epoch, 'date-shift', 'patient', id).readUInt32BE(0) % (2 * MAX_DAYS);
  return (index < MAX_DAYS ? index - MAX_DAYS : index - MAX_DAYS + 1) * DAY_MS;
}

describe('a new key epoch', () => {
  test('holds the lanes of an instance whose keyring does not have it, with nothing published', () => {
    expect(publishedWhileHeld).toBe(before.patients + before.encounters);
  });

  test('and merged persons are taken at one offset: what is by hand before it, and after it', async () => {
    const topic = site.sanitized(ENCOUNTERS, 'research');
    const [derived] = await new RegistryClient({ url: testStack().registryUrl }).subjectVersions(
      valueSubject(topic),
    );
    const type = avsc.Type.forSchema(JSON.parse(derived!.text) as avsc.Schema);
    const mine = published.filter((record) => record.topic === topic);
    const raw = records.filter((record) => record.topic === ENCOUNTERS);
    expect(mine).toHaveLength(2 * raw.length);
    const seen = new Set<string>();
    for (const [i, { key, value }] of mine.entries()) {
      const record = raw[i % raw.length]!;
      if (record.topic !== ENCOUNTERS) throw new Error('not an encounter');
      const epoch = i < raw.length ? 1 : 2;
      const person = epoch === 2 && record.key === merged ? survivor : record.key;
      const masked = type.fromBuffer(value!.subarray(5)) as { patientId: string; period: { start: number } };
      expect(masked.patientId).toBe(pseudonym(epoch, 'patient', person));
      expect(key!.toString()).toBe(masked.patientId);
      expect(masked.period.start - record.value.period.start).toBe(shiftMs(epoch, person));
      if (record.key === merged || record.key === survivor) seen.add(masked.patientId);
    }
    // Two people before, one after.
    expect(seen.size).toBe(3);
  });

  test('is in the audit from that offset on, lane by lane, and never before it', async () => {
    const events = auditedEvents(await dumpTopics([site.names.auditEvents])).map(({ event }) => event);
    for (const [topic, count] of [
      [PATIENTS, before.patients],
      [ENCOUNTERS, before.encounters],
    ] as const) {
      const ranges = events.filter(
        ({ type, recipient, range }) =>
          type === 'session.batch' && recipient?.id === 'research' && range?.topic === site.raw(topic),
      );
      const byEpoch = Map.groupBy(ranges, ({ plan }) => plan!.masking_key_epoch);
      expect(new Set(byEpoch.keys())).toEqual(new Set([1, 2]));
      const ends = byEpoch.get(1)!.map(({ range }) => range!.next_offset);
      const starts = byEpoch.get(2)!.map(({ range }) => range!.first_offset);
      expect(Math.max(...ends)).toBe(Math.min(...starts));
      expect(Math.min(...starts)).toBeGreaterThanOrEqual(count);
      expect(new Set(byEpoch.get(2)!.map(({ policy }) => policy.version))).toEqual(new Set([2]));
    }
  });
});

describe('a compacted topic', () => {
  const tombstones = (id: string): readonly unknown[] => [
    [pseudonym(2, 'mrn', id), null],
    [pseudonym(1, 'mrn', id), null],
  ];

  test('is refused where the raw one is not, and is compacted where it is', async () => {
    expect(refusal).toContain('ERR_POLICY_COMPACTION');
    const topic = site.sanitized(PATIENTS, 'research');
    const config = await withAdmin(async (admin) => await admin.describeConfigs(topic));
    expect(config.get('cleanup.policy')?.value).toBe('compact');
  });

  test('keeps no older record of a key that was removed, or whose newer record is withheld', () => {
    const topic = site.sanitized(PATIENTS, 'research');
    const mine = published.filter((record) => record.topic === topic);
    for (const id of [survivor, removed]) {
      const old = mine.filter(({ key }) => key!.toString() === pseudonym(1, 'mrn', id));
      expect(old.some(({ value }) => value !== null)).toBe(true);
      expect(old.at(-1)!.value).toBeNull();
    }
    expect(mine.slice(-4).map(({ key, value }) => [key!.toString(), value])).toEqual([
      ...tombstones(survivor),
      ...tombstones(removed),
    ]);
  });

  test('is the same again on replay, tombstones of every epoch and of what was withheld too', async () => {
    const mine = (await deliveriesOf(bench, site, { policy: 'research' })).filter(
      ({ event }) => event.range!.topic === site.raw(PATIENTS),
    );
    const last = mine.at(-1)!;
    expect(last.event.range).toMatchObject({ record_count: 2, delivered_count: 1 });
    const result = await replayResult(bench, await replayRequest(bench, PATIENTS, last));
    expect(result).toEqual({ outcome: 'EQUAL', code: null, records: 4, differs_at: null });
  });
});

describe('replays', () => {
  const outcome = async (epoch: number): Promise<unknown> => {
    const events = await deliveriesOf(bench, site, { policy: 'research' });
    const chosen = events.findLast(
      ({ event: { range, plan } }) =>
        range!.topic === site.raw(ENCOUNTERS) && plan!.masking_key_epoch === epoch,
    );
    const result = await replayResult(bench, await replayRequest(bench, ENCOUNTERS, chosen!));
    return [result.outcome, result.code];
  };

  test('of both epochs and before and after the merge are equal', async () => {
    expect([await outcome(1), await outcome(2)]).toEqual([
      ['EQUAL', null],
      ['EQUAL', null],
    ]);
  });

  test('say when the list of merged persons of then is gone, and are equal where none was pinned', async () => {
    await writeFile(merges(), 'merged,into,since\n');
    await site.lastInstance().end('SIGTERM');
    site.run();
    expect([await outcome(2), await outcome(1)]).toEqual([
      ['UNVERIFIABLE', 'ALIASES_GONE'],
      ['EQUAL', null],
    ]);
    await site.until(() => site.logLines(/ERR_PERSONS_LIST_MISSING/).length > 0);
  });
});
