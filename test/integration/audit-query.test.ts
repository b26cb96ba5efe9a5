/**
 * Answers of the audit topics on real parts: who saw whom equals a count of every raw record and every event, before and
 * after kill -9 and rotation of the key of subject tokens; questions are on record before they are answered.
 */
import { spawn } from 'node:child_process';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { AuditIndex } from '../../audit/query/audit-index.ts';
import { refreshIndex } from '../../audit/query/index-build.ts';
import { patientTokens } from '../../audit/query/patient.ts';
import { whoSaw } from '../../audit/query/who-saw.ts';
import type { WhoSawAnswer } from '../../audit/query/who-saw.ts';
import { generateHospital } from '../../examples/hospital/hospital.ts';
import { Cluster } from '../../kafka/cluster.ts';
import { parseAddress } from '../../kafka/login.ts';
import { loadKeyring } from '../../keys/keyring.ts';
import { NO_ALIASES } from '../../keys/person-aliases.ts';
import { auditedEvents } from '../support/audit-oracle.ts';
import type { AuditedEvent } from '../support/audit-oracle.ts';
import { GrantBench } from '../support/grant-bench.ts';
import { expectedTokens } from '../support/index-oracle.ts';
import type { ExpectedToken } from '../support/index-oracle.ts';
import { sendRaw } from '../support/raw-feed.ts';
import { sightingsByPerson } from '../support/sightings-oracle.ts';
import { loginOf, testStack } from '../support/stack.ts';
import { TestSite } from '../support/test-site.ts';
import { dumpTopics } from '../support/topic-dump.ts';

const GAUZE = fileURLToPath(new URL('../../cli/gauze.ts', import.meta.url));
const ENCOUNTERS = 'clinical.encounters';
const PERSONS_MIN = 50;

let site: TestSite;
let bench: GrantBench;
let grantId: string;
let indexFile: string;

interface Truth {
  readonly records: readonly ExpectedToken[];
  readonly events: readonly AuditedEvent[];
  readonly sightings: ReadonlyMap<string, ReadonlySet<string>>;
}

async function truth(): Promise<Truth> {
  const raw = site.topics.map((topic) => site.raw(topic));
  const dump = await dumpTopics([...raw, site.names.auditEvents]);
  const events = auditedEvents(dump.filter(({ topic }) => topic === site.names.auditEvents));
  const records = await expectedTokens({
    keyringFile: site.keyringFile,
    raw: dump.filter(({ topic }) => raw.includes(topic)),
    subjects: [],
    events,
  });
  return { records, events, sightings: sightingsByPerson(records, events) };
}

/** The index of the site brought up to date, with the auditor's log-in. */
async function withIndex<T>(file: string, work: (index: AuditIndex) => Promise<T>): Promise<T> {
  const brokers = testStack().brokers.map((text) => parseAddress(text)!);
  const cluster = new Cluster({ brokers, ssl: false, login: loginOf('gauze-auditor'), role: 'auditor' });
  await cluster.start();
  const index = AuditIndex.open(file, { clusterId: cluster.clusterId, prefix: site.names.prefix });
  try {
    await refreshIndex(index, cluster, site.names);
    return await work(index);
  } finally {
    index.close();
    await cluster.close();
  }
}

function flat({ viewers }: WhoSawAnswer): ReadonlySet<string> {
  return new Set(
    viewers.flatMap(({ sightings }) =>
      sightings.flatMap(({ event, topic, partition, offsets }) =>
        offsets.map((offset) => `${event.partition}/${event.offset} ${topic}/${partition} ${offset}`),
      ),
    ),
  );
}

/** Compares for every person; gives how many there were, and how many deliveries. */
async function compareAll(file: string): Promise<{ persons: number; deliveries: number }> {
  const { sightings } = await truth();
  const keyring = await loadKeyring(site.keyringFile);
  let deliveries = 0;
  await withIndex(file, async (index) => {
    for (const [person, wanted] of sightings) {
      const answer = whoSaw(index, patientTokens(keyring, person, NO_ALIASES));
      expect([...flat(answer)].sort()).toEqual([...wanted].sort());
      expect(answer.viewers.every(({ isCertain }) => isCertain)).toBe(true);
      deliveries += wanted.size;
    }
    expect(whoSaw(index, patientTokens(keyring, 'nobody-of-that-id', NO_ALIASES)).viewers).toEqual([]);
    return await Promise.resolve();
  });
  return { persons: sightings.size, deliveries };
}

function anEpisode(seed: number, patients = 60) {
  return generateHospital({ patients, seed });
}

