/**
 * Fills raw topics: encounters of a set number of people, as fast as the broker takes them or at a set rate. Batches are
 * made once; before each send only encounter and person are written anew, so the feed takes little from what is measured.
 * It writes without transactions, as most producers do, and knows the append time of each batch from the broker.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import avsc from 'avsc';
import { request } from '../kafka/connection.ts';
import type { Connection } from '../kafka/connection.ts';
import { BrokerConnections } from '../kafka/cluster.ts';
import { ProtocolWriter } from '../kafka/protocol-writer.ts';
import { RecordBatchWriter } from '../kafka/record-batch-writer.ts';
import { BATCH_HEADER_BYTES } from '../kafka/record-set.ts';
import { encounters } from './encounters.ts';
import { taggedSchema } from './end-to-end-policies.ts';
import type { Plane } from './plane.ts';

const PRODUCE = { key: 0, version: 12, name: 'Produce', flexible: true } as const;
const TIMEOUT_MS = 120_000;
const ALL_REPLICAS = -1;
const ATTRIBUTES_AT = 21;
const PERSON = 'MRN-';
const ENCOUNTER = 'ENC-2025-';
const PERSON_DIGITS = 9;
const ENCOUNTER_DIGITS = 8;
/** Half of the records are about a tenth of the people. */
const HOT_SHARE = 10;
/** Requests under way for each partition while a topic is filled. */
const IN_FLIGHT = 2;
/** Likewise at a set rate: a broker that is so far behind is not asked for more, whatever the rate. */
const IN_FLIGHT_AT_RATE = 64;
/** A batch with more records would not fit. */
const BATCH_RECORDS_MAX = 2_000;
const TICK_MS = 2;

export interface FeedOptions {
  readonly topic: string;
  readonly partitions: number;
  readonly schemaId: number;
  /** How many people the records are about; each person's records are all in one partition. */
  readonly people: number;
}

/** What one batch became. */
export interface Fed {
  readonly partition: number;
  readonly records: number;
  readonly appendedMs: number;
}

export class RawFeed {
  /** Records sent and acknowledged. */
  sent = 0;
  private readonly options: FeedOptions;
  private readonly connections: BrokerConnections;
  private readonly plane: Plane;
  private encounter = 0;
  private seed = 1;

  constructor(plane: Plane, options: FeedOptions) {
    this.plane = plane;
    this.options = options;
    this.connections = new BrokerConnections(plane.cluster);
  }

  /** Makes the topic, which stamps its records, with its schema, and a feed to it. */
  static async make(plane: Plane, options: Omit<FeedOptions, 'schemaId'>): Promise<RawFeed> {
    const { topic, partitions } = options;
    await plane.createTopic(topic, partitions, { 'message.timestamp.type': 'LogAppendTime' });
    const schemaId = await plane.registry.register(`${topic}-value`, taggedSchema());
    return new RawFeed(plane, { ...options, schemaId });
  }

  /** Appends `records`, or a few more, spread evenly over the partitions, as fast as they are taken. */
  async fill(records: number, perBatch = 2_000): Promise<void> {
    const { partitions } = this.options;
    const batches = Math.ceil(records / partitions / perBatch);
    const senders = Array.from({ length: partitions * IN_FLIGHT }, async (_, i) => {
      const template = this.template(i % partitions, perBatch);
      const first = Math.floor(i / partitions);
      for (let batch = first; batch < batches; batch += IN_FLIGHT) await this.send(template);
    });
    await Promise.all(senders);
  }

  /**
   * Appends at a rate until `signal`, whether or not gauze keeps up; a batch goes to each partition at least every
   * 10 ms or so. Resolves to how far it was behind its own clock at most.
   */
  async atRate(recordsPerSecond: number, signal: AbortSignal, onFed: (fed: Fed) => void): Promise<number> {
    const { partitions } = this.options;
    const perBatch = Math.min(
      BATCH_RECORDS_MAX,
      Math.max(1, Math.round(recordsPerSecond / partitions / 100)),
    );
    const periodMs = (perBatch * 1000) / (recordsPerSecond / partitions);
    const spare: Template[][] = Array.from({ length: partitions }, () => []);
    const underWay = Array.from({ length: partitions }, () => new Set<Promise<void>>());
    const next = Array.from(
      { length: partitions },
      (_, i) => performance.now() + (i * periodMs) / partitions,
    );
    const failures: unknown[] = [];
    let behindMs = 0;
    while (!signal.aborted && failures.length === 0) {
      const now = performance.now();
      for (let partition = 0; partition < partitions; partition++) {
        behindMs = Math.max(behindMs, now - next[partition]!);
        const sendings = underWay[partition]!;
        for (; next[partition]! <= now && sendings.size < IN_FLIGHT_AT_RATE; next[partition]! += periodMs) {
          const template = spare[partition]!.pop() ?? this.template(partition, perBatch);
          const sending: Promise<void> = this.send(template).then(
            (fed) => {
              sendings.delete(sending);
              spare[partition]!.push(template);
              return onFed(fed);
            },
            (thrown: unknown) => {
              sendings.delete(sending);
              failures.push(thrown);
            },
          );
          sendings.add(sending);
        }
      }
      await sleep(TICK_MS);
    }
    await Promise.all(underWay.flatMap((sendings) => [...sendings]));
    if (failures.length > 0) throw failures[0];
    return behindMs;
  }

