/**
 * Who saw whom, for two hundred patients: with merged ids, withheld records, grants, processes killed while they work,
 * and the key of subject tokens rotated in the middle; each answer against a count of every raw record and every event.
 * A proof about one of them goes out and is checked by itself.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { membershipRoot } from '../../audit/membership-proof.ts';
import { generateHospital } from '../../examples/hospital/hospital.ts';
import { checkSite } from '../oracle/site-check.ts';
import { GrantBench } from '../support/grant-bench.ts';
import { sendRaw } from '../support/raw-feed.ts';
import { eventually } from '../support/stack.ts';
import { TestSite } from '../support/test-site.ts';
import { MERGES_CONFIG, WhoSawScene, patientsOf } from '../support/who-saw-scene.ts';
import type { Comparison } from '../support/who-saw-scene.ts';

const ENCOUNTERS = 'clinical.encounters';
const PATIENTS = 200;
const SEED = 81;
const RESEARCH = 'clinical.encounters';

let site: TestSite;
let scene: WhoSawScene;
let bench: GrantBench;
let ids: readonly string[];
let groups: readonly (readonly string[])[];

beforeAll(async () => {
  const audit = "audit: { origin: 'ORIGIN', trustFile: trust.note, rootVkey: 'ROOT', membershipRoots: true }";
  const config = ['limits: { batchBytes: 32768, lingerMs: 20 }', MERGES_CONFIG, audit].join('\n');
  site = await TestSite.make({ partitions: 3, config });
  const file = join(site.directory, 'gauze.yaml');
  const text = await readFile(file, 'utf8');
  await writeFile(file, text.replace('ORIGIN', site.origin).replace('ROOT', site.rootVkey));
  scene = new WhoSawScene(site);
  ids = patientsOf(SEED, PATIENTS);
  // Twelve people with two ids each, four with three in a chain.
  groups = Array.from({ length: 16 }, (_, i) => ids.slice(i * 3, i * 3 + (i < 12 ? 2 : 3)));
  await scene.merge(groups);
  await site.feed(generateHospital({ patients: PATIENTS, seed: SEED }));
  await sendRaw(
    [0, 1].map((partition) => ({
      topic: site.raw(RESEARCH),
      partition,
      key: 'k',
      value: Buffer.from('none'),
    })),
  );
  await site.apply();
  site.run();
  await site.caughtUp(180_000);
  bench = new GrantBench(site);
  await bench.start();
}, 400_000);

afterAll(async () => {
  await bench.close();
  await site.close();
});

/** A grant about the people of these groups, and no more than so many. */
async function grantFor(named: readonly (readonly string[])[]) {
  const persons = await Promise.all(named.flat().map(async (id) => await bench.token(id)));
  return await bench.active(ENCOUNTERS, {
    fields: [{ path: 'encounterId', tags: ['PHI_ACCOUNT'] }],
    persons,
    max_persons: named.length,
  });
}

function told(when: string, { persons, deliveries, merged }: Comparison): void {
  process.stdout.write(
    `${when}: ${persons} patients, ${merged} of them merged, ${deliveries} deliveries equal\n`,
  );
}

test('is answered rightly for two hundred patients, before and after kills and a rotation of the key', async () => {
  const grown = join(site.directory, 'grown.sqlite');
  const first = await grantFor(groups.slice(10, 14));
  const early = await grantFor(groups.slice(0, 3));
  await bench.write(first);
  const delivered = await bench.untilProgress(first.grant_id, ({ persons }) => persons.length >= 10, 120_000);
  expect(delivered.stopped).toBeNull();
  const before = await scene.compareAll(grown);
  told('before', before);
  expect(before.persons).toBeGreaterThanOrEqual(PATIENTS);
  expect(before.merged).toBe(36);
  for (let kill = 0; kill < 3; kill += 1) {
    await site.feed(generateHospital({ patients: 60, seed: 90 + kill }));
    await site.lastInstance().end('SIGKILL');
    if (kill === 1) expect((await site.gauze('keys', 'rotate', 'subject-tokens')).code).toBe(0);
    site.run();
    await site.until((lanes) => lanes.some(({ lag }) => lag === 0), 180_000);
  }
  await site.caughtUp(240_000);
  await bench.write(early);
  await bench.untilProgress(early.grant_id, ({ persons }) => persons.length >= 6, 120_000);
  const made = join(site.directory, 'made.sqlite');
  await scene.killedIndexer(made);
  const after = await scene.compareAll(made);
  told('after', after);
  expect(after.persons).toBeGreaterThan(before.persons);
  expect(after.deliveries).toBeGreaterThan(before.deliveries);
  await scene.compareAll(grown);
  // Nothing that the answers rest on was lost, doubled or left out of the index.
  expect((await checkSite(site)).findings).toEqual([]);
}, 900_000);

test('is proved of one batch to somebody without Kafka, once it is sealed', async () => {
  site.run('sealer');
  const { events, records } = await scene.truth();
  const { event, record } = events.find(
    (each) => membershipRoot(each.event) !== null && each.event.range!.record_count > 20,
  )!;
  const { topic, partition, first_offset: from, next_offset: to } = event.range!;
  const here = new Set(
    records.flatMap(({ person, ...at }) =>
      person !== null &&
      at.topic === topic &&
      at.partition === partition &&
      at.offset >= from &&
      at.offset < to
        ? [person]
        : [],
    ),
  );
  expect(membershipRoot(event)!.size).toBe(here.size);
  const merged = new Set(groups.flat());
  const inside = [...here].find((id) => !merged.has(id))!;
  const outside = ids.find((id) => !here.has(id) && !merged.has(id))!;
  const place = `${site.names.auditEvents}/${record.partition}/${record.offset}`;
  for (const [id, isIn] of [
    [inside, true],
    [outside, false],
  ] as const) {
    const out = join(site.directory, 'person.proof');
    const made = await eventually(async () => {
      const { code, stdout, stderr } = await site.gauze(
        'audit',
        'prove-person',
        id,
        place,
        '--out',
        out,
        '--json',
      );
      if (code !== 0) throw new Error(stderr);
      return JSON.parse(stdout) as { isIn: boolean; opening: string };
    }, 120_000);
    expect(made.isIn).toBe(isIn);
    expect(await readFile(out, 'utf8')).not.toContain(id);
    const trust = ['--trust', join(site.directory, 'trust.note'), '--root', site.rootVkey];
    const named = ['--person', id, '--opening', made.opening];
    const checked = await site.gauze('audit', 'check-person-proof', out, ...trust, ...named, '--json');
    expect(JSON.parse(checked.stdout)).toMatchObject({ isIn, isNamed: true, ids: 1, persons: here.size });
    const other = await site.gauze(
      'audit',
      'check-person-proof',
      out,
      ...trust,
      '--person',
      'x',
      '--opening',
      made.opening,
    );
    expect([other.code, other.stdout]).toEqual([1, '']);
  }
}, 400_000);
