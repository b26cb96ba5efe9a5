/**
 * The JSON Schemas for editors are as their tables would write them, take every file that the parsers take, and
 * refuse what the parsers refuse for its shape.
 */
import { readFileSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { parse } from 'yaml';
import { parseAccessRules } from '../../approvals/access-rules-file.ts';
import { GauzeErrors } from '../../platform/errors.ts';
import { settingRows } from '../../platform/config-rows.ts';
import { parsePolicy } from '../../policy/policy-file.ts';
import { METHODS } from '../../processors/method-table.ts';
import { EDITOR_SCHEMAS } from '../../scripts/editor-schemas.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const FILES = ['config', 'access', 'policy'] as const;
type File = (typeof FILES)[number];

function read(file: string): string {
  return readFileSync(ROOT + file, 'utf8');
}

function schemaOf(file: File): Record<string, unknown> {
  return JSON.parse(read(`docs/schemas/${file}.schema.json`)) as Record<string, unknown>;
}

const ajv = new Ajv2020({ allErrors: true, strict: false });
const validators = Object.fromEntries(FILES.map((file) => [file, ajv.compile(schemaOf(file))]));

/** Where a text does not fit the schema of its kind; none where it does. */
function faults(file: File, text: string): string[] {
  const validate = validators[file]!;
  return validate(parse(text)) ? [] : (validate.errors ?? []).map(({ instancePath }) => instancePath);
}

/** Fences of the documentation that are such files. */
function yamlBlocks(page: string): string[] {
  return [...read(page).matchAll(/```yaml\n([\s\S]*?)```/g)].map((match) => match[1]!);
}

describe.each(EDITOR_SCHEMAS)('docs/schemas/$file', ({ file, render }) => {
  test('is as `npm run docs:generate` writes it', () => {
    expect(read(`docs/schemas/${file}`)).toBe(render());
  });
});

describe('the schemas take', () => {
  test.each([
    ['config', 'examples/hospital/gauze.yaml'],
    ['access', 'examples/hospital/access.yaml'],
    ['policy', 'examples/hospital/policies/analytics.yaml'],
    ['policy', 'examples/hospital/policies/billing.yaml'],
    ['policy', 'examples/hospital/policies/research.yaml'],
  ] as const)('as %s: %s', (file, path) => {
    expect(faults(file, read(path))).toEqual([]);
  });

  test('the policies and rules that the documentation shows', () => {
    const policies = yamlBlocks('docs/policy.md').filter((text) => /^audience:/m.test(text));
    expect(policies.length).toBeGreaterThan(0);
    expect(policies.flatMap((text) => faults('policy', text))).toEqual([]);
    const rules = yamlBlocks('docs/access.md').filter((text) => /^rules:/m.test(text));
    expect(rules.length).toBeGreaterThan(0);
    expect(rules.flatMap((text) => faults('access', text))).toEqual([]);
  });

  test('values from the environment wherever the config file may have them', () => {
    const text = read('examples/hospital/gauze.yaml')
      .replace(/^kafka:[\s\S]*?(?=^\w)/m, 'kafka: { brokers: ["${BROKER}"], ssl: "${TLS}", roles: {} }\n')
      .concat('\nlimits: { lingerMs: "${LINGER}" }\n');
    expect(faults('config', text)).toEqual([]);
  });

  test('every method, with its parameters as the method table has them', () => {
    const { $defs } = schemaOf('policy') as { $defs: { exception: { anyOf: { properties: object }[] } } };
    const known = $defs.exception.anyOf.map(({ properties }) => properties as { method: { const: string } });
    expect(known.map(({ method }) => method.const)).toEqual(Object.keys(METHODS));
  });
});

describe('the schemas explain', () => {
  test('every setting of the config file', () => {
    const text = JSON.stringify(schemaOf('config'));
    const rows = settingRows().filter(({ doc }) => doc !== '');
    expect(rows.length).toBeGreaterThan(50);
    expect(rows.filter(({ doc }) => !text.includes(JSON.stringify(doc).slice(1, -1)))).toEqual([]);
  });

  test('every setting of a rule and of a policy', () => {
    const { properties } = schemaOf('access') as { properties: { rules: { items: { properties: object } } } };
    const undescribed = (settings: object): string[] =>
      Object.entries(settings as Record<string, object>)
        .filter(([, schema]) => !('description' in schema))
        .map(([name]) => name);
    expect(undescribed(properties.rules.items.properties)).toEqual([]);
    const policy = schemaOf('policy') as { properties: object };
    expect(undescribed(policy.properties)).toEqual([]);
  });
});

/** Mistakes that depend on a schema, a topic, a key, another part of the file, or the law: for `gauze check`. */
const BEYOND_SHAPE: readonly string[] = [
  'example-of-other-topic.yaml',
  'example-path-unknown.yaml',
  'example-without-given.yaml',
  'example-wrong.yaml',
  'exception-against-regime.yaml',
  'exception-for-other-topic.yaml',
  'exception-path-unknown.yaml',
  'header-identifier-in-safe-harbor.yaml',
  'header-trace-in-safe-harbor.yaml',
  'key-kept-in-safe-harbor.yaml',
  'key-method.yaml',
  'key-missing.yaml',
  'method-for-other-type.yaml',
  'regime-date-shift-in-safe-harbor.yaml',
  'regime-month-in-safe-harbor.yaml',
  'regime-name-kept-in-limited-data-set.yaml',
  'regime-pseudonym-in-safe-harbor.yaml',
  'sensitive-emptied-while-dropped.yaml',
  'tag-without-method.yaml',
  'timestamp-shift-of-two-distances.yaml',
];

describe('the schemas refuse', () => {
  const mistakes = readdirSync(`${ROOT}test/policy-mistakes`).filter(
    (file) => !['not-yaml.yaml', 'setting-twice.yaml'].includes(file),
  );

  test('each mistake of a policy that is one of its shape, and no other', () => {
    const passed = mistakes.filter(
      (file) => faults('policy', read(`test/policy-mistakes/${file}`)).length === 0,
    );
    expect(passed).toEqual(mistakes.filter((file) => BEYOND_SHAPE.includes(file)));
    expect(mistakes.length - passed.length).toBeGreaterThan(20);
  });

  test.each([
    ['a duration without a unit', 'maxDuration: 8h', 'maxDuration: 8'],
    ['an unknown setting', 'maxDuration: 8h', 'maxDuration: 8h\n    maxDurations: 8h'],
    ['an unknown purpose', 'purposes: [', 'purposes: [CURIOSITY, '],
    ['no stages at all written as a word', 'stages:', 'stages: none\n    stagesOfOld:'],
    ['a count of nobody', 'count: 1', 'count: 0'],
    ['a missing limit', /maxRecords: .*\n/, '\n'],
  ])('of access rules %s, as the parser does', (_what, from, to) => {
    const [text = ''] = yamlBlocks('docs/access.md').filter((block) => /^rules:/m.test(block));
    const broken = text.replace(from, to);
    expect(broken).not.toBe(text);
    expect(faults('access', broken)).not.toEqual([]);
    const roles = {
      clinicians: ['g'],
      'data-owners': ['g'],
      'privacy-officers': ['g'],
      'emergency-physicians': ['g'],
    };
    expect(() => parseAccessRules(broken, 'a.yaml', { roles, siteTags: new Map() })).toThrow(GauzeErrors);
  });

  test.each([
    ['an unknown setting', 'owner:', 'owners: x\nowner:'],
    ['an unknown regime', /regime: .*/, 'regime: safe'],
    ['a reserved audience', /audience: .*/, 'audience: audit'],
    ['everybody as a reader', /readers:\n.*/, 'readers: ["User:*"]'],
    ['an exception without a reason', /, reason: [^}]*\}/, ' }'],
  ])('of a policy %s, as the parser does', (_what, from, to) => {
    const [text = ''] = yamlBlocks('docs/policy.md').filter((block) => /^fields:/m.test(block));
    const broken = text.replace(from, to);
    expect(broken).not.toBe(text);
    expect(faults('policy', broken)).not.toEqual([]);
    expect(() => parsePolicy(broken, 'p.yaml')).toThrow(GauzeErrors);
  });

  test.each([
    ['an unknown setting', 'kafka:\n  brokers: ["a:1"]\n  role: {}'],
    ['a broker without a port', 'kafka:\n  brokers: [a]\n  roles: {}'],
    [
      'a mechanism that is none',
      'kafka:\n  brokers: ["a:1"]\n  roles: { admin: { mechanism: sha1, username: a, passwordFile: b } }',
    ],
  ])('of the config file %s', (_what, kafka) => {
    expect(faults('config', `${kafka}\nregistry: { url: "http://r:1" }\n`)).not.toEqual([]);
  });
});
