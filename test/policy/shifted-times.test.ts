/**
 * `timestamp: shift` in a policy: where it may stand, by how many days, and what topics it needs.
 */
import { describe, expect, test } from '@jest/globals';
import { desiredTopics } from '../../policy/desired-state.ts';
import { topicNames } from '../../schemas/topic-names.ts';
import { timestampMaxDays } from '../../policy/shifted-times.ts';
import {
  TOPIC,
  compile,
  field,
  mistakes,
  planned,
  policyWith,
  problems,
  recordOf,
} from '../support/policy-fixture.ts';

const BY_30 = { PHI_ID: 'drop', PHI_DATE: { method: 'date-shift', maxDays: 30 }, PHI_NONE: 'keep' };
const shifted = (settings: object = {}) => policyWith({ timestamp: 'shift', ...settings });
const codes = (settings: object): string[] => mistakes(() => shifted(settings)).map(({ code }) => code);

describe('timestamp: shift', () => {
  test('is for regimes that may hold dates, and refused under Safe Harbor with the paragraph', () => {
    for (const regime of ['limited-data-set', 'expert-determination', 'tpo'])
      expect(codes({ regime, description: 'who: where' })).toEqual([]);
    const [problem] = mistakes(() => shifted({ regime: 'safe-harbor', methods: { PHI_ID: 'drop' } }));
    expect(problem).toMatchObject({ code: 'ERR_POLICY_REGIME' });
    expect(problem!.context['paragraph']).toBe('45 CFR 164.514(b)(2)(i)(C)');
  });

  test('goes as far as the dates do, and refuses two distances and compacted topics', () => {
    expect(timestampMaxDays(shifted())).toBe(182);
    expect(timestampMaxDays(shifted({ methods: BY_30 }))).toBe(30);
    expect(timestampMaxDays(shifted({ methods: { PHI_ID: 'drop' } }))).toBe(182);
    expect(timestampMaxDays(policyWith({ timestamp: 'keep' }))).toBeNull();
    const more = { method: 'date-shift', maxDays: 31, reason: 'farther' };
    expect(codes({ methods: BY_30, fields: { [TOPIC]: { born: more } } })).toEqual(['ERR_POLICY_SYNTAX']);
    expect(codes({ topics: { [TOPIC]: { key: { tag: 'PHI_ID' }, compact: true } } })).toEqual([
      'ERR_POLICY_SYNTAX',
    ]);
  });

  test('lets times lie ahead, and keeps records for so many days more', () => {
    const DAY_MS = 86_400_000;
    const configOf = (policy: ReturnType<typeof shifted>, retentionMs: string) => {
      const raw = { topic: TOPIC, partitions: 1, retentionMs, messageBytesMax: '1000', isCompacted: false };
      const topics = desiredTopics([policy], new Map([[TOPIC, raw]]), topicNames('gauze'));
      return topics.find(({ topic }) => topic.startsWith(TOPIC))!.config;
    };
    expect(configOf(shifted({ methods: BY_30 }), String(7 * DAY_MS))).toMatchObject({
      'message.timestamp.type': 'CreateTime',
      'message.timestamp.after.max.ms': '9223372036854775807',
      'retention.ms': String(37 * DAY_MS),
    });
    expect(configOf(shifted(), '-1')['retention.ms']).toBe('-1');
    expect(configOf(policyWith({ timestamp: 'keep' }), '5')).not.toHaveProperty([
      'message.timestamp.after.max.ms',
    ]);
  });

  test('needs a person in the schema, and is part of the plan and its hash', () => {
    const nobody = recordOf(field('note', 'string', ['PHI_NONE']));
    expect(problems(compile(shifted(), nobody))).toEqual(['ERR_SCHEMA_PERSON']);
    const somebody = recordOf(field('id', 'string', ['PHI_ID'], { 'gauze:person': true }));
    const plans = [shifted(), shifted({ methods: BY_30 }), policyWith({ timestamp: 'keep' })].map((policy) =>
      planned(compile(policy, somebody)),
    );
    expect(plans.map((plan) => plan.timestampMaxDays)).toEqual([182, 30, undefined]);
    expect(new Set(plans.map(({ hash }) => hash)).size).toBe(3);
  });
});
