import { describe, expect, test } from '@jest/globals';
import avsc from 'avsc';
import { RecordBatchWriter } from '../../kafka/record-batch-writer.ts';
import { RootSubjectTokens } from '../../keys/subject-tokens.ts';
import { viewOf } from '../../processors/record-state.ts';
import { compileKeyMasker, compileTranscoder } from '../../processors/transcoder.ts';
import type { KeyMasker } from '../../processors/transcoder.ts';
import type { CompiledPlan } from '../../topology/plan-store.ts';
import { SpanSubjects } from '../../topology/span-subjects.ts';
import { SpanMasker } from '../../topology/span-masker.ts';
import { TransactionWork } from '../../topology/transaction-work.ts';
import type { SpanMaskerOptions } from '../../topology/span-masker.ts';
import type { TopicRules } from '../../topology/topic-rules.ts';
import type { Span } from '../../topology/held-span.ts';
import { planFor } from '../support/plan-builder.ts';
import { rawBatch } from '../support/raw-batch.ts';
import type { RawRecord } from '../support/raw-batch.ts';
import { recordSetOf, recordsOf } from '../support/read-records.ts';
import { testKeys } from '../support/test-keys.ts';

const SCHEMA_ID = 7;
const DERIVED_ID = 70;
const SCHEMA = {
  type: 'record',
  name: 'Visit',
  namespace: 'clinical',
  fields: [
    { name: 'mrn', type: 'string' },
    { name: 'zip', type: 'string' },
    { name: 'note', type: 'string' },
  ],
};
const VISIT = { mrn: 'MRN-000123', zip: '03601', note: 'synthetic note' };
const keys = testKeys();
const hash = new RootSubjectTokens(Buffer.alloc(32, 7), 1).hash('patient');
const writerType = avsc.Type.forSchema(SCHEMA as avsc.Schema);

function compiled(schemaId = SCHEMA_ID): CompiledPlan {
  const plan = planFor(
    SCHEMA,
    { mrn: { method: 'pseudonym', domain: 'mrn' }, note: { method: 'drop' } },
    { schemaId },
  );
  const prefix = Buffer.alloc(5);
  prefix.writeInt32BE(DERIVED_ID, 1);
  return { plan, transcoder: compileTranscoder(plan, keys), prefix, fieldsClear: ['zip'], dataClasses: [] };
}
const derivedType = avsc.Type.forSchema(JSON.parse(compiled().plan.derivedSchema) as avsc.Schema);

/** A value as a feed writes it. */
function encoded(visit: object = VISIT, schemaId = SCHEMA_ID): Buffer {
  const head = Buffer.alloc(5);
  head.writeInt32BE(schemaId, 1);
  return Buffer.concat([head, writerType.toBuffer(visit)]);
}
const sound: RawRecord = { key: Buffer.from('k'), value: encoded() };

function spanOf(records: readonly RawRecord[], baseOffset = 100): Span {
  const bytes = rawBatch({ baseOffset, records });
  const { batches, nextOffset } = recordSetOf(bytes, { fetchOffset: baseOffset });
  // As where a transaction marker follows.
  return { firstOffset: baseOffset, nextOffset: nextOffset + 1, batches, bytes: bytes.length };
}

const NO_KEYS: TopicRules = {
  maskKey: null,
  olderKeys: [],
  compacted: false,
  shiftsTimes: false,
  headers: new Set(),
};

function masker(more: Partial<SpanMaskerOptions> = {}): {
  it: SpanMasker;
  work: TransactionWork;
  out: () => Out[];
} {
  const writer = more.writer ?? new RecordBatchWriter({ batchBytesMax: 1_000_000 });
  const it = new SpanMasker({
    writer,
    rules: NO_KEYS,
    source: { topicId: 'a'.repeat(32), partition: 0 },
    plans: new Map([[SCHEMA_ID, compiled()]]),
    ordered: new Set(),
    outputBytesMax: 1_000_000,
    recordsMax: 1_000,
    recordBytesMax: 900_000,
    ...more,
  });
  return { it, work: new TransactionWork(), out: () => outOf(writer) };
}

interface Out {
  readonly key: string | null;
  readonly value: object | null;
  readonly headers: readonly (readonly [string, string | null])[];
}

