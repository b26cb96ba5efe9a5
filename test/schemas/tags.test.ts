import { describe, expect, test } from '@jest/globals';
import { GauzeErrors } from '../../platform/errors.ts';
import { isAtOrBelow } from '../../schemas/field-path.ts';
import { parseAvroSchema } from '../../schemas/parse-avro.ts';
import { mapSiteTags } from '../../schemas/site-tags.ts';
import { TAGS, leavesOf, pathTags, tagsInForce, unionTags } from '../../schemas/tags.ts';
import type { Leaf, TagSources } from '../../schemas/tags.ts';
import { matchesWildcard } from '../../schemas/wildcard.ts';

const schema = (fields: unknown[], rest: object = {}) =>
  parseAvroSchema(JSON.stringify({ type: 'record', name: 'R', namespace: 'org.example', fields, ...rest }));
const tagged = (leaves: readonly Leaf[]): Record<string, string[]> =>
  Object.fromEntries(leaves.map((leaf) => [leaf.path, [...leaf.tags].sort()]));
const leaves = (fields: unknown[], rest: object = {}, sources: TagSources = {}) =>
  tagged(leavesOf(schema(fields, rest), sources));

const address = (type: string) => ({ type, name: 'A', fields: [{ name: 'street', type: 'string' }] });

describe('a tag reaches every leaf below', () => {
  const everyType = [
    { name: 'text', type: 'string' },
    { name: 'flag', type: 'boolean' },
    { name: 'small', type: 'int' },
    { name: 'large', type: 'long' },
    { name: 'f', type: 'float' },
    { name: 'd', type: 'double' },
    { name: 'raw', type: 'bytes' },
    { name: 'kind', type: { type: 'enum', name: 'Kind', symbols: ['A'] } },
    { name: 'hash', type: { type: 'fixed', name: 'Hash', size: 4 } },
    { name: 'list', type: { type: 'array', items: { type: 'array', items: 'int' } } },
    { name: 'table', type: { type: 'map', values: 'int' } },
    { name: 'maybe', type: ['null', 'string'] },
    { name: 'either', type: ['null', 'string', 'int'] },
  ];
  const everyPath =
    'text flag small large f d raw kind hash list[][] table{key} table{} maybe either<string> either<int>'.split(
      ' ',
    );

  test('from a record, whatever the type of the leaf: enum, fixed, numbers and map keys too', () => {
    const found = leaves(everyType, { 'confluent:tags': ['PHI_ID'] });
    expect(Object.keys(found)).toEqual(everyPath);
    expect(Object.values(found).every((tags) => tags.join() === 'PHI_ID')).toBe(true);
  });

  test('from a field whose type is a record, through arrays, maps and unions', () => {
    const inner = { type: 'record', name: 'Inner', fields: everyType };
    const found = leaves([
      {
        name: 'a',
        type: { type: 'array', items: ['null', { type: 'map', values: inner }] },
        'confluent:tags': ['PHI_GEO'],
      },
    ]);
    expect(Object.keys(found)).toEqual(['a[]{key}', ...everyPath.map((path) => `a[]{}.${path}`)]);
    expect(Object.values(found).every((tags) => tags.join() === 'PHI_GEO')).toBe(true);
  });

  test('from a type object, a double nested type, a referenced name, and an `error` type', () => {
    const found = leaves([
      { name: 'own', type: { type: 'string', 'confluent:tags': ['PHI_SSN'] } },
      { name: 'deep', type: { type: { ...address('error'), 'confluent:tags': ['PHI_GEO'] } } },
      { name: 'named', type: 'A' },
      { name: 'wrapped', type: { type: 'A', 'confluent:tags': ['PHI_NAME'] } },
      { name: 'items', type: { type: 'array', items: { type: 'string', 'confluent:tags': ['PHI_MRN'] } } },
    ]);
    expect(found).toEqual({
      own: ['PHI_SSN'],
      'deep.street': ['PHI_GEO'],
      'named.street': ['PHI_GEO'],
      'wrapped.street': ['PHI_GEO', 'PHI_NAME'],
      'items[]': ['PHI_MRN'],
    });
  });

  test('where the namespace of a record is the beginning of its name', () => {
    const text = JSON.stringify({
      type: 'record',
      name: 'patientRecord',
      namespace: 'patient',
      fields: [{ name: 'ssn', type: 'string', 'confluent:tags': ['PHI_SSN'] }],
    });
    expect(tagged(leavesOf(parseAvroSchema(text)))).toEqual({ ssn: ['PHI_SSN'] });
  });

  test('and a value that is no record at all has the path $', () => {
    const text = '{"type":"string","confluent:tags":["PHI_MRN"]}';
    expect(tagged(leavesOf(parseAvroSchema(text)))).toEqual({ $: ['PHI_MRN'] });
  });

  test('and the null type is no leaf', () => {
    expect(leaves([{ name: 'nothing', type: 'null' }])).toEqual({});
  });

  test('and tags of the values of a map do not reach its keys', () => {
    const values = { type: 'string', 'confluent:tags': ['PHI_MRN'] };
    const root = schema([{ name: 'm', type: { type: 'map', values } }]);
    expect(tagged(tagsInForce(root, pathTags(root)))).toEqual({ 'm{key}': [], 'm{}': ['PHI_MRN'] });
  });
});

