/**
 * A replay as an auditor asks for it: the verb as a process of its own, decided by a person, run by the real topology
 * with a real provisioner beside it; nobody gets a topic or a right of it.
 */
import { spawn } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { parse, stringify } from 'yaml';
import { generateHospital } from '../../examples/hospital/hospital.ts';
import { isReplayable } from '../../audit/replay-events.ts';
import { aclText } from '../../kafka/acl.ts';
import { auditEventCodec } from '../../schemas/control-codecs.ts';
import type { HospitalPerson } from '../../stack/identity-people.ts';
import { ApprovalsSite } from '../support/approvals-site.ts';
import { TestPlane } from '../support/kafka-plane.ts';
import { withAdmin } from '../support/stack.ts';
import type { VerbResult } from '../support/test-site.ts';

const GAUZE = fileURLToPath(new URL('../../cli/gauze.ts', import.meta.url));
const TOPIC = 'clinical.encounters';
const WHY = ['--reason', 'spot check of what research gets'];

let it: ApprovalsSite;
let url: string;

beforeAll(async () => {
  it = await ApprovalsSite.make({ topics: [TOPIC], partitions: 1 });
  const { site } = it;
  const file = join(site.directory, 'access.yaml');
  const { rules } = parse(await readFile(file, 'utf8')) as { rules: object[] };
  const replays = {
    name: 'replays',
    replay: true,
    topics: [site.raw(TOPIC)],
    requesters: ['auditors'],
    stages: [{ approvers: 'privacy-officers', count: 1 }],
    purposes: ['HCOMPL'],
    pendingFor: '24h',
    maxDuration: '1h',
    maxRecords: 100_000,
  };
  await writeFile(file, stringify({ rules: [...rules, replays] }));
  await site.feed(generateHospital({ patients: 10, seed: 3 }));
  await site.apply();
  site.run();
  site.run('provisioner');
  await site.caughtUp();
  ({ url } = await it.start());
}, 180_000);

afterAll(async () => await it.close());

/** Runs a verb as one of the people would who has logged in. */
async function as(person: HospitalPerson, ...args: readonly string[]): Promise<VerbResult> {
  const { directory } = it.site;
  const config = parse(await readFile(join(directory, 'gauze.yaml'), 'utf8')) as { http: object };
  const file = join(directory, 'verbs.yaml');
  await writeFile(file, stringify({ ...config, http: { ...config.http, publicUrl: url } }));
  const env = { ...process.env, GAUZE_ACCESS_TOKEN: await it.token(person) };
  const child = spawn(process.execPath, [GAUZE, ...args, '--config', file], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { code, stdout, stderr };
}

/** Where the first delivery to research stands. */
async function deliveryPlace(plane: TestPlane): Promise<string> {
  const name = it.site.names.auditEvents;
  const { id, leaders } = (await plane.cluster.refresh([name])).get(name)!;
  for (const partition of leaders.keys()) {
    const { records } = await plane.readAll({ name, id }, partition);
    const found = records.find(({ value }) => {
      const event = auditEventCodec.decode(Buffer.from(value ?? '', 'hex'));
      return event.policy.id === 'research' && isReplayable(event);
    });
    if (found) return `${name}/${partition}/${found.offset}`;
  }
  throw new Error('nothing was delivered to research');
}

async function rights(): Promise<readonly string[]> {
  return await withAdmin(async (admin) =>
    (await admin.describeAcls())
      .filter(({ name }) => name.startsWith(it.site.namespace))
      .map(aclText)
      .toSorted(),
  );
}

async function topics(): Promise<readonly string[]> {
  return await withAdmin(async (admin) =>
    (await admin.listTopics()).filter((name) => name.startsWith(it.site.namespace)).toSorted(),
  );
}

test('a replay is asked for by an auditor, decided by another, told to the one who asked, and leaves nothing', async () => {
  const plane = new TestPlane();
  await plane.start();
  try {
    const before = [await rights(), await topics()];
    const place = await deliveryPlace(plane);
    const refused = await as('alice', 'audit', 'replay', place, ...WHY);
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('ERR_ACCESS_RULE')]);
    const asked = await as('frank', 'audit', 'replay', place, '--json', ...WHY);
    expect([asked.code, JSON.parse(asked.stdout)]).toEqual([
      3,
      expect.objectContaining({ state: 'PENDING' }),
    ]);
    const { request } = JSON.parse(asked.stdout) as { request: string };
    const own = await as('frank', 'approve', request, '--yes', ...WHY);
    expect(own.code).toBe(1);
    const approved = await as('dan', 'approve', request, '--yes', ...WHY);
    expect([approved.code, approved.stdout]).toEqual([
      0,
      expect.stringMatching(/replay +of audit event \d+\/\d+: what research got/),
    ]);
    const told = await as('frank', 'audit', 'replay', '--result', request, '--wait');
    expect([told.code, told.stdout]).toEqual([
      0,
      expect.stringMatching(/is EQUAL: \d+ records masked again/),
    ]);
    expect([await rights(), await topics()]).toEqual(before);
    // Its read is told of and tiles like a grant's: the verifier finds nothing wrong with it.
    const verified = await it.site.gauze('audit', 'verify', '--json');
    const { findings } = JSON.parse(verified.stdout) as { findings: readonly { class: string }[] };
    const wrong = findings.filter((finding) => /TAMPERED|INCOMPLETE/.test(finding.class));
    expect(wrong.filter((finding) => JSON.stringify(finding).includes(request))).toEqual([]);
    const elsewhere = place.replace(/\d+$/, '999999');
    const absent = await as('frank', 'audit', 'replay', elsewhere, ...WHY);
    expect([absent.code, absent.stderr]).toEqual([1, expect.stringContaining('ERR_AUDIT_NOT_REPLAYABLE')]);
  } finally {
    await plane.close();
  }
}, 240_000);