  close(): void {
    this.connections.close();
  }

  private template(partition: number, records: number): Template {
    const { schemaId } = this.options;
    const type = avsc.Type.forSchema(JSON.parse(taggedSchema()) as avsc.Schema);
    const prefix = Buffer.alloc(5);
    prefix.writeInt32BE(schemaId, 1);
    const writer = new RecordBatchWriter({ batchBytesMax: 1_000_000 });
    for (const encounter of encounters(partition * records, records)) {
      const value = Buffer.concat([prefix, type.toBuffer(encounter)]);
      writer.record(Buffer.from(String(encounter['mrn'])), value);
    }
    return new Template(partition, writer);
  }

  private async send(template: Template): Promise<Fed> {
    const { topic } = this.options;
    template.refresh(
      () => this.encounter++,
      () => this.person(template.partition),
    );
    const leader = (await this.plane.cluster.topic(topic))!.leaders[template.partition]!;
    const connection = await this.connections.to(leader);
    const appendedMs = await produceWithoutTransaction(connection, topic, template);
    this.sent += template.records;
    return { partition: template.partition, records: template.records, appendedMs };
  }

  /** A person of this partition. */
  private person(partition: number): number {
    const { people, partitions } = this.options;
    // Numerical Recipes' generator; its upper bits are good enough for a spread.
    const random = (): number => {
      this.seed = (Math.imul(this.seed, 1_664_525) + 1_013_904_223) >>> 0;
      return this.seed / 2 ** 32;
    };
    const among = Math.max(1, Math.floor((random() < 0.5 ? people / HOT_SHARE : people) / partitions));
    return Math.floor(random() * among) * partitions + partition;
  }
}

/** A batch whose records differ in encounter and person alone from one send to the next. */
class Template {
  readonly partition: number;
  readonly records: number;
  bytes: Buffer;
  private readonly writer: RecordBatchWriter;
  /** By record: where the digits of the person stand in its key and its value, and those of the encounter. */
  private readonly places: { key: number; encounter: number; value: number }[] = [];

  constructor(partition: number, writer: RecordBatchWriter) {
    this.partition = partition;
    this.writer = writer;
    const batch = writer.finish()[0]!;
    this.records = batch.count;
    this.bytes = writer.buffer.subarray(batch.start, batch.end);
    // Before the first record stands what the memory held before.
    for (let from = BATCH_HEADER_BYTES, i = 0; i < batch.count; i++) {
      const key = this.bytes.indexOf(PERSON, from) + PERSON.length;
      const encounter = this.bytes.indexOf(ENCOUNTER, key) + ENCOUNTER.length;
      const value = this.bytes.indexOf(PERSON, encounter) + PERSON.length;
      this.places.push({ key, encounter, value });
      from = value;
    }
  }

  refresh(encounter: () => number, person: () => number): void {
    const { bytes, writer } = this;
    for (const place of this.places) {
      const who = person();
      writeDigits(bytes, place.key, who, PERSON_DIGITS);
      writeDigits(bytes, place.value, who, PERSON_DIGITS);
      writeDigits(bytes, place.encounter, encounter(), ENCOUNTER_DIGITS);
    }
    const batch = writer.finish()[0]!;
    // Of no transaction, and of no producer that the broker would know again.
    writer.buffer.writeInt16BE(0, batch.start + ATTRIBUTES_AT);
    this.bytes = writer.stamp(batch, -1n, -1, -1);
  }
}

function writeDigits(bytes: Buffer, at: number, number: number, digits: number): void {
  let rest = number;
  for (let i = at + digits - 1; i >= at; i--) {
    bytes[i] = 48 + (rest % 10);
    rest = Math.floor(rest / 10);
  }
}

/** Appends one batch; resolves to the broker's time of append. */
async function produceWithoutTransaction(
  connection: Connection,
  topic: string,
  { partition, bytes }: Template,
): Promise<number> {
  const head = new ProtocolWriter().compactString(null).int16(ALL_REPLICAS).int32(TIMEOUT_MS);
  const body = head.unsignedVarint(2).compactString(topic).unsignedVarint(2).int32(partition);
  const parts = [body.unsignedVarint(bytes.length + 1).done(), bytes, Buffer.alloc(3)];
  return await request(connection, PRODUCE, parts, TIMEOUT_MS, (r) => {
    let appendedMs = -1;
    r.compactArray(() => {
      r.compactString();
      r.compactArray(() => {
        r.int32();
        const error = r.int16();
        r.offset();
        appendedMs = r.offset();
        r.offset();
        r.compactArray(() => {
          r.int32();
          r.compactNullableString();
          r.tags();
        });
        const message = r.compactNullableString();
        r.tags();
        if (error !== 0) throw new Error(`Produce: Kafka error ${error}: ${message}`);
      });
      r.tags();
    });
    return appendedMs;
  });
}
