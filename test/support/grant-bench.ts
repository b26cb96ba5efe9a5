/**
 * Grants without people: states written straight to gauze.grants, grant topics made as the provisioner would, and a
 * grantee who reads everything that was ever appended, aborted transactions included.
 */
import { randomBytes } from 'node:crypto';
import { scopeHash } from '../../approvals/scope-hash.ts';
import { BrokerConnections } from '../../kafka/cluster.ts';
import { controlBatch } from '../../kafka/control-batch.ts';
import { fetchRecords } from '../../kafka/fetch.ts';
import { readRecordSet } from '../../kafka/record-set.ts';
import { spread } from '../../kafka/spread.ts';
import { TransactionalProducer } from '../../kafka/transactional-producer.ts';
import { loadKeyring } from '../../keys/keyring.ts';
import { grantProgressCodec, grantStateCodec } from '../../schemas/access-codecs.ts';
import type { GrantProgress, GrantState, Scope } from '../../schemas/access-codecs.ts';
import { auditEventCodec } from '../../schemas/control-codecs.ts';
import type { PhiAuditEvent } from '../../schemas/control-codecs.ts';
import { TestPlane, patience } from './kafka-plane.ts';
import type { RawTransaction, TestTopic } from './kafka-plane.ts';
import { recordsOf } from './read-records.ts';
import { eventually } from './stack.ts';
import type { TestSite } from './test-site.ts';
import type { ClinicalTopic } from '../../examples/hospital/clinical-values.ts';

const NEVER = new AbortController().signal;
/** Only the bytes behind the registry's prefix matter to those who read states. */
const ANY_SCHEMA = 1;
/** The end of a scope that goes on with whatever is fed. */
export const OPEN_END = 1_000_000_000;

/** One record as the grantee got it. */
export interface GrantedRecord {
  readonly partition: number;
  readonly offset: number;
  readonly appendMs: number;
  readonly key: string | null;
  readonly value: Buffer;
}

export interface GrantWish extends Partial<Omit<Scope, 'persons'>> {
  readonly persons?: readonly Buffer[] | null;
  /** Milliseconds from now on; default an hour. */
  readonly lastsMs?: number;
}

export class GrantBench {
  readonly site: TestSite;
  readonly plane = new TestPlane();
  private readonly writer: TransactionalProducer;
  private states: TestTopic = { name: '', id: '' };
  private accessOffset = 0;

  constructor(site: TestSite) {
    this.site = site;
    this.writer = new TransactionalProducer(this.plane.cluster, site.names.grantsTransactionalId);
  }

  async start(): Promise<void> {
    await this.plane.start();
    this.states = { name: this.site.names.grants, id: await this.topicId(this.site.names.grants) };
    await this.writer.initialize(NEVER);
  }

  async close(): Promise<void> {
    this.writer.close();
    await this.plane.close();
  }

  async topicId(name: string): Promise<string> {
    return (await this.plane.cluster.refresh([name])).get(name)!.id;
  }

  /** The token of a person, as the config's keyring has it. */
  async token(person: string): Promise<Buffer> {
    const tokens = (await loadKeyring(this.site.keyringFile)).subjectTokens();
    const token = Buffer.alloc(8);
    const text = Buffer.from(person);
    tokens.tokenInto('patient', text, 0, text.length, token, 0);
    return token;
  }

  /** Makes the topic of a grant and the state that says it is active; nothing is written to gauze.grants yet. */
  async active(topic: ClinicalTopic, wish: GrantWish): Promise<GrantState> {
    const { lastsMs = 3_600_000, ...given } = wish;
    const raw = this.site.raw(topic);
    const rawTopic = (await this.plane.cluster.refresh([raw])).get(raw)!;
    const id = randomBytes(8).toString('hex');
    const scope: Scope = {
      ...defaults(this.plane.cluster.clusterId, raw, rawTopic.id),
      partitions: rawTopic.leaders.map((_, partition) => ({
        partition,
        first_offset: 0,
        next_offset: OPEN_END,
      })),
      duration_ms: lastsMs,
      ...given,
      fields: (given.fields ?? []).toSorted((a, b) => (a.path < b.path ? -1 : 1)),
      persons: given.persons?.toSorted((a, b) => Buffer.compare(a, b)) ?? null,
    };
    const name = this.site.names.grantTopic(id);
    const config = { 'message.timestamp.type': 'LogAppendTime', 'retention.ms': '3600000' };
    const made = await this.plane.topic(config, rawTopic.leaders.length, name);
    return { ...this.stateOf(scope, made.id, lastsMs), grant_id: id, request_id: id };
  }

