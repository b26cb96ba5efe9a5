/**
 * scrub inside a record: the record's own tagged values go from its texts, on bytes as on decoded values.
 */
import { describe, expect, test } from '@jest/globals';
import { faultCode } from '../../processors/fault.ts';
import { compileTranscoder } from '../../processors/transcoder.ts';
import { avscTypes, maskDecoded } from '../../processors/value-oracle.ts';
import type { KnownLeaf, Plan } from '../../processors/plan.ts';
import { NOWHERE, planFor } from '../support/plan-builder.ts';
import { testKeys } from '../support/test-keys.ts';

const keys = testKeys();
const SCHEMA = {
  type: 'record',
  name: 'Note',
  fields: [
    { name: 'text', type: ['null', 'string'] },
    { name: 'given', type: { type: 'array', items: 'string' } },
    { name: 'family', type: ['null', 'string'] },
    { name: 'born', type: { type: 'int', logicalType: 'date' } },
    { name: 'admitted', type: ['null', { type: 'long', logicalType: 'timestamp-millis' }] },
    { name: 'mrn', type: 'long' },
    { name: 'ids', type: { type: 'map', values: 'string' } },
    { name: 'ward', type: { type: 'enum', name: 'Ward', symbols: ['EMBER', 'QUARTZ'] } },
    { name: 'more', type: { type: 'array', items: 'string' } },
  ],
};
const KNOWN: readonly KnownLeaf[] = [
  { path: 'given[]', kind: 'name' },
  { path: 'family', kind: 'name' },
  { path: 'born', kind: 'date' },
  { path: 'admitted', kind: 'date' },
  { path: 'mrn', kind: 'ID' },
  { path: 'ids{key}', kind: 'ID' },
  { path: 'ids{}', kind: 'ID' },
  { path: 'ward', kind: 'address' },
];
const RECORD = {
  text: null as unknown,
  given: ['sumiko', 'rose'],
  family: { string: 'Quill' },
  born: -15_566, // 1927-05-21
  admitted: { long: 1_583_193_845_000n }, // 2020-03-03
  mrn: 4_711_223n,
  ids: { 'case-a1': 'zz-99' } as Readonly<Record<string, string>>,
  ward: 'QUARTZ',
  more: [] as string[],
};

function plan(known: readonly KnownLeaf[] = KNOWN): Plan {
  return planFor(SCHEMA, { text: { method: 'scrub' }, 'more[]': { method: 'scrub' } }, { known });
}

/** Scrubs both ways, which must agree; gives the masked record. */
function mask(record: typeof RECORD, by = plan(), size = 1 << 20): { text: unknown; more: string[] } {
  const { writer, derived } = avscTypes(by);
  const encoded = writer.toBuffer(record);
  const out = Buffer.alloc(size);
  const end = compileTranscoder(by, keys).mask(encoded, 0, encoded.length, out, 0, -1, NOWHERE);
  const masked = derived.fromBuffer(out.subarray(0, end)) as { text: unknown; more: string[] };
  expect(maskDecoded(by, record, keys, -1, NOWHERE)).toEqual(masked);
  return masked;
}

const text = (written: string): typeof RECORD => ({ ...RECORD, text: { string: written } });

