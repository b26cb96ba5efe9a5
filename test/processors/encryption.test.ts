/**
 * What the three encrypting methods promise: who holds the keys gets the value back, a text is of no use elsewhere,
 * no nonce comes twice, replay gives the same bytes, and what joins joins inside a domain of an audience only.
 */
import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { KeyringOpener } from '../../keys/opener.ts';
import type { Opener } from '../../keys/opener.ts';
import type { RootAudienceKeys } from '../../keys/root-audience-keys.ts';
import { CipherCache } from '../../processors/cipher-cache.ts';
import { faultCode } from '../../processors/fault.ts';
import type { RecordPlace } from '../../processors/method.ts';
import { METHODS } from '../../processors/method-table.ts';
import { charactersOf } from '../../processors/methods/format-preserving.ts';
import { deriveSchema } from '../../processors/derive-schema.ts';
import type { Instruction, PlanNode } from '../../processors/plan.ts';
import { compileKeyMasker, compileTranscoder } from '../../processors/transcoder.ts';
import { avscTypes } from '../../processors/value-oracle.ts';
import { NOWHERE, planFor } from '../support/plan-builder.ts';
import type { Instructions } from '../support/plan-builder.ts';
import { testKeys } from '../support/test-keys.ts';

const keys = testKeys();
const out = Buffer.alloc(1 << 20);
const ENCRYPT: Instruction = { method: 'encrypt' };
const MRN: Instruction = { method: 'encrypt-deterministic', domain: 'mrn' };
const SSN = {
  method: 'format-preserving',
  domain: 'ssn',
  alphabet: 'digits',
  separators: ' -./()+',
} as const;
const PLACE = { topicId: NOWHERE.topicId, partition: NOWHERE.partition };

const openerOf = (...all: RootAudienceKeys[]): Opener =>
  new KeyringOpener((epoch = all[0]!.epoch) => all.find((each) => each.epoch === epoch) ?? null);
const opener = openerOf(keys);

interface Schema {
  readonly type: 'record';
  readonly name: string;
  readonly fields: readonly { readonly name: string; readonly type: unknown }[];
}

const recordOf = (...fields: Schema['fields']): Schema => ({ type: 'record', name: 'R', fields });

/** Masks one record; the decoded result, or the code. */
function masked(
  schema: Schema,
  instructions: Instructions,
  value: object,
  { place = NOWHERE, with: by = keys, audience = 'research' } = {},
): unknown {
  const plan = planFor(schema, instructions, { audience });
  const encoded = avscTypes(plan).writer.toBuffer(value);
  const end = compileTranscoder(plan, by).mask(encoded, 0, encoded.length, out, 0, -1, place);
  return end < 0 ? faultCode(end) : avscTypes(plan).derived.fromBuffer(out.subarray(0, end));
}

/** Masks the one value of a record. */
function maskedValue(
  value: unknown,
  instruction: Instruction,
  more: { place?: RecordPlace; with?: RootAudienceKeys; type?: unknown } = {},
): string | Buffer {
  const schema = recordOf({ name: 'value', type: more.type ?? 'string' });
  const result = masked(schema, { value: instruction }, { value }, more);
  return typeof result === 'string' ? result : (result as { value: string | Buffer }).value;
}

const bytesOf = (text: string | Buffer): Buffer =>
  typeof text === 'string' ? Buffer.from(text, 'base64url') : text;

const opened = (text: string | Buffer, path = 'value', more = {}): string | undefined =>
  opener.openSealed(bytesOf(text), { ...PLACE, path, ...more })?.content.toString('utf8');

const decrypted = (text: string | Buffer, domain = 'mrn', by = opener): string | undefined =>
  by.decrypt(bytesOf(text), domain)?.toString('utf8');