/** What would be published, decoded as a reader of the sanitized topic does. */
function outOf(writer: RecordBatchWriter): Out[] {
  const batches = Buffer.concat(writer.finish().map((batch) => Buffer.from(writer.stamp(batch, 1n, 0, 0))));
  return recordsOf(recordSetOf(batches).batches).map(({ key, value, headers }) => {
    const bytes = value === null ? null : Buffer.from(value, 'hex');
    if (bytes) expect(bytes.readInt32BE(1)).toBe(DERIVED_ID);
    const decoded = bytes ? (derivedType.fromBuffer(bytes.subarray(5)) as object) : null;
    const text = key === null ? null : Buffer.from(key, 'hex').toString();
    return { key: text, value: decoded && { ...decoded }, headers };
  });
}

/** Runs over `records` from offset 100 on, to the end. */
function run(records: readonly RawRecord[], more: Partial<SpanMaskerOptions> = {}) {
  const { it, work, out } = masker(more);
  const result = it.run(spanOf(records), 100, work);
  return { ...result, work, out: out() };
}

const pseudonymKey = compileKeyMasker({ method: 'pseudonym', domain: 'patient' }, keys);

describe('records', () => {
  test('come out as their plan says: kept, replaced, gone', () => {
    const { out, position, stop, work } = run([sound, sound]);
    expect(stop).toEqual({ kind: 'end' });
    expect(position).toBe(103);
    expect(out).toHaveLength(2);
    expect(out[0]).toMatchObject({ key: null, headers: [] });
    expect(Object.keys(out[0]!.value!)).toEqual(['mrn', 'zip']);
    expect(out[0]!.value).toMatchObject({ zip: '03601', mrn: expect.stringMatching(/^[0-9a-f]{32}$/) });
    expect(out[1]).toEqual(out[0]);
    expect([...work.plans.keys()]).toEqual([SCHEMA_ID]);
    expect(work).toMatchObject({ recordCount: 2, withheld: [], bytes: 2 * sound.value!.length });
    expect(work.deliveredBitmap()).toBeNull();
  });

  test('before the position are passed over', () => {
    const { it, work, out } = masker();
    expect(it.run(spanOf([sound, sound, sound]), 102, work).position).toBe(104);
    expect(work.recordCount).toBe(1);
    expect(out()).toHaveLength(1);
  });

  test('are known as walked whole only once the end of each batch has been seen', () => {
    const records = [sound, sound, sound];
    const subjects = SpanSubjects.of(hash, 100, 104)!;
    const personInput = Buffer.from('MRN-900001');
    const met = { personInput, personView: viewOf(personInput), personStart: 0, personEnd: 10 };
    subjects.note(100, met, 0, 1);
    const isWalked = (): boolean => subjects.run(100, 1, hash) === 1;
    const span = { ...spanOf(records), nextOffset: 103, subjects };
    const { it, work } = masker({ recordsMax: 3 });
    expect([it.run(span, 100, work).stop.kind, isWalked()]).toEqual(['full', false]);
    const bytes = rawBatch({ baseOffset: 100, records, count: 2 });
    const { batches } = recordSetOf(bytes, { fetchOffset: 100 });
    const corrupt = { ...span, nextOffset: 102, batches };
    expect([masker().it.run(corrupt, 100, work).stop.kind, isWalked()]).toEqual(['corrupt', false]);
    const wanted = { has: (offset: number) => offset === 100, last: 100 };
    expect(masker({ wanted }).it.run(span, 100, work).position).toBe(101);
    expect(isWalked()).toBe(false);
    expect([masker().it.run(span, 102, work).stop.kind, isWalked()]).toEqual(['end', true]);
  });

  test('that are not wanted are counted and not delivered, whatever they are; nothing behind the last is touched', () => {
    const unknown: RawRecord = { key: null, value: encoded(VISIT, 99) };
    const broken: RawRecord = { key: null, value: encoded().subarray(0, -1) };
    const wanted = { has: (offset: number) => offset === 102 || offset === 104, last: 104 };
    const records = [unknown, broken, sound, broken, broken, unknown, sound];
    const written: number[] = [];
    const { out, work, position } = run(records, { wanted, written: (offset) => void written.push(offset) });
    expect([written, out.length, position]).toEqual([[102], 1, 105]);
    expect(work.recordCount).toBe(5);
    expect(work.withheld).toEqual([{ offset: 104, code: 'ERR_DECODE_TRUNCATED' }]);
    expect(work.deliveredBitmap()).toEqual(Buffer.from([0b00100]));
  });

  test('carry their key masked where the audience gets keys, and null stays null', () => {
    const rules = { ...NO_KEYS, maskKey: pseudonymKey };
    const { out } = run([sound, { ...sound, key: null }, { ...sound, key: Buffer.alloc(0) }], { rules });
    expect(out.map(({ key }) => key)).toEqual([
      expect.stringMatching(/^[0-9a-f]{32}$/),
      null,
      expect.stringMatching(/^[0-9a-f]{32}$/),
    ]);
    expect(out[0]!.key).not.toBe(out[2]!.key);
  });

  test('keep only the headers that are named, with their values', () => {
    const headers: RawRecord['headers'] = [
      ['source', Buffer.from('feed-1')],
      ['patient', Buffer.from('MRN-000123')],
      ['source', null],
      ['Source', Buffer.from('x')],
      ['source ', Buffer.from('y')],
    ];
    const rules = { ...NO_KEYS, headers: new Set(['source']) };
    const { out } = run([{ ...sound, headers }, sound], { rules });
    expect(out[0]!.headers).toEqual([
      ['source', Buffer.from('feed-1').toString('hex')],
      ['source', null],
    ]);
    expect(out[1]!.headers).toEqual([]);
    expect(run([{ ...sound, headers }]).out[0]!.headers).toEqual([]);
  });

  test('that grow in masking beyond any guess still come out whole', () => {
    const short = { ...VISIT, mrn: 'x', note: '' };
    const writer = new RecordBatchWriter({ batchBytesMax: 1_000_000, initialBytes: 64 });
    const long = { ...VISIT, zip: 'z'.repeat(50_000) };
    const { out } = run([{ value: encoded(short) }, { value: encoded(long) }, { value: encoded(short) }], {
      writer,
    });
    expect(out.map(({ value }) => value)).toEqual([
      expect.objectContaining({ zip: '03601' }),
      expect.objectContaining({ zip: long.zip }),
      expect.objectContaining({ zip: '03601' }),
    ]);
  });

  test('with 10,000 headers, or a field of 1 MiB, come out as any other', () => {
    const headers = Array.from({ length: 10_000 }, (_, i) => [`x-${i}`, Buffer.from('secret')] as const);
    const mebibyte = 'n'.repeat(1 << 20);
    const zip = 'z'.repeat(1 << 20);
    const { out, work } = run(
      [
        { ...sound, headers: [...headers, ['feed', Buffer.from('ehr')]] },
        { ...sound, value: encoded({ ...VISIT, note: mebibyte }) },
        { ...sound, value: encoded({ ...VISIT, zip }) },
      ],
      {
        rules: { ...NO_KEYS, headers: new Set(['feed']) },
        writer: new RecordBatchWriter({ batchBytesMax: 2_000_000 }),
        outputBytesMax: 8_000_000,
        recordBytesMax: 1_900_000,
      },
    );
    expect(out.map(({ headers: kept }) => kept.map(([name]) => name))).toEqual([['feed'], [], []]);
    expect(out.map(({ value }) => (value as { zip: string }).zip.length)).toEqual([5, 5, zip.length]);
    expect(work.withheld).toEqual([]);
  });

  test('begin a new batch where the topic takes no larger one, and none is lost', () => {
    const writer = new RecordBatchWriter({ batchBytesMax: 200 });
    const { out, work } = run(
      Array.from({ length: 20 }, (_, i) => ({ value: encoded({ ...VISIT, zip: String(i) }) })),
      { writer },
    );
    expect(writer.finish().length).toBeGreaterThan(1);
    expect(out.map(({ value }) => (value as { zip: string }).zip)).toEqual(
      Array.from({ length: 20 }, (_, i) => String(i)),
    );
    expect(work.withheld).toEqual([]);
  });
});

