/**
 * Batches that go wrong all over: every record withheld, a schema that changes in the middle, two hundred schemas at
 * once. A bad record is withheld by itself, and never the batch.
 */
import { describe, expect, test } from '@jest/globals';
import { TransactionWork } from '../../topology/transaction-work.ts';
import { DERIVED, compiled, encoded, maskerOf, publishedIds, spanOf } from '../support/poison-batches.ts';

describe('a batch', () => {
  test('in which every record is withheld publishes nothing, and says so of each', () => {
    const { writer, masker } = maskerOf(new Map([[1, compiled(1)]]));
    const work = new TransactionWork();
    const broken = encoded(1, '03601').subarray(0, -2);
    const end = masker.run(spanOf(Array.from({ length: 300 }, () => broken)), 0, work);
    expect([end.position, end.stop.kind]).toEqual([300, 'end']);
    expect(writer.isEmpty).toBe(true);
    expect(work.withheld.map(({ offset }) => offset)).toEqual(Array.from({ length: 300 }, (_, i) => i));
    expect([work.recordCount, work.deliveredCount]).toEqual([300, 0]);
    expect(work.deliveredBitmap()!.every((byte) => byte === 0)).toBe(true);
  });

  test('in whose middle the schema changes stops there, and goes on once its plan is at hand', () => {
    const plans = new Map([[1, compiled(1)]]);
    const { writer, masker } = maskerOf(plans);
    const work = new TransactionWork();
    const span = spanOf([1, 1, 2, 1, 2].map((id) => encoded(id, '03601')));
    expect(masker.run(span, 0, work)).toEqual({
      position: 2,
      stop: { kind: 'plan', schemaId: 2, offset: 2 },
    });
    plans.set(2, compiled(2));
    expect(masker.run(span, 2, work)).toEqual({ position: 5, stop: { kind: 'end' } });
    expect(publishedIds(writer)).toEqual([1, 1, 2, 1, 2].map((id) => DERIVED + id));
    expect([...work.plans.keys()]).toEqual([1, 2]);
  });

  test('under two hundred schema versions at once is masked by two hundred plans', () => {
    const ids = Array.from({ length: 200 }, (_, i) => i + 1);
    const { writer, masker } = maskerOf(new Map(ids.map((id) => [id, compiled(id)])));
    const work = new TransactionWork();
    // Each next to another one, twice over.
    const order = [...ids, ...ids.toReversed()];
    expect(masker.run(spanOf(order.map((id) => encoded(id, '03601'))), 0, work).stop.kind).toBe('end');
    expect(publishedIds(writer)).toEqual(order.map((id) => DERIVED + id));
    expect(work.plans.size).toBe(200);
  });
});
