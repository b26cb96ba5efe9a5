/**
 * Logs as a correct run leaves them, made in memory at test time by the real masker, event writer and chain, with a
 * synthetic hospital: partitions with holes where markers stand, an aborted raw record, records that cannot be decoded,
 * and lanes that were started twice. Tests break a copy.
 */
import { createHash } from 'node:crypto';
import { AuditChain } from '../../audit/audit-chain.ts';
import type { EventBody } from '../../audit/audit-chain.ts';
import { indexBatch, sessionClosed, sessionOpened } from '../../audit/lane-events.ts';
import type { LaneIdentity, PolicyInForce } from '../../audit/lane-events.ts';
import { clinicalSchema, encodeRecord } from '../../examples/hospital/clinical-codecs.ts';
import type { ClinicalTopic } from '../../examples/hospital/clinical-values.ts';
import { generateHospital } from '../../examples/hospital/hospital.ts';
import { RecordBatchWriter } from '../../kafka/record-batch-writer.ts';
import { RecordCursor } from '../../kafka/record-cursor.ts';
import { readRecordSet } from '../../kafka/record-set.ts';
import type { Keyring } from '../../keys/keyring.ts';
import { compilePlan } from '../../policy/compile-plan.ts';
import { parsePolicy } from '../../policy/policy-file.ts';
import type { Policy } from '../../policy/policy.ts';
import { REGIMES } from '../../policy/regimes.ts';
import { compileTranscoder } from '../../processors/transcoder.ts';
import { auditEventCodec, policyLogCodec, withheldCodec } from '../../schemas/control-codecs.ts';
import type { PhiAuditEvent, PolicyLogEntry } from '../../schemas/control-codecs.ts';
import { subjectIndexCodec } from '../../schemas/access-codecs.ts';
import { parseAvroSchema } from '../../schemas/parse-avro.ts';
import { pathTags } from '../../schemas/tags.ts';
import { sanitizedTopic, topicNames, valueSubject } from '../../schemas/topic-names.ts';
import { batchEvent } from '../../topology/batch-event.ts';
import { prefixOf } from '../../topology/plan-store.ts';
import type { CompiledPlan } from '../../topology/plan-store.ts';
import { spanOf } from '../../topology/raw-record.ts';
import { SubjectRange } from '../../topology/subject-range.ts';
import { compileSubjectTokenizer } from '../../topology/subject-tokenizer.ts';
import type { SubjectTokenizer } from '../../topology/subject-tokenizer.ts';
import { SpanMasker } from '../../topology/span-masker.ts';
import { TransactionWork } from '../../topology/transaction-work.ts';
import { topicRulesOf } from '../../topology/topic-rules.ts';
import type { LogPartition, LogRecord, LogSource } from './log-source.ts';
import type { SchemaSource } from './reference.ts';

export const PREFIX = 'gauze';
export const NAMES = topicNames(PREFIX);
const AS_OF_DAY = 20_000;
const NOW_MS = Date.UTC(2026, 0, 1);
const SCHEMA_ID = 9;
/** Records of one transaction. */
const PER_TRANSACTION = 7;
const BATCH_BYTES_MAX = 8 * 1024 * 1024;

export interface MadePartition extends LogPartition {
  committed: LogRecord[];
  others: LogRecord[];
}

/** Logs that a test may change. */
export class MadeLogs implements LogSource {
  readonly all: MadePartition[] = [];
  readonly offsets = new Map<string, number>();

  partitions(topic: string): readonly MadePartition[] {
    return this.all.filter((each) => each.topic === topic);
  }

  committed(at: LogPartition): readonly LogRecord[] {
    return this.at(at.topic, at.partition).committed;
  }

  others(at: LogPartition): readonly LogRecord[] {
    return this.at(at.topic, at.partition).others;
  }

  groupOffset(group: string, topic: string, partition: number): number | null {
    return this.offsets.get(`${group} ${topic} ${partition}`) ?? null;
  }

  at(topic: string, partition: number): MadePartition {
    return this.all.find((each) => each.topic === topic && each.partition === partition)!;
  }

