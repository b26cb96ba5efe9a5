/**
 * Compares what should be with what is, and makes it so: topics, rights, derived schemas, the policy log.
 * Creates only: it removes nothing that somebody may rely on. Running it twice changes nothing the second time.
 */
import { aclText } from '../kafka/acl.ts';
import type { Acl } from '../kafka/acl.ts';
import type { KafkaAdmin } from '../kafka/admin.ts';
import { GauzeError, GauzeErrors } from '../platform/errors.ts';
import { nowMs } from '../platform/clock.ts';
import { policyLogCodec } from '../schemas/control-codecs.ts';
import type { PolicyLogEntry } from '../schemas/control-codecs.ts';
import type { PathTags } from '../schemas/tags.ts';
import { audienceOfTopic, valueSubject } from '../schemas/topic-names.ts';
import { registerDerived } from './derived-contract.ts';
import { isToApply } from './as-of.ts';
import { missingSchemas } from './derived-schemas.ts';
import type { SchemaInput, SchemaText } from './derived-schemas.ts';
import { desiredAcls, desiredTopics } from './desired-state.ts';
import type { DesiredTopic, RolePrincipals } from './desired-state.ts';
import { PoliciesInForce } from './policies-in-force.ts';
import type { Policy } from './policy.ts';
import { judgeChanges } from './policy-changes.ts';
import type { PolicyChange } from './policy-changes.ts';
import { placesInForce, readSubjectTags, tagsOfSubject, unseenTags } from './subject-tags.ts';
import type { SubjectTags } from './subject-tags.ts';
import { isCompacted, rawTopics } from './raw-topics.ts';
import type { Progress } from './raw-topics.ts';
import { raisedVersions, versionsTakenBack } from './topic-versions.ts';

export interface ApplyInput extends Omit<SchemaInput, 'today'> {
  readonly roles: RolePrincipals;
  readonly admin: KafkaAdmin;
  /** Principal in whose name policies are applied. */
  readonly by: string;
  /** Are there people to decide about policies? From then on, what opens anything needs their decision, for ever. */
  readonly hasAccessRules: boolean;
}

/** What `gauze apply` would do. */
export interface Changes {
  readonly topics: readonly DesiredTopic[];
  readonly acls: readonly Acl[];
  readonly schemas: readonly SchemaText[];
  readonly entries: readonly PolicyLogEntry[];
  /** Policies that are not as in force, each with what it opens; those with a question are not among the entries. */
  readonly policies: readonly PolicyChange[];
  /** Audiences that are applied but have no file any more. */
  readonly withoutFile: readonly string[];
}

/** What applying needs beside what it changes. */
export interface ApplySteps {
  /** Writes entries to the policy log. */
  readonly append: (values: readonly Buffer[]) => Promise<void>;
  readonly onStep: (step: string) => void;
  readonly progress: Progress;
}

const MS_PER_DAY = 86_400_000;
/** Rights in one request to the brokers: so few that a person sees them grow. */
const RIGHTS_AT_ONCE = 50;

/**
 * Finds the differences. Throws GauzeErrors with every problem of every policy and schema, and Kafka's and the
 * registry's errors.
 */
export async function findChanges(input: ApplyInput, progress: Progress = () => undefined): Promise<Changes> {
  const { policies, names, roles, admin, state } = input;
  assertVersionsKept(policies, state?.versions ?? new PoliciesInForce());
  const raw = await rawTopics(input, progress);
  const existing = new Set(await admin.listTopics());
  const subjects = await readSubjects(input, [...raw.keys()], progress);
  const changes = policyChanges(input, subjects);
  const waiting = new Set(changes.flatMap(({ question, policy }) => (question ? [policy.audience] : [])));
  // What waits for people stays as it is in force, topics and rights too.
  const effective = policies.flatMap((policy) =>
    waiting.has(policy.audience) ? (state?.versions.base(policy.audience)?.policy ?? []) : policy,
  );
  const desired = desiredTopics(effective, raw, names);
  await assertShapes(
    input,
    desired.filter(({ topic }) => existing.has(topic)),
    progress,
  );
  const present = new Set((await admin.describeAcls()).map(aclText));
  return {
    topics: desired.filter(({ topic }) => !existing.has(topic)),
    acls: desiredAcls(effective, names, roles).filter((acl) => !present.has(aclText(acl))),
    schemas: await missingSchemas({ ...input, today: today() }, subjects, waiting),
    entries: entriesOf(input, subjects, changes),
    policies: changes,
    withoutFile: [...(state?.policies.keys() ?? [])].filter(
      (audience) => !policies.some((policy) => policy.audience === audience),
    ),
  };
}

