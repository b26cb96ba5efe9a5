/**
 * The schemas that policies and gauze itself need in the registry: compiles every version of every schema for every
 * audience, runs the policies' examples, and says what is not registered yet. It registers nothing.
 */
import { GauzeErrors } from '../platform/errors.ts';
import type { GauzeError } from '../platform/errors.ts';
import type { Keyring } from '../keys/keyring.ts';
import {
  accessEntryCodec,
  grantProgressCodec,
  grantStateCodec,
  subjectIndexCodec,
} from '../schemas/access-codecs.ts';
import { auditEventCodec, policyLogCodec, withheldCodec } from '../schemas/control-codecs.ts';
import { parseAvroSchema } from '../schemas/parse-avro.ts';
import type { RegistryClient, SubjectVersion } from '../schemas/registry-client.ts';
import type { PathTags, SiteTags } from '../schemas/tags.ts';
import { valueSubject } from '../schemas/topic-names.ts';
import type { TopicNames } from '../schemas/topic-names.ts';
import { compilePlan } from './compile-plan.ts';
import type { CompiledPlan } from './compile-plan.ts';
import { contractStep } from './derived-contract.ts';
import { runExamples } from './examples.ts';
import type { PolicyState } from './policy-log.ts';
import type { Policy } from './policy.ts';
import { tagsOfSubject } from './subject-tags.ts';
import type { SubjectTags } from './subject-tags.ts';

export interface SchemaInput {
  readonly policies: readonly Policy[];
  readonly names: TopicNames;
  readonly registry: RegistryClient;
  readonly siteTags: SiteTags;
  /** The site's own keys, or keys made for the occasion: for the policies' examples. */
  readonly keys: Keyring;
  /** The policy log as it is; null where the topic does not exist yet. */
  readonly state: PolicyState | null;
  /** Days since 1970-01-01. */
  readonly today: number;
}

/** A schema and the subject it is to be registered under. */
export interface SchemaText {
  readonly subject: string;
  readonly text: string;
  /** Of a sanitized topic, whose readers rely on it. */
  readonly isDerived?: true;
}

/**
 * Every version of every schema must compile for every audience, and the examples come out by the newest; the derived
 * schemas are what comes of it. Those of policies that wait for people are not made yet.
 */
export async function missingSchemas(
  input: SchemaInput,
  subjects: ReadonlyMap<string, SubjectTags>,
  waiting: ReadonlySet<string>,
): Promise<readonly SchemaText[]> {
  const { names } = input;
  const problems: GauzeError[] = [];
  const wanted: SchemaText[] = [
    { subject: valueSubject(names.policies), text: policyLogCodec.schemaText },
    { subject: valueSubject(names.withheld), text: withheldCodec.schemaText },
    { subject: valueSubject(names.auditEvents), text: auditEventCodec.schemaText },
    { subject: valueSubject(names.auditSubjects), text: subjectIndexCodec.schemaText },
    { subject: valueSubject(names.access), text: accessEntryCodec.schemaText },
    { subject: valueSubject(names.grants), text: grantStateCodec.schemaText },
    { subject: valueSubject(names.grantProgress), text: grantProgressCodec.schemaText },
  ];
  for (const policy of input.policies) {
    for (const topic of policy.topics.keys()) {
      const subject = subjects.get(topic)!;
      const tags = tagsOfSubject(subject, input.state);
      const derived: string[] = [];
      for (const version of subject.versions) {
        const plan = compileVersion(input, policy, topic, version, tags);
        if (Array.isArray(plan)) {
          problems.push(...plan);
          continue;
        }
        if (version === subject.versions.at(-1))
          problems.push(...runExamples(policy, plan, input.keys.audience(policy.audience)));
        derived.push(plan.derivedSchema);
      }
      const place = { audience: policy.audience, topic, ...policy.topics.get(topic)! };
      const step = await contractStep(input.registry, place, derived);
      if (step.broken) problems.push(step.broken);
      if (!waiting.has(policy.audience))
        wanted.push(...step.schemas.map((each) => ({ ...each, isDerived: true as const })));
    }
  }
  if (problems.length > 0) throw new GauzeErrors(problems);
  return await notRegistered(input.registry, wanted);
}

function compileVersion(
  { state, siteTags, today }: SchemaInput,
  policy: Policy,
  topic: string,
  version: SubjectVersion,
  tags: PathTags,
): CompiledPlan | GauzeError[] {
  const applied = state?.policies.get(policy.audience);
  return compilePlan({
    policy,
    policyVersion: applied?.version ?? 1,
    asOfDay: applied?.asOfDay ?? today,
    topic,
    schemaId: version.id,
    schema: parseAvroSchema(version.text, version.references, { subject: valueSubject(topic) }),
    tagsInForce: tags,
    siteTags,
    metadata: version.metadata,
  });
}

async function notRegistered(
  registry: RegistryClient,
  wanted: readonly SchemaText[],
): Promise<readonly SchemaText[]> {
  const missing = new Map<string, SchemaText>();
  for (const schema of wanted) {
    const { subject, text } = schema;
    if (!(await registry.isRegistered(subject, text))) missing.set(`${subject} ${text}`, schema);
  }
  return [...missing.values()];
}