  add(topic: string, partition: number): MadePartition {
    const topicId = Buffer.from(topic.padEnd(16, '.').slice(-16)).toString('hex');
    const made = { topic, topicId, partition, startOffset: 0, stableOffset: 0, endOffset: 0 };
    this.all.push({ ...made, committed: [], others: [] });
    return this.all.at(-1)!;
  }

  append(topic: string, partition: number, record: Partial<LogRecord>): number {
    const at = this.at(topic, partition);
    const offset = at.endOffset;
    at.committed.push({
      offset,
      timestampMs: NOW_MS,
      isAppendTime: true,
      key: null,
      value: null,
      headers: [],
      ...record,
    });
    this.leaveHole(at, 1);
    return offset;
  }

  /** As markers of transactions leave one. */
  leaveHole(at: MadePartition, size: number): void {
    const end = at.endOffset + size;
    Object.assign(at, { endOffset: end, stableOffset: end });
  }

  copy(): MadeLogs {
    const copy = new MadeLogs();
    for (const each of this.all)
      copy.all.push({ ...each, committed: [...each.committed], others: [...each.others] });
    for (const [name, offset] of this.offsets) copy.offsets.set(name, offset);
    return copy;
  }

  /** Changes events and links them anew, so that nothing but what they say is changed. */
  editEvents(edit: (events: PhiAuditEvent[]) => PhiAuditEvent[]): void {
    for (const at of this.partitions(NAMES.auditEvents)) {
      const events = edit(at.committed.map(({ value }) => auditEventCodec.decode(value!)));
      const heads = new Map<string, { seq: number; hash: Buffer }>();
      at.committed = events.map((event, i) => {
        const id = event.chain_id.toString('hex');
        const { seq, hash } = heads.get(id) ?? { seq: -1, hash: Buffer.alloc(32) };
        const before = heads.get(event.ext.find(({ k }) => k === 'prev_chain')?.v ?? '');
        const ext = event.ext.map(({ k, v }) => {
          if (before && k === 'prev_head') return { k, v: before.hash.toString('hex') };
          return before && k === 'prev_seq' ? { k, v: String(before.seq) } : { k, v };
        });
        const linked = { ...event, ext, seq: seq + 1, prev_hash: hash };
        const value = auditEventCodec.encode(linked, SCHEMA_ID);
        heads.set(id, { seq: seq + 1, hash: leafHash(value) });
        return { ...at.committed[0]!, offset: i, value };
      });
    }
  }
}

/** A registry with the schemas of the topics, and whatever is derived from them. */
export class MadeRegistry implements SchemaSource {
  private readonly schemas: { readonly subject: string; readonly text: string; readonly id: number }[] = [];

  register(subject: string, text: string): number {
    const known = this.schemas.find((each) => each.subject === subject && each.text === text);
    if (known) return known.id;
    const id = this.schemas.length + 1;
    this.schemas.push({ subject, text, id });
    return id;
  }

  subjectVersions(subject: string): ReturnType<SchemaSource['subjectVersions']> {
    const mine = this.schemas.filter((each) => each.subject === subject);
    return Promise.resolve(
      mine.map(({ id, text }, i) => ({ id, text, version: i + 1, references: [], metadata: new Map() })),
    );
  }

  registeredId(subject: string, text: string): Promise<number | null> {
    const found = this.schemas.find((each) => each.subject === subject && each.text === text);
    return Promise.resolve(found?.id ?? null);
  }
}

export interface MadeRun {
  readonly logs: MadeLogs;
  readonly registry: MadeRegistry;
}

export interface MadeRunOptions {
  readonly topics: readonly ClinicalTopic[];
  readonly partitions: number;
  readonly patients: number;
  /** Texts of policy files. */
  readonly policies: readonly string[];
  readonly keyring: Keyring;
}

