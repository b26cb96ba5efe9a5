/**
 * For every call in the life of an instance, one life in which exactly that call fails: the n-th request of each kind,
 * n = 1, 2, 3 ... until none fails, and each place where it can. After each life every record has been published once;
 * after each kind everything is compared with the slow reference.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { API_KEYS } from '../support/fault-proxy/fault-rule.ts';
import type { ApiName, Place } from '../support/fault-proxy/fault-rule.ts';
import { REGISTRY_FAULTS } from '../support/fault-proxy/registry-fault.ts';
import { Sweep } from '../support/sweep.ts';

/** Every kind of request that an instance sends. AddPartitionsToTxn and AddOffsetsToTxn are the broker's own now. */
const KINDS: readonly ApiName[] = [
  'InitProducerId',
  'Produce',
  'TxnOffsetCommit',
  'EndTxn',
  'OffsetFetch',
  'ListOffsets',
  'FindCoordinator',
  'JoinGroup',
  'SyncGroup',
  'Heartbeat',
  'LeaveGroup',
  'ApiVersions',
  'DescribeConfigs',
  'Metadata',
  'Fetch',
  'SaslHandshake',
  'SaslAuthenticate',
];
const CUTS: readonly Place[] = [
  'before-request',
  'lose-request',
  'within-request',
  'after-request',
  'drop-answer',
  'within-answer',
  'after-answer',
];
/** Where an answer to them is lost, what they did shows only in the life after. */
const COMMITTING: readonly ApiName[] = ['Produce', 'TxnOffsetCommit', 'EndTxn'];
/** These come for as long as an instance lives. */
const ENDLESS: Partial<Record<ApiName, number>> = { Heartbeat: 2 };

let sweep: Sweep;

beforeAll(async () => {
  sweep = await Sweep.open();
});

afterAll(async () => {
  process.stderr.write(`${sweep.report()}\n`);
  await sweep.close();
});

test('no request of an instance is of a kind that is left out here', async () => {
  const kinds = await sweep.kindsOfALife();
  // Heartbeats come by the second, and a life may be shorter than that.
  const others = (names: readonly string[]): readonly string[] =>
    names.filter((name) => name !== 'Heartbeat').sort();
  expect(others(kinds)).toEqual(others(KINDS));
});

describe.each(KINDS)('%s', (name) => {
  test('each call in turn is cut at each place, and every record is published once', async () => {
    for (const place of CUTS)
      await sweep.series(`${name} ${place}`, ENDLESS[name] ?? Infinity, (nth) => ({
        kafka: { apiKey: API_KEYS[name], nth, place },
      }));
    await sweep.settle(name);
    expect(sweep.failures(name)).toEqual([]);
    expect(sweep.halted(name)).toEqual([]);
  }, 1_800_000);

  test('is late, or is never answered', async () => {
    for (const place of ['delay-request', 'delay-answer'] as const)
      await sweep.series(`${name} ${place}`, 1, (nth) => ({
        kafka: { apiKey: API_KEYS[name], nth, place, delayMs: 300 },
      }));
    await sweep.series(`${name} silence`, 1, (nth) => ({
      kafka: { apiKey: API_KEYS[name], nth, place: 'silence' },
    }));
    await sweep.settle(name);
    expect(sweep.failures(name)).toEqual([]);
    expect(sweep.halted(name)).toEqual([]);
  }, 600_000);
});

describe.each(COMMITTING)('%s', (name) => {
  test('fails, and the instance dies after its last record: the next one begins where it must', async () => {
    for (const place of ['lose-request', 'drop-answer'] as const)
      await sweep.series(
        `${name} ${place}, then dies`,
        Infinity,
        (nth) => ({ kafka: { apiKey: API_KEYS[name], nth, place } }),
        { ending: 'dies' },
      );
    await sweep.settle(name);
    expect(sweep.failures(name)).toEqual([]);
    expect(sweep.halted(name)).toEqual([]);
  }, 1_800_000);
});

test('an offset that the broker refuses, and nothing else of the transaction: nothing commits without it', async () => {
  await sweep.series(
    'TxnOffsetCommit refuse-request, then dies',
    Infinity,
    (nth) => ({ kafka: { apiKey: API_KEYS.TxnOffsetCommit, nth, place: 'refuse-request' } }),
    { ending: 'dies' },
  );
  await sweep.settle('TxnOffsetCommit');
  expect(sweep.failures('TxnOffsetCommit')).toEqual([]);
  expect(sweep.halted('TxnOffsetCommit')).toEqual([]);
}, 1_800_000);

describe.each([...COMMITTING, 'InitProducerId', 'OffsetFetch'] as const)('%s', (name) => {
  test('fails while lanes begin for the first time: each begins once, at the first record', async () => {
    for (const place of ['lose-request', 'drop-answer'] as const)
      await sweep.series(
        `${name} ${place}, at the very first start`,
        2,
        (nth) => ({ kafka: { apiKey: API_KEYS[name], nth, place } }),
        { isFirst: true },
      );
    await sweep.settle(name);
    expect(sweep.failures(name)).toEqual([]);
    expect(sweep.halted(name)).toEqual([]);
  }, 1_800_000);
});

describe('the registry', () => {
  test('fails at each call in turn, and every record is published once', async () => {
    for (const kind of REGISTRY_FAULTS)
      await sweep.series(`registry ${kind}`, Infinity, (nth) => ({
        registry: { kind, nth, delayMs: 300 },
      }));
    await sweep.settle('registry');
    expect(sweep.failures('registry')).toEqual([]);
    expect(sweep.halted('registry')).toEqual([]);
  }, 1_800_000);

  test('stays away from each call on, for longer than a call is tried', async () => {
    await sweep.series('registry away', Infinity, (nth) => ({ registry: { kind: 'error', nth, count: 6 } }));
    await sweep.settle('registry');
    expect(sweep.failures('registry')).toEqual([]);
    expect(sweep.halted('registry')).toEqual([]);
  }, 1_800_000);
});
