import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { check, checkLines } from '../../cli/check-command.ts';
import type { CheckReport } from '../../cli/check-report.ts';
import { createKeyringFile } from '../../keys/keyring.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const AUDIENCES = ['analytics', 'billing', 'research'];
const SCHEMAS = {
  'clinical.patients': 'patient.avsc',
  'clinical.encounters': 'encounter.avsc',
  'clinical.observations': 'observation.avsc',
  'clinical.claims': 'claim.avsc',
} as const;

let folder: string;

/** A site whose addresses nobody answers at, and with nothing wrong. */
beforeEach(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'gauze-check-test-'));
  cpSync(path.join(ROOT, 'examples/hospital/policies'), file('policies'), { recursive: true });
  await createKeyringFile(file('keyring.json'), AUDIENCES);
  writeConfig('http://127.0.0.1:9/nobody');
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

function file(name: string): string {
  return path.join(folder, name);
}

function writeConfig(registry: string, more: readonly string[] = []): void {
  write('gauze.yaml', [
    'kafka:',
    "  brokers: ['127.0.0.1:1']",
    '  roles: {}',
    `registry: { url: '${registry}' }`,
    'keys: { file: keyring.json }',
    ...more,
  ]);
}

function write(name: string, lines: readonly string[]): string {
  writeFileSync(file(name), `${lines.join('\n')}\n`);
  return file(name);
}

/** Changes the first occurrence of `from` in a file of the site and gives the line it stood on. */
function change(name: string, from: string, to: string): number {
  const text = readFileSync(file(name), 'utf8');
  expect(text).toContain(from);
  writeFileSync(file(name), text.replace(from, to));
  return text.slice(0, text.indexOf(from)).split('\n').length;
}

function clinical(topic: keyof typeof SCHEMAS): string {
  return path.join(ROOT, 'schemas/clinical', SCHEMAS[topic]);
}

const ALL_FILES = Object.keys(SCHEMAS).map((topic) => `${topic}=${clinical(topic as keyof typeof SCHEMAS)}`);

async function checked(files: readonly string[] = [], offline = true): Promise<CheckReport> {
  return await check(files, { config: file('gauze.yaml'), offline });
}

/** What was found, as `CODE file:line`, with files named from the site's folder. */
function found(report: CheckReport): string[] {
  return report.problems
    .map(({ code, context }) => `${code} ${path.relative(folder, context.file ?? '')}:${context.line ?? ''}`)
    .toSorted();
}

function state(report: CheckReport, name: string): string | undefined {
  return report.checks.find((each) => each.name === name)?.state;
}

describe('a site with nothing wrong', () => {
  test('passes without any address that answers, and says what was left out', async () => {
    const report = await checked([], false);
    expect(found(report)).toEqual([]);
    expect(state(report, 'registry')).toBe('skipped');
    expect(state(report, 'plans')).toBe('skipped');
    expect(state(report, 'examples')).toBe('skipped');
    expect(state(report, 'keys')).toBe('ok');
  });

  test('has every schema file compiled for every audience and every example run', async () => {
    const report = await checked(ALL_FILES);
    expect(found(report)).toEqual([]);
    expect(report.checks.find(({ name }) => name === 'plans')?.detail).toMatch(/^12 compiled/);
    expect(report.checks.find(({ name }) => name === 'examples')?.detail).toMatch(/^5 of 5 run/);
  });

  test('needs no variable of an address when told to be offline, and all of them otherwise', async () => {
    const address = `\${GAUZE_TEST_UNSET}`;
    change('gauze.yaml', '127.0.0.1:1', address);
    change('gauze.yaml', 'http://127.0.0.1:9/nobody', address);
    expect(found(await checked(ALL_FILES))).toEqual([]);
    const missing = ['ERR_CONFIG_VARIABLE_MISSING gauze.yaml:2', 'ERR_CONFIG_VARIABLE_MISSING gauze.yaml:4'];
    expect(found(await checked(ALL_FILES, false))).toEqual(missing);
  });

  test('reads no key when told to be offline', async () => {
    rmSync(file('keyring.json'));
    expect(found(await checked([]))).toEqual([]);
    expect(found(await checked([], false))).toEqual(['ERR_KEY_FILE keyring.json:']);
  });
});