/** Makes the logs of a whole run. */
export function makeRun(options: MadeRunOptions): MadeRun {
  const run = { logs: new MadeLogs(), registry: new MadeRegistry() };
  const policies = options.policies.map((text, i) => parsePolicy(text, `policy ${i + 1}`));
  const own = [NAMES.policies, NAMES.withheld, NAMES.auditEvents, NAMES.auditSubjects];
  for (const topic of own) run.logs.add(topic, 0);
  for (const policy of policies) appendEntry(run.logs, 'POLICY_APPLIED', { policy: appliedEntry(policy) });
  for (const topic of options.topics) {
    for (let partition = 0; partition < options.partitions; partition += 1) {
      run.logs.add(topic, partition);
      for (const { audience } of policies) run.logs.add(sanitizedTopic(topic, audience), partition);
    }
    run.registry.register(valueSubject(topic), clinicalSchema(topic));
  }
  feed(run, options);
  for (const topic of options.topics) {
    for (let partition = 0; partition < options.partitions; partition += 1) {
      for (const policy of policies) new MadeLane(run, options.keyring, policy, topic, partition).run();
      new MadeIndexLane(run, options.keyring, policies[0]!, topic, partition).run();
    }
  }
  return run;
}

/** Raw records, keyed by patient, with markers between, one aborted and two that nobody can decode. */
function feed({ logs, registry }: MadeRun, { topics, partitions, patients }: MadeRunOptions): void {
  let count = 0;
  for (const { topic, key, value } of generateHospital({ patients, seed: 3 })) {
    if (!topics.includes(topic)) continue;
    const partition = Buffer.from(key).reduce((sum, byte) => sum + byte, 0) % partitions;
    const id = registry.register(valueSubject(topic), clinicalSchema(topic));
    const headers = [
      ['source-system', Buffer.from('example-hospital')],
      ['trace-id', Buffer.from(`t-${count}`)],
    ] as const;
    const encoded = encodeRecord(topic, id, value);
    const record = { key: Buffer.from(key), value: encoded, headers, timestampMs: NOW_MS + count };
    const at = logs.at(topic, partition);
    if (count % 11 === 10) {
      at.others.push({ ...record, offset: at.endOffset, isAppendTime: false });
      logs.leaveHole(at, 2);
    } else logs.append(topic, partition, { ...record, isAppendTime: false });
    if (count % 17 === 16) logs.append(topic, partition, { ...record, value: encoded.subarray(0, 9) });
    count += 1;
  }
}

function appliedEntry(policy: Policy): PolicyLogEntry['policy'] {
  const { audience, text } = policy;
  return { audience, version: 1, sha256: Buffer.from(policy.sha256, 'hex'), as_of: AS_OF_DAY, text };
}

/** Appends to the policy log. */
export function appendEntry(
  logs: MadeLogs,
  kind: PolicyLogEntry['kind'],
  what: Partial<PolicyLogEntry>,
): void {
  const nothing = { policy: null, tags: null, lane: null, resume: null };
  const value = policyLogCodec.encode({ kind, at: NOW_MS, by: 'User:test', ...nothing, ...what }, SCHEMA_ID);
  logs.append(NAMES.policies, 0, { value });
}

/** What all lanes do: sessions, transactions, offsets. */
abstract class MadeSessions {
  protected readonly logs: MadeLogs;
  protected readonly raw: MadePartition;
  protected readonly identity: LaneIdentity;
  protected readonly inForce: PolicyInForce;
  private readonly keyring: Keyring;

  constructor(
    { logs }: MadeRun,
    keyring: Keyring,
    policy: Policy,
    at: {
      readonly topic: string;
      readonly partition: number;
      readonly audience: string;
      readonly output: string;
    },
  ) {
    const { topic, partition, audience } = at;
    this.logs = logs;
    this.keyring = keyring;
    this.raw = logs.at(topic, partition);
    this.identity = {
      clusterId: 'made',
      audience,
      group: NAMES.audienceGroup(audience),
      rawTopic: topic,
      rawTopicId: this.raw.topicId,
      partition,
      outputTopic: at.output,
      recipient: audience,
      principal: 'User:gauze-topology',
      ...REGIMES[policy.regime],
    };
    const { sha256, keys } = policy;
    this.inForce = { version: 1, sha256, policyLogOffset: 1_000, keyEpoch: keys.epoch };
  }

  run(): void {
    const { identity, raw } = this;
    const { audience, rawTopic: topic, rawTopicId, partition } = identity;
    const ids = { topic_id: rawTopicId, target_topic_id: rawTopicId };
    appendEntry(this.logs, 'LANE_STARTED', { lane: { audience, topic, partition, ...ids, start_offset: 0 } });
    const half = this.session(0, Math.floor(raw.committed.length / 2), null);
    this.session(half.position, raw.committed.length, half.chain);
    this.logs.offsets.set(`${identity.group} ${topic} ${partition}`, raw.stableOffset);
  }

