/**
 * Where tags as the reference clients of a registry honour them let a value through (a table of such cases stands in
 * docs/tags.md): each case is a schema whose tagged value must not be in the bytes that readers get. Values of
 * numbers, symbols and keys are looked for as decoded and as encoded.
 */
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Schema, Type as AvscType } from 'avsc';
import { faultCode } from '../../processors/fault.ts';
import { compileTranscoder } from '../../processors/transcoder.ts';
import type { CompiledPlan } from '../../policy/compile-plan.ts';
import { readSubjectTags } from '../../policy/subject-tags.ts';
import { RegistryClient } from '../../schemas/registry-client.ts';
import { parseAvroSchema } from '../../schemas/parse-avro.ts';
import { mapSiteTags } from '../../schemas/site-tags.ts';
import { compile, field, planned, policyWith } from '../support/policy-fixture.ts';
import { NOWHERE } from '../support/plan-builder.ts';
import { testKeys } from '../support/test-keys.ts';

const { Type } = createRequire(import.meta.url)('avsc') as { Type: { forSchema(schema: Schema): AvscType } };

type Json = Readonly<Record<string, unknown>>;

/** A version as the registry answers with it. */
interface Version {
  readonly schema: Json | string;
  readonly references?: readonly {
    readonly name: string;
    readonly subject: string;
    readonly version: number;
  }[];
  readonly metadata?: Json;
  readonly ruleSet?: Json;
}

const SUBJECT = 'clinical.tests-value';
const site = mapSiteTags({ PII: 'PHI_NAME' });
let server: Server;
let url: string;
let subjects: Record<string, readonly Version[]> = {};
let settings: Record<string, Json> = {};

