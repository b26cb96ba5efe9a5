/**
 * A small policy and schema that compile, for tests that take one thing away from them or add one.
 */
import { GauzeError, GauzeErrors } from '../../platform/errors.ts';
import { compilePlan } from '../../policy/compile-plan.ts';
import type { CompiledPlan, PlanInput } from '../../policy/compile-plan.ts';
import { parsePolicy } from '../../policy/policy-file.ts';
import type { Policy } from '../../policy/policy.ts';
import type { AvroType } from '../../schemas/avro-schema.ts';
import { parseAvroSchema } from '../../schemas/parse-avro.ts';
import { pathTags, unionTags } from '../../schemas/tags.ts';
import { YamlFile } from '../../platform/yaml-file.ts';

export const TOPIC = 'clinical.tests';

/** A field in JSON. */
export function field(name: string, type: unknown, tags: readonly string[] = [], rest: object = {}): object {
  return { name, type, ...(tags.length > 0 ? { 'confluent:tags': tags } : {}), ...rest };
}

/** A record schema of these fields. */
export function recordOf(...fields: readonly object[]): AvroType {
  return parseAvroSchema(JSON.stringify({ type: 'record', name: 'Visit', namespace: 'org.example', fields }));
}

/** Parts of a policy file in YAML, by setting; what is not given is the fixture's. */
export function policyText(settings: Readonly<Record<string, unknown>> = {}): string {
  const base = YamlFile.parse('fixture', FIXTURE).value() as Record<string, unknown>;
  const all = { ...base, ...settings };
  return Object.entries(all)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}: ${JSON.stringify(value)}`)
    .join('\n');
}

/** The fixture's policy with other settings. */
export function policyWith(settings: Readonly<Record<string, unknown>> = {}): Policy {
  return parsePolicy(policyText(settings), 'fixture.yaml');
}

/** Compiles for the fixture's topic; tags in force are those of the schema and of `earlier` versions. */
export function compile(
  policy: Policy,
  schema: AvroType,
  more: Partial<PlanInput> & { readonly earlier?: readonly AvroType[] } = {},
): CompiledPlan | GauzeError[] {
  const { earlier = [], ...input } = more;
  return compilePlan({
    policy,
    policyVersion: 1,
    asOfDay: 20_000,
    topic: TOPIC,
    schemaId: 7,
    schema,
    tagsInForce: new Map(),
    ...(input.tagsInForce
      ? {}
      : { tagsInForce: unionTags([schema, ...earlier].map((each) => pathTags(each))) }),
    ...input,
  });
}

/** The plan; a test fails with all problems where there is none. */
export function planned(result: CompiledPlan | GauzeError[]): CompiledPlan {
  if (Array.isArray(result)) throw new Error(result.map((each) => `${each.code} ${each.message}`).join('\n'));
  return result;
}

/** The codes and paths of the problems; none for a plan. */
export function problems(result: CompiledPlan | GauzeError[]): string[] {
  return Array.isArray(result) ? result.map(told).sort() : [];
}

/** What parsing a policy file finds wrong. */
export function mistakes(read: () => unknown): GauzeError[] {
  try {
    read();
  } catch (error) {
    if (error instanceof GauzeErrors) return [...error.errors];
    throw error;
  }
  return [];
}

function told(problem: GauzeError): string {
  const { path } = problem.context;
  return path === undefined ? problem.code : `${problem.code} ${path}`;
}

export const FIXTURE = `audience: research
regime: limited-data-set
description: Outcomes research
owner: privacy-office@example.org
readers: ["User:research-app"]
topics:
  clinical.tests: { key: { tag: PHI_ID } }
timestamp: append
untagged: hold
methods:
  PHI_ID: { method: pseudonym, domain: patient }
  PHI_MRN: { method: pseudonym, domain: mrn }
  PHI_NAME: drop
  PHI_GEO: drop
  PHI_ZIP: zip3
  PHI_BIRTH_DATE: { method: date-shift, maxDays: 182 }
  PHI_DATE: { method: date-shift, maxDays: 182 }
  PHI_AGE: { method: age-cap, over: 89 }
  PHI_FREE_TEXT: redact
  PHI_SSN: drop
  PHI_NONE: keep
`;