/** Policies that differ from those in force, and what is to become of each. */
function policyChanges(
  { policies, state, siteTags, hasAccessRules }: ApplyInput,
  subjects: ReadonlyMap<string, SubjectTags>,
): readonly PolicyChange[] {
  const versions = state?.versions ?? new PoliciesInForce();
  const places = [...subjects].map(([topic, subject]) => {
    const tags = tagsOfSubject(subject, state);
    return { topic, tags, all: placesInForce(subject, tags, siteTags) };
  });
  return judgeChanges({
    changed: policies.filter((policy) => isToApply(policy, state?.policies.get(policy.audience), today())),
    versions,
    asOfDay: today(),
    isRequired: versions.requiredFrom !== null || (hasAccessRules && versions.versions.size > 0),
    logged: new Map(places.map(({ topic, tags }) => [topic, withTags(tags)])),
    inSchemas: new Map(places.map(({ topic, all }) => [topic, all])),
    nowMs: nowMs(),
  });
}

/** The log keeps places with tags only. */
function withTags(tags: PathTags): PathTags {
  return new Map([...tags].filter(([, words]) => words.size > 0));
}

/**
 * Tags first, then what needs them. That approvals are required comes before the policies, so that it holds for them
 * too; the very first policies of a site are where it starts from, and nobody could have decided about them.
 */
function entriesOf(
  input: ApplyInput,
  subjects: ReadonlyMap<string, SubjectTags>,
  changes: readonly PolicyChange[],
): readonly PolicyLogEntry[] {
  const { state, by, hasAccessRules } = input;
  const versions = state?.versions;
  const isNew = hasAccessRules && (versions?.requiredFrom ?? null) === null;
  const required = isNew ? [emptyEntry('APPROVALS_REQUIRED', by)] : [];
  const isFirst = (versions?.versions.size ?? 0) === 0;
  return [
    ...tagEntries(input, subjects),
    ...(isFirst ? [] : required),
    ...changes.filter(({ question }) => !question).map((change) => policyEntry(input, change)),
    ...(isFirst ? required : []),
  ];
}

/**
 * Makes the changes, in an order in which each step only needs those before it: policies come last.
 */
export async function applyChanges(
  changes: Changes,
  input: ApplyInput,
  { append, onStep, progress }: ApplySteps,
): Promise<void> {
  const { admin, registry, names } = input;
  for (const { topic, partitions, config } of changes.topics) {
    onStep(`topic ${topic}`);
    await admin.createTopic({ topic, partitions, config });
  }
  if (changes.acls.length > 0) onStep(`${changes.acls.length} rights`);
  for (let done = 0; done < changes.acls.length; done += RIGHTS_AT_ONCE) {
    progress('making rights', done, changes.acls.length);
    await admin.createAcls(changes.acls.slice(done, done + RIGHTS_AT_ONCE));
  }
  for (const { subject, text, isDerived } of changes.schemas) {
    onStep(`schema ${subject}`);
    if (isDerived) await registerDerived(registry, subject, text);
    else await registry.register(subject, text);
  }
  if (changes.entries.length === 0) return;
  const id = await registry.register(valueSubject(names.policies), policyLogCodec.schemaText);
  for (const { policy } of changes.entries)
    if (policy) onStep(`policy ${policy.audience} version ${policy.version}`);
  await append(changes.entries.map((entry) => policyLogCodec.encode(entry, id)));
}

/**
 * Topics that exist already must be able to hold what they are for: enough partitions, the broker's times where no
 * other may be written, and compaction where it is needed and nowhere else. Sizes and retention are the site's to
 * change.
 */
