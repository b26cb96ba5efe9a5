/**
 * What an audience finds: an ordinary Kafka consumer with the audience's own log-in, an ordinary Avro library, and
 * the derived schemas of the registry. It shares nothing with the code that masks, so its counts are a second opinion.
 */
import avsc from 'avsc';
import { CLINICAL_TOPICS } from '../examples/hospital/clinical-values.ts';
import type { ClinicalTopic } from '../examples/hospital/clinical-values.ts';
import { ordinaryConsumer } from '../kafka/kafkajs-client.ts';
import type { KafkaJsOptions } from '../kafka/kafkajs-client.ts';
import { monotonicMs, sleep } from '../platform/clock.ts';
import { REGISTRY_PREFIX_BYTES } from '../schemas/control-codec.ts';
import type { RegistryClient } from '../schemas/registry-client.ts';
import { sanitizedTopic } from '../schemas/topic-names.ts';

/** A decoded record, or any part of one. */
export type Decoded = Readonly<Record<string, unknown>>;

/** What one audience read. */
export interface Reading {
  readonly audience: string;
  /** Records by raw topic. */
  readonly counts: Readonly<Record<ClinicalTopic, number>>;
  /** Records whose `feedSequence` came before, or is none of the feed's; 0 where each came exactly once. */
  readonly repeated: number;
  /** Numbers of the feed that did not come although they were not withheld. */
  readonly missing: number;
  /** The records with the wanted `feedSequence`s. */
  readonly picked: ReadonlyMap<number, Decoded>;
}

export interface ReadingInput {
  readonly audience: string;
  readonly options: KafkaJsOptions;
  readonly registry: RegistryClient;
  /** Records that should be there. */
  readonly expected: number;
  /** Numbers of the feed that were withheld, and so do not come. */
  readonly withheldNumbers: number;
  readonly lastSequence: number;
  readonly wanted: ReadonlySet<number>;
}

/** With all records there, so long without another means that there is none. */
const QUIET_MS = 1_000;
/** With records missing, so long without another means that they do not come. */
const GIVE_UP_MS = 15_000;
const POLL_MS = 50;

/** Reads all topics of the audience from their beginning, until nothing comes any more. */
export async function readAsAudience(input: ReadingInput, signal: AbortSignal): Promise<Reading> {
  const { audience, options, expected } = input;
  const tally = new Tally(input);
  const consumer = ordinaryConsumer(options, `${audience}-demo`);
  let failure: unknown = null;
  try {
    await consumer.connect();
    const topics = CLINICAL_TOPICS.map((topic) => sanitizedTopic(topic, audience));
    await consumer.subscribe({ topics, fromBeginning: true });
    consumer.on(consumer.events.CRASH, ({ payload }) => {
      failure = payload.error;
    });
    await consumer.run({
      eachBatch: async ({ batch, ...control }) => {
        const topic = CLINICAL_TOPICS.find((raw) => sanitizedTopic(raw, audience) === batch.topic)!;
        for (const { value } of batch.messages) await tally.take(topic, value);
        control.resolveOffset(batch.lastOffset());
        await control.heartbeat();
      },
    });
    for (;;) {
      await sleep(POLL_MS, signal);
      if (failure !== null) throw failure;
      const quietMs = monotonicMs() - tally.lastMs;
      if (quietMs > (tally.total >= expected ? QUIET_MS : GIVE_UP_MS)) return tally.reading();
    }
  } finally {
    await consumer.disconnect();
  }
}

class Tally {
  lastMs = monotonicMs();
  total = 0;
  readonly #input: ReadingInput;
  readonly #counts: Record<ClinicalTopic, number>;
  readonly #seen: Uint8Array;
  readonly #picked = new Map<number, Decoded>();
  readonly #types = new Map<number, avsc.Type>();
  #repeated = 0;

  constructor(input: ReadingInput) {
    this.#input = input;
    this.#seen = new Uint8Array(input.lastSequence + 1);
    this.#counts = Object.fromEntries(CLINICAL_TOPICS.map((topic) => [topic, 0])) as Record<
      ClinicalTopic,
      number
    >;
  }

  async take(topic: ClinicalTopic, value: Buffer | null): Promise<void> {
    this.lastMs = monotonicMs();
    this.total += 1;
    this.#counts[topic] += 1;
    const bytes = value ?? Buffer.alloc(REGISTRY_PREFIX_BYTES);
    const id = bytes.readInt32BE(1);
    const type = this.#types.get(id) ?? (await this.#learn(id));
    const record = type.fromBuffer(bytes.subarray(REGISTRY_PREFIX_BYTES)) as Decoded;
    const sequence = Number(record['feedSequence']);
    if (this.#seen[sequence] !== 0) this.#repeated += 1;
    this.#seen[sequence] = 1;
    if (this.#input.wanted.has(sequence)) this.#picked.set(sequence, record);
  }

  reading(): Reading {
    const { audience, withheldNumbers } = this.#input;
    const unseen = this.#seen.reduce((count, seen, at) => (at > 0 && seen === 0 ? count + 1 : count), 0);
    const missing = Math.max(0, unseen - withheldNumbers);
    return { audience, counts: this.#counts, repeated: this.#repeated, missing, picked: this.#picked };
  }

  async #learn(id: number): Promise<avsc.Type> {
    const { text } = await this.#input.registry.schemaText(id);
    const type = avsc.Type.forSchema(JSON.parse(text) as avsc.Schema);
    this.#types.set(id, type);
    return type;
  }
}