  /** Masks the records of [from, to), by number, of which the last transaction reaches to the next one or the end. */
  protected abstract transaction(records: readonly LogRecord[], first: number, next: number): EventBody;

  private session(position: number, until: number, previous: AuditChain['head'] | null) {
    const { raw, identity, inForce, keyring } = this;
    const writerId = NAMES.laneTransactionalId(identity.audience, identity.rawTopic, identity.partition);
    const key = keyring.auditWriter('topology');
    const chain = new AuditChain({ writerId, schemaId: SCHEMA_ID, key, clockMs: () => 0 });
    this.write(chain, [sessionOpened(identity, inForce, { nowMs: NOW_MS, position, previous })]);
    let at = position;
    const isLast = until === raw.committed.length;
    const mine = raw.committed.slice(0, until).filter(({ offset }) => offset >= position);
    for (let i = 0; i < mine.length; i += PER_TRANSACTION) {
      const records = mine.slice(i, i + PER_TRANSACTION);
      const isEnd = i + PER_TRANSACTION >= mine.length;
      const next = isEnd && isLast ? raw.stableOffset : records.at(-1)!.offset + 1;
      this.write(chain, [this.transaction(records, at, next)]);
      at = next;
    }
    this.write(chain, [sessionClosed(identity, inForce, NOW_MS, at)]);
    return { position: at, chain: chain.head };
  }

  private write(chain: AuditChain, bodies: readonly EventBody[]): void {
    const linked = chain.link(bodies);
    for (const { value } of linked) this.logs.append(NAMES.auditEvents, 0, { value });
    chain.accept(linked);
  }
}

class MadeLane extends MadeSessions {
  private readonly writer: RecordBatchWriter;
  private readonly masker: SpanMasker;

  constructor(run: MadeRun, keyring: Keyring, policy: Policy, topic: ClinicalTopic, partition: number) {
    const { audience } = policy;
    const output = sanitizedTopic(topic, audience);
    super(run, keyring, policy, { topic, partition, audience, output });
    const keepTimestamps = policy.timestamp !== 'append';
    this.writer = new RecordBatchWriter({ batchBytesMax: BATCH_BYTES_MAX, keepTimestamps });
    const { registry } = run;
    const schemaId = registry.register(valueSubject(topic), clinicalSchema(topic));
    const keys = keyring.audience(audience);
    this.masker = new SpanMasker({
      writer: this.writer,
      rules: topicRulesOf(policy, topic, keys, []),
      source: { topicId: this.raw.topicId, partition },
      plans: new Map([[schemaId, compiled(registry, keyring, policy, topic, schemaId)]]),
      ordered: new Set(),
      outputBytesMax: Number.POSITIVE_INFINITY,
      recordsMax: Number.POSITIVE_INFINITY,
      recordBytesMax: BATCH_BYTES_MAX,
    });
  }

  protected transaction(records: readonly LogRecord[], first: number, next: number): EventBody {
    const { identity, logs } = this;
    const work = new TransactionWork();
    for (const { offset, headers, ...record } of records) {
      const named = Object.fromEntries(headers.map(([name, value]) => [name, String(value)]));
      this.masker.run(spanOf(identity.rawTopic, offset, { ...record, headers: named }), offset, work);
    }
    for (const published of this.published())
      logs.append(identity.outputTopic, identity.partition, published);
    logs.leaveHole(logs.at(identity.outputTopic, identity.partition), 1);
    for (const { offset, code } of work.withheld) {
      const { audience, rawTopic: topic, rawTopicId, partition } = identity;
      const entry = { audience, topic, topic_id: rawTopicId, partition, offset, code };
      logs.append(NAMES.withheld, 0, { value: withheldCodec.encode(entry, SCHEMA_ID) });
    }
    this.writer.reset();
    return batchEvent(identity, this.inForce, work, first, next);
  }

