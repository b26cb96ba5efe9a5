/**
 * What a raw record must become, told by the slow way: avsc and the methods on values, under the policy, the tags and
 * the key epoch that the event about the record names. Shares with gauze what defines a plan, its compiler and the
 * methods, and nothing of lanes, record batches or transcoder.
 */
import { AliasLists } from '../../keys/alias-lists.ts';
import type { AudienceKeys } from '../../keys/audience-keys.ts';
import type { Keyring } from '../../keys/keyring.ts';
import { GauzeError } from '../../platform/errors.ts';
import { compilePlan } from '../../policy/compile-plan.ts';
import { keyInstruction } from '../../policy/key-instruction.ts';
import { parsePolicy } from '../../policy/policy-file.ts';
import { PolicyState } from '../../policy/policy-log.ts';
import type { Policy } from '../../policy/policy.ts';
import { tagsOfSubject, tagsOfVersions } from '../../policy/subject-tags.ts';
import { maskLeafValue } from '../../processors/method-table.ts';
import { PathCounts } from '../../processors/path-counts.ts';
import type { Plan } from '../../processors/plan.ts';
import { avscTypes, maskDecoded, personOf } from '../../processors/value-oracle.ts';
import type { AvscTypes } from '../../processors/value-oracle.ts';
import { policyLogCodec } from '../../schemas/control-codecs.ts';
import type { PolicyLogEntry } from '../../schemas/control-codecs.ts';
import { parseAvroSchema } from '../../schemas/parse-avro.ts';
import type { SubjectVersion } from '../../schemas/registry-client.ts';
import { mapSiteTags } from '../../schemas/site-tags.ts';
import { sanitizedTopic, valueSubject } from '../../schemas/topic-names.ts';
import { MaskingKeys } from '../../topology/masking-keys.ts';
import type { AuditedRange } from './lane-account.ts';
import type { LogRecord } from './log-source.ts';

/** The registry, as far as the oracle asks it. */
export interface SchemaSource {
  subjectVersions(subject: string): Promise<readonly SubjectVersion[]>;
  registeredId(subject: string, schemaText: string): Promise<number | null>;
}

/** A record as it must stand in the sanitized topic. */
export interface ExpectedRecord {
  readonly key: Buffer | null;
  /** `any`: the oracle cannot tell, and says so in its counts. */
  readonly value: Buffer | 'any' | null;
  readonly headers: LogRecord['headers'];
  /** Null: the broker stamps it. */
  readonly timestampMs: number | null;
}

/** What must become of a raw record: records to publish, or a reason to withhold (then tombstones, of some topics). */
export interface Expectation {
  readonly code: string | null;
  readonly records: readonly ExpectedRecord[];
}

/** Everything that masks records of one schema, as one event names it. */
export interface ReferencePlan {
  readonly plan: Plan;
  readonly policy: Policy;
  readonly keys: AudienceKeys;
  readonly older: readonly AudienceKeys[];
  /** Magic byte and id of the derived schema; null where the registry has no such schema for the topic. */
  readonly prefix: Buffer | null;
  readonly types: AvscTypes;
  /** Has it the hash that the event names? */
  readonly isNamed: boolean;
}

interface AppliedVersion {
  readonly policy: Policy;
  readonly asOfDay: number;
  readonly sha256: string;
}

export class Reference {
  /** Where lanes were declared to begin, in order: `audience/topic/partition` and start. */
  readonly starts = new Map<string, { readonly topicId: string; readonly offset: number }[]>();
  /** Offsets that people have ordered to withhold, by `audience/topic/partition`. */
  readonly ordered = new Map<string, Set<number>>();
  /** All audiences that ever had a policy. */
  readonly audiences = new Set<string>();
  /** All sanitized topics that policies have ever named. */
  readonly outputs = new Set<string>();
  /** The policies that the log ends with, by audience. */
  readonly policies = new Map<string, Policy>();
  private readonly registry: SchemaSource;
  private readonly maskingKeys: MaskingKeys;
  private readonly siteTags;
  private readonly entries: { readonly offset: number; readonly entry: PolicyLogEntry }[] = [];
  private readonly versions = new Map<string, AppliedVersion>();
  private readonly subjects = new Map<string, readonly SubjectVersion[]>();
  private readonly plans = new Map<string, ReferencePlan | null>();