describe('mistakes of a site', () => {
  test('are told with file and line: config', async () => {
    writeConfig('http://127.0.0.1:9/nobody', ['polices: p/', 'limits: { lingerMs: soon }']);
    expect(found(await checked())).toEqual([
      'ERR_CONFIG_SETTING_UNKNOWN gauze.yaml:6',
      'ERR_CONFIG_SETTING_WRONG gauze.yaml:7',
    ]);
  });

  test('are told all at once: a broken config does not hide broken policies and schemas', async () => {
    writeConfig('http://127.0.0.1:9/nobody', ['polices: p/']);
    const line = change('policies/research.yaml', 'PHI_ZIP: zip3', 'PHI_ZIPP: zip3');
    const schema = write('new.avsc', ['{ "type": "record", "name": "New",', '"fields": [] ]']);
    expect(found(await checked([schema]))).toEqual([
      'ERR_CONFIG_SETTING_UNKNOWN gauze.yaml:6',
      `ERR_POLICY_TAG_UNKNOWN policies/research.yaml:${line}`,
      'ERR_SCHEMA_SYNTAX new.avsc:2',
    ]);
  });

  test('one policy with a mistake does not hide the mistakes of another', async () => {
    const zip = change('policies/research.yaml', 'PHI_ZIP: zip3', 'PHI_ZIP: zip5');
    const line = change('policies/analytics.yaml', 'PHI_AGE: { method: age-cap, over: 89 }', 'PHI_AGE: keep');
    const report = await checked(ALL_FILES);
    expect(found(report)).toEqual(
      expect.arrayContaining([
        `ERR_POLICY_METHOD_UNKNOWN policies/research.yaml:${zip}`,
        `ERR_POLICY_REGIME policies/analytics.yaml:${line}`,
      ]),
    );
    // billing has no mistake, and is checked to the end all the same.
    expect(report.checks.find(({ name }) => name === 'plans')?.detail).toMatch(/^4 compiled/);
  });

  test('are told with file and line: two policies for one audience, one reader of two audiences', async () => {
    cpSync(file('policies/billing.yaml'), file('policies/zz.yaml'));
    const line = change('policies/analytics.yaml', "['User:analytics-app']", "['User:research-app']");
    const report = await checked();
    expect(found(report)).toEqual([
      `ERR_POLICY_DUPLICATE policies/zz.yaml:3`,
      `ERR_POLICY_READER_TWICE policies/analytics.yaml:${line}`,
      `ERR_POLICY_READER_TWICE policies/research.yaml:${line}`,
    ]);
  });

  test('are told with file and line, and without the value: an example that comes out otherwise', async () => {
    const line = change('policies/analytics.yaml', "'address.zip': '000' }", "'address.zip': 'canary-777' }");
    const report = await checked(ALL_FILES);
    expect(found(report)).toEqual([`ERR_POLICY_EXAMPLE policies/analytics.yaml:${line}`]);
    expect(`${checkLines(report).join('\n')}${JSON.stringify(report.problems)}`).not.toContain('canary-777');
  });

  test('are told: a keyring that others may read, and an audience without a key', async () => {
    chmodSync(file('keyring.json'), 0o644);
    expect(found(await checked([], false))).toEqual(['ERR_KEY_FILE_PERMISSIONS keyring.json:']);
    rmSync(file('keyring.json'));
    await createKeyringFile(file('keyring.json'), ['research', 'billing']);
    const report = await checked([], false);
    expect(found(report)).toEqual(['ERR_KEY_MISSING keyring.json:']);
    expect(report.problems[0]?.context.audience).toBe('analytics');
  });
});