beforeAll(async () => {
  site = await TestSite.make({ partitions: 2, config: 'limits: { batchBytes: 32768, lingerMs: 20 }' });
  indexFile = join(site.directory, 'index.sqlite');
  await site.feed(anEpisode(71));
  // Records that are withheld: the bitmaps of lanes have holes too.
  await sendRaw([
    { topic: site.raw(ENCOUNTERS), partition: 0, key: 'k', value: Buffer.from('no Avro at all') },
  ]);
  await site.feed(anEpisode(72, 10));
  await site.apply();
  site.run();
  await site.caughtUp();
  bench = new GrantBench(site);
  await bench.start();
  const { records } = await truth();
  const persons = [
    ...new Set(
      records.flatMap(({ person, topic }) => (person && topic === site.raw(ENCOUNTERS) ? [person] : [])),
    ),
  ];
  const ends = [0, 1].map(
    (partition) =>
      1 +
      Math.max(
        ...records
          .filter((each) => each.topic === site.raw(ENCOUNTERS) && each.partition === partition)
          .map(({ offset }) => offset),
      ),
  );
  const state = await bench.active(ENCOUNTERS, {
    fields: [{ path: 'encounterId', tags: ['PHI_ACCOUNT'] }],
    persons: await Promise.all(persons.slice(3, 9).map(async (person) => await bench.token(person))),
    partitions: ends.map((next_offset, partition) => ({ partition, first_offset: 0, next_offset })),
  });
  grantId = state.grant_id;
  await bench.write(state);
  await bench.untilStopped(grantId);
}, 240_000);

afterAll(async () => {
  await bench.close();
  await site.close();
});

describe('who saw a patient', () => {
  test('is answered as a count of every raw record and every event says, for every patient', async () => {
    const { persons, deliveries } = await compareAll(indexFile);
    expect(persons).toBeGreaterThanOrEqual(PERSONS_MIN);
    expect(deliveries).toBeGreaterThan(persons * 3);
  }, 120_000);

  test('names the grant and what it showed, to those alone who were in it', async () => {
    const { records, sightings } = await truth();
    const keyring = await loadKeyring(site.keyringFile);
    const inGrant = await withIndex(indexFile, async (index) => {
      const named = [...sightings.keys()].filter((person) =>
        whoSaw(index, patientTokens(keyring, person, NO_ALIASES)).viewers.some(
          ({ name }) => name === grantId,
        ),
      );
      const { viewers } = whoSaw(index, patientTokens(keyring, named[0]!, NO_ALIASES));
      const grant = viewers.find(({ name }) => name === grantId)!;
      expect(grant).toMatchObject({ through: 'grant', recipient: 'User:alice', purpose: ['TREAT'] });
      expect(grant.fieldsClear).toContain('encounterId');
      return await Promise.resolve(named);
    });
    expect(inGrant).toHaveLength(6);
    expect(new Set(records.map(({ person }) => person)).size).toBeGreaterThan(inGrant.length);
  }, 120_000);

  test('stays right when topology and indexer are killed, and when the key of tokens is rotated', async () => {
    await site.feed(anEpisode(73, 40));
    await site.lastInstance().end('SIGKILL');
    const killed = site.run();
    await site.until((lanes) => lanes.some(({ lag }) => lag === 0));
    await killed.end('SIGKILL');
    const { code } = await site.gauze('keys', 'rotate', 'subject-tokens');
    expect(code).toBe(0);
    site.run();
    await site.caughtUp(120_000);
    await site.feed(anEpisode(74, 40));
    await site.caughtUp(120_000);
    const again = join(site.directory, 'killed.sqlite');
    await killedIndexer(again);
    const { persons } = await compareAll(again);
    expect(persons).toBeGreaterThanOrEqual(PERSONS_MIN);
    // The index that has grown with the topics gives the same answers as one made at once.
    await compareAll(indexFile);
  }, 300_000);
});