  constructor(options: {
    readonly registry: SchemaSource;
    readonly keyring: Keyring;
    readonly aliasFile?: string | null;
    readonly tags?: Readonly<Record<string, string>>;
    readonly policyLog: Iterable<LogRecord>;
  }) {
    this.registry = options.registry;
    this.maskingKeys = new MaskingKeys(options.keyring, new AliasLists(options.aliasFile ?? null));
    this.siteTags = mapSiteTags({ ...options.tags });
    for (const { offset, value } of options.policyLog) this.fold(offset, policyLogCodec.decode(value!));
  }

  /** The version of an audience's policy; null where the log has none of that number. */
  version(audience: string, version: number): AppliedVersion | null {
    return this.versions.get(`${audience} ${version}`) ?? null;
  }

  /** The keys of an audience under an epoch that an event names. */
  keys(policy: Policy, epoch: number): AudienceKeys {
    return this.maskingKeys.audience(policy, epoch || undefined);
  }

  /** Of the epochs under which records may still stand in a compacted topic. */
  olderKeys(policy: Policy, topic: string): readonly AudienceKeys[] {
    if (!policy.topics.get(topic)?.compact) return [];
    return policy.keys.live.map((epoch) => this.maskingKeys.audience(policy, epoch));
  }

  /** The plan if it is at hand. `undefined`: it has to be made first. */
  planAtHand(
    audience: string,
    topic: string,
    range: AuditedRange,
    schemaId: number,
  ): ReferencePlan | null | undefined {
    return this.plans.get(planName(audience, topic, range, schemaId));
  }

  /** Makes a plan; null where none can be made: no such policy version, no such schema. */
  async makePlan(
    audience: string,
    topic: string,
    range: AuditedRange,
    schemaId: number,
  ): Promise<ReferencePlan | null> {
    const made = await this.compile(audience, topic, range, schemaId);
    this.plans.set(planName(audience, topic, range, schemaId), made);
    return made;
  }

  private fold(offset: number, entry: PolicyLogEntry): void {
    this.entries.push({ offset, entry });
    const { policy, lane, resume } = entry;
    if (entry.kind === 'POLICY_APPLIED' && policy) {
      const parsed = parsePolicy(policy.text, `${policy.audience}.yaml`);
      const sha256 = policy.sha256.toString('hex');
      this.versions.set(`${policy.audience} ${policy.version}`, {
        policy: parsed,
        asOfDay: policy.as_of,
        sha256,
      });
      this.policies.set(policy.audience, parsed);
      this.audiences.add(policy.audience);
      for (const [topic, { version }] of parsed.topics)
        this.outputs
          .add(sanitizedTopic(topic, policy.audience))
          .add(sanitizedTopic(topic, policy.audience, version));
    }
    if (entry.kind === 'POLICY_REMOVED' && policy) this.policies.delete(policy.audience);
    if (lane) {
      const starts = this.starts.get(placeName(lane)) ?? [];
      this.starts.set(placeName(lane), [...starts, { topicId: lane.topic_id, offset: lane.start_offset }]);
    }
    if (resume && resume.withhold_offset !== null) {
      const ordered = this.ordered.get(placeName(resume)) ?? new Set();
      this.ordered.set(placeName(resume), ordered.add(resume.withhold_offset));
    }
  }