async function assertShapes(
  { admin, policies }: ApplyInput,
  topics: readonly DesiredTopic[],
  progress: Progress,
): Promise<void> {
  const found = new Map(
    (await admin.describeTopics(topics.map(({ topic }) => topic))).map((t) => [t.topic, t]),
  );
  const problems: GauzeError[] = [];
  for (const [at, { topic, partitions, config, isPartitionCountFixed }] of topics.entries()) {
    progress('looking at the topics of gauze', at, topics.length);
    const audience =
      policies.find((policy) => audienceOfTopic(topic) === policy.audience)?.audience ?? 'gauze';
    const wrong = (setting: string, expected: string): void => {
      problems.push(new GauzeError('ERR_POLICY_TARGET_SHAPE', { topic, audience, setting, expected }));
    };
    const actual = found.get(topic)?.partitions ?? 0;
    if (isPartitionCountFixed && actual !== partitions) wrong('number of partitions', String(partitions));
    else if (actual < partitions) wrong('number of partitions', `at least ${partitions}`);
    const settings = await admin.describeConfigs(topic);
    for (const name of ['message.timestamp.type', 'message.timestamp.after.max.ms', 'cleanup.policy']) {
      const value = config[name];
      const actual = settings.get(name)?.value;
      // What else a sanitized topic's retention does is the site's to change; not whether it is compacted.
      const isFine =
        name === 'cleanup.policy' && audience !== 'gauze'
          ? isCompacted(actual) === isCompacted(value)
          : actual === value;
      if (value && !isFine) wrong(name, value);
    }
  }
  if (problems.length > 0) throw new GauzeErrors(problems);
}

/** Throws GauzeErrors where a policy takes back the version of a topic. */
function assertVersionsKept(policies: readonly Policy[], versions: PoliciesInForce): void {
  const problems = policies.flatMap((policy) =>
    versionsTakenBack(policy, versions.topicVersions(policy.audience)).map((topic) => {
      const { file, audience } = policy;
      const line = policy.lineOf('topics', topic, 'version');
      const actual = String(versions.topicVersion(audience, topic)?.version);
      return new GauzeError('ERR_POLICY_TOPIC_VERSION_BACK', { file, line, topic, audience, actual });
    }),
  );
  if (problems.length > 0) throw new GauzeErrors(problems);
}

async function readSubjects(
  { registry, siteTags }: ApplyInput,
  topics: readonly string[],
  progress: Progress,
): Promise<ReadonlyMap<string, SubjectTags>> {
  const subjects = new Map<string, SubjectTags>();
  for (const [at, topic] of topics.entries()) {
    progress('reading schemas', at, topics.length);
    subjects.set(topic, await readSubjectTags(registry, siteTags, valueSubject(topic)));
  }
  return subjects;
}

function policyEntry({ state, by }: ApplyInput, { policy, approval }: PolicyChange): PolicyLogEntry {
  const version = (state?.versions.versions.get(policy.audience) ?? 0) + 1;
  const raised = raisedVersions(policy, state?.versions.topicVersions(policy.audience) ?? new Map());
  return {
    ...emptyEntry('POLICY_APPLIED', by),
    policy: {
      audience: policy.audience,
      version,
      sha256: Buffer.from(policy.sha256, 'hex'),
      as_of: today(),
      text: policy.text,
    },
    approval,
    topic_versions:
      raised.size > 0
        ? [...raised].map(([topic, { version: number, from }]) => ({ topic, version: number, from }))
        : null,
  };
}

function tagEntries(
  { state, by }: ApplyInput,
  subjects: ReadonlyMap<string, SubjectTags>,
): readonly PolicyLogEntry[] {
  return [...subjects.values()].flatMap((subject) => {
    const paths = unseenTags(subject, state);
    return paths.length > 0
      ? [{ ...emptyEntry('TAGS_SEEN', by), tags: { subject: subject.subject, paths } }]
      : [];
  });
}

function emptyEntry(kind: PolicyLogEntry['kind'], by: string): PolicyLogEntry {
  return { kind, at: nowMs(), by, policy: null, tags: null, lane: null, resume: null };
}

function today(): number {
  return Math.floor(nowMs() / MS_PER_DAY);
}
