import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import type { GroupMemberInfo, TopicPartition } from '../../kafka/group-requests.ts';
import { assignKinds, assignSticky } from '../../kafka/sticky-assignment.ts';

const nameOf = ({ topic, partition }: TopicPartition): string => `${topic}/${partition}`;

interface Case {
  readonly members: readonly GroupMemberInfo[];
  readonly partitions: readonly TopicPartition[];
}

/** Members that own any disjoint parts of the partitions, and some that are gone by now. */
const cases: fc.Arbitrary<Case> = fc
  .record({
    memberIds: fc.uniqueArray(fc.string({ minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 6 }),
    topics: fc.uniqueArray(fc.constantFrom('a', 'b', 'clinical.encounters'), { minLength: 0, maxLength: 3 }),
    perTopic: fc.integer({ min: 1, max: 9 }),
    owners: fc.array(fc.nat({ max: 7 }), { minLength: 40, maxLength: 40 }),
  })
  .map(({ memberIds, topics, perTopic, owners }) => {
    const partitions = topics.flatMap((topic) =>
      Array.from({ length: perTopic }, (_, partition) => ({ topic, partition })),
    );
    const gone = [{ topic: 'deleted', partition: 0 }];
    const everything = [...partitions, ...gone];
    const members = memberIds.map((memberId, index) => ({
      memberId,
      owned: everything.filter((_, i) => owners[i] === index),
    }));
    return { members, partitions };
  });

describe('assignSticky', () => {
  test('gives every partition to exactly one member, and nothing else to anybody', () => {
    fc.assert(
      fc.property(cases, ({ members, partitions }) => {
        const given = [...assignSticky(members, partitions).values()].flat().map(nameOf);
        expect(given.toSorted()).toEqual(partitions.map(nameOf).toSorted());
      }),
    );
  });

  test('is even: no member has two more than another', () => {
    fc.assert(
      fc.property(cases, ({ members, partitions }) => {
        const counts = [...assignSticky(members, partitions).values()].map(({ length }) => length);
        expect(counts).toHaveLength(members.length);
        expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
      }),
    );
  });

  test('moves no partition that evenness does not move', () => {
    fc.assert(
      fc.property(cases, ({ members, partitions }) => {
        const assigned = assignSticky(members, partitions);
        const there = new Set(partitions.map(nameOf));
        const least = Math.floor(partitions.length / members.length);
        const owning = members.map(({ owned }) => owned.filter((own) => there.has(nameOf(own))).length);
        const larger = Math.min(
          partitions.length % members.length,
          owning.filter((count) => count > least).length,
        );
        const mayStay = owning.reduce((sum, count) => sum + Math.min(count, least), larger);
        const stayed = members.reduce((sum, { memberId, owned }) => {
          const now = new Set(assigned.get(memberId)!.map(nameOf));
          return sum + owned.filter((own) => now.has(nameOf(own))).length;
        }, 0);
        expect(stayed).toBe(mayStay);
      }),
    );
  });

  test('gives the same answer in whatever order the members are told', () => {
    fc.assert(
      fc.property(cases, ({ members, partitions }) => {
        const forwards = assignSticky(members, partitions);
        const backwards = assignSticky(members.toReversed(), partitions);
        for (const { memberId } of members) expect(backwards.get(memberId)).toEqual(forwards.get(memberId));
      }),
    );
  });

  test('spreads each kind of work by itself, also where one member holds all of one kind', () => {
    const partitionsOf = (topic: string): TopicPartition[] =>
      Array.from({ length: 4 }, (_, partition) => ({ topic, partition }));
    const [raw, grants] = [partitionsOf('raw'), partitionsOf('grants')];
    const members = [
      { memberId: 'x', owned: [...raw, ...grants] },
      { memberId: 'y', owned: [] },
    ];
    for (const mine of assignKinds(members, [raw, grants]).values()) {
      expect(mine.filter(({ topic }) => topic === 'raw')).toHaveLength(2);
      expect(mine.filter(({ topic }) => topic === 'grants')).toHaveLength(2);
    }
  });

  test('gives a partition that two members claim to one of them', () => {
    const claimed = [{ topic: 'a', partition: 0 }];
    const members = ['x', 'y'].map((memberId) => ({ memberId, owned: claimed }));
    expect([...assignSticky(members, claimed).values()].flat()).toEqual(claimed);
  });
});