describe('gauze audit', () => {
  test('puts a question on record before it answers, without the patient or a token', async () => {
    const { sightings } = await truth();
    const [person] = [...sightings.keys()];
    const { code, stdout, stderr } = await site.gauze(
      'audit',
      'query',
      'who-saw',
      person!,
      '--json',
      '--index',
      indexFile,
    );
    expect([code, stderr]).toEqual([0, '']);
    const answer = JSON.parse(stdout) as WhoSawAnswer;
    expect([...flat(answer)].sort()).toEqual([...sightings.get(person!)!].sort());
    const { events } = await truth();
    const asked = events.filter(({ event }) => event.type === 'audit.queried');
    expect(asked).toHaveLength(1);
    const ext = Object.fromEntries(asked[0]!.event.ext.map(({ k, v }) => [k, v]));
    expect(ext).toMatchObject({
      question: 'who-saw',
      question_sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    expect(Number(ext['results'])).toBe(answer.viewers.reduce((sum, { times }) => sum + times, 0));
    expect(asked[0]!.record.value!.includes(person!)).toBe(false);
    for (const { token } of patientTokens(await loadKeyring(site.keyringFile), person!, NO_ALIASES))
      expect(asked[0]!.record.value!.includes(token)).toBe(false);
    expect(stdout).not.toContain(person!);
  }, 120_000);

  test('gives no answer where the question cannot be put on record', async () => {
    const text = await readFile(join(site.directory, 'gauze.yaml'), 'utf8');
    const keyring = JSON.parse(await readFile(site.keyringFile, 'utf8')) as {
      auditWriters: Record<string, string>;
    };
    delete keyring.auditWriters['auditor'];
    const lacking = join(site.directory, 'lacking.json');
    await writeFile(lacking, JSON.stringify(keyring), { mode: 0o600 });
    const config = join(site.directory, 'lacking.yaml');
    await writeFile(config, text.replace(site.keyringFile, lacking));
    const args = ['audit', 'query', 'overdue-grants', '--json', '--index', indexFile, '--config', config];
    const { code, stdout, stderr } = await run(args);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toContain('ERR_KEY_MISSING');
  }, 120_000);

  test('says what a grant delivered, and that nothing came late and nobody counted twice', async () => {
    const ask = async (...args: string[]): Promise<Record<string, unknown>> => {
      const { code, stdout, stderr } = await site.gauze(
        'audit',
        'query',
        ...args,
        '--json',
        '--index',
        indexFile,
      );
      expect([code, stderr]).toEqual([0, '']);
      return JSON.parse(stdout) as Record<string, unknown>;
    };
    const { events } = await truth();
    const delivered = events.filter(
      ({ event }) => event.grant?.id === grantId && event.type === 'session.batch',
    );
    const grant = await ask('grant', grantId);
    expect(grant).toMatchObject({
      records: delivered.reduce((sum, { event }) => sum + event.range!.delivered_count, 0),
      persons: 6,
      recipient: 'User:alice',
    });
    expect(await ask('overdue-grants')).toMatchObject({ overdue: [], grants: 1 });
    expect(await ask('double-approvals')).toMatchObject({ doubles: [] });
    const day = new Date().toISOString().slice(0, 10);
    expect(await ask('exports', day)).toMatchObject({ answer: 'yes' });
    const before = await ask('exports', '2020-06-12');
    expect(before).toMatchObject({ answer: 'no', proof: { isProved: false } });
    const { acts } = (await ask('principal', 'User:alice')) as { acts: { as: string; type: string }[] };
    expect(acts).toContainEqual(expect.objectContaining({ as: 'recipient', type: 'session.batch' }));
  }, 120_000);

  test('keeps the index for its owner alone, and accounts for disclosures as HTML and CSV', async () => {
    const before = await truth();
    const { sightings } = before;
    const [person] = [...sightings.keys()];
    const [html, csv] = [join(site.directory, 'account.html'), join(site.directory, 'account.csv')];
    const args = ['--html', html, '--csv', csv, '--with-exempt', '--form', 'full', '--index', indexFile];
    const { code } = await site.gauze('audit', 'disclosures', person!, ...args);
    expect(code).toBe(0);
    expect((await stat(indexFile)).mode & 0o077).toBe(0);
    const lines = (await readFile(csv, 'utf8')).trim().split('\r\n');
    const limited = before.events.filter(
      ({ event }) => event.recipient !== null && event.accounting !== 'NOT_PHI',
    );
    const accountable = new Set(limited.map(({ record }) => `${record.partition}/${record.offset}`));
    const wanted = [...sightings.get(person!)!]
      .map((each) => each.split(' ').slice(0, 1)[0]!)
      .filter((place) => accountable.has(place));
    expect(
      lines
        .slice(1)
        .map((line) => line.split(',').at(-1)!)
        .toSorted(),
    ).toEqual([...new Set(wanted)].sort());
    expect(await readFile(html, 'utf8')).toContain('Accounting of disclosures');
    const { events } = await truth();
    expect(events.filter(({ event }) => event.type === 'subject.disclosure_report')).toHaveLength(1);
  }, 180_000);
});

/** An indexer that is killed as soon as its file has anything in it. */
async function killedIndexer(file: string): Promise<void> {
  const config = ['--config', join(site.directory, 'gauze.yaml')];
  const child = spawn(process.execPath, [GAUZE, 'audit', 'index', '--index', file, ...config], {
    stdio: 'ignore',
  });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  const hasRows = async (): Promise<boolean> =>
    ((await stat(`${file}-wal`).catch(() => null))?.size ?? 0) > 200_000;
  while (child.exitCode === null && !(await hasRows()));
  child.kill('SIGKILL');
  await ended;
}

async function run(
  args: readonly string[],
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const child = spawn(process.execPath, [GAUZE, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { code, stdout, stderr };
}