describe('words', () => {
  test('refuses every unknown word at once, with its path', () => {
    const unknown = [
      { name: 'a', type: 'string', 'confluent:tags': ['PHI_SNN'] },
      { name: 'b', type: 'string', 'confluent:tags': ['toString', 'PHI_SSN'] },
    ];
    expect(() => leaves(unknown)).toThrow(GauzeErrors);
    try {
      leaves(unknown);
    } catch (error) {
      const found = (error as GauzeErrors).errors.map(({ code, context }) => [
        code,
        context.path,
        context.tag,
      ]);
      expect(found).toEqual([
        ['ERR_SCHEMA_TAG_UNKNOWN', 'a', 'PHI_SNN'],
        ['ERR_SCHEMA_TAG_UNKNOWN', 'b', 'toString'],
      ]);
    }
  });

  test("takes a site's own words as the config maps them", () => {
    const site = mapSiteTags({ PII: 'PHI_ID' });
    expect(leaves([{ name: 'a', type: 'string', 'confluent:tags': ['PII'] }], {}, { site })).toEqual({
      a: ['PHI_ID'],
    });
  });

  test('refuses a mapping to no tag, and one that gives a tag another meaning', () => {
    expect(() => mapSiteTags({ PII: 'PHI_IDS' })).toThrow(GauzeErrors);
    expect(() => mapSiteTags({ PHI_SSN: 'PHI_NONE' })).toThrow(GauzeErrors);
  });

  test('names each letter of 164.514(b)(2)(i), A to R', () => {
    const letters = new Set(Object.values(TAGS).map((row) => row.letter));
    expect([...letters].filter((letter) => letter !== null).sort()).toEqual('ABCDEFGHIJKLMNOPQR'.split(''));
  });
});

const ssn = (tags: string[], type: unknown = 'string') =>
  schema([{ name: 'ssn', type, 'confluent:tags': tags }]);

const force = (now: ReturnType<typeof schema>, ...earlier: ReturnType<typeof schema>[]) =>
  tagged(tagsInForce(now, unionTags(earlier.map((version) => pathTags(version)))));

const homeSchema = (tags: string[], ...names: string[]) =>
  schema([
    {
      name: 'home',
      type: { type: 'record', name: 'A', fields: names.map((name) => ({ name, type: 'string' })) },
      'confluent:tags': tags,
    },
  ]);

const either = (tags: string[]) => ssn([], [{ type: 'string', 'confluent:tags': tags }, 'int']);