describe('records withheld', () => {
  const value = encoded();
  const faults: readonly (readonly [what: string, record: RawRecord, code: string])[] = [
    [
      'another magic byte',
      { value: Buffer.concat([Buffer.from([1]), value.subarray(1)]) },
      'ERR_DECODE_MAGIC',
    ],
    [
      'a schema named in a header, so that the first bytes are data',
      { value, headers: [['__value_schema_id', Buffer.alloc(17, 1)]] },
      'ERR_DECODE_MAGIC',
    ],
    ['a prefix that is no id', { value: Buffer.from([0, 255, 0, 0, 7, 2, 2]) }, 'ERR_DECODE_MAGIC'],
    ['nothing but a piece of the prefix', { value: value.subarray(0, 4) }, 'ERR_DECODE_MAGIC'],
    ['an empty value', { value: Buffer.alloc(0) }, 'ERR_DECODE_MAGIC'],
    ['a value cut short', { value: value.subarray(0, -1) }, 'ERR_DECODE_TRUNCATED'],
    ['nothing after the prefix', { value: value.subarray(0, 5) }, 'ERR_DECODE_TRUNCATED'],
    ['bytes after the value', { value: Buffer.concat([value, Buffer.from([0])]) }, 'ERR_DECODE_TRAILING'],
    ['no value while keys are dropped', { key: Buffer.from('k'), value: null }, 'ERR_MASK_NULL_VALUE'],
  ];
  test.each(faults)('for %s leave no byte, and those around them go out', (_what, record, code) => {
    const { out, work, position, stop } = run([sound, record, sound]);
    expect(work.withheld).toEqual([{ offset: 101, code }]);
    expect(out).toHaveLength(2);
    expect(out[1]).toEqual(out[0]);
    expect([position, stop.kind, work.recordCount]).toEqual([104, 'end', 3]);
    expect(work.deliveredBitmap()).toEqual(Buffer.from([0b101]));
  });

  test('are those too large for the sanitized topic, whether the buffer has to grow or not', () => {
    const large = { value: encoded({ ...VISIT, zip: 'z'.repeat(3_000) }) };
    for (const initialBytes of [64, 100_000]) {
      const writer = new RecordBatchWriter({ batchBytesMax: 1_000, initialBytes });
      const { out, work } = run([sound, large, sound], { writer, recordBytesMax: 900 });
      expect(work.withheld).toEqual([{ offset: 101, code: 'ERR_PUBLISH_TOO_LARGE' }]);
      expect(out).toHaveLength(2);
    }
  });

  test('are those that hold a sensitive code: neither value, key nor header of them leaves', () => {
    const rule = {
      tag: 'SENSITIVE_SUD',
      where: ['zip'],
      codes: [],
      startsWith: ['F10'],
      effect: 'withhold',
    } as const;
    const made = compiled();
    const plan = { ...made.plan, sensitive: [rule] };
    const plans = new Map([[SCHEMA_ID, { ...made, plan, transcoder: compileTranscoder(plan, keys) }]]);
    const rules = { ...NO_KEYS, maskKey: pseudonymKey, headers: new Set(['source']) };
    const sensitive: RawRecord = {
      key: Buffer.from('another'),
      value: encoded({ ...VISIT, zip: 'f10.20' }),
      headers: [['source', Buffer.from('feed-2')]],
    };
    const { work, out } = run([sound, sensitive, sound], { plans, rules });
    expect(work.withheld).toEqual([{ offset: 101, code: 'ERR_WITHHELD_SENSITIVE' }]);
    expect(out).toHaveLength(2);
    expect(out.map(({ key, headers }) => [key, headers])).toEqual([
      [out[0]!.key, []],
      [out[0]!.key, []],
    ]);
    expect(work.deliveredBitmap()).toEqual(Buffer.from([0b101]));
  });

  test('are those that a person ordered, whatever they hold', () => {
    const { work, out } = run([sound, sound, { value: null }], { ordered: new Set([100, 102]) });
    expect(work.withheld).toEqual([
      { offset: 100, code: 'ERR_WITHHELD_BY_PERSON' },
      { offset: 102, code: 'ERR_WITHHELD_BY_PERSON' },
    ]);
    expect(out).toHaveLength(1);
    expect(work.deliveredBitmap()).toEqual(Buffer.from([0b010]));
  });

  test('stand as zeros in the bitmap, lowest bit first, over several bytes', () => {
    const records = Array.from({ length: 11 }, (_, i) =>
      [0, 8, 10].includes(i) ? { value: Buffer.alloc(1) } : sound,
    );
    const { work } = run(records);
    expect(work.deliveredBitmap()).toEqual(Buffer.from([0b11111110, 0b00000010]));
  });
});

