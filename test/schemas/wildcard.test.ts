/**
 * Patterns of metadata tags: Confluent's own vectors for its WildcardMatcher (as listed in several of its clients), and
 * what a pattern may cost. A pattern that matches less than theirs loses a tag.
 */
import { describe, expect, test } from '@jest/globals';
import { matchesWildcard } from '../../schemas/wildcard.ts';

describe('wildcards', () => {
  test.each([
    ['Foo', 'Foo', true],
    ['', '', true],
    ['', '*', true],
    ['', '?', false],
    ['Foo', 'Fo*', true],
    ['Foo', 'Fo?', true],
    ['Foo Bar and Catflap', 'Fo*', true],
    ['New Bookmarks', 'N?w ?o?k??r?s', true],
    ['Foo', 'Bar', false],
    ['Foo Bar Foo', 'F*o Bar*', true],
    ['Adobe Acrobat Installer', 'Ad*er', true],
    ['Foo', '*Foo', true],
    ['BarFoo', '*Foo', true],
    ['Foo', 'Foo*', true],
    ['FooBar', 'Foo*', true],
    ['FOO', '*Foo', false],
    ['BARFOO', '*Foo', false],
    ['FOO', 'Foo*', false],
    ['FOOBAR', 'Foo*', false],
    ['eve', 'eve*', true],
    ['alice.bob.eve', 'a*.bob.eve', true],
    ['alice.bob.eve', 'a*.bob.e*', true],
    ['alice.bob.eve', 'a*', false],
    ['alice.bob.eve', 'a**', true],
    ['alice.bob.eve', 'alice.bob*', false],
    ['alice.bob.eve', 'alice.bob**', true],
    ['alice.bob.eve', '**.*', true],
    ['alice.bob', 'alice?bob', false],
    ['aliceXbob', 'alice.bob', false],
    ['a$b(c', 'a$b(c', true],
    ['a*b', 'a\\*b', true],
    ['axb', 'a\\*b', false],
    ['a\\', 'a\\', true],
  ])('%s against %s: %s', (text, pattern, expected) => {
    expect(matchesWildcard(text, pattern)).toBe(expected);
  });

  test('take no time that grows out of bounds with the pattern', () => {
    const before = performance.now();
    expect(matchesWildcard('a'.repeat(200), `${'**a'.repeat(60)}b`)).toBe(false);
    expect(performance.now() - before).toBeLessThan(500);
  });
});
