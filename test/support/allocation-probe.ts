/**
 * Run as a process of its own: masks half a million records and prints, as JSON, how many bytes of heap that took
 * and how often the collector ran.
 */
import { PerformanceObserver } from 'node:perf_hooks';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { compileKeyMasker, compileTranscoder } from '../../processors/transcoder.ts';
import { avscTypes } from '../../processors/value-oracle.ts';
import type { Instruction, SensitiveRule } from '../../processors/plan.ts';
import { NOWHERE, planFor } from './plan-builder.ts';
import { testKeys } from './test-keys.ts';

const date = { type: 'int', logicalType: 'date' };
const time = { type: 'long', logicalType: 'timestamp-millis' };
const MRN = { method: 'pseudonym', domain: 'mrn' } as const;
const WRITTEN: Instruction = {
  ...MRN,
  prefix: 'm-',
  encoding: 'base32',
  normalize: ['trim', 'case', 'separators', 'urn', 'fhir-reference', 'leading-zeros', 'nfc'],
};
const SHIFT: Instruction = { method: 'date-shift', maxDays: 182 };
const YEAR: Instruction = { method: 'date-truncate', unit: 'year', over89: 'cap' };
const FIELDS: readonly (readonly [unknown, Instruction, unknown])[] = [
  [date, SHIFT, -3000],
  [time, SHIFT, 1_700_000_000_123n],
  [date, YEAR, -30_000],
  [time, YEAR, 1_700_000_000_123n],
  ['string', MRN, 'MRN-0001'],
  ['string', { method: 'encrypt-deterministic', domain: 'mrn' }, 'MRN-0001'],
  [
    'string',
    { method: 'format-preserving', domain: 'ssn', alphabet: 'digits', separators: '-' },
    '900-12-3456',
  ],
  ['long', MRN, 4_000_000_000_000n],
  ['string', WRITTEN, ' MRN-0001'],
  ['string', WRITTEN, 'Patient/MRN-0001/_history/2'],
  ['string', WRITTEN, 'urn:uuid:8F14E45F-ceea-467f-ab1e-0d2c3b4a5968'],
  [{ type: 'fixed', name: 'F', size: 40 }, MRN, Buffer.alloc(40, 'MRN')],
  [['null', 'string'], { method: 'redact' }, { string: 'x' }],
  ['string', { method: 'zip3' }, '10001-1234'],
  ['string', { method: 'date-shift', maxDays: 182 }, '2026-05-17T10:15:00.5+02:00'],
  ['string', { method: 'date-truncate', unit: 'quarter', over89: 'cap' }, '20260517101500'],
  ['string', { method: 'age-cap', over: 89 }, '93 years old'],
  ['string', { method: 'mask', character: '*', keepFirst: 2, keepLast: 1, ignore: '-' }, 'Łódź-Ada-12345'],
  ['string', { method: 'fixed', value: 'withheld' }, 'Ada'],
  ['int', { method: 'bucket', size: 10, as: 'range' }, 43],
  ['double', { method: 'round', digits: 1 }, 36.66],
  ['long', { method: 'age-cap', over: 89 }, 95n],
  ['long', { method: 'keep' }, 2n ** 62n],
  [{ type: 'array', items: 'string' }, { method: 'keep' }, ['a', 'b']],
  [{ type: 'map', values: 'long' }, { method: 'keep' }, { a: 2n ** 60n }],
];

const schema = {
  type: 'record',
  name: 'R',
  fields: [...FIELDS.map(([type], i) => ({ name: `f${i}`, type })), { name: 'person', type: 'long' }],
};
const instructions = Object.fromEntries(FIELDS.map(([, instruction], i) => [`f${i}`, instruction]));
const code: SensitiveRule = {
  tag: 'SENSITIVE_SUD',
  where: ['f4'],
  codes: ['F1020'],
  startsWith: ['F11'],
  effect: 'withhold',
};
const plan = planFor(schema, instructions, { personPath: ['person'], sensitive: [code] });
const keys = testKeys();
const transcoder = compileTranscoder(plan, keys);
const maskKey = compileKeyMasker({ method: 'pseudonym', domain: 'mrn' }, keys);
const writeKey = compileKeyMasker(WRITTEN, keys);
const encryptKey = compileKeyMasker({ method: 'encrypt-deterministic', domain: 'mrn' }, keys);
const rawKey = Buffer.from(' Patient/MRN-0001 ');
const values = FIELDS.map(([, , value], i) => [`f${i}`, value] as const);
const record = avscTypes(plan).writer.toBuffer({ ...Object.fromEntries(values), person: 123_456_789_012n });
const out = Buffer.alloc(4096);
const timeMs = Date.UTC(2026, 5, 1);

function run(count: number): void {
  for (let i = 0; i < count; i += 1) {
    // Every tenth record is cut off, so that faults are among them.
    const end = i % 10 === 0 ? record.length - 1 : record.length;
    transcoder.mask(record, 0, end, out, 0, timeMs, NOWHERE);
    maskKey(record, 0, 8, out, 0);
    writeKey(rawKey, 0, rawKey.length, out, 0);
    encryptKey(record, 0, 8, out, 0);
  }
}

run(200_000);
await nextTurn();
let collections = 0;
const observer = new PerformanceObserver((list) => {
  collections += list.getEntries().length;
});
observer.observe({ entryTypes: ['gc'] });
const before = process.memoryUsage().heapUsed;
run(500_000);
const bytes = process.memoryUsage().heapUsed - before;
await nextTurn();
observer.disconnect();
process.stdout.write(JSON.stringify({ records: 500_000, bytes, collections }));