describe('a text loses what its own record says', () => {
  test.each([
    ['sumiko and SUMIKO quill', '[NAME] and [NAME]'],
    ['her 21st of May', 'her [DATE]'],
    ['3/3, no year', '[DATE], no year'],
    ['no 471 but 4711223', 'no 471 but [ID]'],
    ['CASE A1 and zz99', '[ID] and [ID]'],
    ['on Quartz', 'on [ADDRESS]'],
    ['nothing known: 120/80', 'nothing known: 120/80'],
  ])('%s', (given, expected) => {
    expect(mask(text(given)).text).toEqual({ string: expected });
  });

  test('also where the text stands before the values, and in every item of a list', () => {
    const { text: first, more } = mask({ ...text('A Quill'), more: ['B quillan', '', 'c'] });
    expect([first, more]).toEqual([{ string: '[NAME]' }, ['B quillan', '', 'c']]);
  });

  test('and keeps it where the plan knows of no leaf', () => {
    expect(mask(text('zz99 on Quartz'), plan([])).text).toEqual({ string: 'zz99 on Quartz' });
  });

  test('nothing of one record is looked for in the next', () => {
    const by = plan();
    const { writer, derived } = avscTypes(by);
    const transcoder = compileTranscoder(by, keys);
    const out = Buffer.alloc(4096);
    const shown = (record: typeof RECORD): unknown => {
      const encoded = writer.toBuffer(record);
      const end = transcoder.mask(encoded, 0, encoded.length, out, 0, -1, NOWHERE);
      return (derived.fromBuffer(out.subarray(0, end)) as { text: unknown }).text;
    };
    expect(shown(text('zz99'))).toEqual({ string: '[ID]' });
    expect(shown({ ...text('zz99'), ids: {} })).toEqual({ string: 'zz99' });
  });
});

test('a buffer that is too small is told, and no byte beyond it is written', () => {
  const by = plan();
  const encoded = avscTypes(by).writer.toBuffer(text('quill '.repeat(50)));
  const out = Buffer.alloc(64, 7);
  const end = compileTranscoder(by, keys).mask(
    encoded,
    0,
    encoded.length,
    out.subarray(0, 32),
    0,
    -1,
    NOWHERE,
  );
  expect(end).toBeGreaterThan(32);
  expect([...out.subarray(32)].every((byte) => byte === 7)).toBe(true);
});

test('a record that is cut off is a fault, not a text', () => {
  const by = plan();
  const encoded = avscTypes(by).writer.toBuffer(text('quill'));
  const out = Buffer.alloc(4096);
  const ends = Array.from({ length: encoded.length }, (_, length) =>
    compileTranscoder(by, keys).mask(encoded, 0, length, out, 0, -1, NOWHERE),
  );
  expect(ends.filter((end) => end >= 0)).toEqual([]);
});

test('a byte order mark and broken UTF-8 are treated as a decoder treats them', () => {
  expect(mask(text('\uFEFFQuill')).text).toEqual({ string: '\uFEFF[NAME]' });
});

describe('with a person dictionary', () => {
  const persons = {
    valuesOf: (person: string) =>
      person === '4711223'
        ? [{ kind: 'name', text: 'Vexmorl' } as const, { kind: 'phone', text: '555-010-4477' } as const]
        : [],
  };
  const by = (): Plan =>
    planFor(
      SCHEMA,
      { text: { method: 'scrub', dictionary: 'clinical.patients' } },
      { known: KNOWN, dictionary: 'clinical.patients', personPath: ['mrn'] },
    );

  function both(record: typeof RECORD, pinned: typeof persons | null): unknown {
    const plan = by();
    const { writer, derived } = avscTypes(plan);
    const encoded = writer.toBuffer(record);
    const out = Buffer.alloc(4096);
    const transcoder = compileTranscoder(plan, keys);
    transcoder.pin?.(pinned);
    const end = transcoder.mask(encoded, 0, encoded.length, out, 0, -1, NOWHERE);
    if (end < 0) {
      const code = faultCode(end);
      expect(() => maskDecoded(plan, record, keys, -1, NOWHERE, pinned)).toThrow(
        expect.objectContaining({ code }),
      );
      return code;
    }
    const masked = derived.fromBuffer(out.subarray(0, end)) as { text: unknown };
    expect(maskDecoded(plan, record, keys, -1, NOWHERE, pinned)).toEqual(masked);
    return masked.text;
  }

  test('a text also loses what another topic says of its person', () => {
    expect(both(text('vexmorl at 010 4477, zz99'), persons)).toEqual({ string: '[NAME] at [PHONE], [ID]' });
  });

  test('and nothing of somebody else', () => {
    expect(both({ ...text('vexmorl'), mrn: 4_711_224n }, persons)).toEqual({ string: 'vexmorl' });
  });

  test('a record is withheld where the dictionary is not at hand', () => {
    expect(both(text('vexmorl'), null)).toBe('ERR_MASK_DICTIONARY');
  });
});