describe('encrypt', () => {
  test('gives every value of every type back to who holds the keys', () => {
    const cases = fc.oneof(
      fc.string({ unit: 'grapheme', maxLength: 300 }).map((value) => ['string', value, value] as const),
      fc
        .integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })
        .map((value) => [{ type: 'int', logicalType: 'date' }, value, String(value)] as const),
      fc
        .bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
        .map((value) => ['long', value, String(value)] as const),
      fc.double().map((value) => ['double', value, Object.is(value, -0) ? '-0' : String(value)] as const),
      fc.boolean().map((value) => ['boolean', value, String(value)] as const),
      fc
        .constantFrom('A', 'BC')
        .map((value) => [{ type: 'enum', name: 'E', symbols: ['A', 'BC'] }, value, value] as const),
    );
    fc.assert(
      fc.property(cases, ([type, value, text]) => {
        expect(opened(maskedValue(value, ENCRYPT, { type }))).toBe(text);
      }),
      { numRuns: 400 },
    );
    for (const [type, length] of [
      ['bytes', 70],
      [{ type: 'fixed', name: 'F', size: 5 }, 5],
    ] as const) {
      const value = Buffer.alloc(length, 0xd8);
      const text = maskedValue(value, ENCRYPT, { type });
      expect(Buffer.isBuffer(text) && text.length).toBe(length + 45);
      expect(opener.openSealed(bytesOf(text), { ...PLACE, path: 'value' })?.content).toEqual(value);
    }
  });

  test('is of no use in another topic, partition, offset, path or audience, or when any bit is changed', () => {
    const text = maskedValue('MRN-1', ENCRYPT);
    expect(opened(text)).toBe('MRN-1');
    expect(opened(text, 'value', { offset: 7 })).toBe('MRN-1');
    expect(opened(text, 'value', { offset: 8 })).toBeUndefined();
    expect(opened(text, 'other')).toBeUndefined();
    expect(opened(text, 'value', { partition: 4 })).toBeUndefined();
    expect(opened(text, 'value', { topicId: 'b'.repeat(32) })).toBeUndefined();
    const place = { ...PLACE, path: 'value' };
    for (const other of [testKeys('billing'), testKeys('research', 2), keys.forGrant('c0ffee')]) {
      // Also where the other keys are told to be of this epoch.
      const wrong = new KeyringOpener(() => other);
      expect(wrong.openSealed(bytesOf(text), place)).toBeNull();
    }
    const bytes = bytesOf(text);
    for (let bit = 0; bit < bytes.length * 8; bit += 1) {
      const changed = Buffer.from(bytes);
      changed[bit >> 3]! ^= 1 << (bit & 7);
      expect([bit, opener.openSealed(changed, place)]).toEqual([bit, null]);
    }
    for (let length = 0; length < bytes.length; length += 1)
      expect(opener.openSealed(bytes.subarray(0, length), place)).toBeNull();
  });

  test('of a grant opens with the keys of that grant, and not with those of its audience', () => {
    const grant = keys.forGrant('c0ffee');
    const text = bytesOf(maskedValue('MRN-1', ENCRYPT, { with: grant }));
    const place = { ...PLACE, path: 'value' };
    expect(openerOf(grant).openSealed(text, place)?.content.toString()).toBe('MRN-1');
    expect(opener.openSealed(text, place)).toBeNull();
  });

  test('never has one nonce twice: items, map values, branches of a union, fields, records, partitions, topics', () => {
    const maybe = ['null', 'string', 'int'];
    const schema = recordOf(
      { name: 'one', type: 'string' },
      { name: 'list', type: { type: 'array', items: maybe } },
      { name: 'table', type: { type: 'map', values: { type: 'array', items: 'string' } } },
    );
    const instructions = { one: ENCRYPT, 'list[]': ENCRYPT, 'table{key}': ENCRYPT, 'table{}[]': ENCRYPT };
    const value = {
      one: 'x',
      list: [{ string: 'x' }, { int: 5 }, null, { string: 'x' }, { int: 5 }],
      table: { a: ['x', 'x'], b: ['x'] },
    };
    const nonces: string[] = [];
    const perRecord = 10;
    for (const topicId of ['a'.repeat(32), 'b'.repeat(32)])
      for (const partition of [0, 1])
        for (let offset = 0; offset < 50; offset += 1) {
          const place = { topicId, partition, offset: offset < 40 ? offset : 2 ** 40 + offset };
          const text = JSON.stringify(masked(schema, instructions, value, { place }));
          const texts = text.match(/AQAAAA[\w-]+/g)!;
          expect(texts).toHaveLength(perRecord);
          nonces.push(...texts.map((each) => bytesOf(each).toString('hex', 5, 17)));
        }
    expect(nonces).toHaveLength(2 * 2 * 50 * perRecord);
    expect(new Set(nonces).size).toBe(nonces.length);
  });

  test('has the same nonces, and so the same texts, where a later policy encrypts more or less around them', () => {
    const schema = recordOf(
      { name: 'one', type: 'string' },
      { name: 'list', type: { type: 'array', items: 'string' } },
    );
    const value = { one: 'x', list: ['a', 'b', 'a'] };
    const all = masked(schema, { one: ENCRYPT, 'list[]': ENCRYPT }, value) as typeof value;
    const fewer = masked(schema, { 'list[]': ENCRYPT }, value) as typeof value;
    expect(fewer.list).toEqual(all.list);
    expect(new Set(all.list).size).toBe(3);
  });

  test('takes the keys of maps, which open by their path', () => {
    const schema = recordOf({ name: 'table', type: { type: 'map', values: 'int' } });
    const { table } = masked(schema, { 'table{key}': ENCRYPT }, { table: { Ada: 1, Bo: 2 } }) as {
      table: Record<string, number>;
    };
    const names = Object.keys(table).map((text) => [opened(text, 'table{key}'), table[text]]);
    expect(names).toEqual([
      ['Ada', 1],
      ['Bo', 2],
    ]);
    expect(opened(Object.keys(table)[0]!, 'table{}')).toBeUndefined();
  });

  test('is the same bytes on replay, by another compilation and other records in between', () => {
    const places = [7, 8, 7].map((offset) => ({ ...NOWHERE, offset }));
    const [first, second, again] = places.map((place) => maskedValue('MRN-1', ENCRYPT, { place }));
    expect(second).not.toBe(first);
    expect(again).toBe(first);
    const schema = recordOf({ name: 'value', type: 'string' });
    const plan = planFor(schema, { value: ENCRYPT });
    const transcoder = compileTranscoder(plan, testKeys());
    const encoded = avscTypes(plan).writer.toBuffer({ value: 'MRN-1' });
    const texts = [...places, places[0]!].map((place) => {
      const end = transcoder.mask(encoded, 0, encoded.length, out, 0, -1, place);
      return out.toString('latin1', 2, end);
    });
    expect(texts).toEqual([first, second, first, first]);
  });

  test('tells who holds the keys where a value comes from, and nobody else', () => {
    const place = { ...NOWHERE, offset: 2 ** 40 + 3 };
    const text = bytesOf(maskedValue('MRN-1', ENCRYPT, { place }));
    expect(opener.openSealed(text, { ...PLACE, path: 'value' })).toMatchObject({
      offset: 2 ** 40 + 3,
      ordinal: 0,
    });
    const offset = Buffer.alloc(8);
    offset.writeBigUInt64BE(BigInt(place.offset));
    expect(text.includes(offset.subarray(2))).toBe(false);
  });
});