  private stateOf(scope: Scope, topicId: string | null, lastsMs = 3_600_000): GrantState {
    const id = randomBytes(8).toString('hex');
    const now = Date.now();
    return {
      grant_id: id,
      request_id: id,
      version: 3,
      access_offset: this.accessOffset++,
      state: 'ACTIVE',
      cause: null,
      exhausted: false,
      externally_modified: false,
      scope,
      scope_sha256: scopeHash(scope),
      requester: 'alice@example.org',
      approved_by: ['bob@example.org', 'carol@example.org'],
      emergency: false,
      activate_before: now + 3_600_000,
      not_before: now,
      not_after: now + lastsMs,
      grant_topic_id: topicId,
    };
  }

  /** The state of an active replay, without what is to be replayed; nothing is written yet, and no topic is made. */
  async replay(topic: ClinicalTopic): Promise<GrantState> {
    const raw = this.site.raw(topic);
    const { id: rawId } = (await this.plane.cluster.refresh([raw])).get(raw)!;
    const { clusterId } = this.plane.cluster;
    return this.stateOf({ ...defaults(clusterId, raw, rawId), beneficiary: '', purpose: 'HCOMPL' }, null);
  }

  /** Writes a state; gives the broker's time of append. */
  async write(state: GrantState): Promise<number> {
    const partition = this.partitionOf(state.grant_id);
    const value = grantStateCodec.encode(state, ANY_SCHEMA);
    const output = {
      topic: this.states.name,
      topicId: this.states.id,
      partition,
      writer: controlBatch([value], Buffer.from(state.grant_id)),
    };
    const [appended] = await this.writer.commit([output], null, NEVER);
    return appended!.appendTimeMs;
  }

  /** The same grant in another state, with a newer offset of gauze.access. */
  next(state: GrantState, change: Partial<GrantState>): GrantState {
    return { ...state, version: state.version + 1, access_offset: ++this.accessOffset, ...change };
  }

  /** Leaves a transaction open in the partition that a grant's state is in. */
  async hang(grantId: string): Promise<RawTransaction> {
    const hung = await this.plane.openTransaction(`${this.site.namespace}.hung`);
    await hung.write(this.states, [[Buffer.from('x'), 'x']], this.partitionOf(grantId));
    return hung;
  }

  private partitionOf(grantId: string): number {
    return spread(grantId, 4);
  }

  /** Every event about a grant, in the order of its chain. */
  async events(grantId: string): Promise<readonly PhiAuditEvent[]> {
    const name = this.site.names.auditEvents;
    const topic = { name, id: await this.topicId(name) };
    const partition = spread(this.site.names.grantGroup(grantId), 4);
    const { records } = await this.plane.readAll(topic, partition);
    return records
      .map(({ value }) => auditEventCodec.decode(Buffer.from(value ?? '', 'hex')))
      .filter(({ grant }) => grant?.id === grantId);
  }

  /** A fetch of one partition of the grant topic that the broker holds open until there is something, or `ms` are over. */
  async parkedFetch(state: GrantState, partition: number, offset: number, ms: number) {
    const connections = new BrokerConnections(this.plane.cluster);
    const topic = await this.plane.cluster.topic(this.site.names.grantTopic(state.grant_id));
    const connection = await connections.to(topic!.leaders[partition]!);
    const topicId = state.grant_topic_id!;
    const wanted = { topicId, partition, offset, maxBytes: 1_048_576, maxWaitMs: ms, readCommitted: false };
    const answer = fetchRecords(connection, wanted).finally(() => connections.close());
    return { answer };
  }

  /** What the grant has taken, as last committed; null where nothing is on record. */
  async progress(grantId: string): Promise<GrantProgress | null> {
    const name = this.site.names.grantProgress;
    const topic = { name, id: await this.topicId(name) };
    const { records } = await this.plane.readAll(topic, this.partitionOf(grantId));
    const key = Buffer.from(grantId).toString('hex');
    const last = records.filter((record) => record.key === key).at(-1);
    return last?.value ? grantProgressCodec.decode(Buffer.from(last.value, 'hex')) : null;
  }

  async untilProgress(
    grantId: string,
    wanted: (progress: GrantProgress) => boolean,
    ms = 30_000,
  ): Promise<GrantProgress> {
    let seen: GrantProgress | null = null;
    return await eventually(async () => {
      seen = await this.progress(grantId);
      if (!seen || !wanted(seen)) throw new Error(`progress did not get there: ${told(seen)}\n${this.log()}`);
      return seen;
    }, ms);
  }

  /** What a task would have left behind that died between a lease and its delivery. */
  async writeProgress(progress: GrantProgress): Promise<void> {
    const topic = this.site.names.grantProgress;
    const value = grantProgressCodec.encode(progress, ANY_SCHEMA);
    const partition = this.partitionOf(progress.grant_id);
    const writer = controlBatch([value], Buffer.from(progress.grant_id));
    await this.writer.commit([{ topic, topicId: await this.topicId(topic), partition, writer }], null, NEVER);
  }

  async untilStopped(grantId: string, ms?: number): Promise<GrantProgress> {
    return await this.untilProgress(grantId, ({ stopped }) => stopped !== null, ms);
  }

