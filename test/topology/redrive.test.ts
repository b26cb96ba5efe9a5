/**
 * The pure parts of a redrive: which records are withheld now, which are wanted, and which key has a later record.
 */
import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import type { WithheldRecord } from '../../schemas/control-codecs.ts';
import { withheldCodec } from '../../schemas/control-codecs.ts';
import { KeySuccession } from '../../topology/later-keys.ts';
import { WantedRecords } from '../../topology/wanted-offsets.ts';
import { WithheldState } from '../../topology/withheld-log.ts';

const VIEW = { audience: 'research', topic: 'raw', topicId: '0a'.repeat(16) };
const TOO_LARGE = 'ERR_PUBLISH_TOO_LARGE';

function entry(offset: number, more: Partial<WithheldRecord> = {}): WithheldRecord {
  const { audience, topic, topicId: topic_id } = VIEW;
  return { audience, topic, topic_id, partition: 0, offset, code: TOO_LARGE, outcome: 'WITHHELD', ...more };
}

function standing(...entries: readonly WithheldRecord[]): readonly (readonly [number, string])[] {
  const state = new WithheldState(VIEW);
  for (const [i, each] of entries.entries()) state.fold(each, i);
  return [...state.of(0)].map(([offset, { code }]) => [offset, code]);
}

describe('what is withheld now', () => {
  test('is what the newest entry about a record says', () => {
    const published = entry(1, { outcome: 'PUBLISHED' });
    expect(standing(entry(1), entry(2), published)).toEqual([[2, TOO_LARGE]]);
    expect(standing(entry(1), published, entry(1))).toEqual([[1, TOO_LARGE]]);
    expect(standing(entry(1), entry(1, { code: 'ERR_DECODE_MAGIC' }))).toEqual([[1, 'ERR_DECODE_MAGIC']]);
  });

  test('is nothing of what a lane reads again from there on, until it says so again', () => {
    const anew = entry(2, { outcome: 'BEGUN_ANEW', code: '' });
    expect(standing(entry(1), entry(2), entry(9), anew, entry(9))).toEqual([
      [1, TOO_LARGE],
      [9, TOO_LARGE],
    ]);
  });

  test.each<[string, Partial<WithheldRecord>]>([
    ['audience', { audience: 'billing' }],
    ['topic', { topic: 'other' }],
    ['topic of the same name', { topic_id: '0b'.repeat(16) }],
    ['partition', { partition: 1 }],
  ])('is nothing of another %s', (_, other) => {
    expect(standing(entry(1, other))).toEqual([]);
    expect(standing(entry(1), entry(0, { ...other, outcome: 'BEGUN_ANEW' }))).toEqual([[1, TOO_LARGE]]);
  });

  test('is read from entries that earlier versions wrote, too', () => {
    const { outcome: _, ...fields } = entry(5);
    const bytes = withheldCodec.encode(entry(5), 3);
    // The outcome is the last field, and takes one byte.
    expect(withheldCodec.decode(bytes.subarray(0, -1))).toEqual({ ...fields, outcome: 'WITHHELD' });
  });
});

describe('wanted records', () => {
  test('are handed out in rising order, each until it is done, whatever becomes of those between', () => {
    const offsets = fc.uniqueArray(fc.nat(200), { minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(offsets, fc.array(fc.nat(220), { maxLength: 12 }), (all, cuts) => {
        const wanted = new WantedRecords(new Map(all.map((offset) => [offset, `code ${offset}`])));
        const left = new Set(all);
        expect(wanted.last).toBe(Math.max(...all));
        for (const cut of cuts.toSorted((a, b) => a - b)) {
          const rest = [...left].filter((offset) => offset >= cut).toSorted((a, b) => a - b);
          expect(wanted.next(cut)).toBe(rest[0] ?? null);
          if (rest[0] !== undefined && rest[0] % 3 === 0) {
            wanted.drop(rest[0]);
            left.delete(rest[0]);
          }
          const below = [...left].filter((offset) => offset < cut).toSorted((a, b) => a - b);
          expect(wanted.takeBelow(cut)).toEqual(below);
          for (const offset of below) left.delete(offset);
          expect(wanted.size).toBe(left.size);
        }
        for (const offset of all) expect(wanted.has(offset)).toBe(left.has(offset));
      }),
    );
  });
});

describe('in a compacted topic', () => {
  test('a wanted record is superseded where any later record has its key, and only there', () => {
    const log = fc.array(fc.record({ key: fc.constantFrom('a', 'b', 'c', null), wanted: fc.boolean() }));
    fc.assert(
      fc.property(log, (records) => {
        const offsets = records.flatMap(({ wanted }, offset) => (wanted ? [offset] : []));
        const succession = new KeySuccession(new WantedRecords(new Map(offsets.map((at) => [at, '']))));
        records.forEach(({ key }, offset) => succession.take(offset, key));
        const expected = offsets.filter((at) => {
          const { key } = records[at]!;
          return key !== null && records.some((later, offset) => offset > at && later.key === key);
        });
        expect([...succession.superseded].toSorted((a, b) => a - b)).toEqual(expected);
      }),
    );
  });
});
