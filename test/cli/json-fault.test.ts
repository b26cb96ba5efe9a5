import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { jsonFaultLine } from '../../cli/json-fault.ts';

const TEXT = readFileSync(
  new URL('../../schemas/clinical/encounter.avsc', import.meta.url),
  'utf8',
).trimEnd();

/** The line that the engine's own parser names; undefined where it names none, null where the text is JSON. */
function engineLine(text: string): number | null | undefined {
  try {
    JSON.parse(text);
    return null;
  } catch (error) {
    const found = /\(line (\d+) column/.exec((error as { message: string }).message);
    return found ? Number(found[1]) : undefined;
  }
}

test('finds the line that the engine names, wherever it names one', () => {
  let compared = 0;
  for (let at = 0; at < TEXT.length; at += 11) {
    for (const text of [TEXT.slice(0, at) + TEXT.slice(at + 1), `${TEXT.slice(0, at)},${TEXT.slice(at)}`]) {
      const line = engineLine(text);
      if (line === null || line === undefined) continue;
      expect([at, jsonFaultLine(text)]).toEqual([at, line]);
      compared += 1;
    }
  }
  expect(compared).toBeGreaterThan(150);
});

test.each([
  ['a trailing comma', '{\n"a": [1,\n2,\n],\n"b": 1}', 4],
  ['a bracket of the wrong kind', '{\n"a": [1}\n}', 2],
  ['two values', '{}\n\n{}', 3],
  ['a key that is no text', '{\n1: 2}', 2],
  ['an end too early', '{\n"a":\n\n', 2],
  ['nothing', '', 1],
])('finds the line of %s', (_, text, line) => {
  expect(jsonFaultLine(text)).toBe(line);
});
