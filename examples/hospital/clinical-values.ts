/**
 * The values of the four clinical topics as TypeScript sees them: one interface for each schema in
 * schemas/clinical/. Dates are days since 1970-01-01, times are milliseconds since then, decimals are
 * bytes (see `decimal`): the plain Avro types, so that no codec of ours stands between value and bytes.
 */

/** Raw topics of the example hospital. The record key of each is the patient id as UTF-8 text. */
export const CLINICAL_TOPICS = [
  'clinical.patients',
  'clinical.encounters',
  'clinical.observations',
  'clinical.claims',
] as const;
export type ClinicalTopic = (typeof CLINICAL_TOPICS)[number];

export interface PersonName {
  readonly prefix: string | null;
  readonly given: string;
  readonly middle: string | null;
  readonly family: string;
  readonly suffix: string | null;
  readonly maiden: string | null;
}

export interface Address {
  readonly lines: readonly string[];
  readonly city: string | null;
  readonly county: string | null;
  readonly fips: string | null;
  readonly state: string | null;
  readonly zip: string | null;
  readonly country: string;
  readonly latitude: number | null;
  readonly longitude: number | null;
}

export interface ContactPoint {
  readonly system: 'phone' | 'fax' | 'email' | 'url';
  readonly use: string | null;
  readonly value: string;
}

export interface Practitioner {
  readonly practitionerId: string | null;
  readonly npi: string | null;
  readonly name: string | null;
}

export interface PatientValue {
  readonly patientId: string;
  readonly feedSequence: number;
  readonly recordedAt: number;
  readonly change: 'REGISTERED' | 'UPDATED' | 'DECEASED';
  readonly mrn: string;
  readonly facilityMrns: Readonly<Record<string, string>>;
  readonly ssn: string | null;
  readonly driversLicense: string | null;
  readonly passport: string | null;
  readonly name: PersonName;
  readonly previousNames: readonly PersonName[];
  readonly mothersMaidenName: string | null;
  readonly birthDate: number;
  readonly deathDate: number | null;
  readonly birthPlace: string | null;
  readonly gender: 'male' | 'female' | 'other' | 'unknown';
  readonly maritalStatus: string | null;
  readonly race: string | null;
  readonly ethnicity: string | null;
  readonly address: Address;
  readonly telecom: readonly ContactPoint[];
  readonly emergencyContacts: Readonly<Record<string, string>>;
  readonly accountNumber: string | null;
  readonly coverage: {
    readonly payer: string;
    readonly memberId: string;
    readonly groupNumber: string | null;
  } | null;
  readonly generalPractitioner: Practitioner | null;
  readonly income: number | null;
  readonly healthcareExpenses: Buffer | null;
  readonly healthcareCoverage: Buffer | null;
  readonly portalAddress: string | null;
  readonly photo: Buffer | null;
  readonly note: string | null;
  readonly sourceFormat: string;
}

export interface Coding {
  readonly system: string;
  readonly code: string;
  readonly display: string | null;
}

export interface Period {
  readonly start: number;
  readonly end: number | null;
}

export interface EncounterValue {
  readonly encounterId: string;
  readonly patientId: string;
  readonly feedSequence: number;
  readonly status: 'planned' | 'in_progress' | 'finished' | 'cancelled';
  readonly encounterClass: string;
  readonly period: Period;
  readonly ageAtEncounter: number | null;
  readonly organization: { readonly organizationId: string | null; readonly name: string | null } | null;
  readonly participants: readonly (Practitioner & { readonly role: string })[];
  readonly code: Coding;
  readonly reason: Coding | null;
  readonly triageScores: Readonly<Record<string, number>>;
  readonly accountNumber: string | null;
  readonly payer: string | null;
  readonly baseCost: Buffer | null;
  readonly totalClaimCost: Buffer | null;
  readonly payerCoverage: Buffer | null;
  readonly notes: readonly {
    readonly writtenAt: number;
    readonly author: string | null;
    readonly text: string;
  }[];
  readonly substanceUse: {
    readonly program: string;
    readonly substance: string;
    readonly auditScore: number | null;
  } | null;
  readonly sourceFormat: string;
}

