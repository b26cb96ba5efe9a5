/**
 * The plans of a policy that is in force for nobody, for one sample: compiled like any, registered nowhere, and with
 * each what finds the person of a raw record and the values that make a group in a masked one.
 */
import type { AudienceKeys } from '../keys/audience-keys.ts';
import { GauzeErrors } from '../platform/errors.ts';
import { compilePlan } from '../policy/compile-plan.ts';
import type { CompiledPlan } from '../policy/compile-plan.ts';
import type { Policy } from '../policy/policy.ts';
import { readSubjectTags, tagsOfSubject } from '../policy/subject-tags.ts';
import { LeafFinder } from '../processors/leaf-finder.ts';
import { compileTranscoder } from '../processors/transcoder.ts';
import type { Transcoder } from '../processors/transcoder.ts';
import { parseAvroSchema } from '../schemas/parse-avro.ts';
import { leavesOf } from '../schemas/tags.ts';
import type { LaneContext } from './lane-context.ts';
import { compileSubjectTokenizer } from './subject-tokenizer.ts';
import type { SubjectTokenizer } from './subject-tokenizer.ts';
import { writerSchema } from './writer-schema.ts';

const MS_PER_DAY = 86_400_000;

/** Everything about records of one writer schema. */
export interface SamplePlan {
  readonly plan: CompiledPlan;
  readonly transcoder: Transcoder;
  readonly tokenizer: SubjectTokenizer;
  /** Over masked bodies; finds the values that make a group. */
  readonly finder: LeafFinder;
}

export interface SampledPolicy {
  readonly policy: Policy;
  readonly keys: AudienceKeys;
  /** When the question was asked: the as-of day of ages. */
  readonly atMs: number;
  readonly quasiIdentifiers: readonly string[];
}

/** Throws the first of what stands in the way of a plan, and the registry's outages. */
export async function samplePlan(
  context: LaneContext,
  { policy, keys, atMs, quasiIdentifiers }: SampledPolicy,
  topic: string,
  schemaId: number,
): Promise<SamplePlan> {
  const { registry, siteTags } = context.plans.sources;
  const { subject, text, schema } = await writerSchema(registry, topic, schemaId);
  const tags = await readSubjectTags(registry, siteTags, subject);
  const plan = compilePlan({
    policy,
    policyVersion: 0,
    asOfDay: Math.floor(atMs / MS_PER_DAY),
    topic,
    schemaId,
    schema,
    tagsInForce: tagsOfSubject(tags, context.policyLog.state),
    siteTags,
    metadata: text.metadata,
  });
  if (Array.isArray(plan)) throw new GauzeErrors(plan);
  const derived = parseAvroSchema(plan.derivedSchema);
  const published = new Set(leavesOf(derived).map(({ path }) => path));
  return {
    plan,
    transcoder: compileTranscoder(plan, keys),
    tokenizer: compileSubjectTokenizer(schema, context.keyring.subjectTokens(), subject),
    finder: new LeafFinder(
      derived,
      quasiIdentifiers.filter((path) => published.has(path)),
    ),
  };
}