  async untilGone(grantId: string, ms = 20_000): Promise<number> {
    const name = this.site.names.grantTopic(grantId);
    await eventually(async () => {
      if ((await this.plane.cluster.refresh([name])).has(name))
        throw new Error(`${name} is still there\n${this.log()}`);
    }, ms);
    return Date.now();
  }

  /** Everything in the grant topic now, read uncommitted. */
  async read(state: GrantState): Promise<readonly GrantedRecord[]> {
    const grantee = this.grantee(state);
    await grantee.readToEnd();
    return grantee.records;
  }

  grantee(state: GrantState): Grantee {
    const name = this.site.names.grantTopic(state.grant_id);
    return new Grantee(this.plane, { name, id: state.grant_topic_id! }, state.scope.partitions.length);
  }

  private log(): string {
    return this.site.lastInstance().log.split('\n').slice(-12).join('\n');
  }
}

/** A consumer that reads uncommitted and keeps all it ever got. */
export class Grantee {
  readonly records: GrantedRecord[] = [];
  private readonly plane: TestPlane;
  private readonly topic: TestTopic;
  private readonly positions: number[];
  private running: Promise<void> | null = null;
  private isStopping = false;
  private round: Promise<unknown> = Promise.resolve();

  constructor(plane: TestPlane, topic: TestTopic, partitions: number) {
    this.plane = plane;
    this.topic = topic;
    this.positions = Array.from({ length: partitions }, () => 0);
  }

  /** Goes on reading until `stop`, or until the topic is gone. */
  follow(): this {
    this.running = (async () => {
      for (let outcome = ''; !this.isStopping && outcome !== 'gone';) {
        const round = this.readOnce();
        this.round = round;
        outcome = await round;
      }
    })();
    return this;
  }

  /** Waits while it reads on until `wanted` is true. */
  async until(wanted: () => boolean): Promise<void> {
    for (const wait = patience('records of a grant'); !wanted(); wait()) await this.round;
  }

  /** Broker's time of the last append seen. */
  get lastAppendMs(): number {
    return Math.max(...this.records.map(({ appendMs }) => appendMs));
  }

  async stop(): Promise<void> {
    this.isStopping = true;
    await this.running;
  }

  /** Waits until the topic is gone, which ends the reading. */
  async ended(): Promise<void> {
    await this.running;
  }

  async readToEnd(): Promise<void> {
    const wait = patience('the end of a grant topic');
    while ((await this.readOnce()) === 'more') wait();
  }

  private async readOnce(): Promise<'more' | 'end' | 'gone'> {
    let outcome: 'more' | 'end' = 'end';
    for (const partition of this.positions.keys()) {
      // Deleted meanwhile, as somebody else who shares the metadata has found out.
      const metadata = await this.plane.cluster.topic(this.topic.name);
      if (!metadata) return 'gone';
      const answer = await fetchRecords(await this.plane.connections.to(metadata.leaders[partition]!), {
        topicId: this.topic.id,
        partition,
        offset: this.positions[partition]!,
        maxBytes: 4 * 1_048_576,
        maxWaitMs: this.running ? 5 : 0,
        readCommitted: false,
      });
      if (answer.error === 3 || answer.error === 100) return 'gone';
      const source = {
        topic: this.topic.name,
        partition,
        fetchOffset: this.positions[partition]!,
        unpackedBytesMax: 100_000_000,
        aborted: [],
      };
      const { batches, nextOffset } = readRecordSet(answer.records, source);
      for (const record of recordsOf(batches)) {
        if (record.offset < this.positions[partition]!) continue;
        const { offset, timestampMs: appendMs, key, value } = record;
        this.records.push({
          partition,
          offset,
          appendMs,
          key: key === null ? null : Buffer.from(key, 'hex').toString(),
          value: Buffer.from(value ?? '', 'hex'),
        });
      }
      this.positions[partition] = nextOffset;
      if (nextOffset < answer.highWatermark) outcome = 'more';
    }
    return outcome;
  }
}

/** A scope about nothing yet, for User:alice. */
function defaults(clusterId: string, topic: string, topicId: string): Scope {
  return {
    cluster_id: clusterId,
    topic,
    topic_id: topicId,
    base_audience: 'research',
    policy_version: 1,
    policy_sha256: Buffer.alloc(32),
    schemas: [],
    fields: [],
    partitions: [],
    persons: null,
    token_epoch: 1,
    beneficiary: 'User:alice',
    purpose: 'TREAT',
    max_records: 100_000,
    max_persons: null,
    duration_ms: 3_600_000,
    window: null,
  };
}

function told(progress: GrantProgress | null): string {
  if (!progress) return 'none';
  const { records, persons, lease, delivered, stopped } = progress;
  return JSON.stringify({ records, persons: persons.length, lease, delivered, stopped });
}
