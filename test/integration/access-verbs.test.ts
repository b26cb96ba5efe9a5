/**
 * Asking and deciding from a terminal: the verbs as processes of their own, against the real service, with tokens of
 * the real identity provider; and a change of the access rules, from `gauze apply` to the decision.
 */
import { spawn } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { parse, stringify } from 'yaml';
import { generateHospital } from '../../examples/hospital/hospital.ts';
import type { HospitalPerson } from '../../stack/identity-people.ts';
import { ApprovalsSite } from '../support/approvals-site.ts';
import type { RunningApprovals } from '../support/approvals-site.ts';

const GAUZE = fileURLToPath(new URL('../../cli/gauze.ts', import.meta.url));

let it: ApprovalsSite;
let service: RunningApprovals;

beforeAll(async () => {
  const owners = { 'User:alice': 'alice', 'User:gauze-admin': 'carol' };
  it = await ApprovalsSite.make({ topics: ['clinical.encounters'], owners });
  await it.site.feed(generateHospital({ patients: 10, seed: 3 }));
  await it.site.apply();
  service = await it.start();
}, 180_000);

afterAll(async () => await it.close());

interface Told {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a verb as one of the people would who has logged in. */
async function as(person: HospitalPerson, url: string, ...args: readonly string[]): Promise<Told> {
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

const why = ['--reason', 'agreed in the morning round'];

async function ask(url: string): Promise<Told> {
  const topic = it.site.raw('clinical.encounters');
  const what = ['--fields', 'patientId', '--audience', 'research', '--purpose', 'TREAT', '--records', '40'];
  return await as('alice', url, 'request', topic, ...what, '--for', '30m', ...why);
}

function idIn({ stdout }: Told): string {
  return /Request ([0-9a-f]{16})/.exec(stdout)![1]!;
}

describe('the verbs of raw access', () => {
  test('ask, show in words what it means, narrow, approve, list, revoke', async () => {
    const asked = await ask(service.url);
    expect([asked.code, asked.stderr]).toEqual([0, '']);
    expect(asked.stdout).toContain('patientId (PHI_ID)');
    expect(asked.stdout).toContain('1 of data-owners, then 1 of privacy-officers');
    const id = idIn(asked);
    // Where nobody can be asked, a yes must be given.
    const unasked = await as('carol', service.url, 'approve', id, ...why);
    expect([unasked.code, unasked.stderr]).toEqual([2, expect.stringContaining('--yes')]);
    const narrowed = await as('carol', service.url, 'approve', id, '--records', '5', '--yes', ...why);
    expect([narrowed.code, narrowed.stdout]).toEqual([0, expect.stringContaining('at most 5 records')]);
    const inbox = await as('dan', service.url, 'requests', '--state', 'pending');
    expect(inbox.stdout).toMatch(new RegExp(`${id} +PENDING +alice .*you may decide`));
    const approved = await as('dan', service.url, 'approve', id, '--yes', '--json', ...why);
    expect(approved.code).toBe(0);
    expect(JSON.parse(approved.stdout)).toMatchObject({ id, state: 'APPROVED' });
    const grants = await as('alice', service.url, 'grants');
    expect(grants.stdout).toContain(id);
    const revoked = await as('alice', service.url, 'revoke', id, ...why);
    expect([revoked.code, revoked.stdout]).toEqual([0, expect.stringMatching(/REVOK(ING|ED)/)]);
  });

  test('tell a refusal in words, with what to do, and end with exit code 1', async () => {
    const id = idIn(await ask(service.url));
    const own = await as('alice', service.url, 'approve', id, '--yes', ...why);
    expect([own.code, own.stderr]).toEqual([1, expect.stringMatching(/^ERR_ACCESS_\w+ {2}\S.*\n {4}\S/)]);
    const denied = await as('carol', service.url, 'deny', id, ...why);
    expect([denied.code, denied.stdout]).toEqual([0, expect.stringContaining('DENIED')]);
    const late = await as('dan', service.url, 'approve', id, '--yes', '--json', ...why);
    expect(late.code).toBe(1);
    expect(JSON.parse(late.stderr)).toMatchObject({ status: 409, state: 'DENIED' });
  });
});

test('changed access rules wait for a privacy officer: apply asks once, nobody asks under them before', async () => {
  const file = join(it.site.directory, 'access.yaml');
  const rules = parse(await readFile(file, 'utf8')) as { rules: { maxRecords: number }[] };
  rules.rules[0]!.maxRecords = 100_000;
  await writeFile(file, stringify(rules));
  const changed = await it.start();
  const refused = await ask(changed.url);
  expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('ERR_ACCESS_RULES_UNAPPROVED')]);
  const applied = await it.site.gauze('apply');
  expect([applied.code, applied.stderr]).toEqual([3, expect.stringContaining('gauze approve ')]);
  const id = /gauze approve ([0-9a-f]{16})/.exec(applied.stderr)![1]!;
  const again = await it.site.gauze('apply');
  expect([again.code, again.stderr.includes(id)]).toEqual([3, true]);
  // Who answers for the admin's log-in has asked, and so does not decide.
  const own = await as('carol', changed.url, 'approve', id, '--yes', ...why);
  expect(own.code).toBe(1);
  const approved = await as('dan', changed.url, 'approve', id, '--yes', ...why);
  expect([approved.code, approved.stdout]).toEqual([0, expect.stringContaining('at most 100000 records')]);
  expect((await ask(changed.url)).code).toBe(0);
  expect((await it.site.gauze('apply')).code).toBe(0);
});