describe('encrypt-deterministic', () => {
  test('gives one text for one value inside a domain, whatever its type, and the value back', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), (value) => {
        const text = maskedValue(String(value), MRN);
        expect(maskedValue(value, MRN, { type: 'long' })).toBe(text);
        expect(maskedValue(String(value), MRN, { with: testKeys(), place: { ...NOWHERE, offset: 1 } })).toBe(
          text,
        );
        expect(decrypted(text)).toBe(String(value));
      }),
      { numRuns: 100 },
    );
    const id = '0b9f3c1e-6f0a-4d1c-9b57-2f9d0c6a1e55';
    const fixed = { type: 'fixed', name: 'Id', size: 16, logicalType: 'uuid' };
    const asBytes = Buffer.from(id.replaceAll('-', ''), 'hex');
    expect(maskedValue(asBytes, MRN, { type: fixed })).toBe(maskedValue(id, MRN));
    expect(decrypted(maskedValue(asBytes, MRN, { type: 'bytes' }), 'mrn')).toBe(asBytes.toString('utf8'));
  });

  test('joins nothing across domains, audiences, grants and key epochs, and opens nothing there', () => {
    const all = [
      maskedValue('MRN-1', MRN),
      maskedValue('MRN-1', { ...MRN, domain: 'account' }),
      ...[
        testKeys('billing'),
        keys.forGrant('c0ffee'),
        keys.forGrant('c0ffee1'),
        testKeys('research', 2),
      ].map((by) => maskedValue('MRN-1', MRN, { with: by })),
    ];
    expect(new Set(all.map((text) => bytesOf(text).toString('hex', 5))).size).toBe(all.length);
    expect(all.map((text) => decrypted(text))).toEqual([
      'MRN-1',
      ...Array.from({ length: 5 }, () => undefined),
    ]);
    const anyEpoch = new KeyringOpener(() => keys);
    expect(all.map((text) => decrypted(text, 'mrn', anyEpoch)).filter(Boolean)).toEqual(['MRN-1']);
  });

  test('opens no text in which a bit is changed', () => {
    const bytes = bytesOf(maskedValue('MRN-1', MRN));
    for (let bit = 0; bit < bytes.length * 8; bit += 1) {
      const changed = Buffer.from(bytes);
      changed[bit >> 3]! ^= 1 << (bit & 7);
      expect([bit, opener.decrypt(changed, 'mrn')]).toEqual([bit, null]);
    }
  });

  test('opens texts of an older key epoch as long as the keyring has it', () => {
    const [old, present] = [testKeys('research', 1), testKeys('research', 2)];
    const text = maskedValue('MRN-1', MRN, { with: old });
    expect(decrypted(text, 'mrn', openerOf(present, old))).toBe('MRN-1');
    expect(decrypted(text, 'mrn', openerOf(present))).toBeUndefined();
  });

  test('makes of record keys the texts of string fields, one to one', () => {
    const mask = compileKeyMasker({ method: 'encrypt-deterministic', domain: 'mrn' }, keys);
    const seen = new Set<string>();
    for (let i = 0; i < 3000; i += 1) {
      const key = Buffer.from(`MRN-${i % 1500}${i % 7 === 0 ? 'x'.repeat(60) : ''}`);
      const end = mask(key, 0, key.length, out, 3);
      const text = out.toString('latin1', 3, end);
      seen.add(text);
      if (i % 500 === 0) expect(text).toBe(maskedValue(key.toString(), MRN));
      expect(decrypted(text)).toBe(key.toString());
    }
    const distinct = new Set(
      Array.from({ length: 3000 }, (_, i) => `MRN-${i % 1500}${i % 7 === 0 ? 'x' : ''}`),
    );
    expect(seen.size).toBe(distinct.size);
    // A key that does not fit says how long it would have been.
    const key = Buffer.from('MRN-1');
    const needed = mask(key, 0, 5, out, 0);
    const small = Buffer.alloc(10);
    expect(mask(key, 0, 5, small, 4)).toBe(needed + 4);
  });

  test('refuses what has few values', () => {
    const named = { fullName: 'N', logical: null, tags: [] };
    const leaf = (kind: 'int' | 'long' | 'boolean' | 'double', logical: string | null = null) =>
      ({ kind, logical: logical === null ? null : { name: logical }, tags: [] }) as const;
    expect(
      [
        leaf('int', 'date'),
        leaf('long', 'timestamp-millis'),
        leaf('boolean'),
        leaf('double'),
        { kind: 'enum', symbols: ['A'], ...named } as const,
      ].filter((each) => METHODS['encrypt-deterministic'].accepts(each)),
    ).toEqual([]);
  });
});

