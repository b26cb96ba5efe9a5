/**
 * The Synthea sample through the example policies: every row encoded as a producer would, masked on bytes by the plan
 * that the policy compiles to, and read again by the derived schema.
 */
import { existsSync } from 'node:fs';
import path from 'node:path';
import avro from 'avsc';
import { clinicalSchema, encodeRecord } from '../../examples/hospital/clinical-codecs.ts';
import { CLINICAL_TOPICS } from '../../examples/hospital/clinical-values.ts';
import type { ClinicalRecord, ClinicalTopic } from '../../examples/hospital/clinical-values.ts';
import { readSyntheaExport } from '../../examples/hospital/synthea-export.ts';
import type { AudienceKeys } from '../../keys/audience-keys.ts';
import { compilePlan } from '../../policy/compile-plan.ts';
import type { CompiledPlan } from '../../policy/compile-plan.ts';
import { loadPolicies } from '../../policy/load-policies.ts';
import { faultCode } from '../../processors/fault.ts';
import { compileTranscoder } from '../../processors/transcoder.ts';
import { parseAvroSchema } from '../../schemas/parse-avro.ts';
import { pathTags } from '../../schemas/tags.ts';
import { NOWHERE } from './plan-builder.ts';

export const SYNTHEA = path.resolve(import.meta.dirname, '../../../shared/data/synthea-smart');
export const SYNTHEA_IS_THERE = existsSync(SYNTHEA);
const POLICIES = path.resolve(import.meta.dirname, '../../examples/hospital/policies');

export interface MaskedRecord {
  readonly raw: ClinicalRecord;
  /** What is left, decoded. */
  readonly value: Readonly<Record<string, unknown>>;
}

export interface SyntheaAudience {
  readonly plans: ReadonlyMap<ClinicalTopic, CompiledPlan>;
  /** Masks one record. Throws the name of a fault. */
  mask(raw: ClinicalRecord): MaskedRecord;
}

/** The plans of one example policy for all four topics, with these keys. */
export async function syntheaAudience(
  audience: string,
  keys: AudienceKeys,
  asOfDay: number,
): Promise<SyntheaAudience> {
  const policy = (await loadPolicies(POLICIES)).find((each) => each.audience === audience)!;
  const plans = new Map(CLINICAL_TOPICS.map((topic) => [topic, planned(policy, topic, asOfDay)]));
  const topics = new Map(
    [...plans].map(([topic, plan]) => {
      const reader = avro.Type.forSchema(JSON.parse(plan.derivedSchema) as avro.Schema);
      return [topic, { reader, transcoder: compileTranscoder(plan, keys) }];
    }),
  );
  const out = Buffer.alloc(1 << 20);
  return {
    plans,
    mask(raw) {
      const { reader, transcoder } = topics.get(raw.topic)!;
      const input = encodeRecord(raw.topic, 1, raw.value);
      const end = transcoder.mask(input, 5, input.length, out, 0, -1, NOWHERE);
      if (end < 0) throw new Error(faultCode(end));
      return { raw, value: reader.fromBuffer(out.subarray(0, end)) as Record<string, unknown> };
    },
  };
}

function planned(
  policy: Parameters<typeof compilePlan>[0]['policy'],
  topic: ClinicalTopic,
  asOfDay: number,
): CompiledPlan {
  const schema = parseAvroSchema(clinicalSchema(topic));
  const tagsInForce = pathTags(schema);
  const plan = compilePlan({ policy, policyVersion: 1, asOfDay, topic, schemaId: 1, schema, tagsInForce });
  if (Array.isArray(plan)) throw plan[0]!;
  return plan;
}

/** All records of the sample. */
export function syntheaRecords(): AsyncGenerator<ClinicalRecord> {
  return readSyntheaExport(SYNTHEA);
}

/** A value at a path of the plan; `undefined` where a branch was not taken. Items and map values come as a list. */
export function valuesAt(value: unknown, place: string): readonly unknown[] {
  const steps = place.replace(/<[^>]*>/g, '').match(/\[\]|\{key\}|\{\}|[^.[\]{}]+/g) ?? [];
  return steps.reduce<unknown[]>(
    (found, step) =>
      found.flatMap((each) => {
        if (typeof each !== 'object' || each === null) return [];
        if (step === '[]') return Array.isArray(each) ? each : [];
        if (step === '{}') return Object.values(each);
        if (step === '{key}') return Object.keys(each);
        const next = (each as Readonly<Record<string, unknown>>)[step];
        return next === undefined || next === null ? [] : [next];
      }),
    [value],
  );
}
