/**
 * A million records withheld in a row: the last one costs what the first one did, and no transaction outgrows its bounds.
 */
import { expect, test } from '@jest/globals';
import { TransactionWork } from '../../topology/transaction-work.ts';
import { RECORDS_PER_TRANSACTION, compiled, encoded, maskerOf, spanOf } from '../support/poison-batches.ts';

test('a million records withheld in a row cost the same each, and a transaction stays bounded', () => {
  const { writer, masker } = maskerOf(new Map([[1, compiled(1)]]));
  const broken = encoded(1, '03601').subarray(0, -2);
  const values = Array.from({ length: 10_000 }, () => broken);
  const costs: number[] = [];
  let work = new TransactionWork();
  for (let base = 0; base < 1_000_000; base += values.length) {
    const span = spanOf(values, base);
    const beganMs = performance.now();
    const { position, stop } = masker.run(span, base, work);
    expect(position).toBe(base + values.length);
    if (stop.kind === 'full' || work.recordCount >= RECORDS_PER_TRANSACTION) {
      expect(work.withheld).toHaveLength(RECORDS_PER_TRANSACTION);
      expect(work.deliveredBitmap()).toHaveLength(RECORDS_PER_TRANSACTION / 8);
      work = new TransactionWork();
      writer.reset();
    }
    costs.push(performance.now() - beganMs);
  }
  const middle = (part: readonly number[]): number => part.toSorted((a, b) => a - b)[part.length >> 1]!;
  const ratio = middle(costs.slice(-30)) / middle(costs.slice(10, 40));
  process.stdout.write(`cost of a withheld record, last 300,000 to first: ${ratio.toFixed(2)}\n`);
  // A loose bound: what grows with what came before would be far beyond it, noise is not.
  expect(ratio).toBeLessThan(10);
});
