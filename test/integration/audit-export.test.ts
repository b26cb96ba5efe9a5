/**
 * Exports and proofs from the live topics of a site, as an auditor makes them: each on record before it is handed out,
 * by the hash of what was handed out, and a patient's id in the file that asks for it and nowhere else.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { parse } from 'csv-parse/sync';
import type { WhoSawAnswer } from '../../audit/query/who-saw.ts';
import { generateHospital } from '../../examples/hospital/hospital.ts';
import { formatVkey, NOTE_KEY, noteSigner } from '../../audit/signed-note.ts';
import { loadKeyring } from '../../keys/keyring.ts';
import { askGoAboutTiles, goMissing } from '../support/go-oracle.ts';
import { eventually } from '../support/stack.ts';
import { TestSite } from '../support/test-site.ts';
import type { VerbResult } from '../support/test-site.ts';

const LIMIT_MS = 60_000;
/** Many commands, each a process of its own; Go's compiler the first time. */
const SLOW_MS = 300_000;
let site: TestSite;
let patient = '';

type Row = Readonly<Record<string, string>>;

beforeAll(async () => {
  site = await TestSite.make({ topics: ['clinical.patients'], partitions: 1 });
  await site.apply();
  const people = [...generateHospital({ seed: 11, patients: 20 })];
  patient = (people.find(({ topic }) => topic === 'clinical.patients')!.value as { patientId: string })
    .patientId;
  await site.feed(people);
  site.run('topology');
  site.run('sealer');
  await site.caughtUp();
}, SLOW_MS);

afterAll(async () => {
  await site?.close();
});

const out = (name: string): string => join(site.directory, name);

/** Runs an export to its end; throws where it did not make one. */
async function exported(name: string, ...args: readonly string[]): Promise<{ rows: number; sha256: string }> {
  const { code, stdout, stderr } = await site.gauze('audit', 'export', '--json', ...args, '--out', out(name));
  if (code !== 0) throw new Error(`gauze audit export ended with ${code}: ${stderr}`);
  return JSON.parse(stdout) as { rows: number; sha256: string };
}

function rowsOf(name: string): readonly Row[] {
  return parse<Row>(readFileSync(out(name)), { columns: true, record_delimiter: '\r\n' });
}

function hashOf(name: string): string {
  return createHash('sha256')
    .update(readFileSync(out(name)))
    .digest('hex');
}

test(
  'events, disclosures and those of one patient are handed out, each on record by its hash',
  async () => {
    const table = await exported('events.csv', '--format', 'csv');
    const all = await exported('all.ndjson', '--format', 'fhir');
    const index = ['--index', out('index.sqlite')];
    const one = await exported('one.ndjson', '--format', 'fhir', '--patient', patient, ...index);
    const answer = await site.gauze('audit', 'query', 'who-saw', patient, '--json', ...index);
    const { viewers } = JSON.parse(answer.stdout) as WhoSawAnswer;
    const times = viewers.reduce((sum, viewer) => sum + viewer.times, 0);
    expect(one.rows).toBe(times);
    expect(times).toBeGreaterThanOrEqual(3);
    const lines = readFileSync(out('one.ndjson'), 'utf8').trim().split('\n');
    expect(lines.filter((line) => line.includes(`"value":"${patient}"`))).toHaveLength(times);
    for (const name of ['all.ndjson', 'events.csv'])
      expect(readFileSync(out(name), 'utf8').includes(patient)).toBe(false);
    const deliveries = rowsOf('events.csv').filter(
      ({ type, recipient, delivered }) =>
        type === 'session.batch' && recipient !== '' && Number(delivered) > 0,
    );
    expect(all.rows).toBeGreaterThanOrEqual(deliveries.length);
    await exported('after.csv', '--format', 'csv');
    const onRecord = rowsOf('after.csv').filter(({ type }) => type === 'export.created');
    for (const [name, { sha256, rows }] of Object.entries({
      'events.csv': table,
      'all.ndjson': all,
      'one.ndjson': one,
    })) {
      expect(sha256).toBe(hashOf(name));
      const found = onRecord.filter(({ more }) => more!.includes(`sha256=${sha256}`));
      expect([name, found.length]).toEqual([name, 1]);
      expect(found[0]!['more']!.split('; ')).toContain(`results=${rows}`);
    }
    expect(readFileSync(out('after.csv'), 'utf8').includes(patient)).toBe(false);
  },
  SLOW_MS,
);

test(
  'logs and a proof come from the live topics once they are sealed, and others believe them',
  async () => {
    const [row] = rowsOf('events.csv');
    const place = `${row!['topic']}/${row!['partition']}/${row!['offset']}`;
    const proof = out('event.tlog-proof');
    const prove = async (): Promise<VerbResult> => await site.gauze('audit', 'prove', place, '--out', proof);
    await eventually(async () => {
      const { code, stderr } = await prove();
      if (code !== 0) throw new Error(`not provable yet: ${stderr}`);
    }, LIMIT_MS);
    const trust = ['--trust', join(site.directory, 'trust.note'), '--root', site.rootVkey];
    const checked = await site.gauze('audit', 'check-proof', proof, '--json', ...trust);
    expect(checked.code).toBe(0);
    expect(JSON.parse(checked.stdout)).toMatchObject({ event: row!['event_id'], type: row!['type'] });
    await exported('logs', '--format', 'tlog-tiles');
    await exported('proven.csv', '--format', 'csv');
    const sums = [hashOf('event.tlog-proof'), hashOf('logs/SHA256SUMS')];
    const onRecord = rowsOf('proven.csv').filter(({ type }) => type === 'export.created');
    for (const sum of sums) expect(onRecord.some(({ more }) => more!.includes(`sha256=${sum}`))).toBe(true);
    if (goMissing() !== null) return;
    const signer = noteSigner(
      site.origin,
      NOTE_KEY.ED25519,
      (await loadKeyring(site.keyringFile)).auditWriter('sealer'),
    );
    const found = askGoAboutTiles(formatVkey(signer), out('logs'), `${site.names.auditSeals}-0`);
    expect(Object.entries(found).filter(([, { Problem }]) => Problem !== '')).toEqual([]);
    expect(Object.keys(found).length).toBeGreaterThan(2);
  },
  SLOW_MS,
);
