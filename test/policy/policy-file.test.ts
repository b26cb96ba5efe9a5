import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { readFileSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { GauzeErrors } from '../../platform/errors.ts';
import { runExamples } from '../../policy/examples.ts';
import { loadPolicies } from '../../policy/load-policies.ts';
import { RESERVED_AUDIENCES, parsePolicy } from '../../policy/policy-file.ts';
import { compile, field, mistakes, policyText, policyWith, recordOf } from '../support/policy-fixture.ts';
import { testKeys } from '../support/test-keys.ts';

const MISTAKES = new URL('../policy-mistakes/', import.meta.url);
const POLICIES = new URL('../../examples/hospital/policies/', import.meta.url);

/** What the mistakes are compiled against. */
const schema = recordOf(
  field('patientId', 'string', ['PHI_ID'], { 'gauze:person': true }),
  field('patientName', 'string', ['PHI_NAME']),
  field('visits', 'int', ['PHI_NONE']),
);

/** All that parsing, compiling and the examples find wrong with a policy. */
function allProblems(text: string, file: string) {
  const found = mistakes(() => parsePolicy(text, file));
  if (found.length > 0) return found;
  const policy = parsePolicy(text, file);
  const plan = compile(policy, schema);
  return Array.isArray(plan) ? plan : runExamples(policy, plan, testKeys());
}

describe('each mistake', () => {
  const files = readdirSync(MISTAKES).sort();

  test.each(files)('%s is refused by its code, with its line', (file) => {
    const text = readFileSync(new URL(file, MISTAKES), 'utf8');
    const expected = text.slice(2, text.indexOf('\n'));
    const found = allProblems(text, file);
    expect(found.map((problem) => problem.code)).toEqual([expected]);
    expect(found[0]?.context.file).toBe(file);
    expect(found[0]?.context.line).toBeGreaterThan(0);
    const words = `${found[0]?.message} ${found[0]?.action}`.replace(/Did you mean \w+\?/, '');
    expect(words).not.toMatch(/\{\w+\}|undefined|\?/);
  });

  test('is told by its own line', () => {
    const text = policyText({ methods: { PHI_ID: 'drop' } });
    const lines = `${text}\nfields:\n  clinical.tests:\n    a: { method: drop }\n`;
    const [problem] = mistakes(() => parsePolicy(lines, 'p.yaml'));
    expect(problem?.context).toMatchObject({
      setting: 'fields.clinical.tests.a.reason',
      line: lines.split('\n').findIndex((line) => line.startsWith('    a:')) + 1,
    });
  });

  test('is reported with all others at once', () => {
    const text = policyText({
      regime: 'none',
      owner: 7,
      methods: { PHI_WHAT: 'drop', PHI_SSN: 'tokenise', PHI_ID: { method: 'pseudonym', domain: 'A B' } },
      topics: { 'clinical.tests': { headers: { h: { keep: true } } } },
    });
    expect(
      mistakes(() => parsePolicy(text, 'p.yaml'))
        .map((problem) => problem.code)
        .sort(),
    ).toEqual([
      'ERR_POLICY_HEADER_REASON',
      'ERR_POLICY_METHOD_PARAMETER',
      'ERR_POLICY_METHOD_UNKNOWN',
      'ERR_POLICY_SYNTAX',
      'ERR_POLICY_SYNTAX',
      'ERR_POLICY_TAG_UNKNOWN',
    ]);
  });

  test('in an example is told without the values of the example', () => {
    const text = readFileSync(new URL('example-wrong.yaml', MISTAKES), 'utf8');
    expect(text).toContain('Ada Example');
    expect(JSON.stringify(allProblems(text, 'p.yaml'))).not.toContain('Ada');
  });
});

describe('a policy', () => {
  test('is read with its defaults', () => {
    const policy = policyWith({ timestamp: undefined, untagged: undefined });
    expect(policy).toMatchObject({
      audience: 'research',
      regime: 'limited-data-set',
      timestamp: 'append',
      untagged: 'hold',
      readers: [{ principal: 'User:research-app', reason: null }],
      examples: [],
    });
    expect(policy.methods.get('PHI_ID')).toEqual({ method: 'pseudonym', domain: 'patient' });
    expect(policy.methods.get('PHI_NAME')).toEqual({ method: 'drop' });
    expect(policy.sha256).toMatch(/^[0-9a-f]{64}$/);
  });

  test('takes the defaults of a method into the instruction', () => {
    const methods = { PHI_DATE: 'date-shift', PHI_BIRTH_DATE: { method: 'date-truncate' } };
    const policy = policyWith({ methods });
    expect(policy.methods.get('PHI_DATE')).toEqual({ method: 'date-shift', maxDays: 182 });
    expect(policy.methods.get('PHI_BIRTH_DATE')).toEqual({
      method: 'date-truncate',
      unit: 'year',
      over89: 'cap',
    });
  });

  test('cannot have a name that gauze needs', () => {
    for (const audience of RESERVED_AUDIENCES)
      expect(mistakes(() => policyWith({ audience })).map((problem) => problem.code)).toEqual([
        'ERR_POLICY_AUDIENCE_RESERVED',
      ]);
  });
});

describe('a directory of policies', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'gauze-policies-'));
  });
  afterEach(async () => {
    await rm(directory, { recursive: true });
  });
  const write = async (name: string, settings: Record<string, unknown>): Promise<void> =>
    await writeFile(join(directory, name), policyText(settings));
  async function found(): Promise<string[]> {
    try {
      await loadPolicies(directory);
    } catch (error) {
      if (error instanceof GauzeErrors)
        return error.errors.map(({ code, context }) => `${context.file?.split('/').at(-1)} ${code}`).sort();
      throw error;
    }
    return [];
  }

  test('is read whole: the policies of the demo', async () => {
    const names = await readdir(POLICIES);
    const policies = await loadPolicies(POLICIES.pathname);
    expect(policies.map((policy) => `${policy.audience}.yaml`)).toEqual(names.sort());
    expect(policies[0]?.text).toBe(await readFile(new URL(names.sort()[0]!, POLICIES), 'utf8'));
  });

  test('is refused with the problems of all files', async () => {
    await write('a.yaml', { owner: undefined });
    await write('b.yaml', { audience: 'b', regime: 'x' });
    expect(await found()).toEqual(['a.yaml ERR_POLICY_SYNTAX', 'b.yaml ERR_POLICY_SYNTAX']);
  });

  test('is refused when two files are about one audience', async () => {
    await write('a.yaml', {});
    await write('b.yaml', { readers: [] });
    expect(await found()).toEqual(['b.yaml ERR_POLICY_DUPLICATE']);
  });

  test('is refused when one principal reads two audiences of one topic, until both say why', async () => {
    const reader = { principal: 'User:research-app', reason: 'compares the two for the data committee' };
    await write('a.yaml', {});
    await write('b.yaml', { audience: 'b' });
    expect(await found()).toEqual(['a.yaml ERR_POLICY_READER_TWICE', 'b.yaml ERR_POLICY_READER_TWICE']);
    await write('b.yaml', { audience: 'b', readers: [reader] });
    expect(await found()).toEqual(['a.yaml ERR_POLICY_READER_TWICE']);
    await write('a.yaml', { readers: [reader] });
    expect(await found()).toEqual([]);
    await write('a.yaml', { topics: { 'clinical.others': { key: { tag: 'PHI_ID' } } } });
    await write('b.yaml', { audience: 'b' });
    expect(await found()).toEqual([]);
  });

  test('that is not there is refused', async () => {
    await expect(loadPolicies(join(directory, 'none'))).rejects.toThrow(GauzeErrors);
  });
});