export interface ObservationComponent {
  readonly code: Coding;
  readonly value: number;
  readonly unit: string | null;
}

export interface ObservationValue {
  readonly patientId: string;
  readonly encounterId: string | null;
  readonly feedSequence: number;
  readonly effectiveAt: number;
  readonly category: string | null;
  readonly code: Coding;
  readonly value: number | string | null;
  readonly unit: string | null;
  readonly valueType: 'numeric' | 'text' | 'component';
  readonly components: readonly ObservationComponent[];
  readonly referenceRange: Readonly<Record<string, number>>;
  readonly abnormal: boolean | null;
  readonly performer: string | null;
  readonly device: { readonly udi: string; readonly serial: Buffer; readonly batteryLevel: number } | null;
  readonly hivMarker: string | null;
  readonly note: string | null;
  readonly sourceFormat: string;
}

export interface ClaimValue {
  readonly claimId: string;
  readonly patientId: string;
  readonly encounterId: string | null;
  readonly feedSequence: number;
  readonly claimType: string | null;
  readonly createdAt: number;
  readonly billablePeriod: Period;
  readonly illnessDate: number | null;
  readonly organizationId: string | null;
  readonly providerIds: Readonly<Record<string, string>>;
  readonly departmentId: string | null;
  readonly payer: string | null;
  readonly insurance: readonly {
    readonly order: 'primary' | 'secondary';
    readonly memberId: string;
    readonly policyHolder: string | null;
  }[];
  readonly code: Coding | null;
  readonly diagnosisCodes: readonly string[];
  readonly items: readonly { readonly number: number; readonly code: Coding; readonly net: Buffer }[];
  readonly itemCount: number;
  readonly total: Buffer | null;
  readonly currency: string;
  readonly statuses: Readonly<Record<string, string>>;
  readonly outstanding: Readonly<Record<string, Buffer>>;
  readonly lastBilled: Readonly<Record<string, number>>;
  readonly payerAccount: string | null;
  readonly behavioralHealth: { readonly plan: string; readonly sessions: number } | null;
  readonly adjusterNote: string | null;
  readonly sourceFormat: string;
}

/** One record on its way to a raw topic. */
export type ClinicalRecord =
  | { readonly topic: 'clinical.patients'; readonly key: string; readonly value: PatientValue }
  | { readonly topic: 'clinical.encounters'; readonly key: string; readonly value: EncounterValue }
  | { readonly topic: 'clinical.observations'; readonly key: string; readonly value: ObservationValue }
  | { readonly topic: 'clinical.claims'; readonly key: string; readonly value: ClaimValue };

/** Milliseconds of one day. */
export const DAY_MS = 86_400_000;

/** Full years between a birth date and a time; both count from 1970-01-01, in days and in milliseconds. */
export function ageInYears(birthDay: number, atMs: number): number {
  const birth = new Date(birthDay * DAY_MS);
  const at = new Date(atMs);
  const years = at.getUTCFullYear() - birth.getUTCFullYear();
  const birthday = Date.UTC(at.getUTCFullYear(), birth.getUTCMonth(), birth.getUTCDate());
  return atMs < birthday ? years - 1 : years;
}

/**
 * An amount as Avro's decimal of scale 2: the unscaled number in two's complement, big-endian, in as few
 * bytes as hold it (Avro 1.12, "Decimal").
 */
export function decimal(amount: number): Buffer {
  let rest = Math.round(amount * 100);
  const bytes: number[] = [];
  do {
    bytes.unshift(((rest % 256) + 256) % 256);
    rest = Math.floor(rest / 256);
  } while (rest !== 0 && rest !== -1);
  const negative = amount < 0;
  if (bytes[0]! >= 128 !== negative) bytes.unshift(negative ? 255 : 0);
  return Buffer.from(bytes);
}
