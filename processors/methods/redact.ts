/**
 * redact: null where the type allows it, else the empty value of the type (empty-value.ts).
 * What is written must never depend on the value, not even on whether there was one.
 */
import { z } from 'zod';
import { emptyLeafValue, hasEmptyValue } from '../empty-leaf.ts';
import type { MaskingMethod } from '../method.ts';

const AS_IT_IS = 'the type as it is';

export const REDACT: MaskingMethod<'redact'> = {
  name: 'redact',
  promise: 'The field is there and tells nothing: null, or the empty value of its type.',
  parameters: z.strictObject({}),
  oneToOne: false,
  keepsJoins: false,
  reversible: 'no',
  strictness: 10,
  rows: [
    { type: 'T in a union with null', comesOut: 'null', derivedSchema: AS_IT_IS },
    { type: 'string', comesOut: '""', derivedSchema: AS_IT_IS },
    { type: 'string (uuid)', comesOut: '"00000000-0000-0000-0000-000000000000"', derivedSchema: 'string' },
    { type: 'bytes', comesOut: 'no bytes', derivedSchema: AS_IT_IS },
    { type: 'bytes (decimal)', comesOut: '0 (the byte 0x00)', derivedSchema: 'bytes' },
    { type: 'int, long, float, double, with any logical type', comesOut: '0', derivedSchema: AS_IT_IS },
    { type: 'boolean', comesOut: 'false', derivedSchema: AS_IT_IS },
    { type: 'enum, fixed', comesOut: 'refused: they have no empty value', derivedSchema: '-' },
  ],
  examples: [{ type: 'string', instruction: { method: 'redact' }, given: 'Ada', gives: '' }],
  needsPerson: false,
  compile: null,
  accepts: hasEmptyValue,
  maskValue: (_value, leaf) => emptyLeafValue(leaf),
};
