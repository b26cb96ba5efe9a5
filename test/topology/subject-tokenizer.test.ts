/**
 * The tokenizer against avsc: for random schemas and values its token is that of the identifier that decoding gives;
 * for hostile bytes it stays inside the record, says what is wrong, and never throws.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import avsc from 'avsc';
import * as fc from 'fast-check';
import { createKeyringFile, loadKeyring } from '../../keys/keyring.ts';
import type { SubjectTokens } from '../../keys/subject-tokens.ts';
import { compileTranscoder } from '../../processors/transcoder.ts';
import { avscTypes } from '../../processors/value-oracle.ts';
import { parseAvroSchema } from '../../schemas/parse-avro.ts';
import { compileSubjectTokenizer } from '../../topology/subject-tokenizer.ts';
import { SpanSubjects } from '../../topology/span-subjects.ts';
import type { SubjectTokenizer } from '../../topology/subject-tokenizer.ts';
import { NOWHERE } from '../support/plan-builder.ts';
import { arbitraryCase } from '../support/arbitrary-plan.ts';
import { testKeys } from '../support/test-keys.ts';
import { subjectRoot, tokenByHand } from '../support/token-oracle.ts';

const UUID = 'c0ffee00-0000-4000-8000-00000000900a';
const NOBODY = '0'.repeat(16);
let folder: string;
let tokens: SubjectTokens;
let expected: (identifier: string) => string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gauze-tokenizer-'));
  const file = join(folder, 'keyring.json');
  await createKeyringFile(file, []);
  tokens = (await loadKeyring(file)).subjectTokens();
  const { root, epoch } = await subjectRoot(file);
  expected = (identifier) => tokenByHand(root, epoch, identifier).toString('hex');
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

function tokenIn(tokenizer: SubjectTokenizer, record: Buffer, following = 0xee): string {
  // What stands around belongs to other records.
  const input = Buffer.concat([Buffer.alloc(7, 0xff), record, Buffer.alloc(32, following)]);
  const out = Buffer.alloc(10, 0xee);
  const found = tokenizer.tokenInto(input, 7, 7 + record.length, out, 1);
  expect([out[0], out[9]]).toEqual([0xee, 0xee]);
  const token = out.toString('hex', 1, 9);
  expect(token === NOBODY).toBe(!found);
  return token;
}

/** Text of the identifier at `person` or `person.person`, below unions as avsc wraps them. */
function identifierOf(value: unknown): string | null {
  if (value === null) return null;
  if (typeof value !== 'object') return `${value as string | number | bigint}`;
  const fields = value as Readonly<Record<string, unknown>>;
  if ('person' in fields) return identifierOf(fields['person']);
  return identifierOf(Object.values(fields)[0]);
}

function recordSchema(...fields: readonly unknown[]): { type: 'record'; name: string; fields: unknown[] } {
  return { type: 'record', name: 'R', fields: [...fields] };
}

const person = (type: unknown): unknown => ({ name: 'id', type, 'gauze:person': true });

function tokenizerOf(schema: unknown): SubjectTokenizer {
  return compileSubjectTokenizer(parseAvroSchema(JSON.stringify(schema)), tokens);
}

describe('tokenizer and avsc', () => {
  test('name the same person, or nobody, in 2,000 random cases', () => {
    let named = 0;
    let nobody = 0;
    fc.assert(
      fc.property(arbitraryCase(), ({ plan, value }) => {
        const { writer } = avscTypes(plan);
        const encoded = writer.toBuffer(value);
        const identifier = identifierOf((writer.fromBuffer(encoded) as { person: unknown }).person);
        const tokenizer = compileSubjectTokenizer(plan.root.schema, tokens);
        expect(tokenIn(tokenizer, encoded)).toBe(identifier ? expected(identifier) : NOBODY);
        expect(tokenizer.fault).toBeNull();
        if (identifier) named += 1;
        else nobody += 1;
      }),
      { numRuns: 2000 },
    );
    expect(named).toBeGreaterThan(500);
    expect(nobody).toBeGreaterThan(50);
  });

  test('hostile bytes name nobody who is not in the record, and never throw', () => {
    let faults = 0;
    fc.assert(
      fc.property(
        arbitraryCase(),
        fc.nat(),
        fc.nat(255),
        fc.boolean(),
        ({ plan, value }, place, byte, cut) => {
          const encoded = avscTypes(plan).writer.toBuffer(value);
          fc.pre(encoded.length > 0);
          const at = place % encoded.length;
          const hostile = cut ? encoded.subarray(0, at) : Buffer.from(encoded).fill(byte, at, at + 1);
          const tokenizer = compileSubjectTokenizer(plan.root.schema, tokens);
          // The same whatever follows: nothing beyond the record was read.
          const token = tokenIn(tokenizer, hostile, 0x00);
          expect(tokenIn(tokenizer, hostile, 0xff)).toBe(token);
          if (tokenizer.fault) {
            expect(tokenizer.fault).toMatch(/^ERR_DECODE_/);
            expect(token).toBe(NOBODY);
            faults += 1;
          }
        },
      ),
      { numRuns: 1000 },
    );
    expect(faults).toBeGreaterThan(200);
  });
});

