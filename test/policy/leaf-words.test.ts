/**
 * Promises of the words for what comes out: they are those of the method's own row for the type, wherever there is one.
 */
import { expect, test } from '@jest/globals';
import { readInstruction } from '../../policy/instruction.ts';
import { comesOut } from '../../policy/leaf-words.ts';
import { METHODS } from '../../processors/method-table.ts';
import type { MethodName } from '../../processors/plan.ts';
import { isLeaf } from '../../schemas/avro-schema.ts';
import type { AvroLeaf } from '../../schemas/avro-schema.ts';
import { parseAvroSchema } from '../../schemas/parse-avro.ts';

function leafOf(type: unknown): AvroLeaf {
  const leaf = parseAvroSchema(JSON.stringify(type));
  if (!isLeaf(leaf)) throw new Error('no leaf');
  return leaf;
}

test('every example of every method has a row of its own', () => {
  for (const method of Object.keys(METHODS) as MethodName[]) {
    for (const { type, instruction: written } of METHODS[method].examples) {
      const instruction = readInstruction(written);
      if (!('method' in instruction)) throw new Error(method);
      const words = comesOut(leafOf(type), instruction);
      expect([method, words]).not.toEqual([method, METHODS[method].promise]);
      expect([method, words]).toEqual([method, expect.not.stringMatching(/^refused/)]);
    }
  }
});

test('types with and without a logical type have different rows', () => {
  const year = { method: 'date-truncate', unit: 'year', over89: 'cap' } as const;
  expect(comesOut(leafOf({ type: 'int', logicalType: 'date' }), year)).toBe('the first day of the unit');
  for (const logicalType of ['timestamp-millis', 'timestamp-micros', 'local-timestamp-millis'])
    expect(comesOut(leafOf({ type: 'long', logicalType }), year)).toBe(
      'the first day of the unit, 00:00 UTC',
    );
  expect(comesOut(leafOf('long'), { ...year, numbers: 'year' })).toMatch(/^the year/);
  expect(comesOut(leafOf('string'), { method: 'redact' }, 'null')).toBe('null');
});
