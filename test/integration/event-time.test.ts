/**
 * Under `timestamp: append` no event time leaves, not in a batch's header and not in a record; and of the headers of
 * a raw record only those go out that the policy names. Read from the bytes of the log, as they lie on the broker.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { encodeRecord } from '../../examples/hospital/clinical-codecs.ts';
import { SOURCE_HEADER, registerClinicalSchemas } from '../../examples/hospital/feed.ts';
import { generateHospital } from '../../examples/hospital/hospital.ts';
import { dataBatches, logBytes } from '../support/raw-log.ts';
import type { LogBatch } from '../support/raw-log.ts';
import { sendRaw } from '../support/raw-feed.ts';
import { testStack } from '../support/stack.ts';
import { TestSite } from '../support/test-site.ts';
import type { Audience } from '../support/test-site.ts';

const ENCOUNTERS = 'clinical.encounters';
const LOG_APPEND_TIME = 0x08;
/** Not in order, as late records come. */
const DAY_MS = 86_400_000;
/** The last one is so new that it lies ahead of the broker's clock once it is shifted. */
const EVENT_TIMES = [
  Date.UTC(2019, 4, 7, 3),
  Date.UTC(2003, 1, 9, 17),
  Date.UTC(2011, 10, 30, 8),
  Date.now() - 3_600_000,
];

let site: TestSite;
let sentMs: number;
let logs: ReadonlyMap<string, readonly LogBatch[]>;

beforeAll(async () => {
  site = await TestSite.make({ topics: [ENCOUNTERS], partitions: 1 });
  await site.editPolicy('billing', (policy) => Object.assign(policy, { timestamp: 'keep' }));
  await site.editPolicy('research', (policy) => Object.assign(policy, { timestamp: 'shift' }));
  const ids = await registerClinicalSchemas(testStack().registryUrl, (topic) => site.raw(topic));
  await site.apply();
  site.run();
  sentMs = Date.now();
  const encounters = [...generateHospital({ patients: 12, seed: 5 })].filter(
    ({ topic }) => topic === ENCOUNTERS,
  );
  await sendRaw(
    encounters.map(({ key, value }, i) => ({
      topic: site.raw(ENCOUNTERS),
      key,
      value: encodeRecord(ENCOUNTERS, ids.get(ENCOUNTERS)!, value),
      timestampMs: EVENT_TIMES[i % EVENT_TIMES.length]! + i,
      headers: { [SOURCE_HEADER]: 'example-hospital', 'patient-name': 'nobody', traceparent: `00-${i}` },
    })),
  );
  await site.caughtUp();
  const names = [
    site.raw(ENCOUNTERS),
    ...(['analytics', 'billing', 'research'] as const).map((audience) => target(audience)),
  ];
  const bytes = await logBytes(names);
  logs = new Map([...bytes].map(([name, parts]) => [name, parts.flatMap(dataBatches)]));
}, 120_000);

afterAll(async () => {
  await site.close();
});

const target = (audience: Audience): string => site.sanitized(ENCOUNTERS, audience);

function batchesOf(topic: string): readonly LogBatch[] {
  const batches = logs.get(topic)!;
  expect(batches.flatMap(({ timestampDeltas }) => timestampDeltas).length).toBeGreaterThan(20);
  return batches;
}

function timesOf(topic: string): readonly number[] {
  return batchesOf(topic).flatMap(({ baseTimestampMs, timestampDeltas }) =>
    timestampDeltas.map((delta) => baseTimestampMs + delta),
  );
}

/** Every combination of header names that a record has, in order. */
function headersOf(topic: string): ReadonlySet<string> {
  return new Set(batchesOf(topic).flatMap(({ headerNames }) => headerNames.map((names) => names.join(' '))));
}

describe('timestamp: append', () => {
  test('writes no event time into a topic', () => {
    for (const batch of batchesOf(target('analytics'))) {
      expect(batch.baseTimestampMs).toBe(0);
      expect(new Set(batch.timestampDeltas)).toEqual(new Set([0]));
      expect(batch.attributes & LOG_APPEND_TIME).toBe(LOG_APPEND_TIME);
      expect(batch.maxTimestampMs).toBeGreaterThanOrEqual(sentMs);
      expect(batch.maxTimestampMs).toBeLessThanOrEqual(Date.now());
    }
  });
});

describe('timestamp: keep', () => {
  test('keeps the event time of every record', () => {
    expect(timesOf(target('billing'))).toEqual(timesOf(site.raw(ENCOUNTERS)));
    for (const { attributes } of batchesOf(target('billing'))) expect(attributes & LOG_APPEND_TIME).toBe(0);
  });
});

describe('timestamp: shift', () => {
  test('moves the event time of every record by whole days, ahead of the clock too, and keeps none', () => {
    const [raw, shifted] = [timesOf(site.raw(ENCOUNTERS)), timesOf(target('research'))];
    const days = shifted.map((timeMs, i) => (timeMs - raw[i]!) / DAY_MS);
    expect(days).toHaveLength(raw.length);
    expect(days.every((each) => Number.isInteger(each) && each !== 0 && Math.abs(each) <= 182)).toBe(true);
    expect(new Set(days).size).toBeGreaterThan(3);
    expect(Math.max(...shifted)).toBeGreaterThan(Date.now() + DAY_MS);
  });
});

describe('headers', () => {
  test('go out only where the policy names them', () => {
    expect(headersOf(site.raw(ENCOUNTERS))).toEqual(new Set([`${SOURCE_HEADER} patient-name traceparent`]));
    expect(headersOf(target('research'))).toEqual(new Set([SOURCE_HEADER]));
    expect(headersOf(target('analytics'))).toEqual(new Set(['']));
    expect(headersOf(target('billing'))).toEqual(new Set(['']));
  });
});