describe('tombstones', () => {
  const rules = { ...NO_KEYS, maskKey: pseudonymKey, headers: new Set(['source']) };

  test('go out under the masked key where the audience gets keys', () => {
    const tombstone = { key: Buffer.from('k'), value: null, headers: [['source', null]] as const };
    const { out, work } = run([sound, tombstone], { rules });
    expect(out[1]).toEqual({ key: out[0]!.key, value: null, headers: [['source', null]] });
    expect(work).toMatchObject({ recordCount: 2, withheld: [] });
  });

  test('without a key tell nothing, and are withheld', () => {
    const { work } = run([{ key: null, value: null }], { rules });
    expect(work.withheld).toEqual([{ offset: 100, code: 'ERR_MASK_NULL_VALUE' }]);
  });
});

describe('in a compacted topic', () => {
  const olderKey = compileKeyMasker({ method: 'pseudonym', domain: 'patient' }, testKeys('research', 7));
  const rules = { ...NO_KEYS, maskKey: pseudonymKey, olderKeys: [olderKey], compacted: true };
  const key = Buffer.from('k');

  const masked = (mask: KeyMasker): string => {
    const out = Buffer.alloc(64);
    return out.toString('latin1', 0, mask(key, 0, key.length, out, 0));
  };

  test('a tombstone goes out under the key of each live epoch', () => {
    const { out, work } = run([{ key, value: null, headers: [['source', null]] }], { rules });
    expect(out).toEqual([
      { key: masked(pseudonymKey), value: null, headers: [] },
      { key: masked(olderKey), value: null, headers: [] },
    ]);
    expect(masked(pseudonymKey)).not.toBe(masked(olderKey));
    expect(work).toMatchObject({ recordCount: 1, deliveredCount: 1, withheld: [] });
  });

  test('a withheld record takes its key out of the topic, in every live epoch, and is not delivered', () => {
    const { out, work } = run(
      [
        { ...sound, key },
        { key, value: Buffer.alloc(1) },
      ],
      { rules },
    );
    expect(out).toMatchObject([
      { key: masked(pseudonymKey), value: { zip: '03601' } },
      { key: masked(pseudonymKey), value: null },
      { key: masked(olderKey), value: null },
    ]);
    expect(work.withheld).toEqual([{ offset: 101, code: 'ERR_DECODE_MAGIC' }]);
    expect([...work.deliveredBitmap()!]).toEqual([0b01]);
  });

  test('so does one that a person has ordered to withhold; without a key there is nothing to take out', () => {
    const { out, work } = run(
      [
        { ...sound, key },
        { ...sound, key: null },
      ],
      {
        rules,
        ordered: new Set([100, 101]),
      },
    );
    expect(out.map(({ value }) => value)).toEqual([null, null]);
    expect(work.withheld).toHaveLength(2);
  });

  test('it is told from which raw record each one comes', () => {
    const offsets: number[] = [];
    run(
      [
        { ...sound, key },
        { key, value: null },
        { ...sound, key },
      ],
      {
        rules,
        written: (offset) => void offsets.push(offset),
      },
    );
    expect(offsets).toEqual([100, 101, 101, 102]);
  });
});