  private async compile(
    audience: string,
    topic: string,
    range: AuditedRange,
    schemaId: number,
  ): Promise<ReferencePlan | null> {
    const applied = this.version(audience, range.policyVersion);
    const subject = valueSubject(topic);
    const versions = await this.subject(subject);
    const schema = versions.find(({ id }) => id === schemaId);
    if (!applied?.policy.topics.has(topic) || !schema) return null;
    const wanted = typeof range.plans === 'string' ? range.plans : (range.plans.get(schemaId) ?? '');
    const make = (count: number, until: number): Plan | null => {
      const tags = tagsOfVersions(subject, versions.slice(0, count), this.siteTags);
      const plan = compilePlan({
        policy: applied.policy,
        policyVersion: range.policyVersion,
        asOfDay: applied.asOfDay,
        topic,
        schemaId,
        schema: parseAvroSchema(schema.text, schema.references, { subject }),
        tagsInForce: tagsOfSubject(tags, this.stateUntil(until)),
        siteTags: this.siteTags,
        metadata: schema.metadata,
      });
      return Array.isArray(plan) ? null : plan;
    };
    // Tags that came with later versions, or later in the log, were not known yet.
    let plan: Plan | null = null;
    for (const until of [range.policyLogOffset, Number.POSITIVE_INFINITY])
      for (let count = versions.length; count > 0 && plan?.hash !== wanted; count -= 1)
        plan = make(count, until) ?? plan;
    if (plan?.hash !== wanted) plan = make(versions.length, Number.POSITIVE_INFINITY);
    if (!plan) return null;
    const { policy } = applied;
    const derivedId = await this.registry.registeredId(valueSubject(range.outputTopic), plan.derivedSchema);
    return {
      plan,
      policy,
      keys: this.keys(policy, range.keyEpoch),
      older: this.olderKeys(policy, topic),
      prefix: derivedId === null ? null : prefixOf(derivedId),
      types: avscTypes(plan),
      isNamed: plan.hash === wanted,
    };
  }

  private async subject(subject: string): Promise<readonly SubjectVersion[]> {
    const versions = this.subjects.get(subject) ?? (await this.registry.subjectVersions(subject));
    this.subjects.set(subject, versions);
    return versions;
  }

  private stateUntil(offset: number): PolicyState {
    const state = new PolicyState();
    for (const each of this.entries) if (each.offset < offset) state.fold(each.offset, each.entry);
    return state;
  }
}

/** The schema id of a raw value; null where it is not framed as the registry frames it. */
export function schemaIdOf({ value, headers }: LogRecord): number | null {
  if (!value || value.length < 5 || value[0] !== 0 || headers.some(([name]) => name === '__value_schema_id'))
    return null;
  const id = value.readInt32BE(1);
  return id < 0 ? null : id;
}

/** What must become of a raw record with a value that names the plan's schema. */
export function expectationOf(
  { plan, policy, keys, older, prefix, types }: ReferencePlan,
  raw: LogRecord,
  at: { readonly topic: string; readonly topicId: string; readonly partition: number },
): Expectation {
  const place = { topicId: at.topicId, partition: at.partition, offset: raw.offset };
  let decoded: unknown;
  try {
    decoded = types.writer.fromBuffer(raw.value!.subarray(5));
  } catch {
    return withheld('ERR_DECODE', raw, { policy, keys, older, topic: at.topic });
  }
  try {
    const masked = maskDecoded(plan, decoded, keys, raw.timestampMs, place);
    const person = plan.personPath === null ? null : personOf(plan.root.schema, decoded, plan.personPath);
    const record: ExpectedRecord = {
      key: keyOf(policy, at.topic, raw.key, keys),
      value: Buffer.concat([prefix ?? prefixOf(0), types.derived.toBuffer(masked)]),
      headers: headersOf(policy, at.topic, raw),
      timestampMs: timeOf(policy, plan, raw, { keys, person }),
    };
    return { code: null, records: [record] };
  } catch (error) {
    const code = error instanceof GauzeError ? error.code : 'ERR_DECODE';
    if (code !== 'ERR_MASK_DICTIONARY') return withheld(code, raw, { policy, keys, older, topic: at.topic });
    const headers = headersOf(policy, at.topic, raw);
    const record = {
      key: keyOf(policy, at.topic, raw.key, keys),
      value: 'any',
      headers,
      timestampMs: null,
    } as const;
    return { code: null, records: [record] };
  }
}

interface TopicView {
  readonly policy: Policy;
  readonly keys: AudienceKeys;
  readonly older: readonly AudienceKeys[];
  readonly topic: string;
}