  private *published(): Generator<Partial<LogRecord>> {
    const cursor = new RecordCursor();
    const source = { topic: this.identity.outputTopic, partition: 0, fetchOffset: 0, aborted: [] };
    for (const written of this.writer.finish()) {
      const bytes = Buffer.from(this.writer.stamp(written, -1n, -1, -1));
      for (const batch of readRecordSet(bytes, { ...source, unpackedBytesMax: BATCH_BYTES_MAX }).batches) {
        cursor.open(batch);
        while (cursor.next()) yield recordUnder(cursor, this.writer.keepTimestamps);
      }
    }
  }
}

class MadeIndexLane extends MadeSessions {
  private readonly tokenizer: SubjectTokenizer;

  constructor(run: MadeRun, keyring: Keyring, policy: Policy, topic: ClinicalTopic, partition: number) {
    super(run, keyring, policy, { topic, partition, audience: 'index', output: NAMES.auditSubjects });
    const subject = valueSubject(topic);
    const schema = parseAvroSchema(clinicalSchema(topic), [], { subject });
    this.tokenizer = compileSubjectTokenizer(schema, keyring.subjectTokens(), subject);
  }

  protected transaction(records: readonly LogRecord[], first: number, next: number): EventBody {
    const { rawTopic: topic, rawTopicId, partition } = this.identity;
    const range = new SubjectRange();
    for (const { offset, timestampMs, value } of records) {
      const at = range.add(offset, timestampMs, value!.length);
      this.tokenizer.tokenInto(value!, 5, value!.length, range.room, at);
    }
    const { recordCount, bytes, tokens } = range;
    const where = { topic, topic_id: rawTopicId, partition, first_offset: first, next_offset: next };
    const what = { record_count: recordCount, key_epoch: 1, offsets: range.offsets(first), tokens };
    const value = subjectIndexCodec.encode({ ...where, ...what }, SCHEMA_ID);
    this.logs.append(NAMES.auditSubjects, 0, { value });
    const read = { firstOffset: first, nextOffset: next, recordCount, bytes, fromMs: NOW_MS, toMs: NOW_MS };
    const indexSha256 = createHash('sha256').update(value).digest();
    const subjects = { distinct: range.distinct(), tokenBytes: 8, indexSha256, subjectsRoot: null };
    return indexBatch(this.identity, this.inForce, NOW_MS, { ...read, ...subjects });
  }
}

function recordUnder(cursor: RecordCursor, keepsTimes: boolean): Partial<LogRecord> {
  const { bytes, keyStart, keyEnd, valueStart, valueEnd, timestampMs } = cursor;
  const headers: (readonly [string, Buffer | null])[] = [];
  cursor.headers((nameStart, nameEnd, start, end) => {
    const value = start < 0 ? null : bytes.subarray(start, end);
    headers.push([bytes.toString('utf8', nameStart, nameEnd), value]);
  });
  const key = keyStart < 0 ? null : bytes.subarray(keyStart, keyEnd);
  const value = valueStart < 0 ? null : bytes.subarray(valueStart, valueEnd);
  return { key, value, headers, ...(keepsTimes ? { timestampMs, isAppendTime: false } : {}) };
}

function compiled(
  registry: MadeRegistry,
  keyring: Keyring,
  policy: Policy,
  topic: ClinicalTopic,
  schemaId: number,
): CompiledPlan {
  const schema = parseAvroSchema(clinicalSchema(topic), [], { subject: valueSubject(topic) });
  const plan = compilePlan({
    policy,
    policyVersion: 1,
    asOfDay: AS_OF_DAY,
    topic,
    schemaId,
    schema,
    tagsInForce: pathTags(schema, { subject: valueSubject(topic) }),
  });
  if (Array.isArray(plan)) throw new Error(plan.map(({ message }) => message).join('\n'));
  const derived = registry.register(valueSubject(sanitizedTopic(topic, policy.audience)), plan.derivedSchema);
  const transcoder = compileTranscoder(plan, keyring.audience(policy.audience));
  return { plan, transcoder, prefix: prefixOf(derived), fieldsClear: [], dataClasses: [] };
}

function leafHash(value: Buffer): Buffer {
  return createHash('sha256').update('\0').update(value).digest();
}
