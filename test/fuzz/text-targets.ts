/**
 * Texts that people and registries write: schemas, policies, answers of a registry, patterns and paths. What is taken
 * goes on through the compiler to generated code.
 */
import { readFileSync, readdirSync } from 'node:fs';
import { GauzeErrors } from '../../platform/errors.ts';
import { faultCode } from '../../processors/fault.ts';
import { compileTranscoder } from '../../processors/transcoder.ts';
import { generateTranscoder } from '../../processors/transcoder-source.ts';
import { parsePolicy } from '../../policy/policy-file.ts';
import type { Policy } from '../../policy/policy.ts';
import { tagsOfVersions } from '../../policy/subject-tags.ts';
import { isAtOrBelow, pathSegments, reaches } from '../../schemas/field-path.ts';
import { parseAvroSchema } from '../../schemas/parse-avro.ts';
import { waysInto } from '../../schemas/recursion.ts';
import { RegistryClient } from '../../schemas/registry-client.ts';
import { mapSiteTags } from '../../schemas/site-tags.ts';
import { TAGS } from '../../schemas/tags.ts';
import { matchesWildcard } from '../../schemas/wildcard.ts';
import { compile, policyText, policyWith } from '../support/policy-fixture.ts';
import { NOWHERE } from '../support/plan-builder.ts';
import { testKeys } from '../support/test-keys.ts';
import { Random, changedBytes, changedJson, changedText } from './random.ts';
import type { FuzzTarget } from './target.ts';

const root = new URL('../../', import.meta.url);
const filesIn = (folder: string, end: string): string[] =>
  readdirSync(new URL(folder, root))
    .filter((file) => file.endsWith(end))
    .sort()
    .map((file) => readFileSync(new URL(`${folder}/${file}`, root), 'utf8'));

const RECURSIVE = {
  type: 'record',
  name: 'Node',
  namespace: 'org.example',
  fields: [
    { name: 'name', type: 'string', 'confluent:tags': ['PHI_NAME'] },
    { name: 'next', type: ['null', 'Node'], 'confluent:tags': ['PHI_MRN'] },
    {
      name: 'link',
      type: [
        'null',
        {
          type: 'record',
          name: 'Link',
          fields: [
            { name: 'to', type: { type: 'map', values: 'Node' } },
            { name: 'self', type: { type: 'array', items: 'Link' } },
          ],
        },
      ],
    },
    {
      name: 'kind',
      type: { type: 'enum', name: 'Kind', symbols: ['A', 'B'], default: 'A' },
      'confluent:tags': ['PHI_NONE'],
    },
    {
      name: 'hash',
      type: { type: 'fixed', name: 'Hash', size: 16, logicalType: 'uuid' },
      'confluent:tags': ['PHI_ID'],
    },
    { name: 'day', type: { type: 'int', logicalType: 'date' }, 'confluent:tags': ['PHI_DATE'] },
    { name: 'id', type: 'string', 'gauze:person': true, 'confluent:tags': ['PHI_ID'] },
  ],
};
const SCHEMAS = [
  ...filesIn('schemas/clinical', '.avsc').map((text) => JSON.parse(text) as unknown),
  RECURSIVE,
];
const POLICIES = [policyText(), ...filesIn('examples/hospital/policies', '.yaml')];
const SCHEMA_WORDS: readonly unknown[] = [
  'null',
  'boolean',
  'int',
  'long',
  'float',
  'double',
  'bytes',
  'string',
  'record',
  'error',
  'enum',
  'fixed',
  'array',
  'map',
  'Node',
  'Link',
  'org.example.Node',
  'type',
  'name',
  'fields',
  'items',
  'values',
  'symbols',
  'namespace',
  'confluent:tags',
  'gauze:person',
  'logicalType',
  'decimal',
  'date',
  'uuid',
  'precision',
  'scale',
  'size',
  'default',
  'aliases',
  '__proto__',
  'constructor',
  'PHI_NAME',
  'PHI_NONE',
  'PHI_DATE',
  ['PHI_MRN'],
  ['null', 'Node'],
  { type: 'array', items: 'Node' },
  { type: 'map', values: ['null', 'string'] },
  'a.b',
  'a b',
  '${x}',
];
const POLICY_WORDS = [
  ...Object.keys(TAGS),
  'keep',
  'drop',
  'redact',
  'pseudonym',
  'date-shift',
  'encrypt',
  'scrub',
  'fixed',
  'mask',
  'safe-harbor',
  'tpo',
  'method: ',
  'domain: ',
  'reason: ',
  'maxDays: ',
  'fields:',
  'topics:',
  'examples:',
  'given: ',
  'expect: ',
  'clinical.patients',
  'clinical.tests',
  'User:*',
];

/** A method for every tag, so that what is well-formed gets as far as generated code. */
const METHODS = {
  ...Object.fromEntries(Object.keys(TAGS).map((tag) => [tag, 'drop'])),
  PHI_ID: { method: 'pseudonym', domain: 'patient' },
  PHI_MRN: { method: 'pseudonym', domain: 'patient' },
  PHI_ZIP: 'zip3',
  PHI_DATE: { method: 'date-shift', maxDays: 182 },
  PHI_AGE: { method: 'age-cap', over: 89 },
  PHI_FREE_TEXT: 'redact',
  PHI_NONE: 'keep',
};
const TESTS_POLICY = policyWith({ untagged: 'drop', methods: METHODS });
const keys = testKeys();
const out = Buffer.alloc(1 << 20);

