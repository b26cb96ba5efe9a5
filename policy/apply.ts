/**
 * Compares what should be with what is, and makes it so: topics, rights, derived schemas, the policy log.
 * Creates only: it removes nothing that somebody may rely on. Running it twice changes nothing the second time.
 */
import { aclText } from '../kafka/acl.ts';
import type { Acl } from '../kafka/acl.ts';
import type { KafkaAdmin } from '../kafka/admin.ts';
import { GauzeError, GauzeErrors } from '../platform/errors.ts';
import type { Keyring } from '../keys/keyring.ts';
import { nowMs } from '../platform/clock.ts';
import {
  accessEntryCodec,
  grantProgressCodec,
  grantStateCodec,
  subjectIndexCodec,
} from '../schemas/access-codecs.ts';
import { auditEventCodec, policyLogCodec, withheldCodec } from '../schemas/control-codecs.ts';
import type { PolicyLogEntry } from '../schemas/control-codecs.ts';
import { parseAvroSchema } from '../schemas/parse-avro.ts';
import type { RegistryClient, SubjectVersion } from '../schemas/registry-client.ts';
import type { PathTags, SiteTags } from '../schemas/tags.ts';
import { sanitizedTopic, valueSubject } from '../schemas/topic-names.ts';
import type { TopicNames } from '../schemas/topic-names.ts';
import { compilePlan } from './compile-plan.ts';
import type { CompiledPlan } from './compile-plan.ts';
import { desiredAcls, desiredTopics } from './desired-state.ts';
import type { DesiredTopic, RawTopic, RolePrincipals } from './desired-state.ts';
import { runExamples } from './examples.ts';
import type { Policy } from './policy.ts';
import type { PolicyState } from './policy-log.ts';
import { readSubjectTags, tagsOfSubject, unseenTags } from './subject-tags.ts';
import type { SubjectTags } from './subject-tags.ts';

export interface ApplyInput {
  readonly policies: readonly Policy[];
  readonly names: TopicNames;
  readonly roles: RolePrincipals;
  readonly admin: KafkaAdmin;
  readonly registry: RegistryClient;
  readonly siteTags: SiteTags;
  /** The site's own keys, or keys made for the occasion: for the policies' examples. */
  readonly keys: Keyring;
  /** The policy log as it is; null where the topic does not exist yet. */
  readonly state: PolicyState | null;
  /** Principal in whose name policies are applied. */
  readonly by: string;
}

/** What `gauze apply` would do. */
export interface Changes {
  readonly topics: readonly DesiredTopic[];
  readonly acls: readonly Acl[];
  readonly schemas: readonly { readonly subject: string; readonly text: string }[];
  readonly entries: readonly PolicyLogEntry[];
  /** Audiences that are applied but have no file any more. */
  readonly withoutFile: readonly string[];
}

const MS_PER_DAY = 86_400_000;

/**
 * Finds the differences. Throws GauzeErrors with every problem of every policy and schema, and Kafka's and the
 * registry's errors.
 */
export async function findChanges(input: ApplyInput): Promise<Changes> {
  const { policies, names, roles, admin, state } = input;
  const raw = await rawTopics(input);
  const existing = new Set(await admin.listTopics());
  const desired = desiredTopics(policies, raw, names);
  await assertShapes(
    input,
    desired.filter(({ topic }) => existing.has(topic)),
  );
  const present = new Set((await admin.describeAcls()).map(aclText));
  const subjects = await readSubjects(input, [...raw.keys()]);
  const changed = policies.filter((policy) => state?.policies.get(policy.audience)?.sha256 !== policy.sha256);
  return {
    topics: desired.filter(({ topic }) => !existing.has(topic)),
    acls: desiredAcls(policies, names, roles).filter((acl) => !present.has(aclText(acl))),
    schemas: await missingSchemas(input, subjects),
    entries: [...tagEntries(input, subjects), ...changed.map((policy) => policyEntry(input, policy))],
    withoutFile: [...(state?.policies.keys() ?? [])].filter(
      (audience) => !policies.some((policy) => policy.audience === audience),
    ),
  };
}

/**
 * Makes the changes, in an order in which each step only needs those before it: policies come last.
 * `append` writes entries to the policy log.
 */
