/**
 * A synthetic hospital as a stream of records in the order in which they would be written: people are
 * registered, come, are measured, are billed three days later, marry, move, die.
 * Same options, same records, byte for byte; no clock, no randomness but the seed.
 */
import type { Faker } from '@faker-js/faker';
import { DAY_MS } from './clinical-values.ts';
import type { ClaimValue, ClinicalRecord, PatientValue, Practitioner } from './clinical-values.ts';
import { PeopleSource, seededFaker, syntheticPractitioner } from './people.ts';
import { CLAIM_DELAY_MS, makeVisit } from './visits.ts';
import type { Hospital } from './visits.ts';

export interface HospitalOptions {
  /** How many people are registered. */
  readonly patients: number;
  readonly seed: number;
  /** Average per person; default 4. */
  readonly visitsPerPatient?: number;
}

/** When the hospital opens: 2026-01-05T06:00:00Z, in milliseconds. */
const OPENING_MS = Date.UTC(2026, 0, 5, 6);
const MINUTE_MS = 60_000;
/** Every so many visits, a person's registration changes. */
const VISITS_PER_CHANGE = 17;

interface PendingClaim {
  readonly dueMs: number;
  readonly claim: Omit<ClaimValue, 'feedSequence'>;
}

/** All records of the hospital, in time order; made one by one: only the last state of the living is kept. */
export function generateHospital(options: HospitalOptions): Generator<ClinicalRecord> {
  return new HospitalFeed(options).run();
}

class HospitalFeed {
  readonly #options: HospitalOptions;
  readonly #faker: Faker;
  readonly #people: PeopleSource;
  readonly #doctors: readonly Practitioner[];
  readonly #hospitals: readonly Hospital[];
  /** The last state of everybody alive. */
  readonly #living: PatientValue[] = [];
  /** Where a patient is in #living. */
  readonly #places = new Map<string, number>();
  /** In order of dueMs, because each claim follows its visit after the same time. */
  readonly #claims: PendingClaim[] = [];
  #registered = 0;
  #nowMs = OPENING_MS;
  #sequence = 0;

  constructor(options: HospitalOptions) {
    this.#options = options;
    this.#faker = seededFaker(options.seed);
    this.#doctors = Array.from({ length: 12 }, () => syntheticPractitioner(this.#faker));
    this.#hospitals = ['Lakeside General', 'North Ridge Clinic'].map((name) => ({
      organizationId: this.#faker.string.uuid(),
      name,
    }));
    this.#people = new PeopleSource(this.#faker, Math.floor(OPENING_MS / DAY_MS), this.#doctors);
  }

  *run(): Generator<ClinicalRecord> {
    const { patients, visitsPerPatient = 4 } = this.#options;
    let visitsLeft = patients > 0 ? Math.round(patients * visitsPerPatient) : 0;
    while (visitsLeft > 0 || this.#registered < patients) {
      this.#nowMs += this.#faker.number.int({ min: 1, max: 9 }) * MINUTE_MS;
      yield* this.#claimsDue(this.#nowMs);
      if (this.#registersNext(visitsLeft)) {
        yield this.#register();
        continue;
      }
      if (visitsLeft % VISITS_PER_CHANGE === 0) yield this.#change(visitsLeft / VISITS_PER_CHANGE);
      yield* this.#visit();
      visitsLeft -= 1;
    }
    yield* this.#claimsDue(Number.POSITIVE_INFINITY);
  }

  /** Registrations are spread over the visits; nobody comes before being registered. */
  #registersNext(visitsLeft: number): boolean {
    const { patients, visitsPerPatient = 4 } = this.#options;
    if (this.#registered >= patients) return false;
    if (this.#registered === 0 || visitsLeft === 0) return true;
    return this.#faker.datatype.boolean(1 / (1 + visitsPerPatient));
  }

  #register(): ClinicalRecord {
    this.#registered += 1;
    return this.#patientRecord({
      ...this.#people.next(),
      feedSequence: 0,
      recordedAt: this.#nowMs,
      change: 'REGISTERED',
    });
  }

  #patientRecord(patient: PatientValue): ClinicalRecord {
    const value = { ...patient, feedSequence: this.#nextSequence(), recordedAt: this.#nowMs };
    const place = this.#places.get(value.patientId) ?? this.#living.length;
    this.#places.set(value.patientId, place);
    this.#living[place] = value;
    return { topic: 'clinical.patients', key: value.patientId, value };
  }

  /** A new family name, a new address, or a death; told by a new record of the patient. */
  #change(number: number): ClinicalRecord {
    const faker = this.#faker;
    const patient = faker.helpers.arrayElement(this.#living);
    const changed = { ...patient, change: 'UPDATED' as const };
    if (number % 5 === 0 && this.#living.length > 1) {
      const deathDate = Math.floor(this.#nowMs / DAY_MS);
      const record = this.#patientRecord({ ...changed, change: 'DECEASED', deathDate });
      this.#bury(patient.patientId);
      return record;
    }
    if (number % 5 === 1) {
      const lines = [faker.location.streetAddress()];
      return this.#patientRecord({ ...changed, address: { ...patient.address, lines } });
    }
    const name = { ...patient.name, family: faker.person.lastName(), maiden: patient.name.family };
    const previousNames = [...patient.previousNames, patient.name];
    return this.#patientRecord({ ...changed, name, previousNames, maritalStatus: 'M' });
  }

  #bury(patientId: string): void {
    const place = this.#places.get(patientId)!;
    const last = this.#living.pop()!;
    this.#places.delete(patientId);
    if (last.patientId === patientId) return;
    this.#living[place] = last;
    this.#places.set(last.patientId, place);
  }

  *#visit(): Generator<ClinicalRecord> {
    const faker = this.#faker;
    const patient = faker.helpers.arrayElement(this.#living);
    const key = patient.patientId;
    const hospital = faker.helpers.arrayElement(this.#hospitals);
    const doctor = faker.helpers.arrayElement(this.#doctors);
    const { encounter, observations, claim } = makeVisit(faker, patient, this.#nowMs, hospital, doctor);
    this.#claims.push({ dueMs: this.#nowMs + CLAIM_DELAY_MS, claim });
    const feedSequence = this.#nextSequence();
    yield { topic: 'clinical.encounters', key, value: { ...encounter, feedSequence } };
    for (const observation of observations) {
      const value = { ...observation, feedSequence: this.#nextSequence() };
      yield { topic: 'clinical.observations', key, value };
    }
  }

  *#claimsDue(atMs: number): Generator<ClinicalRecord> {
    while (this.#claims.length > 0 && this.#claims[0]!.dueMs <= atMs) {
      const { claim } = this.#claims.shift()!;
      const value = { ...claim, feedSequence: this.#nextSequence() };
      yield { topic: 'clinical.claims', key: claim.patientId, value };
    }
  }

  #nextSequence(): number {
    this.#sequence += 1;
    return this.#sequence;
  }
}
