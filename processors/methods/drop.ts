/**
 * drop: the field is gone, from the records and from the derived schema.
 * The value must never be written, in any form.
 */
import { z } from 'zod';
import type { MaskingMethod } from '../method.ts';

export const DROP: MaskingMethod<'drop'> = {
  name: 'drop',
  promise: 'Neither the value nor the field is in the sanitized topic.',
  parameters: z.strictObject({}),
  oneToOne: false,
  keepsJoins: false,
  reversible: 'no',
  strictness: 0,
  rows: [{ type: 'any', comesOut: 'nothing', derivedSchema: 'the field is not there' }],
  examples: [{ type: 'string', instruction: { method: 'drop' }, given: 'Ada', gives: null }],
  needsPerson: false,
  compile: null,
  accepts: () => true,
  maskValue: () => undefined,
};