export async function applyChanges(
  changes: Changes,
  input: ApplyInput,
  append: (values: readonly Buffer[]) => Promise<void>,
  onStep: (step: string) => void,
): Promise<void> {
  const { admin, registry, names } = input;
  for (const { topic, partitions, config } of changes.topics) {
    onStep(`topic ${topic}`);
    await admin.createTopic({ topic, partitions, config });
  }
  if (changes.acls.length > 0) onStep(`${changes.acls.length} rights`);
  await admin.createAcls(changes.acls);
  for (const { subject, text } of changes.schemas) {
    onStep(`schema ${subject}`);
    await registry.register(subject, text);
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
async function assertShapes({ admin, policies }: ApplyInput, topics: readonly DesiredTopic[]): Promise<void> {
  const found = new Map(
    (await admin.describeTopics(topics.map(({ topic }) => topic))).map((t) => [t.topic, t]),
  );
  const problems: GauzeError[] = [];
  for (const { topic, partitions, config, isPartitionCountFixed } of topics) {
    const audience =
      policies.find((policy) => topic.endsWith(`.for-${policy.audience}`))?.audience ?? 'gauze';
    const wrong = (setting: string, expected: string): void => {
      problems.push(new GauzeError('ERR_POLICY_TARGET_SHAPE', { topic, audience, setting, expected }));
    };
    const actual = found.get(topic)?.partitions ?? 0;
    if (isPartitionCountFixed && actual !== partitions) wrong('number of partitions', String(partitions));
    else if (actual < partitions) wrong('number of partitions', `at least ${partitions}`);
    const settings = await admin.describeConfigs(topic);
    for (const name of ['message.timestamp.type', 'cleanup.policy']) {
      // Whether a sanitized topic is compacted is the site's to change, like its retention.
      if (name === 'cleanup.policy' && audience !== 'gauze') continue;
      const value = config[name];
      if (value && settings.get(name)?.value !== value) wrong(name, value);
    }
  }
  if (problems.length > 0) throw new GauzeErrors(problems);
}

async function rawTopics({ policies, admin }: ApplyInput): Promise<Map<string, RawTopic>> {
  const wanted = [...new Set(policies.flatMap((policy) => [...policy.topics.keys()]))].sort();
  const found = new Map((await admin.describeTopics(wanted)).map((topic) => [topic.topic, topic]));
  const missing = wanted.filter((topic) => !found.has(topic));
  if (missing.length > 0) {
    throw new GauzeErrors(missing.map((topic) => new GauzeError('ERR_POLICY_RAW_TOPIC_MISSING', { topic })));
  }
  const raw = new Map<string, RawTopic>();
  for (const topic of wanted) {
    const config = await admin.describeConfigs(topic);
    raw.set(topic, {
      topic,
      partitions: found.get(topic)!.partitions,
      retentionMs: config.get('retention.ms')?.value ?? '-1',
      messageBytesMax: config.get('max.message.bytes')?.value ?? '1048588',
    });
  }
  return raw;
}

async function readSubjects(
  { registry, siteTags }: ApplyInput,
  topics: readonly string[],
): Promise<ReadonlyMap<string, SubjectTags>> {
  const subjects = new Map<string, SubjectTags>();
  for (const topic of topics)
    subjects.set(topic, await readSubjectTags(registry, siteTags, valueSubject(topic)));
  return subjects;
}

/**
 * Every version of every schema must compile for every audience, and the examples come out by the newest; the derived
 * schemas are what comes of it.
 */
async function missingSchemas(
  input: ApplyInput,
  subjects: ReadonlyMap<string, SubjectTags>,
): Promise<Changes['schemas']> {
  const { names } = input;
  const problems: GauzeError[] = [];
  const wanted = [
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
      for (const version of subject.versions) {
        const plan = compileVersion(input, policy, topic, version, tags);
        if (Array.isArray(plan)) {
          problems.push(...plan);
          continue;
        }
        if (version === subject.versions.at(-1))
          problems.push(...runExamples(policy, plan, input.keys.audience(policy.audience)));
        const subjectOut = valueSubject(sanitizedTopic(topic, policy.audience));
        wanted.push({ subject: subjectOut, text: plan.derivedSchema });
      }
    }
  }
  if (problems.length > 0) throw new GauzeErrors(problems);
  return await notRegistered(input.registry, wanted);
}

function compileVersion(
  { state, siteTags }: ApplyInput,
  policy: Policy,
  topic: string,
  version: SubjectVersion,
  tags: PathTags,
): CompiledPlan | GauzeError[] {
  const applied = state?.policies.get(policy.audience);
  return compilePlan({
    policy,
    policyVersion: applied?.version ?? 1,
    asOfDay: applied?.asOfDay ?? today(),
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
  wanted: readonly { readonly subject: string; readonly text: string }[],
): Promise<Changes['schemas']> {
  const missing = new Map<string, { subject: string; text: string }>();
  for (const { subject, text } of wanted) {
    if (!(await registry.isRegistered(subject, text))) missing.set(`${subject} ${text}`, { subject, text });
  }
  return [...missing.values()];
}

function policyEntry({ state, by }: ApplyInput, policy: Policy): PolicyLogEntry {
  const version = (state?.policies.get(policy.audience)?.version ?? 0) + 1;
  return {
    ...emptyEntry('POLICY_APPLIED', by),
    policy: {
      audience: policy.audience,
      version,
      sha256: Buffer.from(policy.sha256, 'hex'),
      as_of: today(),
      text: policy.text,
    },
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