describe('format-preserving', () => {
  const back = (text: string, format: { alphabet: string; separators: string }): string | null =>
    opener.decryptFormat(text, 'ssn', format);

  test('keeps length, alphabet and the places of separators, and is one-to-one: each value comes back', () => {
    const digits = fc.string({
      unit: fc.constantFrom(...'0123456789- ().'.split('')),
      minLength: 6,
      maxLength: 40,
    });
    let taken = 0;
    fc.assert(
      fc.property(digits, (value) => {
        const shown = maskedValue(value, SSN) as string;
        if (value.replaceAll(/\D/g, '').length < 6) return expect(shown).toBe('ERR_MASK_FORMAT');
        taken += 1;
        expect(shown.replaceAll(/\d/g, '#')).toBe(value.replaceAll(/\d/g, '#'));
        expect(back(shown, { alphabet: '0123456789', separators: SSN.separators })).toBe(value);
      }),
      { numRuns: 400 },
    );
    expect(taken).toBeGreaterThan(200);
    for (const [alphabet, value] of [
      ['upper-alphanumeric', 'AB12-9Z'],
      ['lower-alphanumeric', 'ab12'],
      ['alphanumeric', 'aB1z'],
      ['ACGT', 'GATTACAGATTACA'],
    ] as const) {
      const shown = maskedValue(value, { ...SSN, alphabet }) as string;
      expect(shown).toHaveLength(value.length);
      expect(shown).not.toBe(value);
      expect(back(shown, { alphabet: charactersOf(alphabet), separators: SSN.separators })).toBe(value);
    }
  });

  test('is one-to-one on neighbours, and joins a number however it is written', () => {
    const seen = new Set<unknown>();
    for (let i = 0; i < 2000; i += 1) seen.add(maskedValue(String(900_000 + i), SSN));
    expect(seen.size).toBe(2000);
    const plain = maskedValue('900123456', SSN) as string;
    expect((maskedValue('900-12-3456', SSN) as string).replaceAll('-', '')).toBe(plain);
    const others = [
      maskedValue('900123456', { ...SSN, domain: 'phone' }),
      maskedValue('900123456', { ...SSN, alphabet: 'alphanumeric' }),
      maskedValue('900123456', SSN, { with: testKeys('billing') }),
      maskedValue('900123456', SSN, { with: keys.forGrant('c0ffee') }),
      maskedValue('900123456', SSN, { with: testKeys('research', 2) }),
    ];
    expect(new Set([plain, ...others]).size).toBe(6);
  });

  test('withholds what is too short, too long, or has another character', () => {
    const wrong = [
      '',
      '12345',
      '1-2-3-4-5',
      '90012345a',
      '900123٤56',
      '٤'.repeat(9),
      '1'.repeat(513),
      '900_123456',
    ];
    for (const value of wrong) expect(maskedValue(value, SSN)).toBe('ERR_MASK_FORMAT');
    expect(maskedValue('1'.repeat(512), SSN)).toHaveLength(512);
    expect(maskedValue('abc', { ...SSN, alphabet: 'lower-alphanumeric' })).toBe('ERR_MASK_FORMAT');
  });

  test('has parameters that refuse what is no alphabet and separators that are in it', () => {
    const parse = (given: object): unknown =>
      METHODS['format-preserving'].parameters.safeParse({ domain: 'ssn', ...given }).data;
    expect(parse({})).toEqual({ domain: 'ssn', alphabet: 'digits', separators: ' -./()+' });
    expect(parse({ alphabet: 'ACGT', separators: '' })).toEqual({
      domain: 'ssn',
      alphabet: 'ACGT',
      separators: '',
    });
    for (const wrong of [
      { alphabet: '' },
      { alphabet: 'A' },
      { alphabet: 'ABA' },
      { alphabet: 'ab cd' },
      { alphabet: 'äb' },
      { separators: '--' },
      { separators: '-5' },
      { alphabet: 'AB-', separators: '-' },
    ])
      expect([wrong, parse(wrong)]).toEqual([wrong, undefined]);
  });
});