describe('the walk stops', () => {
  test('before a record whose plan is not at hand, and goes on from there', () => {
    const plans = new Map([[SCHEMA_ID, compiled()]]);
    const { it, work, out } = masker({ plans });
    const span = spanOf([sound, { value: encoded(VISIT, 8) }, sound]);
    const first = it.run(span, 100, work);
    expect(first).toEqual({ position: 101, stop: { kind: 'plan', schemaId: 8, offset: 101 } });
    expect(work.recordCount).toBe(1);
    expect(it.run(span, 101, work)).toEqual(first);
    plans.set(8, compiled(8));
    expect(it.run(span, first.position, work)).toEqual({ position: 104, stop: { kind: 'end' } });
    expect(out()).toHaveLength(3);
    expect([...work.plans.keys()]).toEqual([SCHEMA_ID, 8]);
  });

  test('when the transaction has enough output, or enough records though all were withheld', () => {
    const full = masker({ outputBytesMax: 150 });
    const span = spanOf([sound, sound, sound, sound]);
    expect(full.it.run(span, 100, full.work)).toEqual({ position: 102, stop: { kind: 'full' } });
    const bad = spanOf(Array.from({ length: 5 }, () => ({ value: Buffer.alloc(1) })));
    const many = masker({ recordsMax: 3 });
    expect(many.it.run(bad, 100, many.work)).toEqual({ position: 103, stop: { kind: 'full' } });
    expect(many.work.withheld).toHaveLength(3);
  });

  test('at the end of the span, behind markers and batches that do not count', () => {
    const { it, work } = masker();
    const span: Span = { firstOffset: 5, nextOffset: 9, batches: [], bytes: 0 };
    expect(it.run(span, 5, work)).toEqual({ position: 9, stop: { kind: 'end' } });
    expect(work.recordCount).toBe(0);
  });
});

describe('a transaction', () => {
  test('knows the earliest and the latest time of its records, withheld ones included', () => {
    const records = [
      { ...sound, timestampDelta: 50 },
      { value: Buffer.alloc(1), timestampDelta: -70 },
      { ...sound, timestampDelta: 20 },
    ];
    const { work } = run(records);
    expect([work.fromMs, work.toMs]).toEqual([1_699_999_999_930, 1_700_000_000_050]);
  });
});
