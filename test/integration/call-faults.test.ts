/**
 * A few of the most telling lives with one failed call each: of most of them nobody can know whether the broker has
 * done what was asked. The whole row, every call and every place, is test/fault/sweep.test.ts.
 */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { API_KEYS } from '../support/fault-proxy/fault-rule.ts';
import type { ApiName, Place } from '../support/fault-proxy/fault-rule.ts';
import { SweepSite } from '../support/sweep-site.ts';
import type { Ending } from '../support/sweep-site.ts';

let sweep: SweepSite;

beforeAll(async () => {
  sweep = await SweepSite.make();
}, 180_000);

afterAll(async () => {
  await sweep.close();
});

// The first transactions open the sessions of the two lanes; the third and those after it bring records.
test.each<readonly [ApiName, number, Place, Ending]>([
  ['InitProducerId', 1, 'drop-answer', 'is stopped'],
  ['Produce', 4, 'within-request', 'is stopped'],
  ['Produce', 5, 'drop-answer', 'is stopped'],
  ['TxnOffsetCommit', 4, 'lose-request', 'dies'],
  ['TxnOffsetCommit', 5, 'lose-request', 'dies'],
  ['TxnOffsetCommit', 6, 'drop-answer', 'dies'],
  ['TxnOffsetCommit', 6, 'refuse-request', 'dies'],
  ['EndTxn', 4, 'before-request', 'dies'],
  ['EndTxn', 5, 'drop-answer', 'dies'],
  ['Fetch', 4, 'within-answer', 'is stopped'],
  // Over kafkajs, which would keep the half answer and never answer again.
  ['DescribeConfigs', 1, 'within-answer', 'is stopped'],
])(
  'publishes every record once though %s %i fails: %s, and the instance %s',
  async (name, nth, place, ending) => {
    const fault = { kafka: { apiKey: API_KEYS[name], nth, place } };
    let life = await sweep.live(fault, ending);
    // A life may be over before so many: records that come at once need fewer fetches.
    for (let again = 0; again < 4 && !life.fired; again++) life = await sweep.live(fault, ending);
    expect(life).toMatchObject({ fired: true, halts: [] });
  },
);

test('leaves after all that the very sequence of the slow reference, audited without a gap', async () => {
  // One more life without a fault: what stood open when the last one ended is settled.
  expect(await sweep.live(null)).toMatchObject({ fired: false, halts: [] });
  expect(await sweep.faults()).toEqual([]);
}, 180_000);
