/** What YAML can do to a reader: every text is read or refused with a line, by our own error. */
import { describe, expect, test } from '@jest/globals';
import { GauzeErrors } from '../../platform/errors.ts';
import { YamlFile } from '../../platform/yaml-file.ts';

function faults(text: string): (number | undefined)[] {
  try {
    YamlFile.parse('a.yaml', text).value();
  } catch (error) {
    if (!(error instanceof GauzeErrors)) throw error;
    expect(new Set(error.errors.map(({ code }) => code))).toEqual(new Set(['ERR_CONFIG_SYNTAX']));
    return error.errors.map(({ context }) => context.line);
  }
  return [];
}

describe('a YAML file', () => {
  test('is refused at the line of an alias that has no anchor', () => {
    expect(faults('a: 1\nb: *none\nc: *neither')).toEqual([2, 3]);
  });

  test('is refused where its aliases multiply without end', () => {
    const lines = ['a0: &a0 [x, x, x, x, x, x, x, x, x, x]'];
    for (let at = 1; at < 12; at++) lines.push(`a${at}: &a${at} [${`*a${at - 1}, `.repeat(10)}x]`);
    const before = performance.now();
    expect(faults(lines.join('\n'))).toEqual([1]);
    expect(performance.now() - before).toBeLessThan(2_000);
  });

  test('is refused where it is nested without end', () => {
    expect(faults(`a: ${'['.repeat(50_000)}`).length).toBeGreaterThan(0);
  });

  test('may use anchors', () => {
    expect(YamlFile.parse('a.yaml', 'a: &x { b: 1 }\nc: *x').value()).toEqual({ a: { b: 1 }, c: { b: 1 } });
  });
});
