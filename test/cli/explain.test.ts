/**
 * Promises of `gauze explain`: it says of every field, key, header and time what each audience gets and why; it names the
 * same plan on every machine; a change of policy is told field by field; and it fits the terminal it is shown in.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { categoriesOf, categoryLines } from '../../cli/explain-categories.ts';
import { readExplainSource } from '../../cli/explain-source.ts';
import type { ExplainOptions } from '../../cli/explain-source.ts';
import { explain } from '../../cli/explanation.ts';
import type { Explanation } from '../../cli/explanation.ts';
import { pseudonymsOf } from '../../cli/explain-pseudonyms.ts';
import { explanationLines } from '../../cli/explain-view.ts';
import { wrap } from '../../cli/wrapped-table.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const PATIENTS = path.join(ROOT, 'schemas/clinical/patient.avsc');
const ENCOUNTERS = path.join(ROOT, 'schemas/clinical/encounter.avsc');

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'gauze-explain-test-'));
  cpSync(path.join(ROOT, 'examples/hospital/policies'), file('policies'), { recursive: true });
  writeConfig('http://127.0.0.1:9/nobody');
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

function file(name: string): string {
  return path.join(folder, name);
}

function writeConfig(registry: string): void {
  const config = ['kafka:', "  brokers: ['127.0.0.1:1']", '  roles: {}', `registry: { url: '${registry}' }`];
  writeFileSync(file('gauze.yaml'), `${config.join('\n')}\n`);
}

/** Writes a policy with other words in place of some; the name of the copy is given back. */
function changed(policy: string, to: string, ...changes: readonly (readonly [string, string])[]): string {
  let text = readFileSync(file(`policies/${policy}`), 'utf8');
  for (const [from, into] of changes) {
    expect(text).toContain(from);
    text = text.replace(from, into);
  }
  writeFileSync(file(to), text);
  return file(to);
}

const options = (more: Partial<ExplainOptions> = {}): ExplainOptions => ({
  config: file('gauze.yaml'),
  json: false,
  schema: [PATIENTS],
  inForce: false,
  asOf: '2026-01-01',
  ...more,
});

async function explained(
  topic = 'clinical.patients',
  more: Partial<ExplainOptions> = {},
): Promise<Explanation> {
  const source = await readExplainSource(topic, options(more));
  expect(source.problems).toEqual([]);
  return explain(source.topics[0]!, source.policies);
}

