/**
 * Runs policies without a broker: pipe raw records in, read what each audience would get, what is withheld, and the audit
 * events, and move the clock. It is the plan compiler, the transcoder and the record batch plane of the real thing; only
 * Kafka, the registry and the chain of events are not there. For people who write policies and test them.
 */
import type { EventBody } from '../audit/audit-chain.ts';
import { AliasLists } from '../keys/alias-lists.ts';
import { temporaryKeyring } from '../keys/temporary-keyring.ts';
import { GauzeError, GauzeErrors } from '../platform/errors.ts';
import { compilePlan } from '../policy/compile-plan.ts';
import { parsePolicy } from '../policy/policy-file.ts';
import type { Policy } from '../policy/policy.ts';
import { compileTranscoder } from '../processors/transcoder.ts';
import { parseAvroSchema } from '../schemas/parse-avro.ts';
import { readableEncoder } from '../schemas/readable-values.ts';
import { pathTags, unionTags } from '../schemas/tags.ts';
import { mapSiteTags } from '../schemas/site-tags.ts';
import type { SiteTags } from '../schemas/tags.ts';
import { valueSubject } from '../schemas/topic-names.ts';
import { MaskingKeys } from './masking-keys.ts';
import { prefixOf } from './plan-store.ts';
import type { CompiledPlan } from './plan-store.ts';
import { spanOf } from './raw-record.ts';
import { DriverLane } from './test-driver-lane.ts';
import type { ReadRecord, WithheldRecord } from './test-driver-lane.ts';

const MS_PER_DAY = 86_400_000;

export interface PolicyTestDriverOptions {
  /** Texts of policy files. */
  readonly policies: readonly string[];
  /** Schema texts by raw topic, oldest first: each is a version of the topic's subject. */
  readonly schemas: Readonly<Record<string, readonly string[]>>;
  /** The config's own words for tags. */
  readonly tags?: Readonly<Record<string, string>>;
  /** Milliseconds since the epoch at which the clock stands; default 2026-01-01. */
  readonly nowMs?: number;
}

/** A record as a feed would write it. */
export interface PipedRecord {
  readonly key?: string | null;
  /** As JSON: dates and times in ISO 8601, bytes in base64. A Buffer goes as it is, prefix and all. Null: a tombstone. */
  readonly value: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** Default: the driver's clock. */
  readonly timestampMs?: number;
}

export class PolicyTestDriver {
  readonly #options: PolicyTestDriverOptions;
  readonly #keys: MaskingKeys;
  readonly #siteTags: SiteTags;
  readonly #lanes = new Map<string, DriverLane>();
  readonly #offsets = new Map<string, number>();
  #nowMs: number;
  #piped = 0;

  private constructor(options: PolicyTestDriverOptions, keys: MaskingKeys) {
    this.#options = options;
    this.#keys = keys;
    this.#siteTags = mapSiteTags({ ...options.tags });
    this.#nowMs = options.nowMs ?? Date.UTC(2026, 0, 1);
  }