const SHOES = [
  '{',
  '  "type": "record", "name": "Shoes", "namespace": "org.example",',
  '  "fields": [',
  '    { "name": "ownerId", "type": "string", "confluent:tags": ["PHI_ID"], "gauze:person": true },',
  '    { "name": "size", "type": "int" },',
  '    { "name": "maker", "type": ["null", {',
  '      "type": "record", "name": "Maker", "fields": [',
  '        { "name": "city", "type": "string" },',
  '        { "name": "colors", "type": { "type": "array", "items": "string" }, "confluent:tags": ["PHI_SHOE"] }',
  '      ] }] }',
  '  ]',
  '}',
];

describe('a schema file by itself', () => {
  test('needs no config; every field without a tag, unknown word and suspicious name has its line', async () => {
    const shoes = write('shoes.avsc', SHOES);
    const report = await check([shoes], { config: 'gauze.yaml', offline: false });
    expect(found(report)).toEqual([
      'ERR_POLICY_LOOKS_LIKE_PHI shoes.avsc:8',
      'ERR_SCHEMA_LEAF_UNTAGGED shoes.avsc:5',
      'ERR_SCHEMA_TAG_UNKNOWN shoes.avsc:9',
    ]);
    expect(checkLines(report).join('\n')).toMatch(
      /shoes\.avsc:8: the field maker\.city of org\.example\.Shoes/,
    );
  });

  test.each([
    ['no JSON', 3, SHOES.with(2, '  "fields": [,')],
    ['an unknown type', 5, SHOES.with(4, '    { "name": "size", "type": "integer" },')],
    ['a field twice', 1, SHOES.with(4, '    { "name": "ownerId", "type": "string" },')],
    ['a comma too many', 12, SHOES.with(10, '  ],')],
    ['a comma before a bracket', 11, SHOES.with(9, '      ] }] },')],
    ['a text that ends too early', 11, SHOES.with(11, '')],
  ])('that is not valid is told with its line: %s', async (_, line, lines) => {
    const report = await check([write('bad.avsc', lines)], { config: 'gauze.yaml', offline: false });
    expect(found(report)).toEqual([`ERR_SCHEMA_SYNTAX bad.avsc:${line}`]);
  });

  test('that marks two persons is refused', async () => {
    const line =
      '    { "name": "size", "type": "long", "confluent:tags": ["PHI_ID"], "gauze:person": true },';
    const report = await check([write('two.avsc', SHOES.with(4, line))], {
      config: 'gauze.yaml',
      offline: false,
    });
    expect(found(report)).toContain('ERR_SCHEMA_PERSON two.avsc:1');
  });

  test('that is not there is told', async () => {
    const report = await check([file('nowhere.avsc')], { config: 'gauze.yaml', offline: false });
    expect(found(report)).toEqual(['ERR_CONFIG_FILE_UNREADABLE nowhere.avsc:']);
  });
});

