/**
 * One field through a policy: compiled as lanes compile it, written by avsc, masked on bytes by the transcoder and read
 * again by the derived schema. For tests that ask what of a value is left.
 */
import avro from 'avsc';
import type { AudienceKeys } from '../../keys/audience-keys.ts';
import { faultCode } from '../../processors/fault.ts';
import { compileTranscoder } from '../../processors/transcoder.ts';
import { parseAvroSchema } from '../../schemas/parse-avro.ts';
import { pathTags } from '../../schemas/tags.ts';
import type { GauzeError } from '../../platform/errors.ts';
import { compilePlan } from '../../policy/compile-plan.ts';
import type { CompiledPlan } from '../../policy/compile-plan.ts';
import type { Policy } from '../../policy/policy.ts';
import { NOWHERE } from './plan-builder.ts';
import { TOPIC, field } from './policy-fixture.ts';
import { testKeys } from './test-keys.ts';

/** A plan with what masks by it. */
export interface MaskingPlan {
  readonly plan: CompiledPlan;
  /** What is left of a record with this value: decoded, and its bytes. Throws the name of a fault. */
  mask(
    value: unknown,
    recordTimeMs?: number,
  ): { readonly record: Record<string, unknown>; readonly bytes: Buffer };
}

/** 2024-10-04: the day ages are told at, as in other tests. */
export const AS_OF_DAY = 20_000;

/** The plan for a record of one person with the field `x`, or what stands in its way. */
export function maskingPlan(
  policy: Policy,
  type: unknown,
  tags: readonly string[],
  asOfDay = AS_OF_DAY,
  keys: AudienceKeys = testKeys(),
): MaskingPlan | GauzeError[] {
  const person = field('person', 'string', ['PHI_ID'], { 'gauze:person': true });
  const text = JSON.stringify({ type: 'record', name: 'Visit', fields: [person, field('x', type, tags)] });
  const schema = parseAvroSchema(text);
  const plan = compilePlan({
    policy,
    policyVersion: 1,
    asOfDay,
    topic: TOPIC,
    schemaId: 1,
    schema,
    tagsInForce: pathTags(schema),
  });
  if (Array.isArray(plan)) return plan;
  const writer = avro.Type.forSchema(JSON.parse(text) as avro.Schema);
  const reader = avro.Type.forSchema(JSON.parse(plan.derivedSchema) as avro.Schema);
  const transcoder = compileTranscoder(plan, keys);
  return {
    plan,
    mask(value, recordTimeMs = -1) {
      const input = writer.toBuffer({ person: 'patient-1', x: value });
      const out = Buffer.alloc(input.length * 4 + 4_096);
      const end = transcoder.mask(input, 0, input.length, out, 0, recordTimeMs, NOWHERE);
      if (end < 0) throw new Error(faultCode(end));
      const bytes = out.subarray(0, end);
      return { record: reader.fromBuffer(bytes) as Record<string, unknown>, bytes };
    },
  };
}