/** Words of generated code: names made here. Keywords and helpers are few enough to be listed by their letters. */
const OWN_SOURCE = /^[\x20-\x7e\n]*$/;

function compileAndMask(
  policy: Policy,
  text: string,
  random: Random,
  site = mapSiteTags({ Node: 'PHI_ID' }),
): string {
  const schema = parseAvroSchema(text);
  const plan = compile(policy, schema, { siteTags: site });
  if (Array.isArray(plan)) throw new GauzeErrors(plan);
  const source = generateTranscoder(plan, keys).text;
  if (!OWN_SOURCE.test(source) || /["`]|\/\/|\/\*/.test(source))
    throw new Error('foreign text in generated source');
  JSON.parse(plan.derivedSchema);
  parseAvroSchema(plan.derivedSchema);
  const bytes = changedBytes(random, Buffer.alloc(24, random.int(4)));
  const end = compileTranscoder(plan, keys).mask(bytes, 0, bytes.length, out, 0, 0, NOWHERE);
  return end < 0 ? faultCode(end) : 'masked';
}

export const COMPILER: FuzzTarget = {
  name: 'compiler',
  share: 25,
  expects: ['ERR_SCHEMA_SYNTAX', 'ERR_SCHEMA_TAG_UNKNOWN', 'ERR_DECODE_TRUNCATED'],
  run(seed, index) {
    const random = new Random(seed, index, 2);
    const sound = random.pick(SCHEMAS);
    const words = SCHEMA_WORDS.filter((word): word is string => typeof word === 'string');
    const text = random.chance(4)
      ? changedText(random, JSON.stringify(sound, null, 1), words)
      : JSON.stringify(changedJson(random, sound, SCHEMA_WORDS));
    return compileAndMask(TESTS_POLICY, text, random);
  },
};

export const POLICY: FuzzTarget = {
  name: 'policy',
  share: 10,
  expects: ['parsed', 'ERR_POLICY_SYNTAX', 'ERR_POLICY_SETTING_UNKNOWN'],
  run(seed, index) {
    const random = new Random(seed, index, 3);
    const policy = parsePolicy(changedText(random, random.pick(POLICIES), POLICY_WORDS), 'fuzz.yaml');
    if (!policy.topics.has('clinical.tests') || random.int(4) > 0) return 'parsed';
    compileAndMask(policy, JSON.stringify(RECURSIVE), random);
    return 'parsed';
  },
};

const ANSWER = {
  id: 7,
  subject: 'a-value',
  version: 1,
  schemaType: 'AVRO',
  schema: JSON.stringify(RECURSIVE),
  references: [{ name: 'org.example.Kind', subject: 'b-value', version: 1 }],
  metadata: { tags: { '**.name': ['PHI_NAME'], 'org.example.*': ['PII'] }, properties: { owner: 'x' } },
  ruleSet: { domainRules: [] },
};

/** The registry's answers are changed where they come in: everything behind that is the product's own. */
export const REGISTRY: FuzzTarget = {
  name: 'registry',
  share: 20,
  expects: ['read', 'ERR_REGISTRY_ANSWER', 'ERR_SCHEMA_SYNTAX'],
  async run(seed, index) {
    const random = new Random(seed, index, 4);
    const sound = (url: string): unknown => {
      if (url.includes('/config')) return { compatibilityLevel: 'FULL', overrideMetadata: ANSWER.metadata };
      if (url.includes('b-value')) return { ...ANSWER, schema: '"int"', references: [], id: 8 };
      return /versions(\?|$)/.test(url) ? [1, 2] : ANSWER;
    };
    const before = globalThis.fetch;
    globalThis.fetch = (url) => {
      const answer = sound(url as string);
      const isChanged = random.chance(8);
      const body = isChanged
        ? changedJson(random, answer, [...SCHEMA_WORDS, 'a-value', '**', 1, 40_403])
        : answer;
      const text = random.chance(60)
        ? changedText(random, JSON.stringify(body), ['<html>'])
        : JSON.stringify(body);
      return Promise.resolve(
        new Response(text, { status: random.chance(60) ? random.pick([400, 401, 404, 405, 409, 418]) : 200 }),
      );
    };
    try {
      const registry = new RegistryClient({ url: 'http://registry.example', attempts: 1, retryDelayMs: 1 });
      await registry.schemaText(7);
      const versions = await registry.subjectVersions('a-value');
      tagsOfVersions('a-value', versions, mapSiteTags({ PII: 'PHI_ID' }));
      return 'read';
    } finally {
      globalThis.fetch = before;
    }
  },
};

/** Paths and patterns come out of logs, policies and registries: any text must have an answer. */
export const PATHS: FuzzTarget = {
  name: 'paths',
  share: 5,
  expects: ['match', 'no match'],
  run(seed, index) {
    const random = new Random(seed, index, 5);
    const path = (): string =>
      changedText(random, 'a.b[].c{}.<org.X>.d{key}', [
        '[]',
        '{}',
        '{key}',
        '<a>',
        '.',
        '*',
        '**',
        '?',
        '$',
        'a',
      ]).slice(0, 400);
    const [one, other] = [path(), path()];
    const [earlier, present] = [pathSegments(one), pathSegments(other)];
    if (!reaches(present, present)) throw new Error('a path does not reach itself');
    reaches(earlier, present);
    waysInto(
      earlier,
      new Map([
        [other, '$'],
        [one, other],
      ]),
    );
    isAtOrBelow(one, other);
    return matchesWildcard(one, other) ? 'match' : 'no match';
  },
};
