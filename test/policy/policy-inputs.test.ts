/**
 * What policies pin beside their methods: key epochs, persons, compaction. Read strictly, part of the plan's hash, and
 * compaction only where keys stay apart: for every method there is.
 */
import { describe, expect, test } from '@jest/globals';
import { findOpenings } from '../../policy/openings.ts';
import { isKeyInstruction, keepsKeysApart, keyInstruction } from '../../policy/key-instruction.ts';
import { desiredTopics } from '../../policy/desired-state.ts';
import { readInstruction } from '../../policy/instruction.ts';
import { METHODS } from '../../processors/method-table.ts';
import type { Instruction, MethodName } from '../../processors/plan.ts';
import { topicNames } from '../../schemas/topic-names.ts';
import {
  TOPIC,
  compile,
  field,
  mistakes,
  planned,
  policyText,
  policyWith,
  problems,
  recordOf,
} from '../support/policy-fixture.ts';
import { parsePolicy } from '../../policy/policy-file.ts';

const SHA256 = 'ab'.repeat(32);
const NOTHING = recordOf(field('flag', 'boolean', ['PHI_NONE']));

function wrong(settings: Readonly<Record<string, unknown>>): readonly string[] {
  return mistakes(() => parsePolicy(policyText(settings), 'fixture.yaml')).map(
    ({ code, context }) => `${code} ${context.setting}`,
  );
}

describe('key epochs', () => {
  test('begin with 1; all that came before the one in use count as live, or those that are named', () => {
    expect(policyWith().keys).toEqual({ epoch: 1, live: [] });
    expect(policyWith({ keys: { epoch: 3 } }).keys).toEqual({ epoch: 3, live: [2, 1] });
    expect(policyWith({ keys: { epoch: 3, live: [1] } }).keys).toEqual({ epoch: 3, live: [1] });
    expect(policyWith({ keys: { epoch: 3, live: [] } }).keys).toEqual({ epoch: 3, live: [] });
  });

  test('are refused where they are no epochs, or not before the one in use', () => {
    for (const epoch of [0, -1, 1.5, '2', 2 ** 32])
      expect(wrong({ keys: { epoch } })).toEqual(['ERR_POLICY_SYNTAX keys.epoch']);
    for (const live of [[3], [0], 1, ['1']])
      expect(wrong({ keys: { epoch: 3, live } })).toEqual(['ERR_POLICY_SYNTAX keys.live']);
    expect(wrong({ keys: { epoche: 1 } })).toEqual(['ERR_POLICY_SETTING_UNKNOWN keys.epoche']);
  });

  test('open nothing when they rise, and join with the past when they fall', () => {
    const at = (epoch: number) => ({ policy: policyWith({ keys: { epoch } }), asOfDay: 20_000 });
    expect(findOpenings(at(1), at(2), new Map())).toEqual([]);
    expect(findOpenings(at(2), at(1), new Map())).toEqual([
      'research: key epoch 1 again, which joins with what was made under it before',
    ]);
  });
});

describe('persons', () => {
  test('are pinned by the hash of the list, and the plan is another one with another list', () => {
    const persons = { aliases: SHA256, domains: ['patient'], normalize: ['case', 'trim'] };
    expect(policyWith({ persons }).persons).toEqual({ ...persons, normalize: ['trim', 'case'] });
    expect(policyWith().persons).toBeNull();
    const plan = (settings: object) => planned(compile(policyWith({ ...settings }), NOTHING));
    expect(plan({}).persons).toBeUndefined();
    const hashes = [{}, { persons }, { persons: { ...persons, aliases: 'cd'.repeat(32) } }].map(
      (each) => plan(each).hash,
    );
    expect(new Set(hashes).size).toBe(3);
  });

  test('are refused where anything of them is no such thing', () => {
    expect(wrong({ persons: { aliases: 'AB'.repeat(32), domains: [] } })).toEqual([
      'ERR_POLICY_SYNTAX persons.aliases',
    ]);
    expect(wrong({ persons: { domains: ['patient'] } })).toEqual(['ERR_POLICY_SYNTAX persons.aliases']);
    expect(wrong({ persons: { aliases: SHA256, domains: ['Patient'] } })).toEqual([
      'ERR_POLICY_SYNTAX persons.domains',
    ]);
    for (const normalize of [['trim', 'trim'], ['soundex'], 'trim', [1]])
      expect(wrong({ persons: { normalize } })).toEqual(['ERR_POLICY_SYNTAX persons.normalize']);
  });
});

describe('a compacted topic', () => {
  /** An instruction of each method that a record key could have, or not. */
  const INSTRUCTIONS: Readonly<Partial<Record<MethodName, object>>> = {
    pseudonym: { domain: 'patient' },
    'encrypt-deterministic': { domain: 'patient' },
  };
  const compacted = (method: unknown, more: object = {}) =>
    policyWith({
      topics: { [TOPIC]: { key: { tag: 'PHI_ID' }, compact: true } },
      regime: 'tpo',
      description: 'care',
      methods: { PHI_ID: method, PHI_NONE: 'keep' },
      ...more,
    });

  test('is refused for every key method that does not keep keys apart, and taken for every one that does', () => {
    const taken: string[] = [];
    for (const name of Object.keys(METHODS) as MethodName[]) {
      const instruction = readInstruction({ method: name, ...INSTRUCTIONS[name] });
      if (Array.isArray(instruction) || !isKeyInstruction(instruction as Instruction)) continue;
      const found = problems(compile(compacted({ method: name, ...INSTRUCTIONS[name] }), NOTHING));
      if (METHODS[name].oneToOne) expect([name, found]).toEqual([name, []]);
      else expect([name, found]).toEqual([name, ['ERR_POLICY_KEY_COMPACTION']]);
      taken.push(name);
    }
    expect(taken.toSorted()).toEqual(['drop', 'encrypt-deterministic', 'keep', 'pseudonym']);
  });

  test('is refused where normalisers or merged persons make one key of two', () => {
    const normalized = compacted({ method: 'pseudonym', domain: 'patient', normalize: ['case'] });
    const persons = { aliases: SHA256, domains: ['patient'] };
    const merged = compacted({ method: 'pseudonym', domain: 'patient' }, { persons });
    const others = compacted(
      { method: 'pseudonym', domain: 'patient' },
      { persons: { ...persons, domains: ['mrn'] } },
    );
    expect(problems(compile(normalized, NOTHING))).toEqual(['ERR_POLICY_KEY_COMPACTION']);
    expect(problems(compile(merged, NOTHING))).toEqual(['ERR_POLICY_KEY_COMPACTION']);
    expect(problems(compile(others, NOTHING))).toEqual([]);
    expect(() => keyInstruction(merged, TOPIC)).toThrow(
      expect.objectContaining({ code: 'ERR_POLICY_KEY_COMPACTION' }),
    );
    expect(keepsKeysApart(others, keyInstruction(others, TOPIC))).toBe(true);
  });

  test('is made compacted, and every other one with cleanup.policy=delete', () => {
    const raw = new Map([
      [TOPIC, { topic: TOPIC, partitions: 1, retentionMs: '-1', messageBytesMax: '1000', isCompacted: true }],
    ]);
    const cleanup = (policy: ReturnType<typeof policyWith>) =>
      desiredTopics([policy], raw, topicNames('gauze')).find(({ topic }) => topic.startsWith(TOPIC))?.config[
        'cleanup.policy'
      ];
    expect(cleanup(compacted('keep'))).toBe('compact');
    expect(cleanup(policyWith())).toBe('delete');
  });
});
