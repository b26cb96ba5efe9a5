/**
 * The hospital of `gauze demo` at work: sends records with the feed's own log-in, counts them, and remembers as
 * generated the few that are shown side by side later. Nothing is read back from a raw topic.
 */
import { CLINICAL_TOPICS, DAY_MS, ageInYears } from '../examples/hospital/clinical-values.ts';
import type {
  ClinicalRecord,
  ClinicalTopic,
  EncounterValue,
  PatientValue,
} from '../examples/hospital/clinical-values.ts';
import { encodeRecord } from '../examples/hospital/clinical-codecs.ts';
import { feedHospital, registerClinicalSchemas } from '../examples/hospital/feed.ts';
import { generateHospital } from '../examples/hospital/hospital.ts';
import { readSyntheaExport } from '../examples/hospital/synthea-export.ts';
import { ordinaryProducer } from '../kafka/kafkajs-client.ts';
import type { KafkaJsOptions, OrdinaryProducer } from '../kafka/kafkajs-client.ts';
import { sleep } from '../platform/clock.ts';
import { POPULOUS_ZIP3 } from '../processors/methods/zip3-table.ts';

export interface FeedSource {
  /** People to generate; or the folder of a Synthea export, which is read instead. */
  readonly patients: number;
  readonly from: string | null;
}

/** Same people at each run. */
const SEED = 20_260_105;
const OVER = 89;
/** People who may be shown side by side: enough to find one with a visit that left a note. */
const CANDIDATES = 50;
const RECORDS_PER_BREATH = 40;
const DAMAGED_TOPIC = 'clinical.encounters';

/** A person for the side-by-side view, as generated. */
export interface ShownPerson {
  readonly patient: PatientValue;
  readonly encounter: EncounterValue | null;
}

/** Who is shown: somebody over 89, and somebody of a thinly populated place (one and the same where there is one). */
export interface ShownPeople {
  readonly old: ShownPerson | null;
  readonly remote: ShownPerson | null;
}

export class DemoFeed {
  /** Records acknowledged by the brokers, by topic. */
  readonly sent: Record<ClinicalTopic, number> = zeros();
  /** Records that no audience can get, because their bytes are damaged. */
  readonly damaged: number;
  /** `feedSequence` of the last record. */
  lastSequence = 0;
  isDone = false;
  readonly #source: FeedSource;
  readonly #registryUrl: string;
  readonly #producer: OrdinaryProducer;
  readonly #people = new Map<string, { patient: PatientValue; encounter: EncounterValue | null }>();

  constructor(source: FeedSource, options: KafkaJsOptions, registryUrl: string) {
    this.#source = source;
    this.#registryUrl = registryUrl;
    this.#producer = ordinaryProducer(options);
    this.damaged = source.from === null ? 3 : 0;
  }

  get total(): number {
    return Object.values(this.sent).reduce((sum, count) => sum + count, 0);
  }

  /** Registers the schemas of the four topics: policies can only be applied to what they know. */
  async register(): Promise<void> {
    await registerClinicalSchemas(this.#registryUrl);
  }

  /** Sends everything; stops where `signal` says so. */
  async run(signal: AbortSignal): Promise<void> {
    await this.#producer.connect();
    if (this.damaged > 0) await this.#sendDamaged();
    const before = { ...this.sent };
    await feedHospital({
      producer: this.#producer,
      registryUrl: this.#registryUrl,
      records: this.#watched(signal),
      onProgress: (counts) => {
        for (const topic of CLINICAL_TOPICS) this.sent[topic] = before[topic] + counts[topic];
      },
    });
    this.isDone = true;
  }

  async close(): Promise<void> {
    await this.#producer.disconnect();
  }

  get shown(): ShownPeople {
    const people = [...this.#people.values()].toSorted((a, b) => Number(!a.encounter) - Number(!b.encounter));
    const old = people.filter(({ patient }) => isOver89(patient));
    const remote = people.filter(({ patient }) => isRemote(patient));
    const both = old.find((person) => remote.includes(person));
    return { old: both ?? old[0] ?? people[0] ?? null, remote: both ?? remote[0] ?? null };
  }

  /** The records as they are, each looked at on its way. */
  async *#watched(signal: AbortSignal): AsyncGenerator<ClinicalRecord> {
    const { from, patients } = this.#source;
    const records = from === null ? generateHospital({ patients, seed: SEED }) : readSyntheaExport(from);
    for await (const record of records) {
      // Making records takes the whole thread, which also draws the live view.
      if (record.value.feedSequence % RECORDS_PER_BREATH === 0) await sleep(0, signal);
      signal.throwIfAborted();
      this.lastSequence = record.value.feedSequence;
      this.#remember(record);
      yield record;
    }
  }

  #remember(record: ClinicalRecord): void {
    if (record.topic === 'clinical.patients' && !this.#people.has(record.key)) {
      const isSpecial = isOver89(record.value) || isRemote(record.value);
      const isFirst = this.#people.size === 0;
      if (isFirst || (isSpecial && this.#people.size < CANDIDATES))
        this.#people.set(record.key, { patient: record.value, encounter: null });
    }
    if (record.topic !== 'clinical.encounters') return;
    const person = this.#people.get(record.key);
    const isBetter =
      !person?.encounter || (person.encounter.notes.length === 0 && record.value.notes.length > 0);
    if (person && isBetter) person.encounter = record.value;
  }

  /** Values that no schema fits, as a broken producer would send them: gauze must publish none of them. */
  async #sendDamaged(): Promise<void> {
    const ids = await registerClinicalSchemas(this.#registryUrl);
    const id = ids.get(DAMAGED_TOPIC)!;
    const sample = [...generateHospital({ patients: 1, seed: SEED })].find(
      ({ topic }) => topic === DAMAGED_TOPIC,
    )!;
    const value = encodeRecord(DAMAGED_TOPIC, id, sample.value);
    const values = [
      value.subarray(0, value.length - 7),
      Buffer.concat([value, Buffer.from([0])]),
      Buffer.from('not Avro at all'),
    ];
    await this.#producer.send({
      topic: DAMAGED_TOPIC,
      acks: -1,
      messages: values.map((each) => ({ key: sample.key, value: each })),
    });
    this.sent[DAMAGED_TOPIC] += values.length;
  }
}

/** Over 89 when the record was made. */
export function isOver89({ birthDate, recordedAt, deathDate }: PatientValue): boolean {
  return ageInYears(birthDate, deathDate === null ? recordedAt : deathDate * DAY_MS) > OVER;
}

/** Living under a ZIP prefix that 45 CFR 164.514(b)(2)(i)(B) does not let pass. */
export function isRemote({ address: { zip } }: PatientValue): boolean {
  return zip !== null && /^\d{5}/.test(zip) && !POPULOUS_ZIP3.has(zip.slice(0, 3));
}

function zeros(): Record<ClinicalTopic, number> {
  return {
    'clinical.patients': 0,
    'clinical.encounters': 0,
    'clinical.observations': 0,
    'clinical.claims': 0,
  };
}
