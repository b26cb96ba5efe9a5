/**
 * keep: the value passes unchanged, byte for byte.
 * It must never be a default: only an instruction that someone wrote keeps a value.
 */
import { z } from 'zod';
import type { MaskingMethod } from '../method.ts';

export const KEEP: MaskingMethod<'keep'> = {
  name: 'keep',
  promise: 'The value is the one in the raw topic, byte for byte.',
  parameters: z.strictObject({}),
  oneToOne: true,
  keepsJoins: true,
  reversible: 'no',
  strictness: 60,
  rows: [{ type: 'any', comesOut: 'the value itself', derivedSchema: 'the type as it is' }],
  examples: [{ type: 'string', instruction: { method: 'keep' }, given: 'E11.9', gives: 'E11.9' }],
  needsPerson: false,
  compile: null,
  accepts: () => true,
  maskValue: (value) => value,
};
