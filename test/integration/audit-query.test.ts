/**
 * Answers of the audit topics on real parts: who saw whom equals a count of every raw record and every event, before and
 * after kill -9 and rotation of the key of subject tokens; questions are on record before they are answered.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { patientTokens } from '../../audit/query/patient.ts';
import type { WhoSawAnswer } from '../../audit/query/who-saw.ts';
import { generateHospital } from '../../examples/hospital/hospital.ts';
import { loadKeyring } from '../../keys/keyring.ts';
import { NO_ALIASES } from '../../keys/person-aliases.ts';
import type { GrantState } from '../../schemas/access-codecs.ts';
import { GrantBench } from '../support/grant-bench.ts';
import { sendRaw } from '../support/raw-feed.ts';
import { TestSite } from '../support/test-site.ts';
import { MERGES_CONFIG, WhoSawScene, flat, patientsOf } from '../support/who-saw-scene.ts';

const GAUZE = fileURLToPath(new URL('../../cli/gauze.ts', import.meta.url));
const ENCOUNTERS = 'clinical.encounters';
const PERSONS_MIN = 50;

let site: TestSite;
let scene: WhoSawScene;
let bench: GrantBench;
/** Made before the key of tokens is rotated, active only afterwards. */
let early: GrantState;
let grantId: string;
/** Ids of one person. */
let joined: readonly string[];
let indexFile: string;

function anEpisode(seed: number, patients = 60) {
  return generateHospital({ patients, seed });
}

beforeAll(async () => {
  const limits = 'limits: { batchBytes: 32768, lingerMs: 20 }';
  site = await TestSite.make({ partitions: 2, config: `${limits}\n${MERGES_CONFIG}` });
  scene = new WhoSawScene(site);
  const [a, b, c, d, e, ...single] = patientsOf(71, 60);
  joined = [a!, b!, c!];
  await scene.merge([joined, [d!, e!]]);
  indexFile = join(site.directory, 'index.sqlite');
  await site.feed(anEpisode(71));
  // Records that are withheld: the bitmaps of lanes have holes too.
  await sendRaw([
    { topic: site.raw(ENCOUNTERS), partition: 0, key: 'k', value: Buffer.from('no Avro at all') },
  ]);
  await site.feed(anEpisode(72, 10));
  await site.apply();
  site.run();
  await site.caughtUp(180_000);
  bench = new GrantBench(site);
  await bench.start();
  const { records } = await scene.truth();
  const seen = new Set(
    records.flatMap(({ person, topic }) => (person && topic === site.raw(ENCOUNTERS) ? [person] : [])),
  );
  const tokens = async (persons: readonly string[]): Promise<readonly Buffer[]> =>
    await Promise.all(persons.map(async (person) => await bench.token(person)));
  const ends = [0, 1].map(
    (partition) =>
      1 +
      Math.max(
        ...records
          .filter((each) => each.topic === site.raw(ENCOUNTERS) && each.partition === partition)
          .map(({ offset }) => offset),
      ),
  );
  const wish = {
    fields: [{ path: 'encounterId', tags: ['PHI_ACCOUNT'] }],
    partitions: ends.map((next_offset, partition) => ({ partition, first_offset: 0, next_offset })),
  };
  const named = single.filter((person) => seen.has(person)).slice(0, 6);
  const state = await bench.active(ENCOUNTERS, { ...wish, persons: await tokens(named) });
  // One person with three ids, and no more than one person.
  early = await bench.active(ENCOUNTERS, { ...wish, persons: await tokens(joined), max_persons: 1 });
  grantId = state.grant_id;
  await bench.write(state);
  await bench.untilStopped(grantId, 120_000);
}, 600_000);

afterAll(async () => {
  await bench.close();
  await site.close();
});

describe('who saw a patient', () => {
  test('is answered as a count of every raw record and every event says, for every patient', async () => {
    const { persons, deliveries, merged } = await scene.compareAll(indexFile);
    expect(persons).toBeGreaterThanOrEqual(PERSONS_MIN);
    expect(merged).toBe(5);
    expect(deliveries).toBeGreaterThan(persons * 3);
  }, 300_000);

  test('names the grant and what it showed, to those alone who were in it', async () => {
    const { records, sightings } = await scene.truth();
    const ask = await scene.asker();
    const inGrant = await scene.withIndex(indexFile, (index) => {
      const named = [...sightings.keys()].filter((person) =>
        ask(index, person).viewers.some(({ name }) => name === grantId),
      );
      const { viewers } = ask(index, named[0]!);
      const grant = viewers.find(({ name }) => name === grantId)!;
      expect(grant).toMatchObject({ through: 'grant', recipient: 'User:alice', purpose: ['TREAT'] });
      expect(grant.fieldsClear).toContain('encounterId');
      return named;
    });
    expect(inGrant).toHaveLength(6);
    expect(new Set(records.map(({ person }) => person)).size).toBeGreaterThan(inGrant.length);
  }, 300_000);

  test('stays right when topology and indexer are killed, and when the key of tokens is rotated', async () => {
    await site.feed(anEpisode(73, 40));
    await site.lastInstance().end('SIGKILL');
    const killed = site.run();
    await site.until((lanes) => lanes.some(({ lag }) => lag === 0), 180_000);
    await killed.end('SIGKILL');
    const { code } = await site.gauze('keys', 'rotate', 'subject-tokens');
    expect(code).toBe(0);
    site.run();
    await site.caughtUp(180_000);
    await site.feed(anEpisode(74, 40));
    await site.caughtUp(180_000);
    // A grant goes on under the key epoch that it was made in, and counts ids that were merged as one person.
    await bench.write(early);
    const { stopped, records, persons: tokens } = await bench.untilStopped(early.grant_id, 120_000);
    expect([stopped, tokens.length]).toEqual(['COMPLETE', 3]);
    expect(records).toBeGreaterThan(0);
    const again = join(site.directory, 'killed.sqlite');
    await scene.killedIndexer(again);
    const { persons } = await scene.compareAll(again);
    expect(persons).toBeGreaterThanOrEqual(PERSONS_MIN);
    // The index that has grown with the topics gives the same answers as one made at once.
    await scene.compareAll(indexFile);
  }, 600_000);
});

