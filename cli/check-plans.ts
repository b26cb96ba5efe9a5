/**
 * Compiles what every audience would get: of each schema version in the registry, and of each file given with its
 * topic; and runs the examples of the policies on it. Nothing of it is kept.
 */
import { GauzeError } from '../platform/errors.ts';
import { nowMs } from '../platform/clock.ts';
import { nearestOf } from '../platform/suggestion.ts';
import { compilePlan } from '../policy/compile-plan.ts';
import type { CompiledPlan } from '../policy/compile-plan.ts';
import { runExamples } from '../policy/examples.ts';
import type { Policy } from '../policy/policy.ts';
import type { AvroType } from '../schemas/avro-schema.ts';
import { parseAvroSchema } from '../schemas/parse-avro.ts';
import type { SubjectVersion } from '../schemas/registry-client.ts';
import { pathTags, unionTags } from '../schemas/tags.ts';
import type { PathTags } from '../schemas/tags.ts';
import { valueSubject } from '../schemas/topic-names.ts';
import type { CheckReport } from './check-report.ts';
import type { SchemaFile } from './check-schema-files.ts';
import type { SiteToCheck } from './check-site.ts';
import { topicsOf } from './check-site.ts';

const MS_PER_DAY = 86_400_000;

/** One schema of a topic: a version of the registry, or a file. */
interface Candidate {
  readonly schemaId: number;
  readonly schema: AvroType;
  readonly tags: PathTags;
  readonly metadata?: SubjectVersion['metadata'];
  /** Null for a version of the registry. */
  readonly file: SchemaFile | null;
}

/** Compiles and runs examples; every problem goes to the report. */
export async function checkPlans(
  site: SiteToCheck,
  files: readonly SchemaFile[],
  report: CheckReport,
): Promise<void> {
  const before = report.problems.length;
  const newest = new Map<string, CompiledPlan>();
  let compiled = 0;
  refuseUncovered(site, files, report);
  for (const topic of topicsOf(site.policies)) {
    const candidates = await candidatesOf(topic, site, files, report);
    const tags = unionTags(candidates.map((candidate) => candidate.tags));
    for (const policy of site.policies.filter(({ topics }) => topics.has(topic))) {
      for (const candidate of candidates) {
        const plan = compile(site, policy, topic, candidate, tags, report);
        if (!plan) continue;
        compiled += 1;
        // Files come last: an example has to hold for what is about to be.
        if (candidate.file?.isSound !== false) newest.set(`${policy.audience} ${topic}`, plan);
      }
    }
  }
  if (compiled === 0 && report.problems.length === before) {
    if (site.policies.length > 0)
      report.skip('plans', 'no schema to compile; topic=file.avsc would give one');
  } else report.conclude('plans', before, `${compiled} compiled: each schema for each audience of its topic`);
  checkExamples(site, newest, report);
}

/** A file for a topic that nobody reads is a mistake in the name more often than not. */
function refuseUncovered({ policies }: SiteToCheck, files: readonly SchemaFile[], report: CheckReport): void {
  for (const { topic, file } of files) {
    if (topic === null || policies.some(({ topics }) => topics.has(topic))) continue;
    const expected = 'a topic that a policy covers, before the =';
    const near = nearestOf(topic, topicsOf(policies));
    report.add(
      new GauzeError('ERR_USAGE_ARGUMENT', { setting: `${topic}=${file}`, expected, file, ...near }),
    );
  }
}

async function candidatesOf(
  topic: string,
  site: SiteToCheck,
  files: readonly SchemaFile[],
  report: CheckReport,
): Promise<readonly Candidate[]> {
  const subject = valueSubject(topic);
  const candidates: Candidate[] = [];
  for (const { id, text, references, metadata } of site.versions?.get(topic) ?? []) {
    const candidate = await report.collect(
      () => {
        const schema = parseAvroSchema(text, references, { subject });
        const tags = pathTags(schema, { site: site.siteTags, metadata, subject });
        return { schemaId: id, schema, tags, metadata, file: null };
      },
      () => ({ schemaId: id }),
    );
    if (candidate) candidates.push(candidate);
  }
  for (const file of files.filter((each) => each.topic === topic)) {
    const tags = pathTags(file.schema, { site: file.siteTags, subject });
    candidates.push({ schemaId: 0, schema: file.schema, tags, file });
  }
  return candidates;
}

function compile(
  { siteTags }: SiteToCheck,
  policy: Policy,
  topic: string,
  { schemaId, schema, metadata, file }: Candidate,
  tagsInForce: PathTags,
  report: CheckReport,
): CompiledPlan | null {
  const plan = compilePlan({
    policy,
    policyVersion: 1,
    asOfDay: Math.floor(nowMs() / MS_PER_DAY),
    topic,
    schemaId,
    schema,
    tagsInForce,
    siteTags: file?.siteTags ?? siteTags,
    ...(metadata ? { metadata } : {}),
  });
  if (!Array.isArray(plan)) return plan;
  report.add(...plan.map((problem) => (file ? atField(problem, file) : problem)));
  return null;
}

/** What is mended in the schema is told by the line of the schema; everything else by that of the policy. */
function atField(problem: GauzeError, { file, lines }: SchemaFile): GauzeError {
  const { code, context } = problem;
  if (code !== 'ERR_POLICY_LEAF_UNCOVERED' && code !== 'ERR_POLICY_LOOKS_LIKE_PHI') return problem;
  return new GauzeError(code, { ...context, file, line: lines.line(context.path ?? '') });
}

function checkExamples(
  { policies, keys }: SiteToCheck,
  plans: ReadonlyMap<string, CompiledPlan>,
  report: CheckReport,
): void {
  const before = report.problems.length;
  const total = policies.reduce((sum, { examples }) => sum + examples.length, 0);
  let ran = 0;
  for (const policy of policies) {
    for (const topic of new Set(policy.examples.map((example) => example.topic))) {
      const plan = plans.get(`${policy.audience} ${topic}`);
      if (!plan) continue;
      report.add(...runExamples(policy, plan, keys.audience(policy.audience)));
      ran += policy.examples.filter((example) => example.topic === topic).length;
    }
  }
  if (total === 0) return;
  if (ran === 0) report.skip('examples', `none of ${total} run: their topics have no schema here`);
  else report.conclude('examples', before, `${ran} of ${total} run, and each comes out as its policy says`);
}