beforeAll(async () => {
  server = createServer(({ url: path = '' }, response) => {
    const found = answerTo(decodeURIComponent(path.replace(/\?.*/, '')));
    response.statusCode = found === undefined ? 404 : 200;
    response.end(JSON.stringify(found ?? { error_code: 40_401 }));
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

function answerTo(path: string): unknown {
  const [, area, subject = '', , number] = path.split('/');
  if (area === 'config') return settings[subject];
  const versions = subjects[subject];
  if (number === undefined) return versions?.map((_, at) => at + 1);
  const version = versions?.[Number(number) - 1];
  const schema = typeof version?.schema === 'string' ? version.schema : JSON.stringify(version?.schema);
  return version && { ...version, schema, id: Number(number) };
}

/** The plan for records of version `number`, the last one where none is said, of a subject with these versions. */
async function planFor(versions: readonly Version[], number = versions.length): Promise<CompiledPlan> {
  subjects = { ...subjects, [SUBJECT]: versions };
  const registry = new RegistryClient({ url, retryDelayMs: 1, attempts: 1 });
  const { versions: read, tags } = await readSubjectTags(registry, site, SUBJECT);
  const { text, references, metadata } = read[number - 1]!;
  const policy = policyWith({
    methods: {
      PHI_ID: 'drop',
      PHI_NAME: 'drop',
      PHI_MRN: 'drop',
      PHI_SSN: 'drop',
      PHI_FREE_TEXT: 'redact',
      PHI_NONE: 'keep',
    },
  });
  const schema = parseAvroSchema(text, references);
  return planned(compile(policy, schema, { tagsInForce: tags, siteTags: site, metadata }));
}

/** What readers get of a value. */
function published(plan: CompiledPlan, writer: Json, value: unknown): { bytes: Buffer; value: unknown } {
  const bytes = Type.forSchema(withoutTags(writer) as Schema).toBuffer(value);
  const out = Buffer.alloc(1 << 16);
  const end = compileTranscoder(plan, testKeys()).mask(bytes, 0, bytes.length, out, 0, 0, NOWHERE);
  if (end < 0) throw new Error(faultCode(end));
  const published = Buffer.from(out.subarray(0, end));
  return {
    bytes: published,
    value: Type.forSchema(JSON.parse(plan.derivedSchema) as Schema).fromBuffer(published),
  };
}

/** avsc refuses some ways of writing that the registry takes. */
function withoutTags(json: unknown): unknown {
  if (Array.isArray(json)) return json.map(withoutTags);
  if (typeof json !== 'object' || json === null) return json;
  const { 'confluent:tags': _, ...rest } = json as Json;
  if (typeof rest['type'] === 'object' && !Array.isArray(rest['type']) && !('name' in rest))
    return withoutTags(rest['type']);
  const plain = rest['type'] === 'error' ? { ...rest, type: 'record' } : rest;
  return Object.fromEntries(Object.entries(plain).map(([key, each]) => [key, withoutTags(each)]));
}

const record = (name: string, ...fields: object[]): Json => ({ type: 'record', name, fields });
const KEPT = field('kept', 'string', ['PHI_NONE']);
const CANARY = 'CANARY-5EADBEEF';

/** Masks one value of the newest version; `needle` must be nowhere in what comes out, and `kept` must be. */
async function expectMasked(
  version: Version,
  value: Json,
  needle: string | Buffer = CANARY,
): Promise<CompiledPlan> {
  const plan = await planFor([version]);
  const writer = version.schema as Json;
  const { bytes, value: read } = published(plan, writer, { ...value, kept: 'harmless' });
  expect(bytes.includes(needle)).toBe(false);
  expect(JSON.stringify(read)).not.toContain('CANARY');
  expect(JSON.stringify(read)).toContain('harmless');
  return plan;
}

describe('a tag reaches every value below, where the reference reaches none', () => {
  test('on a record: leaves of the record', async () => {
    const inner = {
      ...record('In', field('a', 'string'), field('b', ['null', 'string'])),
      'confluent:tags': ['PHI_NAME'],
    };
    await expectMasked({ schema: record('R', KEPT, field('in', inner)) }, { in: { a: CANARY, b: CANARY } });
  });

  test('on the outermost record, whose PHI_NONE on a field does not win over it', async () => {
    const schema = { ...record('R', field('a', 'string', ['PHI_NONE'])), 'confluent:tags': ['PHI_NAME'] };
    const plan = await planFor([{ schema }]);
    expect(published(plan, schema, { a: CANARY }).bytes).toHaveLength(0);
  });

  test('on a field whose type is a record, through arrays, maps and unions of records', async () => {
    const inner = record(
      'In',
      field('deep', { type: 'array', items: ['null', record('Deep', field('a', 'string'))] }),
    );
    const type = { type: 'map', values: ['null', inner] };
    const value = { m: { [CANARY]: { deep: [{ a: CANARY }, null] } } };
    await expectMasked({ schema: record('R', KEPT, field('m', type, ['PHI_NAME'])) }, value);
  });

  test('on an enum and on a fixed', async () => {
    const kind = { type: 'enum', name: 'Kind', symbols: ['NONE', 'CANARY_POSITIVE'] };
    const schema = record(
      'R',
      KEPT,
      field('kind', kind, ['PHI_NAME']),
      field('hash', { type: 'fixed', name: 'Hash', size: CANARY.length }, ['PHI_NAME']),
    );
    const plan = await expectMasked({ schema }, { kind: 'CANARY_POSITIVE', hash: Buffer.from(CANARY) });
    expect(plan.derivedSchema).not.toContain('CANARY_POSITIVE');
  });

  test.each([
    ['int', 0x5eadbee],
    ['long', 0x5eadbeef5ead],
    ['float', 5.25],
    ['double', 1234.5678],
    ['boolean', true],
    ['bytes', Buffer.from(CANARY)],
    ['int (date)', 0x5ead, { type: 'int', logicalType: 'date' }],
    ['bytes (decimal)', Buffer.from(CANARY), { type: 'bytes', logicalType: 'decimal', precision: 40 }],
    ['string (uuid)', 'CANARY-6-7c2f-4d3a-9c3d', { type: 'string', logicalType: 'uuid' }],
  ])('on %s, dropped and redacted', async (name, value, type: unknown = name) => {
    const bare = typeof type === 'string' ? type : (type as { type: string }).type;
    const encoded = Type.forSchema(bare).toBuffer(value);
    for (const tag of ['PHI_NAME', 'PHI_FREE_TEXT']) {
      const plan = await planFor([{ schema: record('R', KEPT, field('a', type, [tag])) }]);
      const { bytes } = published(plan, record('R', KEPT, field('a', bare)), { kept: '', a: value });
      expect(bytes.subarray(1).equals(encoded)).toBe(false);
      expect(bytes.length).toBeLessThan(
        1 + Math.max(encoded.length, 2) + (name === 'string (uuid)' ? 20 : 1),
      );
    }
  });

  test('on a map: its keys too', async () => {
    const type = { type: 'map', values: 'int' };
    await expectMasked({ schema: record('R', KEPT, field('m', type, ['PHI_MRN'])) }, { m: { [CANARY]: 1 } });
  });
});

describe('a tag is found wherever it is written', () => {
  test('where the namespace of a record begins like its name', async () => {
    const inner = { ...record('patientRecord', field('ssn', 'string', ['PHI_SSN'])), namespace: 'patient' };
    await expectMasked({ schema: record('R', KEPT, field('p', inner)) }, { p: { ssn: CANARY } });
  });

  test('and metadata finds that record by its full name', async () => {
    const inner = { ...record('patientRecord', field('ssn', 'string')), namespace: 'patient' };
    const metadata = { tags: { 'patient.patientRecord.ssn': ['PHI_SSN'] } };
    await expectMasked({ schema: record('R', KEPT, field('p', inner)), metadata }, { p: { ssn: CANARY } });
  });

  test('inside a type that is written as the type of a type', async () => {
    const inner = { type: { type: record('In', field('ssn', 'string', ['PHI_SSN'])) } };
    await expectMasked({ schema: record('R', KEPT, field('in', inner)) }, { in: { ssn: CANARY } });
  });

  test('on the type object of a field', async () => {
    const type = { type: 'string', 'confluent:tags': ['PHI_SSN'] };
    await expectMasked({ schema: record('R', KEPT, field('a', type)) }, { a: CANARY });
  });

  test('on and in an error type', async () => {
    const failure = (...fields: object[]): Json => ({ type: 'error', name: 'Failure', fields });
    const inside = failure(field('mrn', 'string', ['PHI_MRN']));
    await expectMasked({ schema: record('R', KEPT, field('e', inside)) }, { e: { mrn: CANARY } });
    const whole = { ...failure(field('mrn', 'string')), 'confluent:tags': ['PHI_MRN'] };
    await expectMasked({ schema: record('R', KEPT, field('e', whole)) }, { e: { mrn: CANARY } });
  });

  test("in a site's own words, on fields and in metadata", async () => {
    await expectMasked({ schema: record('R', KEPT, field('a', 'string', ['PII'])) }, { a: CANARY });
    const metadata = { tags: { '**.a': ['PII'] } };
    await expectMasked({ schema: record('R', KEPT, field('a', 'string')), metadata }, { a: CANARY });
  });

  test.each(['R.ssn', '**.ssn', '*.s?n', '**', 'R.*', '**.*'])(
    'by the pattern %s in metadata',
    async (pattern) => {
      const schema = record('R', field('kept', 'string', ['PHI_NONE']), field('ssn', 'string'));
      const plan = await planFor([{ schema, metadata: { tags: { [pattern]: ['PHI_SSN'] } } }]);
      expect(published(plan, schema, { kept: '', ssn: CANARY }).bytes.includes(CANARY)).toBe(false);
    },
  );

  test('in referenced schemas, several levels down, each in the version that is referred to', async () => {
    const refer = (name: string, subject: string, version: number): NonNullable<Version['references']> => [
      { name, subject, version },
    ];
    const deep = (tags: readonly string[]): Json => record('org.Deep', field('ssn', 'string', tags));
    subjects = {
      deep: [{ schema: deep([]) }, { schema: deep(['PHI_SSN']) }, { schema: deep([]) }],
      middle: [
        { schema: record('org.Middle', field('deep', 'org.Deep')), references: refer('org.Deep', 'deep', 2) },
      ],
    };
    const schema = record('R', KEPT, field('m', 'org.Middle'));
    const plan = await planFor([{ schema, references: refer('org.Middle', 'middle', 1) }]);
    const writer = record('R', KEPT, field('m', record('org.Middle', field('deep', deep([])))));
    const { bytes } = published(plan, writer, { kept: 'harmless', m: { deep: { ssn: CANARY } } });
    expect(bytes.includes('harmless')).toBe(true);
    expect(bytes.includes(CANARY)).toBe(false);
  });
});

describe('a tag stays in force', () => {
  const tagged = record('R', KEPT, field('a', 'string', ['PHI_NAME']));
  const reviewed = record('R', KEPT, field('a', 'string', ['PHI_NONE']));

  test('in records of a version that took it away', async () => {
    const plan = await planFor([{ schema: tagged }, { schema: reviewed }]);
    expect(published(plan, reviewed, { kept: '', a: CANARY }).bytes.includes(CANARY)).toBe(false);
  });

  test('in records of versions from before it was written', async () => {
    const plan = await planFor([{ schema: reviewed }, { schema: tagged }], 1);
    expect(published(plan, reviewed, { kept: '', a: CANARY }).bytes.includes(CANARY)).toBe(false);
  });

  test('where metadata of a later version replaces that of an earlier one', async () => {
    const schema = record('R', KEPT, field('a', 'string', ['PHI_NONE']));
    const versions = [
      { schema, metadata: { tags: { '**.a': ['PHI_NAME'] } } },
      { schema, metadata: { tags: { '**.a': ['PHI_NONE'] } } },
    ];
    const plan = await planFor(versions);
    expect(published(plan, schema, { kept: '', a: CANARY }).bytes.includes(CANARY)).toBe(false);
  });

  test.each(['defaultMetadata', 'overrideMetadata'])(
    'where %s of the registry says less, and it adds what it says',
    async (setting) => {
      settings = { [SUBJECT]: { [setting]: { tags: { 'R.a': [], 'R.b': ['PHI_NAME'] } } } };
      const schema = record(
        'R',
        KEPT,
        field('a', 'string', ['PHI_NONE']),
        field('b', 'string', ['PHI_NONE']),
      );
      const plan = await planFor([{ schema, metadata: { tags: { 'R.a': ['PHI_NAME'] } } }]);
      settings = {};
      expect(published(plan, schema, { kept: '', a: CANARY, b: CANARY }).bytes.includes(CANARY)).toBe(false);
    },
  );
});

describe('tags need no rules', () => {
  const schema = record('R', KEPT, field('a', 'string', ['PHI_NAME', 'PHI_MRN']));
  const rule = (name: string, tag: string): Json => ({
    name,
    kind: 'TRANSFORM',
    type: 'REDACT',
    mode: 'READ',
    tags: [tag],
  });

  test('a registry that drops rule sets and metadata gives the same plan', async () => {
    const whole = await planFor([{ schema, ruleSet: { domainRules: [rule('one', 'PHI_NAME')] } }]);
    expect((await planFor([{ schema }])).hash).toBe(whole.hash);
  });

  test('two rules for the same tag change nothing, disabled ones neither', async () => {
    const twice = { domainRules: [rule('one', 'PHI_MRN'), { ...rule('two', 'PHI_MRN'), disabled: true }] };
    await expectMasked({ schema, ruleSet: twice }, { a: CANARY });
  });
});
