/**
 * Pseudonyms: how they look in each type, and that one identifier has one pseudonym however a topic writes it.
 * Values and bytes are masked both ways; the two must agree.
 */
import { describe, expect, test } from '@jest/globals';
import { createHmac, hkdfSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { derivationInfo } from '../../keys/derivation.ts';
import { readInstruction } from '../../policy/instruction.ts';
import { isAsStrict } from '../../policy/strictness.ts';
import {
  NORMALIZERS,
  NORMALIZER_DOCS,
  identifierForm,
  identifierFormOf,
} from '../../processors/identifier-form.ts';
import type { Normalizer } from '../../processors/identifier-form.ts';
import { IdentifierReader } from '../../processors/identifier-reader.ts';
import { METHODS, maskLeafValue } from '../../processors/method-table.ts';
import { viewOf } from '../../processors/record-state.ts';
import { compileKeyMasker, compileTranscoder } from '../../processors/transcoder.ts';
import { avscTypes } from '../../processors/value-oracle.ts';
import type { PseudonymInstruction } from '../../processors/pseudonym-text.ts';
import type { AvroLeaf } from '../../schemas/avro-schema.ts';
import { AT, NOWHERE, planFor } from '../support/plan-builder.ts';
import { testKeys } from '../support/test-keys.ts';

const keys = testKeys();
const out = Buffer.alloc(1024);

/** HMAC-SHA-256 by node:crypto, under the key that testKeys derives. */
function hmac(text: string | Buffer, domain = 'patient'): Buffer {
  const info = derivationInfo({ purpose: 'pseudonym', audience: 'research', domain, epoch: 1 });
  const key = Buffer.from(hkdfSync('sha256', Buffer.alloc(32, 7), Buffer.alloc(0), info, 32));
  return createHmac('sha256', key).update(text).digest().subarray(0, 16);
}

const by = (more: Omit<PseudonymInstruction, 'method' | 'domain'> = {}): PseudonymInstruction => ({
  method: 'pseudonym',
  domain: 'patient',
  ...more,
});

const STRING: AvroLeaf = { kind: 'string', logical: null, tags: [] };
const LONG: AvroLeaf = { kind: 'long', logical: null, tags: [] };
const BYTES: AvroLeaf = { kind: 'bytes', logical: null, tags: [] };
const UUID: AvroLeaf = { kind: 'string', logical: { name: 'uuid' }, tags: [] };
const fixed = (size: number, logical: string | null = null): AvroLeaf => ({
  kind: 'fixed',
  fullName: 'F',
  size,
  logical: logical === null ? null : { name: logical },
  tags: [],
});

function json(leaf: AvroLeaf): unknown {
  const logicalType = leaf.logical ? { logicalType: leaf.logical.name } : {};
  if (leaf.kind === 'fixed') return { type: 'fixed', name: 'F', size: leaf.size, ...logicalType };
  return { type: leaf.kind, ...logicalType };
}

function mask(value: unknown, leaf: AvroLeaf, instruction: PseudonymInstruction): unknown {
  const plan = planFor(
    { type: 'record', name: 'R', fields: [{ name: 'value', type: json(leaf) }] },
    { value: instruction },
  );
  const { writer, derived } = avscTypes(plan);
  const encoded = writer.toBuffer({ value });
  const end = compileTranscoder(plan, keys).mask(encoded, 0, encoded.length, out, 0, -1, NOWHERE);
  expect(end).toBeGreaterThan(0);
  const masked = (derived.fromBuffer(out.subarray(0, end)) as { value: unknown }).value;
  const context = { ...AT, keys, person: null, asOfDay: 20_000 };
  expect(maskLeafValue(value, leaf, instruction, context)).toEqual(masked);
  return masked;
}

function maskKey(text: string, instruction: PseudonymInstruction): string {
  const input = Buffer.from(text);
  const end = compileKeyMasker(instruction, keys)(input, 0, input.length, out, 0);
  return out.toString('utf8', 0, end);
}

describe('a pseudonym', () => {
  test('is the HMAC of the identifier in hex or base32, after the prefix that the policy gives', () => {
    const hash = hmac('MRN-1');
    expect(mask('MRN-1', STRING, by())).toBe(hash.toString('hex'));
    expect(mask('MRN-1', STRING, by({ prefix: 'pat_' }))).toBe(`pat_${hash.toString('hex')}`);
    // RFC 4648 by hand, over the number that the hash is, with two bits of zeros behind it.
    let number = BigInt(`0x${hash.toString('hex')}`) << 2n;
    let text = '';
    for (let i = 0; i < 26; i += 1, number >>= 5n)
      text = 'abcdefghijklmnopqrstuvwxyz234567'[Number(number & 31n)]! + text;
    expect(mask('MRN-1', STRING, by({ encoding: 'base32' }))).toBe(text);
    expect(maskKey('MRN-1', by({ prefix: 'pat_', encoding: 'base32' }))).toBe(`pat_${text}`);
  });

  test('fills a fixed of any size from 8 bytes on, the first 16 bytes with the hash', () => {
    const value = (size: number): Buffer => Buffer.alloc(size, 'MRN-');
    for (const size of [8, 12, 16, 17, 32, 33, 100, 1000]) {
      const masked = mask(value(size), fixed(size), by()) as Buffer;
      const hash = hmac(value(size));
      const blocks = Array.from({ length: 63 }, (_, i) =>
        i === 0 ? hash : hmac(Buffer.concat([hash, Buffer.from([i >>> 8, i])])),
      );
      expect([size, masked]).toEqual([size, Buffer.concat(blocks).subarray(0, size)]);
    }
    expect([1, 7].map((size) => METHODS.pseudonym.accepts(fixed(size)))).toEqual([false, false]);
    expect(METHODS.pseudonym.accepts(fixed(12, 'duration'))).toBe(false);
  });

  test('refuses a prefix that is no short plain word, and normalisers that it does not know', () => {
    const read = (more: object): unknown => readInstruction({ method: 'pseudonym', domain: 'mrn', ...more });
    for (const prefix of ['', '1', 'a b', 'ä', '"', 'x'.repeat(17), '${1}', '-x'])
      expect([prefix, Array.isArray(read({ prefix }))]).toEqual([prefix, true]);
    for (const normalize of [[], ['soundex'], 'trim']) expect(Array.isArray(read({ normalize }))).toBe(true);
    expect(read({ prefix: 'pat_', normalize: ['trim'] })).toEqual({
      method: 'pseudonym',
      domain: 'mrn',
      prefix: 'pat_',
      normalize: ['trim'],
    });
  });

  test('tells no more with another prefix or encoding, and counts as another with other normalisers', () => {
    expect(isAsStrict(by({ prefix: 'a', encoding: 'base32' }), by())).toBe(true);
    expect(isAsStrict(by({ normalize: ['trim', 'case'] }), by({ normalize: ['case', 'trim'] }))).toBe(true);
    expect(isAsStrict(by({ normalize: ['trim'] }), by())).toBe(false);
    expect(isAsStrict({ ...by(), domain: 'mrn' }, by())).toBe(false);
  });
});

describe('normalisers', () => {
  const WRITINGS = by({ normalize: ['trim', 'case', 'separators', 'leading-zeros'] });

  test('give one identifier one pseudonym, whatever the topic, the type and the writing', () => {
    const one = [' mrn-1 ', 'MRN-1', 'MRN 1', 'mrn.1', '\tMRN_1\n'];
    expect(new Set(one.map((text) => mask(text, STRING, WRITINGS)))).toEqual(
      new Set([hmac('mrn1').toString('hex')]),
    );
    expect(new Set(one.map((text) => maskKey(text, WRITINGS)))).toEqual(
      new Set([hmac('mrn1').toString('hex')]),
    );
    const numbers = ['000123', '123', '12-3'].map((text) => mask(text, STRING, WRITINGS));
    expect(new Set(numbers)).toEqual(new Set([hmac('123').toString('hex')]));
    expect(mask(123n, LONG, WRITINGS)).toBe(hmac('123').readBigUInt64BE() & 0x7fff_ffff_ffff_ffffn);
    expect(mask(Buffer.from('MRN-1'), BYTES, WRITINGS)).toEqual(hmac('mrn1'));
  });

  test('keep the type of a FHIR reference, and give the id the pseudonym that it has alone', () => {
    const reference = by({ normalize: ['trim', 'fhir-reference'], prefix: 'pat-' });
    const own = `pat-${hmac('123').toString('hex')}`;
    expect(mask('123', STRING, reference)).toBe(own);
    expect(mask(' Patient/123 ', STRING, reference)).toBe(`Patient/${own}`);
    expect(mask('Patient/123/_history/2', STRING, reference)).toBe(`Patient/${own}`);
    expect(maskKey('Patient/123', reference)).toBe(`Patient/${own}`);
    expect(mask(`MedicinalProductUndesirableEffect/123`, STRING, reference)).toBe(
      `MedicinalProductUndesirableEffect/${own}`,
    );
  });

  test('let nothing out of a reference but a type of the closed list', () => {
    const reference = by({ normalize: ['fhir-reference'] });
    for (const text of [
      'Doe/123',
      'Jane/Doe',
      'patient/123',
      'https://hospital.example.org/fhir/Patient/123',
      'Patient/',
      'Patient/1 2',
      'Patient/123/456',
      'Patient/123/_history/',
      'Patient/123/_history/2/3',
      `Patient/${'1'.repeat(65)}`,
      '/123',
    ])
      expect([text, mask(text, STRING, reference)]).toEqual([text, hmac(text).toString('hex')]);
  });

  test('keep URNs what they are, and give a UUID the pseudonym that it has in a field of UUIDs', () => {
    const urn = by({ normalize: ['urn'] });
    const uuid = '8f14e45f-ceea-467f-ab1e-0d2c3b4a5968';
    const masked = mask(uuid, UUID, urn) as string;
    expect(masked).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(mask(`urn:uuid:${uuid}`, STRING, urn)).toBe(`urn:uuid:${masked}`);
    expect(mask(`URN:UUID:${uuid.toUpperCase()}`, STRING, urn)).toBe(`urn:uuid:${masked}`);
    const bytes = Buffer.from(uuid.replaceAll('-', ''), 'hex');
    expect(mask(bytes, fixed(16, 'uuid'), urn)).toEqual(Buffer.from(masked.replaceAll('-', ''), 'hex'));
    const oid = mask('urn:oid:1.2.840.10008', STRING, urn) as string;
    const made = hmac('1.2.840.10008');
    made[6] = (made[6]! & 0x0f) | 0x80;
    made[8] = (made[8]! & 0x3f) | 0x80;
    expect(oid).toBe(`urn:oid:2.25.${BigInt(`0x${made.toString('hex')}`)}`);
    for (const text of ['urn:oid:1', 'urn:oid:3.1', 'urn:oid:1.02', 'urn:oid:1..2', 'urn:uuid:1', 'urn:x:1'])
      expect([text, mask(text, STRING, urn)]).toEqual([text, hmac(text).toString('hex')]);
  });

  test('take letters together that Unicode writes in several ways', () => {
    const letters = by({ normalize: ['nfc', 'case', 'trim', 'separators'] });
    const one = ['Müller‑1', 'MÜLLER-1', 'mu\u0308ller\u20131', '\u00a0müller1'];
    expect(new Set(one.map((text) => mask(text, STRING, letters))).size).toBe(1);
    expect(identifierForm('Straße', ['case']).id).toBe(identifierForm('STRASSE', ['case']).id);
  });

  test('are told on the page of policies as the code says them', () => {
    const page = readFileSync(new URL('../../docs/policy.md', import.meta.url), 'utf8');
    const rows = new Map([...page.matchAll(/^\| `([a-z-]+)` +\| (.+?) +\|$/gm)].map(([, a, b]) => [a, b]));
    for (const name of NORMALIZERS) expect([name, rows.get(name)]).toEqual([name, NORMALIZER_DOCS[name]]);
  });

  test('leave bytes that are no text as they are', () => {
    const bytes = Buffer.from([0x20, 0xff, 0xfe, 0x41]);
    expect(mask(bytes, BYTES, by({ normalize: [...NORMALIZERS] }))).toEqual(hmac(bytes));
  });

  test('mean on bytes what they mean on strings, for any text and any of them', () => {
    const piece = fc.oneof(
      fc.constantFrom('Patient/', 'Group/', 'urn:uuid:', 'URN:oid:', '/_history/', ' ', '\t', '0', '00', '-'),
      fc.constantFrom('1.2.3', 'A', 'mrn', 'ä', 'a\u0308', '\u00a0', '8F14e45f-ceea-467f-ab1e-0d2c3b4a5968'),
      fc.string({ maxLength: 4 }),
    );
    const text = fc.array(piece, { maxLength: 6 }).map((pieces) => pieces.join(''));
    const chosen: fc.Arbitrary<Normalizer[]> = fc.subarray([...NORMALIZERS]);
    fc.assert(
      fc.property(text, chosen, (each, normalize) => {
        const input = Buffer.concat([Buffer.from('xx'), Buffer.from(each), Buffer.from('yy')]);
        const reader = new IdentifierReader(normalize);
        reader.read(input, viewOf(input), 2, input.length - 2);
        const { frame, id } = identifierFormOf(Buffer.from(each), normalize);
        expect(reader.frame.toString()).toBe(frame);
        expect(Buffer.from(reader.bytes.subarray(reader.start, reader.end))).toEqual(id);
      }),
      { numRuns: 5000 },
    );
  });
});
