/**
 * A person dictionary: what versions say, and that their hash is of the content alone.
 */
import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { PersonDictionary } from '../../topology/person-dictionary.ts';
import type { DictionaryChange } from '../../topology/person-dictionary.ts';

function says(key: string, person: string | null, ...names: readonly string[]): DictionaryChange {
  return { key, person, values: names.map((text) => ({ kind: 'name', text }) as const) };
}

function made(...steps: readonly (readonly DictionaryChange[])[]): PersonDictionary {
  const dictionary = new PersonDictionary('t', [0]);
  steps.forEach((changes, i) => dictionary.apply(changes, [i + 1]));
  return dictionary;
}

function namesOf(dictionary: { valuesOf(person: string): readonly unknown[] }, person: string): unknown[] {
  return dictionary.valuesOf(person).map((value) => (value as { text: string }).text);
}

describe('a version', () => {
  test('says what the newest record of each key says, of all keys of a person', () => {
    const now = made(
      [says('a', 'p', 'Ada'), says('b', 'p', 'Quill'), says('c', 'q', 'Roe')],
      [says('a', 'p', 'Eve')],
    );
    expect(namesOf(now.hold(), 'p')).toEqual(['Eve', 'Quill']);
    expect(namesOf(now.hold(), 'q')).toEqual(['Roe']);
    expect(namesOf(now.hold(), 'nobody')).toEqual([]);
  });

  test('says nothing of a key that was taken back, or that speaks of somebody else now', () => {
    const now = made(
      [says('a', 'p', 'Ada'), says('b', 'p', 'Quill')],
      [says('a', null), says('b', 'q', 'Roe')],
    );
    expect([namesOf(now.hold(), 'p'), namesOf(now.hold(), 'q')]).toEqual([[], ['Roe']]);
  });

  test('stays what it was while it is held, however often things change', () => {
    const dictionary = made([says('a', 'p', 'Ada')]);
    const held = dictionary.hold();
    dictionary.apply([says('a', 'p', 'Eve')], [2]);
    const later = dictionary.hold();
    dictionary.apply([says('a', null)], [3]);
    dictionary.apply([says('a', 'q', 'Zed')], [4]);
    expect([namesOf(held, 'p'), namesOf(later, 'p'), namesOf(dictionary.hold(), 'p')]).toEqual([
      ['Ada'],
      ['Eve'],
      [],
    ]);
    expect([held.offsets, later.offsets]).toEqual([[1], [2]]);
  });

  test('that nobody holds costs no memory', () => {
    const dictionary = made([says('a', 'p', 'Ada')]);
    const { bytes } = dictionary;
    for (let i = 0; i < 50; i += 1) {
      const held = dictionary.hold();
      dictionary.apply([says('a', 'p', 'Eve')], [i]);
      held.release();
      held.release();
    }
    dictionary.apply([says('a', 'p', 'Eve')], [99]);
    expect(dictionary.bytes).toBe(bytes);
  });
});

describe('the hash', () => {
  test('is of the content, whatever way it came about', () => {
    const change = fc.record({
      key: fc.constantFrom('a', 'b', 'c'),
      person: fc.constantFrom('p', 'q', null),
      name: fc.constantFrom('x', 'y'),
    });
    fc.assert(
      fc.property(fc.array(fc.array(change, { maxLength: 4 }), { maxLength: 6 }), (steps) => {
        const dictionary = made(
          ...steps.map((step) => step.map(({ key, person, name }) => says(key, person, name))),
        );
        const newest = new Map(steps.flat().map((each) => [each.key, each]));
        const straight = made([...newest.values()].map(({ key, person, name }) => says(key, person, name)));
        expect(dictionary.hold().sha256).toBe(straight.hold().sha256);
        for (const person of ['p', 'q'])
          expect(namesOf(dictionary.hold(), person)).toEqual(namesOf(straight.hold(), person));
      }),
    );
  });

  test('differs where a value, a person or a key does', () => {
    const hashes = [says('a', 'p', 'x'), says('a', 'p', 'y'), says('a', 'q', 'x'), says('b', 'p', 'x')].map(
      (change) => made([change]).hold().sha256,
    );
    expect(new Set([...hashes, made([]).hold().sha256]).size).toBe(5);
  });
});

test('more than the bound is refused', () => {
  const long = 'x'.repeat(1 << 20);
  expect(() => made(Array.from({ length: 130 }, (_, i) => says(`k${i}`, 'p', long)))).toThrow(
    expect.objectContaining({ code: 'ERR_DICTIONARY_TOO_LARGE' }),
  );
});