describe('a schema file with its topic', () => {
  test('is compiled for each audience: a field without an instruction has the line of the schema', async () => {
    const text = readFileSync(clinical('clinical.patients'), 'utf8');
    const patient = write('patient.avsc', [
      text.replace(
        '    { "name": "income"',
        '    { "name": "shoeSize", "type": "int" },\n    { "name": "income"',
      ),
    ]);
    const line =
      readFileSync(patient, 'utf8')
        .split('\n')
        .findIndex((each) => each.includes('shoeSize')) + 1;
    const report = await checked([`clinical.patients=${patient}`]);
    expect(found(report)).toEqual(AUDIENCES.map(() => `ERR_POLICY_LEAF_UNCOVERED patient.avsc:${line}`));
    expect(report.problems.map(({ context }) => String(context.audience)).toSorted()).toEqual(AUDIENCES);
  });

  test('a name that is a slip away from another is asked about, wherever names are closed', async () => {
    change('policies/research.yaml', 'PHI_ZIP: zip3', 'PHI_ZPI: zip3');
    change('policies/research.yaml', 'maxDays:', 'maxDay:');
    change('policies/billing.yaml', 'regime:', 'regimes:');
    writeConfig('http://127.0.0.1:9/nobody', ['polices: policies', 'limits: { batchByte: 4096 }']);
    const { problems } = await checked([`clinical.patient=${clinical('clinical.patients')}`]);
    const asked = problems.flatMap(({ context: { nearest } }) => nearest ?? []);
    for (const name of ['PHI_ZIP', 'maxDays', 'regime', 'policies', 'batchBytes', 'clinical.patients'])
      expect(asked).toContain(name);
  });

  test('a tag that a policy has no method for has the line of the policy', async () => {
    const text = readFileSync(clinical('clinical.claims'), 'utf8');
    const claim = write('claim.avsc', [text.replace('"PHI_FREE_TEXT"', '"PHI_VEHICLE"')]);
    const report = await checked([`clinical.claims=${claim}`]);
    expect(new Set(report.problems.map(({ code }) => code))).toEqual(
      new Set(['ERR_POLICY_TAG_WITHOUT_METHOD']),
    );
    for (const { context } of report.problems) {
      const policy = readFileSync(context.file!, 'utf8').split('\n');
      expect(policy[context.line! - 1]).toMatch(/^methods:/);
    }
    expect(report.problems).toHaveLength(3);
  });

  test('of a topic that no policy covers is refused', async () => {
    const report = await checked([`clinical.patient=${clinical('clinical.patients')}`]);
    expect(report.problems.map(({ code }) => code)).toEqual(['ERR_USAGE_ARGUMENT']);
  });
});