describe('union branches that become one type', () => {
  const schema = recordOf({ name: 'id', type: ['null', 'string', 'long', 'bytes'] });

  test('become one branch, so that a number and its text join', () => {
    const instructions = { id: MRN };
    const plan = planFor(schema, instructions);
    expect(plan.derivedSchema).toContain('{"name":"id","type":["null","string","bytes"]}');
    const text = masked(schema, instructions, { id: { string: '12345' } });
    expect(masked(schema, instructions, { id: { long: 12345n } })).toEqual(text);
    expect(masked(schema, instructions, { id: null })).toEqual({ id: null });
    expect(masked(schema, instructions, { id: { bytes: Buffer.from('x') } })).toMatchObject({
      id: { bytes: expect.any(Buffer) },
    });
  });

  test('are refused where readers would take one for the other', () => {
    const none = { logical: null, tags: [] } as const;
    const uuid = { kind: 'string', logical: { name: 'uuid' }, tags: [] } as const;
    const long = { kind: 'long', ...none } as const;
    const union = { kind: 'union', ...none, branches: [uuid, long] } as const;
    const plan = (instruction: Instruction): PlanNode => ({
      kind: 'union',
      schema: union,
      branches: [
        { kind: 'keep', schema: uuid },
        { kind: 'leaf', schema: long, path: 'id<long>', instruction },
      ],
    });
    expect(() => deriveSchema(plan(ENCRYPT), 'research')).toThrow(
      expect.objectContaining({ code: 'ERR_POLICY_METHOD_TYPE' }),
    );
    expect(() => deriveSchema(plan({ method: 'keep' }), 'research')).not.toThrow();
  });
});

describe('the cache of deterministic ciphers', () => {
  test('gives what the cipher gives, full or not, long or short, and never remembers a refusal', () => {
    let computed = 0;
    const compute = (content: Uint8Array): Uint8Array | null => {
      computed += 1;
      return content[0] === 0x21 ? null : Buffer.concat([content, Buffer.from([content.length & 255])]);
    };
    const cache = new CipherCache(compute);
    const find = (text: string): string | null => {
      const padded = Buffer.from(`..${text}..`);
      if (!cache.find(padded, 2, padded.length - 2)) return null;
      return Buffer.from(cache.result.subarray(cache.start, cache.end)).toString('latin1');
    };
    const expected = (text: string): string => `${text}${String.fromCharCode(text.length & 255)}`;
    for (let i = 0; i < 60_000; i += 1) {
      const text = `MRN-${(i * 7919) % 30_011}${i % 11 === 0 ? 'y'.repeat(i % 120) : ''}`;
      if (find(text) !== expected(text)) throw new Error(`wrong for the text of index ${i}`);
    }
    const before = computed;
    expect([find('MRN-1'), find('MRN-1')]).toEqual([expected('MRN-1'), expected('MRN-1')]);
    expect(computed - before).toBeLessThanOrEqual(1);
    expect([find('!'), find('!')]).toEqual([null, null]);
    expect(computed - before).toBeLessThanOrEqual(3);
    expect(JSON.stringify(cache)).toBe('"[hidden]"');
  });
});