  /** Compiles every policy for every version of its topics. Throws GauzeErrors with all problems of all of them. */
  static async make(options: PolicyTestDriverOptions): Promise<PolicyTestDriver> {
    const policies = options.policies.map((text, at) => parsePolicy(text, `policy ${at + 1}`));
    const keyring = await temporaryKeyring(policies.map(({ audience }) => audience));
    const driver = new PolicyTestDriver(options, new MaskingKeys(keyring, new AliasLists(null)));
    const problems: GauzeError[] = [];
    for (const policy of policies) {
      for (const topic of policy.topics.keys()) problems.push(...driver.#open(policy, topic));
    }
    if (problems.length > 0) throw new GauzeErrors(problems);
    return driver;
  }

  /** Writes a record to a raw topic, as the newest version of its schema. Throws ERR_SCHEMA_VALUE, ERR_POLICY_ABSENT. */
  pipe(topic: string, { key = null, value, headers = {}, timestampMs = this.#nowMs }: PipedRecord): void {
    const lanes = [...this.#lanes.values()].filter((lane) => lane.topic === topic);
    if (lanes.length === 0) throw new GauzeError('ERR_POLICY_ABSENT', { topic, audience: 'any' });
    const offset = this.#offsets.get(topic) ?? 0;
    this.#offsets.set(topic, offset + 1);
    this.#piped += lanes.length;
    const record = {
      key: key === null ? null : Buffer.from(key),
      value: this.#encoded(topic, value),
      headers,
      timestampMs,
    };
    for (const lane of lanes) lane.take(offset, spanOf(topic, offset, record));
  }

  /** What an audience has got of a topic since it was read last. Throws ERR_POLICY_ABSENT. */
  read(audience: string, topic: string): readonly ReadRecord[] {
    const lane = this.#lanes.get(laneName(audience, topic));
    if (!lane) throw new GauzeError('ERR_POLICY_ABSENT', { audience, topic });
    return lane.output.splice(0);
  }

  /** Everything that was withheld, in order. */
  withheld(): readonly WithheldRecord[] {
    return [...this.#lanes.values()].flatMap((lane) => lane.withheld);
  }

  /** What would stand in the audit topic about the reads, before the chain gives it its place. */
  audit(): readonly EventBody[] {
    return [...this.#lanes.values()].flatMap((lane) => lane.events);
  }

  /** Text of the derived schema that an audience finds in the registry, of the newest version. Throws ERR_POLICY_ABSENT. */
  derivedSchema(audience: string, topic: string): string {
    const lane = this.#lanes.get(laneName(audience, topic));
    if (!lane) throw new GauzeError('ERR_POLICY_ABSENT', { audience, topic });
    return lane.newestSchema;
  }

  /** The records piped from now on are written this much later, unless they say when. */
  advanceTime(ms: number): void {
    this.#nowMs += ms;
  }

  /** Ends. Throws ERR_INTERNAL where a record has not come to exactly one outcome for each audience, on record. */
  close(): void {
    const lanes = [...this.#lanes.values()];
    const outcomes = lanes.reduce((sum, lane) => sum + lane.outcomes, 0);
    const recorded = lanes
      .flatMap((lane) => lane.events)
      .reduce((sum, { range }) => sum + (range?.record_count ?? 0), 0);
    if (outcomes !== this.#piped || recorded !== this.#piped)
      throw new GauzeError('ERR_INTERNAL', { causeName: 'OutcomeMissing' });
  }

  /** Opens the lane of an audience on a topic; gives what is wrong. */
  #open(policy: Policy, topic: string): readonly GauzeError[] {
    const texts = this.#options.schemas[topic] ?? [];
    const subject = valueSubject(topic);
    const schemas = texts.map((text) => parseAvroSchema(text, [], { subject }));
    const tagsInForce = unionTags(
      schemas.map((schema) => pathTags(schema, { site: this.#siteTags, subject })),
    );
    const keys = this.#keys.audience(policy);
    const plans = new Map<number, CompiledPlan>();
    for (const [at, schema] of schemas.entries()) {
      const schemaId = at + 1;
      const plan = compilePlan({
        policy,
        policyVersion: 1,
        asOfDay: Math.floor(this.#nowMs / MS_PER_DAY),
        topic,
        schemaId,
        schema,
        tagsInForce,
        siteTags: this.#siteTags,
      });
      if (Array.isArray(plan)) return plan;
      const clear = plan.leaves.filter(({ instruction }) => instruction.method === 'keep');
      plans.set(schemaId, {
        plan,
        transcoder: compileTranscoder(plan, keys),
        prefix: prefixOf(schemaId),
        fieldsClear: clear.map(({ path }) => path),
        dataClasses: [...new Set(clear.flatMap(({ tags }) => [...tags]))].sort(),
      });
    }
    this.#lanes.set(laneName(policy.audience, topic), new DriverLane(policy, topic, plans, keys));
    return [];
  }

  #encoded(topic: string, value: unknown): Buffer | null {
    if (value === null || Buffer.isBuffer(value)) return value;
    const texts = this.#options.schemas[topic] ?? [];
    return Buffer.concat([prefixOf(texts.length), readableEncoder(texts.at(-1) ?? '"null"')(value)]);
  }
}

function laneName(audience: string, topic: string): string {
  return `${audience} ${topic}`;
}
