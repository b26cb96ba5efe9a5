/**
 * Generated code is safe: whatever a schema's author writes, the source that is compiled holds names and numbers made
 * here and nothing else. Every source that is compiled is looked at, as it is handed to `Function`.
 */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { GauzeError } from '../../platform/errors.ts';
import { LeafFinder } from '../../processors/leaf-finder.ts';
import { PersonFinder } from '../../processors/person-finder.ts';
import { compileTranscoder } from '../../processors/transcoder.ts';
import type { CompiledPlan } from '../../policy/compile-plan.ts';
import { personField } from '../../policy/person-field.ts';
import { parseAvroSchema } from '../../schemas/parse-avro.ts';
import { leavesOf } from '../../schemas/tags.ts';
import { compile, planned, policyWith } from '../support/policy-fixture.ts';
import { testKeys } from '../support/test-keys.ts';

/** All text handed to `Function` since the test began. */
let sources: string[] = [];
const original = globalThis.Function;

beforeEach(() => {
  sources = [];
  globalThis.Function = new Proxy(original, {
    construct(target, parts: string[]) {
      // Libraries compile too; what takes `h` is ours.
      if (parts[0] === 'h') sources.push(parts.join('\n'));
      return Reflect.construct(target, parts) as object;
    },
  });
});
afterEach(() => {
  globalThis.Function = original;
});

/** Words that a schema's author chooses, one for each place of the schema below. */
type Words = (place: string) => string;

const PLAIN: Words = (place) => place;

/** Every kind of type, each name, doc, alias, symbol, default and attribute of it from `name` and `text`. */
function schemaOf(name: Words, text: Words, space = 'org.example'): object {
  const field = (place: string, type: unknown, tag: string, more: object = {}): object => ({
    name: name(place),
    type,
    'confluent:tags': [tag],
    doc: text(`doc of ${place}`),
    [`attribute ${text(place)}`]: text(place),
    ...more,
  });
  const node = {
    type: 'record',
    name: name('Node'),
    doc: text('doc of Node'),
    fields: [
      field('label', 'string', 'PHI_MRN', { default: text('default of label') }),
      field('again', { type: 'array', items: name('Node') }, 'PHI_MRN'),
    ],
  };
  const kind = {
    type: 'enum',
    name: name('Kind'),
    symbols: [name('FIRST'), name('SECOND')],
    doc: text('doc of Kind'),
  };
  const inner = {
    type: 'record',
    name: name('Inner'),
    fields: [field('zip', 'string', 'PHI_ZIP'), field('note', 'string', 'PHI_FREE_TEXT')],
  };
  return {
    type: 'record',
    name: name('Root'),
    namespace: space,
    doc: text('doc of Root'),
    aliases: [name('Alias')],
    fields: [
      field('shifted', { type: 'int', logicalType: 'date' }, 'PHI_DATE'),
      field('person', 'string', 'PHI_ID', { 'gauze:person': true, aliases: [name('alias')] }),
      field('kept', kind, 'PHI_NONE'),
      field('hash', { type: 'fixed', name: name('Hash'), size: 3 }, 'PHI_NAME'),
      field('mixed', ['null', inner, 'long'], 'PHI_NONE'),
      field('table', { type: 'map', values: 'string' }, 'PHI_MRN'),
      field('node', node, 'PHI_MRN'),
      field('redacted', ['null', 'string'], 'PHI_FREE_TEXT'),
      field('list', { type: 'array', items: [{ type: 'array', items: 'double' }, 'bytes'] }, 'PHI_NONE'),
    ],
  };
}

/** Compiles everything that is generated for a schema. */
function compileAll(schema: object): CompiledPlan {
  const type = parseAvroSchema(JSON.stringify(schema));
  const plan = planned(compile(policyWith(), type));
  compileTranscoder(plan, testKeys());
  const person = personField(type).path!;
  expect(new PersonFinder(type, person).start).toBe(0);
  const leaves = leavesOf(type).map(({ path }) => path);
  expect(new LeafFinder(type, leaves).types).toHaveLength(leaves.length);
  return plan;
}