describe('tags in force', () => {
  test('keeps a tag that a later version took away', () => {
    expect(force(ssn([]), ssn(['PHI_SSN']))).toEqual({ ssn: ['PHI_SSN'] });
  });

  test('gives an earlier version the tags that a later one added', () => {
    expect(force(ssn([]), ssn([]), ssn(['PHI_SSN']), ssn([]))).toEqual({ ssn: ['PHI_SSN'] });
  });

  test('keeps it when the value became nullable, a list, a map, one of several or a record', () => {
    const before = ssn(['PHI_SSN']);
    const inner = { type: 'record', name: 'I', fields: [{ name: 'digits', type: 'string' }] };
    expect(force(ssn([], ['null', 'string']), before)).toEqual({ ssn: ['PHI_SSN'] });
    expect(force(ssn([], { type: 'array', items: 'string' }), before)).toEqual({ 'ssn[]': ['PHI_SSN'] });
    expect(force(ssn([], { type: 'map', values: 'string' }), before)).toEqual({
      'ssn{key}': ['PHI_SSN'],
      'ssn{}': ['PHI_SSN'],
    });
    expect(force(ssn([], ['string', 'int']), before)).toEqual({
      'ssn<string>': ['PHI_SSN'],
      'ssn<int>': ['PHI_SSN'],
    });
    expect(force(ssn([], inner), before)).toEqual({ 'ssn.digits': ['PHI_SSN'] });
  });

  test('keeps it when a tagged list became a single value', () => {
    const list = schema([
      { name: 'ssn', type: { type: 'array', items: { type: 'string', 'confluent:tags': ['PHI_SSN'] } } },
    ]);
    expect(force(ssn([]), list)).toEqual({ ssn: ['PHI_SSN'] });
  });

  test('reaches a field that was added to a record after the tag of the record was taken away', () => {
    expect(force(homeSchema([], 'street', 'unit'), homeSchema(['PHI_GEO'], 'street'))).toEqual({
      'home.street': ['PHI_GEO'],
      'home.unit': ['PHI_GEO'],
    });
  });

  test('does not take PHI_NONE of a value for a review of what came below it later', () => {
    const inner = { type: 'record', name: 'I', fields: [{ name: 'patientName', type: 'string' }] };
    expect(force(ssn([], inner), ssn(['PHI_NONE']))).toEqual({ 'ssn.patientName': [] });
  });

  test('keeps it under another name that has an alias, of the field, of what holds it, and of both', () => {
    const home = (name: string, street: string, more: object = {}, inner: object = {}) =>
      schema([
        {
          name,
          type: {
            type: 'array',
            items: { type: 'record', name: 'A', fields: [{ name: street, type: 'string', ...inner }] },
          },
          ...more,
        },
      ]);
    const before = home('home', 'street', {}, { 'confluent:tags': ['PHI_GEO'] });
    const alias = { aliases: ['home'] };
    expect(force(home('place', 'street', alias), before)).toEqual({ 'place[].street': ['PHI_GEO'] });
    expect(force(home('home', 'line', {}, { aliases: ['road', 'street'] }), before)).toEqual({
      'home[].line': ['PHI_GEO'],
    });
    expect(force(home('place', 'line', alias, { aliases: ['street'] }), before)).toEqual({
      'place[].line': ['PHI_GEO'],
    });
    // Without an alias it is another field, and one that nobody has tagged: lanes hold.
    expect(force(home('place', 'line'), before)).toEqual({ 'place[].line': [] });
  });

  test('keeps it under another name of a branch, and when the value became nullable besides', () => {
    const branch = (name: string, more: object = {}, tags: string[] = []) =>
      schema([
        {
          name: 'who',
          type: [
            {
              type: 'record',
              name,
              fields: [{ name: 'id', type: 'string', 'confluent:tags': tags }],
              ...more,
            },
            'int',
          ],
        },
      ]);
    const now = branch('Person', { aliases: ['Patient'] });
    expect(force(now, branch('Patient', {}, ['PHI_MRN']))).toMatchObject({
      'who<org.example.Person>.id': ['PHI_MRN'],
    });
    const nullable = schema([{ name: 'number', type: ['null', 'string'], aliases: ['ssn'] }]);
    expect(force(nullable, ssn(['PHI_SSN']))).toEqual({ number: ['PHI_SSN'] });
  });

  test('does not take PHI_NONE of a field for a review of what it is called now', () => {
    const now = schema([{ name: 'number', type: 'string', aliases: ['ssn'] }]);
    expect(force(now, ssn(['PHI_NONE']))).toEqual({ number: [] });
  });

  test('does not carry a tag from one branch of a union to another', () => {
    expect(force(either([]), either(['PHI_SSN']))).toEqual({ 'ssn<string>': ['PHI_SSN'], 'ssn<int>': [] });
  });
});

describe('metadata tags of a registry', () => {
  test('match the full name of a field, not its path from the root', () => {
    const fields = [
      { name: 'a', type: { type: 'record', name: 'In', fields: [{ name: 'ssn', type: 'long' }] } },
      { name: 'other', type: 'string' },
    ];
    const metadata = new Map([['**.ssn', ['PHI_SSN']]]);
    expect(leaves(fields, {}, { metadata })).toEqual({ 'a.ssn': ['PHI_SSN'], other: [] });
    expect(leaves(fields, {}, { metadata: new Map([['org.example.In', ['PHI_ID']]]) })).toEqual({
      'a.ssn': ['PHI_ID'],
      other: [],
    });
  });

  test.each([
    ['eve', 'eve*', true],
    ['alice.bob.eve', 'a*.bob.eve', true],
    ['alice.bob.eve', 'a*', false],
    ['alice.bob.eve', 'a**', true],
    ['alice.bob.eve', 'alice.bob*', false],
    ['alice.bob.eve', 'alice.bob**', true],
    ['alice.bob.eve', '**.*', true],
    ['alice.bob', 'alice?bob', false],
    ['alice', 'al?ce', true],
    ['Alice', 'alice', false],
    ['aliceXbob', 'alice.bob', false],
    ['a$b', 'a$b', true],
  ])('%s against %s: %s', (text, pattern, expected) => {
    expect(matchesWildcard(text, pattern)).toBe(expected);
  });
});

test('a path is below another only at the end of a name', () => {
  expect(isAtOrBelow('addressee', 'address')).toBe(false);
  expect(isAtOrBelow('address.zip', 'address')).toBe(true);
  expect(isAtOrBelow('address[]', 'address')).toBe(true);
  expect(isAtOrBelow('anything', '$')).toBe(true);
});
