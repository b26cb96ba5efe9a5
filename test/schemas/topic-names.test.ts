import { describe, expect, test } from '@jest/globals';
import {
  audienceOfTopic,
  isSanitizedFrom,
  isSanitizedTopic,
  sanitizedTopic,
  topicNames,
  valueSubject,
} from '../../schemas/topic-names.ts';

describe('names', () => {
  test('all begin with the prefix, to which rights are given', () => {
    const names = topicNames('site7');
    const { policies, withheld, auditEvents, auditSubjects, auditSeals, topologyGroup } = names;
    const lane = names.laneTransactionalId('research', 'raw', 0);
    const own = [policies, withheld, auditEvents, auditSubjects, auditSeals, topologyGroup, lane];
    const all = [...own, names.audienceGroup('research')];
    for (const name of all) expect(name.startsWith('site7.')).toBe(true);
    expect(new Set(all).size).toBe(all.length);
  });

  test('are those that the documents promise', () => {
    const names = topicNames('gauze');
    expect(names.laneTransactionalId('research', 'clinical.encounters', 7)).toBe(
      'gauze.lane.research.clinical.encounters.7',
    );
    expect(names.audienceGroup('research')).toBe('gauze.research');
    expect(sanitizedTopic('clinical.encounters', 'research')).toBe('clinical.encounters.for-research');
    expect(valueSubject('clinical.encounters')).toBe('clinical.encounters-value');
  });

  test('name each version of a sanitized topic, and are known again', () => {
    const names = [1, 2, 10, 999].map((version) => sanitizedTopic('raw.topic', 'research', version));
    expect(names).toEqual([
      'raw.topic.for-research',
      'raw.topic.for-research.v2',
      'raw.topic.for-research.v10',
      'raw.topic.for-research.v999',
    ]);
    for (const name of names) {
      expect([isSanitizedTopic(name), audienceOfTopic(name)]).toEqual([true, 'research']);
      expect(isSanitizedFrom(name, 'raw.topic', 'research')).toBe(true);
      expect(isSanitizedFrom(name, 'raw', 'research')).toBe(false);
      expect(isSanitizedFrom(name, 'raw.topic', 'res')).toBe(false);
    }
    // No name has two spellings: a version that sanitizedTopic does not write is none.
    for (const other of [
      'raw.topic',
      'raw.for-research.v1',
      'raw.for-research.v02',
      'raw.for-research.v1000',
    ])
      expect([isSanitizedTopic(other), isSanitizedFrom(other, 'raw', 'research')]).toEqual([false, false]);
  });

  test('tell two lanes apart, whatever their topics are called', () => {
    const names = topicNames('gauze');
    const lanes = ['a', 'a.1', 'a.b', 'b.a'].flatMap((topic) =>
      ['research', 'billing'].flatMap((audience) =>
        [0, 1, 11].map((partition) => names.laneTransactionalId(audience, topic, partition)),
      ),
    );
    expect(new Set(lanes).size).toBe(lanes.length);
  });
});
