/**
 * What an audience sees of a raw topic, leaf by leaf, over all versions of its schema: what a request is checked
 * against and what a preview says. Made of schemas and policies; no record is looked at.
 */
import { createHash } from 'node:crypto';
import { GauzeError } from '../platform/errors.ts';
import { compilePlan } from '../policy/compile-plan.ts';
import type { PlanLeaf } from '../policy/plan-leaf.ts';
import { parsePolicy } from '../policy/policy-file.ts';
import type { Policy } from '../policy/policy.ts';
import type { AppliedPolicy } from '../policy/policies-in-force.ts';
import type { PolicyState } from '../policy/policy-log.ts';
import { readSubjectTags, tagsOfSubject } from '../policy/subject-tags.ts';
import { parseAvroSchema } from '../schemas/parse-avro.ts';
import type { RegistryClient, SubjectVersion } from '../schemas/registry-client.ts';
import { tagsInForce } from '../schemas/tags.ts';
import type { PathTags, SiteTags } from '../schemas/tags.ts';
import { valueSubject } from '../schemas/topic-names.ts';

export interface TopicViewSources {
  readonly registry: RegistryClient;
  readonly siteTags: SiteTags;
  /** The policy log as folded now. */
  readonly policies: PolicyState;
}

/** One leaf of the raw schema, in whichever versions have it. */
export interface ViewLeaf {
  readonly path: string;
  /** In force, sorted. */
  readonly tags: readonly string[];
  /** The audience sees it in clear, in every version. */
  readonly isClear: boolean;
  /** What the newest version's plan does to it; null where there is no plan. */
  readonly instruction: PlanLeaf['instruction'] | null;
}

export interface TopicView {
  readonly topic: string;
  readonly policy: Policy;
  readonly policyVersion: number;
  readonly policySha256: Buffer;
  readonly schemas: readonly { readonly schemaId: number; readonly fingerprint: Buffer }[];
  readonly leaves: ReadonlyMap<string, ViewLeaf>;
}

/**
 * The view of `audience` on `topic` now.
 * @throws GauzeError ERR_ACCESS_TOPIC_UNKNOWN where no applied policy covers it; those of the registry and of schemas
 */
export async function topicView(
  { registry, siteTags, policies }: TopicViewSources,
  topic: string,
  audience: string,
): Promise<TopicView> {
  const applied = policies.policies.get(audience);
  const policy = applied && parsePolicy(applied.text, `${audience}.yaml`);
  if (!applied || !policy?.topics.has(topic)) throw new GauzeError('ERR_ACCESS_TOPIC_UNKNOWN', {});
  const tags = await readSubjectTags(registry, siteTags, valueSubject(topic));
  const inForce = tagsOfSubject(tags, policies);
  const leaves = new Map<string, ViewLeaf>();
  for (const version of tags.versions.toSorted((a, b) => a.version - b.version)) {
    for (const leaf of leavesOfVersion({ policy, applied, topic, version, inForce, siteTags })) {
      const before = leaves.get(leaf.path);
      leaves.set(leaf.path, before ? joined(before, leaf) : leaf);
    }
  }
  return {
    topic,
    policy,
    policyVersion: applied.version,
    policySha256: Buffer.from(applied.sha256, 'hex'),
    schemas: schemasOf(tags.versions),
    leaves,
  };
}

interface VersionInput {
  readonly policy: Policy;
  readonly applied: AppliedPolicy;
  readonly topic: string;
  readonly version: SubjectVersion;
  readonly inForce: PathTags;
  readonly siteTags: SiteTags;
}

/** Where the policy has no plan for a version, nothing of it counts as clear. */
function leavesOfVersion(input: VersionInput): readonly ViewLeaf[] {
  const { policy, applied, topic, version, inForce, siteTags } = input;
  const subject = valueSubject(topic);
  const schema = parseAvroSchema(version.text, version.references, { subject });
  const { metadata } = version;
  const plan = compilePlan({
    policy,
    policyVersion: applied.version,
    asOfDay: applied.asOfDay,
    topic,
    schemaId: version.id,
    schema,
    tagsInForce: inForce,
    siteTags,
    metadata,
  });
  const leaves = tagsInForce(schema, inForce, { site: siteTags, metadata, subject });
  const planned = new Map(Array.isArray(plan) ? [] : plan.leaves.map((leaf) => [leaf.path, leaf]));
  return leaves.map(({ path, tags }) => {
    const instruction = planned.get(path)?.instruction ?? null;
    return { path, tags: [...tags].sort(), isClear: instruction?.method === 'keep', instruction };
  });
}

function joined(before: ViewLeaf, leaf: ViewLeaf): ViewLeaf {
  return {
    path: leaf.path,
    tags: [...new Set([...before.tags, ...leaf.tags])].sort(),
    isClear: before.isClear && leaf.isClear,
    instruction: leaf.instruction,
  };
}

/** Each schema once: two versions may share an id. The fingerprint is SHA-256 over its text and all it refers to. */
function schemasOf(versions: readonly SubjectVersion[]): TopicView['schemas'] {
  const byId = new Map(versions.map((version) => [version.id, version]));
  return [...byId.values()].map(({ id, text, references }) => {
    const hash = createHash('sha256');
    for (const each of [...references, text]) hash.update(`${each.length}:`).update(each);
    return { schemaId: id, fingerprint: hash.digest() };
  });
}