describe('gauze audit', () => {
  test('puts a question on record before it answers, without the patient or a token', async () => {
    const before = await scene.truth();
    const person = joined[1]!;
    const { code, stdout, stderr } = await site.gauze(
      'audit',
      'query',
      'who-saw',
      person,
      '--json',
      '--index',
      indexFile,
    );
    expect([code, stderr]).toEqual([0, '']);
    const answer = JSON.parse(stdout) as WhoSawAnswer;
    expect(answer.ids).toBe(3);
    expect([...flat(answer)].sort()).toEqual([...scene.wanted(before, person)].sort());
    const { events } = await scene.truth();
    const asked = events.filter(({ event }) => event.type === 'audit.queried');
    expect(asked).toHaveLength(1);
    const ext = Object.fromEntries(asked[0]!.event.ext.map(({ k, v }) => [k, v]));
    expect(ext).toMatchObject({
      question: 'who-saw',
      question_sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
      merges_sha256: createHash('sha256')
        .update(await readFile(scene.mergesFile))
        .digest('hex'),
    });
    expect(Number(ext['results'])).toBe(answer.viewers.reduce((sum, { times }) => sum + times, 0));
    const keyring = await loadKeyring(site.keyringFile);
    for (const id of joined) {
      expect(asked[0]!.record.value!.includes(id)).toBe(false);
      for (const { token } of patientTokens(keyring, id, NO_ALIASES))
        expect(asked[0]!.record.value!.includes(token)).toBe(false);
      expect(stdout).not.toContain(id);
    }
  }, 300_000);

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
  }, 300_000);

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
    const { events } = await scene.truth();
    const delivered = events.filter(
      ({ event }) => event.grant?.id === grantId && event.type === 'session.batch',
    );
    const grant = await ask('grant', grantId);
    expect(grant).toMatchObject({
      records: delivered.reduce((sum, { event }) => sum + event.range!.delivered_count, 0),
      persons: 6,
      recipient: 'User:alice',
    });
    expect(await ask('overdue-grants')).toMatchObject({ overdue: [], grants: 2 });
    expect(await ask('double-approvals')).toMatchObject({ doubles: [] });
    const day = new Date().toISOString().slice(0, 10);
    expect(await ask('exports', day)).toMatchObject({ answer: 'yes' });
    const before = await ask('exports', '2020-06-12');
    expect(before).toMatchObject({ answer: 'no', proof: { isProved: false } });
    const { acts } = (await ask('principal', 'User:alice')) as { acts: { as: string; type: string }[] };
    expect(acts).toContainEqual(expect.objectContaining({ as: 'recipient', type: 'session.batch' }));
  }, 300_000);

  test('keeps the index for its owner alone, and accounts for disclosures as HTML and CSV', async () => {
    const before = await scene.truth();
    const person = joined[2]!;
    const [html, csv] = [join(site.directory, 'account.html'), join(site.directory, 'account.csv')];
    const args = ['--html', html, '--csv', csv, '--with-exempt', '--form', 'full', '--index', indexFile];
    const { code } = await site.gauze('audit', 'disclosures', person, ...args);
    expect(code).toBe(0);
    expect((await stat(indexFile)).mode & 0o077).toBe(0);
    const lines = (await readFile(csv, 'utf8')).trim().split('\r\n');
    const limited = before.events.filter(
      ({ event }) => event.recipient !== null && event.accounting !== 'NOT_PHI',
    );
    const accountable = new Set(limited.map(({ record }) => `${record.partition}/${record.offset}`));
    const wanted = [...scene.wanted(before, person)]
      .map((each) => each.split(' ').slice(0, 1)[0]!)
      .filter((place) => accountable.has(place));
    expect(
      lines
        .slice(1)
        .map((line) => line.split(',').at(-1)!)
        .toSorted(),
    ).toEqual([...new Set(wanted)].sort());
    const page = await readFile(html, 'utf8');
    expect(page).toContain('Accounting of disclosures');
    expect(page).toContain('3 ids of this person are joined');
    const { events } = await scene.truth();
    expect(events.filter(({ event }) => event.type === 'subject.disclosure_report')).toHaveLength(1);
  }, 300_000);
});

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