/** Withheld for this reason; in a compacted topic what the key stood for goes away too. */
export function withheld(code: string, raw: LogRecord, view: TopicView): Expectation {
  const { policy, topic, keys } = view;
  const isCompacted = policy.topics.get(topic)?.compact ?? false;
  const isKeyed = keyInstruction(policy, topic).method !== 'drop' && raw.key !== null;
  return { code, records: isCompacted && isKeyed ? tombstones(raw, view, [keys], []) : [] };
}

/** What must become of a record without a value: it tells only its key. */
export function tombstoneExpectation(raw: LogRecord, view: TopicView): Expectation {
  const { policy, topic, keys } = view;
  if (keyInstruction(policy, topic).method === 'drop' || raw.key === null)
    return withheld('ERR_MASK_NULL_VALUE', raw, view);
  if (policy.timestamp === 'shift') return withheld('ERR_MASK_PERSON_MISSING', raw, view);
  return { code: null, records: tombstones(raw, view, [keys], headersOf(policy, topic, raw)) };
}

function tombstones(
  raw: LogRecord,
  { policy, topic, older }: TopicView,
  own: readonly AudienceKeys[],
  headers: LogRecord['headers'],
): readonly ExpectedRecord[] {
  const timestampMs = policy.timestamp === 'append' ? null : raw.timestampMs;
  const isSame = keyInstruction(policy, topic).method === 'keep';
  return [...own, ...(isSame ? [] : older)].map((keys, i) => ({
    key: keyOf(policy, topic, raw.key, keys),
    value: null,
    headers: i === 0 ? headers : [],
    timestampMs,
  }));
}

function keyOf(policy: Policy, topic: string, key: Buffer | null, keys: AudienceKeys): Buffer | null {
  const instruction = keyInstruction(policy, topic);
  if (key === null || instruction.method === 'drop') return null;
  if (instruction.method === 'keep') return key;
  const leaf = { kind: 'string', logical: null, tags: [] } as const;
  const place = { topicId: '0'.repeat(32), partition: 0, offset: 0 };
  const where = { path: 'key', audience: policy.audience, place, sealed: new PathCounts() };
  const context = { ...where, keys, person: null, asOfDay: 0 };
  return Buffer.from(maskLeafValue(key.toString(), leaf, instruction, context) as string);
}

function headersOf(policy: Policy, topic: string, { headers }: LogRecord): LogRecord['headers'] {
  const kept = policy.topics.get(topic)?.headers;
  return kept ? headers.filter(([name]) => kept.has(name)) : [];
}

/** Null: the broker's. */
function timeOf(
  policy: Policy,
  plan: Plan,
  raw: LogRecord,
  { keys, person }: { readonly keys: AudienceKeys; readonly person: string | null },
): number | null {
  if (policy.timestamp === 'append') return null;
  if (policy.timestamp === 'keep') return raw.timestampMs;
  const leaf = { kind: 'long', logical: { name: 'timestamp-millis' }, tags: [] } as const;
  const place = { topicId: '0'.repeat(32), partition: 0, offset: 0 };
  const where = { path: 'time', audience: policy.audience, place, sealed: new PathCounts() };
  const instruction = { method: 'date-shift', maxDays: plan.timestampMaxDays! } as const;
  return Number(
    maskLeafValue(BigInt(raw.timestampMs), leaf, instruction, { ...where, keys, person, asOfDay: 0 }),
  );
}

function prefixOf(schemaId: number): Buffer {
  const prefix = Buffer.alloc(5);
  prefix.writeInt32BE(schemaId, 1);
  return prefix;
}

/** `audience/topic/partition` */
export function placeName(at: {
  readonly audience: string;
  readonly topic: string;
  readonly partition: number;
}): string {
  return `${at.audience}/${at.topic}/${at.partition}`;
}

function planName(audience: string, topic: string, range: AuditedRange, schemaId: number): string {
  const { plans, policyVersion, keyEpoch, outputTopic } = range;
  const hash = typeof plans === 'string' ? plans : (plans.get(schemaId) ?? '');
  return [audience, topic, schemaId, hash, policyVersion, keyEpoch, outputTopic].join(' ');
}
