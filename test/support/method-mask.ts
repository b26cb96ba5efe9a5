/**
 * One value masked both ways, on values and on bytes, beside a person: the two must agree.
 */
import { expect } from '@jest/globals';
import { faultCode } from '../../processors/fault.ts';
import { maskLeafValue } from '../../processors/method-table.ts';
import { compileTranscoder } from '../../processors/transcoder.ts';
import { avscTypes } from '../../processors/value-oracle.ts';
import type { ValueContext } from '../../processors/method.ts';
import type { Instruction } from '../../processors/plan.ts';
import { parseAvroSchema } from '../../schemas/parse-avro.ts';
import type { AvroLeaf } from '../../schemas/avro-schema.ts';
import { AT, NOWHERE, planFor } from './plan-builder.ts';
import { testKeys } from './test-keys.ts';

const keys = testKeys();
const out = Buffer.alloc(4096);
const DAY_MS = 86_400_000;

/** Type of a leaf in JSON. */
export function leafJson(leaf: AvroLeaf): unknown {
  const logical = leaf.logical
    ? { logicalType: leaf.logical.name, precision: leaf.logical.precision, scale: leaf.logical.scale }
    : {};
  if (leaf.kind === 'enum') return { type: 'enum', name: leaf.fullName, symbols: leaf.symbols };
  if (leaf.kind === 'fixed') return { type: 'fixed', name: leaf.fullName, size: leaf.size, ...logical };
  return leaf.logical ? { type: leaf.kind, ...logical } : leaf.kind;
}

/** A leaf of a type in JSON. */
export function leafFor(type: unknown): AvroLeaf {
  return parseAvroSchema(JSON.stringify(type)) as AvroLeaf;
}

/** The masked value, or the code that withholds the record. */
export function maskBoth(
  value: unknown,
  leaf: AvroLeaf,
  instruction: Instruction,
  { asOf = '2026-06-01', person = 'P-1' }: { readonly asOf?: string; readonly person?: string } = {},
): unknown {
  const schema = {
    type: 'record',
    name: 'R',
    fields: [
      { name: 'person', type: 'string' },
      { name: 'value', type: leafJson(leaf) },
    ],
  };
  const asOfDay = Date.parse(asOf) / DAY_MS;
  const plan = planFor(schema, { value: instruction }, { personPath: ['person'], asOfDay });
  const { writer, derived } = avscTypes(plan);
  const encoded = writer.toBuffer({ person, value });
  const end = compileTranscoder(plan, keys).mask(encoded, 0, encoded.length, out, 0, -1, NOWHERE);
  const context: ValueContext = { ...AT, keys, person, asOfDay };
  if (end < 0) {
    const code = faultCode(end);
    expect(() => maskLeafValue(value, leaf, instruction, context)).toThrow(expect.objectContaining({ code }));
    return code;
  }
  const masked = (derived.fromBuffer(out.subarray(0, end)) as { value: unknown }).value;
  expect(maskLeafValue(value, leaf, instruction, context)).toEqual(masked);
  return masked;
}