describe('a registry that answers', () => {
  let server: Server;
  let versions: string[];

  /** As much of the Confluent API as reading versions needs; only clinical.patients has any. */
  beforeEach(async () => {
    versions = [readFileSync(clinical('clinical.patients'), 'utf8')];
    server = createServer((request, response) => {
      const [, , subject, , version] = (request.url ?? '').replace(/\?.*/, '').split('/');
      const schema = subject === 'clinical.patients-value' ? versions[Number(version) - 1] : undefined;
      const isConfig = request.url?.startsWith('/config') === true;
      const isList = !isConfig && subject === 'clinical.patients-value' && version === undefined;
      response.statusCode = isList || schema !== undefined ? 200 : 404;
      if (isList) response.end(JSON.stringify(versions.map((_, at) => at + 1)));
      else if (schema === undefined) response.end(JSON.stringify({ error_code: 40_401 }));
      else response.end(JSON.stringify({ id: 100 + Number(version), schema }));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    writeConfig(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  });

  afterEach(() => {
    server.closeAllConnections();
    server.close();
  });

  test('has all versions of the covered subjects compiled for every audience', async () => {
    const report = await checked([], false);
    expect(found(report)).toEqual([]);
    expect(report.checks.find(({ name }) => name === 'registry')?.detail).toBe('versions: 1, subjects: 4');
    expect(report.checks.find(({ name }) => name === 'plans')?.detail).toMatch(/^3 compiled/);
  });

  test('a version that leaves a field open is found, also when a later one closes it', async () => {
    versions.unshift(
      versions[0]!
        .replace('"name": "income", "type"', '"name": "shoeSize", "type"')
        .replace(/(shoeSize.*)"confluent:tags": \["PHI_NONE"\], /, '$1'),
    );
    const report = await checked([], false);
    expect(new Set(report.problems.map(({ code }) => code))).toEqual(new Set(['ERR_POLICY_LEAF_UNCOVERED']));
    expect(report.problems.map(({ context }) => context.path)).toEqual(['shoeSize', 'shoeSize', 'shoeSize']);
  });

  test('a tag that a registered version has stays in force on a file that lost it', async () => {
    const patient = write('patient.avsc', [
      versions[0]!.replace(
        '"name": "mrn", "type": "string", "confluent:tags": ["PHI_MRN"]',
        '"name": "mrn", "type": "string"',
      ),
    ]);
    expect(found(await checked([`clinical.patients=${patient}`], false))).toEqual([]);
    expect(found(await checked([`clinical.patients=${patient}`])).length).toBeGreaterThan(0);
  });
});

describe('the verb', () => {
  function run(...args: readonly string[]) {
    const gauze = path.join(ROOT, 'cli/gauze.ts');
    return spawnSync(process.execPath, [gauze, 'check', ...args], { cwd: folder, encoding: 'utf8' });
  }

  test('ends with 0 where nothing is wrong and 1 where something is, and leaves no file behind', () => {
    const before = readdirSync(tmpdir()).filter((name) => /^gauze-check-\w{6}$/.test(name));
    expect(run('--offline', ...ALL_FILES)).toMatchObject({ status: 0, stderr: '' });
    change('policies/research.yaml', 'PHI_ZIP: zip3', 'PHI_ZIP: zip5');
    const { status, stdout } = run('--offline', ...ALL_FILES);
    expect(status).toBe(1);
    expect(stdout).toMatch(
      /^ERR_POLICY_METHOD_UNKNOWN {2}policies\/research\.yaml:\d+: there is no method zip5\. Did you mean zip3\?$/m,
    );
    const after = readdirSync(tmpdir()).filter((name) => /^gauze-check-\w{6}$/.test(name));
    expect(after.filter((name) => !before.includes(name))).toEqual([]);
  });

  test('gives scripts one JSON object with every problem', () => {
    writeConfig('http://127.0.0.1:9/nobody', ['polices: p/']);
    const { status, stdout } = run('--offline', '--json');
    expect(status).toBe(1);
    const answer = JSON.parse(stdout) as { ok: boolean; problems: { code: string; line: number }[] };
    expect(answer.ok).toBe(false);
    expect(answer.problems).toMatchObject([{ code: 'ERR_CONFIG_SETTING_UNKNOWN', line: 6 }]);
  });
});

const ACCESS = [
  'rules:',
  '  - name: encounters-raw',
  '    topics: [clinical.encounters]',
  '    fields: [PHI_MRN]',
  '    requesters: [clinicians]',
  '    stages: [{ approvers: data-owners, count: 1 }]',
  '    purposes: [TREAT]',
  '    pendingFor: 24h',
  '    maxDuration: 8h',
  '    maxRecords: 100',
];

describe('access rules', () => {
  test('are checked beside the roles of the config and the topics of the policies', async () => {
    const roles = ['access: access.yaml', 'roles: { clinicians: [grp-clinicians], data-owners: [] }'];
    writeConfig('http://127.0.0.1:9/nobody', roles);
    write('access.yaml', [...ACCESS, '  - name: two', '    topics: []']);
    const codes = new Set((await checked()).problems.map(({ code }) => code));
    expect([...codes].toSorted()).toEqual(['ERR_ACCESS_SETTING_MISSING', 'ERR_ACCESS_SETTING_WRONG']);
    write('access.yaml', ACCESS);
    change('access.yaml', 'clinical.encounters', 'clinical.encounter');
    const report = await checked();
    expect(found(report)).toEqual([
      'ERR_ACCESS_APPROVERS_UNKNOWN access.yaml:2',
      'ERR_ACCESS_RULE_UNCOVERED access.yaml:2',
    ]);
    expect(state(report, 'access')).toBe('problems');
  });

  test('that fit are named', async () => {
    const roles = [
      'access: access.yaml',
      'roles: { clinicians: [grp-clinicians], data-owners: [grp-owners] }',
    ];
    writeConfig('http://127.0.0.1:9/nobody', roles);
    write('access.yaml', ACCESS);
    const report = await checked();
    expect(found(report)).toEqual([]);
    expect(report.checks).toContainEqual({ name: 'access', state: 'ok', detail: 'encounters-raw' });
  });
});
