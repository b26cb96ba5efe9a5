import { describe, expect, test } from '@jest/globals';
import { sanitizedTopic, topicNames, valueSubject } from '../../schemas/topic-names.ts';

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