interface Run {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

function run(...args: readonly string[]): Run {
  const all = ['cli/gauze.ts', 'explain', '--config', file('gauze.yaml'), ...args];
  const { status, stdout, stderr } = spawnSync(process.execPath, all, { cwd: ROOT, encoding: 'utf8' });
  return { code: status, out: stdout, err: stderr };
}

describe('a topic', () => {
  test('has every field of its schema, with the audiences side by side', async () => {
    const { fields, audiences } = await explained();
    expect(audiences.map(({ policy }) => policy.policy.audience)).toEqual([
      'analytics',
      'billing',
      'research',
    ]);
    expect(fields.length).toBeGreaterThan(40);
    for (const view of audiences) {
      expect(view.problems).toEqual([]);
      expect([...view.fields.keys()]).toEqual(fields.map(({ path: place }) => place));
      for (const { path: place, instruction } of view.plan!.leaves)
        expect(view.fields.get(place)?.instruction).toEqual(instruction);
    }
    const [analytics, billing, research] = audiences.map((view) => view.fields.get('mrn'));
    expect(analytics).toMatchObject({ method: 'drop', comesOut: 'nothing', why: 'tag PHI_MRN' });
    expect(billing).toMatchObject({ method: 'keep', comesOut: 'the value itself' });
    expect(research?.method).toBe('pseudonym (domain mrn)');
    expect(research?.comesOut).toMatch(/32 lower-case hex digits/);
  });

  test('tells of a pseudonym its own form, domain and key epoch, and what it joins with', async () => {
    changed(
      'research.yaml',
      'policies/research.yaml',
      [
        'PHI_MRN: { method: pseudonym, domain: mrn }',
        'PHI_MRN: { method: pseudonym, domain: mrn, prefix: m_ }',
      ],
      ['methods:', 'keys: { epoch: 2 }\nmethods:'],
    );
    const { topic, fields, audiences } = await explained();
    const research = audiences.at(-1)!;
    expect(research.fields.get('mrn')?.comesOut).toBe('`m_` and 32 lower-case hex digits');
    const joined = pseudonymsOf(research, topic.topic);
    expect(joined.find(({ domain }) => domain === 'patient')).toMatchObject({
      keyEpoch: 2,
      comesOut: '32 lower-case hex digits',
      places: ['patientId', '(record key)'],
      keysOf: ['clinical.encounters', 'clinical.observations', 'clinical.claims'],
    });
    // What is told is all of it: each place with a pseudonym once.
    const places = fields.flatMap(({ path: place }) =>
      research.fields.get(place)?.instruction?.method === 'pseudonym' ? [place] : [],
    );
    const toldOf = joined.flatMap((each) => each.places);
    expect(toldOf.toSorted()).toEqual([...places, '(record key)'].toSorted());
    const { out } = run('clinical.patients', 'research', '--schema', PATIENTS);
    const text = out.replaceAll(/\s+/g, ' ');
    expect(text).toContain(
      'at mrn, facilityMrns{} (domain mrn, key epoch 2): `m_` and 32 lower-case hex digits. It',
    );
    expect(text).toContain(
      'joins with the record key of no other topic of the policy and with no other audience.',
    );
    expect(text).toContain(
      'joins with the record keys of clinical.encounters, clinical.observations, clinical.claims',
    );
  });

  test('keeps pseudonyms of one domain apart that look otherwise, and says nothing where there are none', async () => {
    changed('research.yaml', 'policies/research.yaml', [
      'PHI_MRN: { method: pseudonym, domain: mrn }',
      'PHI_MRN: { method: pseudonym, domain: patient, prefix: m_ }',
    ]);
    const { topic, audiences } = await explained();
    const patient = pseudonymsOf(audiences.at(-1)!, topic.topic).filter(({ domain }) => domain === 'patient');
    expect(patient.map(({ places, keysOf }) => [places.length, keysOf.length])).toEqual([
      [2, 3],
      [2, 0],
    ]);
    expect(run('clinical.patients', 'billing', '--schema', PATIENTS).out).not.toMatch(/^pseudonyms$/m);
  });

  test('needs no variable of an address for a schema in a file, and all of them otherwise', async () => {
    writeConfig(`\${GAUZE_TEST_UNSET}`);
    expect((await explained()).audiences).toHaveLength(3);
    const unset = { errors: [expect.objectContaining({ code: 'ERR_CONFIG_VARIABLE_MISSING' })] };
    for (const more of [{ schema: [] }, { inForce: true }])
      await expect(readExplainSource('clinical.patients', options(more))).rejects.toMatchObject(unset);
  });

  test('tells record key, kept headers and times as well', async () => {
    const { audiences } = await explained('clinical.encounters', { schema: [ENCOUNTERS] });
    const research = audiences.at(-1)!;
    expect(research.key).toMatchObject({ tag: 'PHI_ID', method: 'pseudonym (domain patient)' });
    expect([...research.headers]).toEqual([['source-system', 'no PHI: the name of the feed']]);
    expect(research.timestamp).toMatchObject({ method: 'append' });
    const text = explanationLines(await explained('clinical.encounters', { schema: [ENCOUNTERS] }), 160).join(
      '\n',
    );
    for (const word of ['(record key)', '(header source-system)', '(other headers)', '(timestamp)'])
      expect(text).toContain(word);
  });

  test('tells what becomes of records that are sensitive by a code', async () => {
    const rule = [
      'sensitive:',
      '  clinical.encounters:',
      '    - tag: SENSITIVE_SUD',
      '      where: [code.code]',
    ];
    const more = ["      startsWith: ['F10', 'F11']", "      reason: 'ICD-10-CM'", 'examples:'];
    changed('research.yaml', 'policies/research.yaml', ['examples:', [...rule, ...more].join('\n')]);
    const explanation = await explained('clinical.encounters', { schema: [ENCOUNTERS] });
    expect(explanation.audiences.map(({ sensitive }) => sensitive.get('SENSITIVE_SUD')?.method)).toEqual([
      undefined,
      undefined,
      'withheld',
    ]);
    const text = explanationLines(explanation, 50).join('\n');
    expect(text).toContain('(sensitive record)');
    expect(text).toMatch(/research: withheld → no record \(code\.code by 2/);
  });

  test('says what each redacted, dated and exceptional field becomes', async () => {
    const patients = (await explained()).audiences.at(-1)!.fields;
    expect(patients.get('note')).toMatchObject({ method: 'redact', comesOut: 'null' });
    expect(patients.get('birthDate')?.comesOut).toMatch(/days off/);
    expect(patients.get('accountNumber')?.why).toMatch(/^fields: a bank account joins nothing/);
  });

  test('fits terminals of any width, and becomes a list where columns have no room', async () => {
    const explanation = await explained();
    for (const width of [200, 120, 100, 80, 60, 40]) {
      const lines = explanationLines(explanation, width);
      expect([width, lines.filter((line) => line.length > width)]).toEqual([width, []]);
    }
    expect(explanationLines(explanation, 100).join('\n')).toMatch(/^field +analytics +billing +research$/m);
    const narrow = explanationLines(explanation, 50).join('\n');
    expect(narrow).toMatch(/^ {4}analytics: drop → nothing \(tag PHI_MRN\)$/m);
    expect(categoryLines(explanation, 50).filter((line) => line.length > 50)).toEqual([]);
  });

  test('wraps paths behind their dots and takes control characters out of reasons', () => {
    expect(wrap('organization.organizationId', 20)).toEqual(['organization.', 'organizationId']);
    expect(wrap('a reason \u001b[2K\r\nthat hides', 40)).toEqual(['a reason [2K that hides']);
    expect(wrap('x'.repeat(50), 20).map(({ length }) => length)).toEqual([20, 20, 10]);
  });
});

describe('by category', () => {
  test('all eighteen are there, with the fields that fall in each; empty ones are said to be', async () => {
    const explanation = await explained();
    const categories = categoriesOf(explanation);
    const listed = categories.filter(({ letter }) => letter !== null);
    expect(listed.map(({ letter }) => letter).join('')).toBe('ABCDEFGHIJKLMNOPQR');
    const paths = (letter: string): string[] =>
      listed.find((each) => each.letter === letter)!.fields.map((each) => each.path);
    expect(paths('G')).toEqual(['ssn']);
    expect(paths('R')).toEqual(['patientId', '(record key)']);
    expect(paths('L')).toEqual([]);
    expect(categoryLines(explanation, 100)).toContain(
      'L. Vehicle identifiers and serial numbers, license plates: no field',
    );
    const told = new Set(categories.flatMap(({ fields }) => fields.map((each) => each.path)));
    expect(explanation.fields.filter(({ path: place }) => !told.has(place))).toEqual([]);
  });
});

describe('a plan', () => {
  test('is the same text with the same hash wherever it is made, and another for another day', () => {
    const args = ['clinical.patients', 'research', '--schema', PATIENTS, '--plan', '--as-of'];
    const [one, two, later] = ['2026-01-01', '2026-01-01', '2026-01-02'].map((day) => run(...args, day));
    expect(one?.code).toBe(0);
    expect(one?.out).toBe(two?.out);
    const plan = JSON.parse(one!.out) as { hash: string; audience: string; leaves: unknown[] };
    expect(plan).toMatchObject({ audience: 'research', topic: 'clinical.patients', asOfDay: 20_454 });
    expect(plan.hash).toMatch(/^[0-9a-f]{64}$/);
    expect((JSON.parse(later!.out) as { hash: string }).hash).not.toBe(plan.hash);
  });
});

describe('a difference', () => {
  interface Difference {
    readonly audience: string;
    readonly opens: readonly string[];
    readonly closes: readonly string[];
    readonly fields: readonly { path: string; before: string; after: string; change: string }[];
  }

  test('says field by field what a changed policy opens and closes', () => {
    const old = changed(
      'research.yaml',
      'old.yaml',
      ['PHI_MRN: { method: pseudonym, domain: mrn }', 'PHI_MRN: drop'],
      ['PHI_NAME: drop', 'PHI_NAME: { method: pseudonym, domain: name }'],
      ['User:research-app', 'User:former-app'],
    );
    const { code, out } = run('clinical.patients', '--schema', PATIENTS, '--diff', old, '--json');
    expect(code).toBe(0);
    const { differences } = JSON.parse(out) as { differences: readonly Difference[] };
    const difference = differences[0]!;
    expect(difference.audience).toBe('research');
    expect(difference.opens).toContain('PHI_MRN: pseudonym (domain mrn) instead of drop');
    expect(difference.opens).toContain('User:research-app is a new reader');
    expect(difference.closes).toContain('User:former-app is no longer a reader');
    const of = (place: string): object | undefined => difference.fields.find((each) => each.path === place);
    expect(of('mrn')).toMatchObject({ before: 'drop', after: 'pseudonym (domain mrn)', change: 'opens' });
    expect(of('name.family')).toMatchObject({
      before: 'pseudonym (domain name)',
      after: 'drop',
      change: 'closes',
    });
    expect(of('birthDate')).toBeUndefined();
  });

  test('tells people the same, and nothing where nothing changes', () => {
    const same = run('--schema', `clinical.patients=${PATIENTS}`, '--diff', file('policies/billing.yaml'));
    expect(same.out).toContain('No field, key, header or reader changes.');
    const old = changed('billing.yaml', 'old.yaml', ['PHI_NAME: keep', 'PHI_NAME: drop']);
    const { out } = run('clinical.patients', '--schema', PATIENTS, '--diff', old);
    expect(out).toMatch(/^opens$/m);
    expect(out).toMatch(/name\.family +drop +keep +opens/);
  });
});

describe('exit codes', () => {
  test('are 0 with output free of colour in a pipe, 1 for what does not compile, 2 for a wrong call', () => {
    const fine = run('clinical.patients', '--schema', PATIENTS);
    expect([fine.code, fine.err]).toEqual([0, '']);
    expect(fine.out).not.toContain('\u001b');
    changed('research.yaml', 'policies/research.yaml', ['PHI_SSN: drop', '']);
    const held = run('clinical.patients', 'research', '--schema', PATIENTS);
    expect(held.code).toBe(1);
    expect(held.err).toContain('ERR_POLICY_TAG_WITHOUT_METHOD');
    expect(held.out).toMatch(/^ssn +held/m);
    expect(held.out).toContain('does not compile');
    expect(run('clinical.nothing', '--schema', PATIENTS).code).toBe(2);
    expect(run('clinical.patients', 'nobody', '--schema', PATIENTS).code).toBe(2);
    expect(run('clinical.patient', '--schema', PATIENTS).err).toContain('Did you mean clinical.patients?');
    expect(run('clinical.patients', 'reserch', '--schema', PATIENTS).err).toContain('Did you mean research?');
    expect(run('clinical.patients', '--schema', PATIENTS, '--plan', '--regime').code).toBe(2);
    expect(run('--schema', PATIENTS).code).toBe(2);
    expect(run('clinical.patients', '--schema', PATIENTS, '--as-of', 'today').code).toBe(2);
    expect(run('clinical.patients').err).toContain('ERR_REGISTRY_UNREACHABLE');
  }, 30_000);
});

describe('with a registry', () => {
  let server: Server;
  afterEach(() => void server.close());

  test('explains the newest version, under the tags of all versions', async () => {
    const field = (name: string, tags: readonly string[]): object => {
      return { name, type: 'string', 'confluent:tags': tags };
    };
    const version = (tags: readonly string[]): string =>
      JSON.stringify({
        type: 'record',
        name: 'Patient',
        fields: [field('patientId', ['PHI_ID']), field('state', tags)],
      });
    const texts = [version(['PHI_NAME']), version(['PHI_NONE'])];
    server = createServer((request, response) => {
      if (request.url?.startsWith('/config') === true) {
        response.statusCode = 404;
        response.end();
        return;
      }
      const [, number] = /versions\/(\d+)/.exec(request.url ?? '') ?? [];
      const body =
        number === undefined
          ? [1, 2]
          : {
              subject: 'clinical.patients-value',
              version: Number(number),
              id: 10 + Number(number),
              schema: texts[Number(number) - 1],
            };
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify(body));
    });
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    writeConfig(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    const { topic, fields, audiences } = await explained('clinical.patients', { schema: [] });
    expect(topic).toMatchObject({ schemaId: 12, source: 'version 2 in the registry' });
    expect(fields.find(({ path: place }) => place === 'state')?.tags).toEqual(['PHI_NAME', 'PHI_NONE']);
    expect(audiences[0]?.fields.get('state')).toMatchObject({ method: 'drop', why: 'tag PHI_NAME' });
  });
});