const RESERVED = [
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'b',
  'p',
  'end',
  'k',
  'w',
  'n',
  'r',
  'h',
  'out',
  'm0',
  'c0',
  'f1',
  'return',
  'function',
  'eval',
  'process',
  'globalThis',
  'maskers',
];

describe('what is generated', () => {
  test('is the same for schemas that differ in their words only, to the last character', () => {
    compileAll(schemaOf(PLAIN, PLAIN));
    const plain = sources;
    sources = [];
    let at = 0;
    const names = new Map<string, string>();
    const reserved: Words = (place) => {
      const word = names.get(place) ?? RESERVED[at++] ?? `w${at}`;
      names.set(place, word);
      return word;
    };
    compileAll(
      schemaOf(reserved, (place) => `*/ \${process.exit(7)} \`'"\\\u2028\n${place}`, 'constructor.__proto__'),
    );
    expect(plain.length).toBeGreaterThanOrEqual(3);
    expect(sources).toEqual(plain);
    expect(at).toBeGreaterThan(RESERVED.length - 1);
  });

  test('holds no word but those of its own', () => {
    compileAll(
      schemaOf(
        (place) => `canary_${place}`,
        (place) => `canary ${place}`,
      ),
    );
    const words = new Set(sources.flatMap((source) => source.match(/[A-Za-z_$][\w$]*/g) ?? []));
    const numbered = [...words].filter((word) => /^[a-z]\d+$/.test(word));
    const others = [...words].filter((word) => !numbered.includes(word));
    expect(others.sort().join(' ')).not.toMatch(/canary/i);
    // A new word here is a new helper or a keyword: never one that comes from outside.
    expect(others.length).toBeLessThan(90);
    expect(numbered.length).toBeGreaterThan(20);
    for (const source of sources) {
      expect(source.match(/'[^']*'|"[^"]*"|`[^`]*`/g)).toEqual([`'use strict'`]);
      expect(source).not.toMatch(/\/\/|\/\*|[^\x20-\x7e\n]/);
    }
  });
});

const HOSTILE = [
  '',
  ' ',
  'a b',
  'a-b',
  "a'b",
  'a"b',
  'a`b',
  '${1}',
  'a;b',
  'a\nb',
  'a\u2028b',
  'a\u2029b',
  'a\\b',
  '*/',
  '//',
  'a.b;',
  '1a',
  'é',
  'ａ',
  'a\u200b',
  '\u0000',
  '𝒶',
  'a[0]',
  'a()',
  '<a>',
  'a{}',
  '{key}',
  '$',
  'x'.repeat(10) + '\uD800',
];

describe('a name of another form than Avro allows', () => {
  test.each(HOSTILE)('is refused wherever a name stands: %j', (word) => {
    // Each place by itself, so that none is let through because another was refused.
    const places = new Set<string>();
    schemaOf((place) => (places.add(place), place), PLAIN);
    for (const place of places) {
      if (place === 'Alias' || place === 'alias') continue;
      const schema = schemaOf((each) => (each === place ? word : each), PLAIN);
      let code = 'taken';
      try {
        compileAll(schema);
      } catch (error) {
        if (!(error instanceof GauzeError)) throw error;
        code = error.code;
      }
      expect([place, code]).toEqual([place, 'ERR_SCHEMA_SYNTAX']);
    }
    expect(() => compileAll(schemaOf(PLAIN, PLAIN, `${word}.x`))).toThrow(GauzeError);
    expect(sources).toEqual([]);
  });

  test('is never told in full by the error', () => {
    const secret = 'Fritz; DROP';
    try {
      compileAll(schemaOf((place) => (place === 'zip' ? secret : place), PLAIN));
    } catch (error) {
      expect(JSON.stringify(error)).not.toContain(secret);
    }
  });
});