describe('whom a transcoder has met on its way', () => {
  test('is whom the tokenizer finds, whatever the bytes are, if only they could be masked', () => {
    const keys = testKeys();
    let met = 0;
    let nobody = 0;
    let hostile = 0;
    const out = Buffer.alloc(65_536);
    fc.assert(
      fc.property(
        arbitraryCase(),
        fc.option(fc.tuple(fc.nat(), fc.nat(255))),
        ({ plan, value, recordTimeMs }, change) => {
          const encoded = Buffer.from(avscTypes(plan).writer.toBuffer(value));
          if (change && encoded.length > 0) encoded[change[0] % encoded.length] = change[1];
          const transcoder = compileTranscoder(plan, keys);
          const { person: seen } = transcoder;
          if (seen === null) return;
          const end = transcoder.mask(encoded, 0, encoded.length, out, 0, recordTimeMs, NOWHERE);
          if (end < 0 || end > out.length) return;
          const subjects = SpanSubjects.of(tokens.hash('patient'), 40, 50)!;
          subjects.note(43, seen, 0, encoded.length);
          expect(subjects.knows(43, tokens.hash('patient'))).toBe(true);
          const token = Buffer.alloc(8);
          subjects.tokensInto(43, 1, token, 0);
          const tokenizer = compileSubjectTokenizer(plan.root.schema, tokens);
          expect(token.toString('hex')).toBe(tokenIn(tokenizer, encoded));
          expect(tokenizer.fault).toBeNull();
          if (token.toString('hex') === NOBODY) nobody += 1;
          else met += 1;
          if (change) hostile += 1;
        },
      ),
      { numRuns: 3000 },
    );
    expect(met).toBeGreaterThan(50);
    expect(nobody).toBeGreaterThan(5);
    expect(hostile).toBeGreaterThan(20);
  });
});

describe('the identifier', () => {
  test.each([
    ['a string', 'string', 'MRN-900001', 'MRN-900001'],
    ['a string beside null', ['null', 'string'], { string: 'pätient' }, 'pätient'],
    ['an int', 'int', -42, '-42'],
    ['a long', 'long', -900719925474099, '-900719925474099'],
    ['a uuid', { type: 'string', logicalType: 'uuid' }, UUID, UUID],
  ])('%s is hashed as the text that people write', (_, type, value, text) => {
    const schema = recordSchema({ name: 'before', type: 'double' }, person(type), {
      name: 'z',
      type: 'string',
    });
    const encoded = avsc.Type.forSchema(schema as avsc.Schema, { wrapUnions: true }).toBuffer({
      before: 1,
      id: value,
      z: 'after',
    });
    expect(tokenIn(tokenizerOf(schema), encoded)).toBe(expected(text));
  });

  test('null, an empty text and a schema without the mark name nobody', () => {
    const nullable = recordSchema(person(['null', 'string']));
    expect(tokenIn(tokenizerOf(nullable), Buffer.from([0]))).toBe(NOBODY);
    expect(tokenIn(tokenizerOf(nullable), Buffer.from([2, 0]))).toBe(NOBODY);
    expect(tokenIn(tokenizerOf(recordSchema({ name: 'id', type: 'string' })), Buffer.from([2, 65]))).toBe(
      NOBODY,
    );
  });

  test('is not taken out of a record that is broken behind it, and the one before is not remembered', () => {
    const tokenizer = tokenizerOf(recordSchema(person('string'), { name: 'tail', type: 'string' }));
    expect(tokenIn(tokenizer, Buffer.from([2, 65, 2, 66]))).toBe(expected('A'));
    expect(tokenIn(tokenizer, Buffer.from([2, 65, 4, 66]))).toBe(NOBODY);
    expect(tokenizer.fault).toBe('ERR_DECODE_TRUNCATED');
    expect(tokenIn(tokenizer, Buffer.from([2, 65, 2, 66, 0]))).toBe(NOBODY);
    expect(tokenizer.fault).toBe('ERR_DECODE_TRAILING');
    expect(tokenIn(tokenizer, Buffer.from([2, 65, 2, 66]))).toBe(expected('A'));
    expect(tokenizer.fault).toBeNull();
  });

  test('marks that cannot say whom a record is about are refused, not ignored', () => {
    const two = recordSchema(person('string'), { name: 'other', type: 'string', 'gauze:person': true });
    expect(() => tokenizerOf(two)).toThrow(expect.objectContaining({ code: 'ERR_SCHEMA_PERSON' }));
  });
});
