/**
 * What happens at one visit of a synthetic patient: the encounter, its observations, the claim that
 * follows. Notes mention the patient by name, phone and record number, as real ones do.
 * Everything is drawn from the feed's seeded faker; nothing from a clock.
 */
import type { Faker } from '@faker-js/faker';
import { ageInYears, decimal, DAY_MS } from './clinical-values.ts';
import type {
  ClaimValue,
  Coding,
  EncounterValue,
  ObservationValue,
  PatientValue,
  Practitioner,
} from './clinical-values.ts';

const SNOMED = 'http://snomed.info/sct';
const LOINC = 'http://loinc.org';
const MINUTE_MS = 60_000;
/** From the start of a visit to its claim. */
export const CLAIM_DELAY_MS = 3 * DAY_MS;

type Unsent<V extends { readonly feedSequence: number }> = Omit<V, 'feedSequence'>;

/** Where a visit takes place. */
export interface Hospital {
  readonly organizationId: string;
  readonly name: string;
}

/** One visit: what is sent at once, and the claim that is sent later. */
export interface Visit {
  readonly encounter: Unsent<EncounterValue>;
  readonly observations: readonly Unsent<ObservationValue>[];
  readonly claim: Unsent<ClaimValue>;
}

const REASONS: readonly Coding[] = [
  { system: SNOMED, code: '444814009', display: 'Viral sinusitis (disorder)' },
  { system: SNOMED, code: '72892002', display: 'Normal pregnancy' },
  { system: SNOMED, code: '10509002', display: 'Acute bronchitis (disorder)' },
  { system: SNOMED, code: '44054006', display: 'Diabetes mellitus type 2 (disorder)' },
  { system: SNOMED, code: '38341003', display: 'Hypertensive disorder (disorder)' },
];
const VISIT_CODES: readonly Coding[] = [
  { system: SNOMED, code: '185349003', display: 'Encounter for check up (procedure)' },
  { system: SNOMED, code: '185345009', display: 'Encounter for symptom' },
  { system: SNOMED, code: '50849002', display: 'Emergency room admission (procedure)' },
];
const MEASUREMENTS = [
  { code: '29463-7', display: 'Body Weight', unit: 'kg', min: 4, max: 140 },
  { code: '8302-2', display: 'Body Height', unit: 'cm', min: 45, max: 205 },
  { code: '39156-5', display: 'Body Mass Index', unit: 'kg/m2', min: 14, max: 48 },
  { code: '2339-0', display: 'Glucose', unit: 'mg/dL', min: 55, max: 320 },
] as const;

/** Makes the visit of `patient` that begins at `start` (milliseconds since 1970-01-01). */
export function makeVisit(
  faker: Faker,
  patient: PatientValue,
  start: number,
  hospital: Hospital,
  doctor: Practitioner,
): Visit {
  const end = start + faker.number.int({ min: 15, max: 600 }) * MINUTE_MS;
  const encounter = makeEncounter(faker, patient, { start, end }, hospital, doctor);
  const count = faker.number.int({ min: 2, max: 5 });
  const observations = Array.from({ length: count }, (_, index) =>
    makeObservation(faker, patient, encounter, start + index * MINUTE_MS),
  );
  return { encounter, observations, claim: makeClaim(faker, patient, encounter, doctor) };
}

function makeEncounter(
  faker: Faker,
  patient: PatientValue,
  period: { start: number; end: number },
  hospital: Hospital,
  doctor: Practitioner,
): Unsent<EncounterValue> {
  const cost = faker.number.float({ min: 80, max: 4_000, fractionDigits: 2 });
  return {
    encounterId: faker.string.uuid(),
    patientId: patient.patientId,
    status: 'finished',
    encounterClass: faker.helpers.arrayElement(['ambulatory', 'emergency', 'inpatient', 'outpatient']),
    period,
    ageAtEncounter: ageInYears(patient.birthDate, period.start),
    organization: hospital,
    participants: [{ role: 'attender', ...doctor }],
    code: faker.helpers.arrayElement(VISIT_CODES),
    reason: faker.datatype.boolean(0.6) ? faker.helpers.arrayElement(REASONS) : null,
    triageScores: faker.datatype.boolean(0.3) ? { esi: 3, news2: faker.number.int({ max: 12 }) } : {},
    accountNumber: patient.accountNumber,
    payer: patient.coverage?.payer ?? null,
    baseCost: decimal(cost),
    totalClaimCost: decimal(cost * 1.1),
    payerCoverage: decimal(patient.coverage ? cost * 0.8 : 0),
    notes: makeNotes(faker, patient, period.end, doctor),
    substanceUse: faker.datatype.boolean(0.05)
      ? { program: 'Riverside Recovery', substance: 'alcohol', auditScore: faker.number.int({ max: 40 }) }
      : null,
    sourceFormat: 'synthetic',
  };
}

/** Most visits leave a note, and each names the patient in another way. */
function makeNotes(
  faker: Faker,
  patient: PatientValue,
  writtenAt: number,
  doctor: Practitioner,
): EncounterValue['notes'] {
  const { given, family } = patient.name;
  const phone = patient.telecom[0]?.value ?? 'unknown';
  const texts = [
    `Pt ${given} ${family} seen for follow-up; call back at ${phone}.`,
    `${family.toUpperCase()}, ${given} (MRN ${patient.mrn}) reports improvement. Lives in ${patient.address.city ?? 'town'}.`,
    `Mr./Ms. ${family}'s relative phoned. Discussed with ${doctor.name ?? 'attending'}.`,
  ];
  const count = faker.number.int({ min: 0, max: 2 });
  return Array.from({ length: count }, () => ({
    writtenAt,
    author: doctor.name,
    text: faker.helpers.arrayElement(texts),
  }));
}

function makeObservation(
  faker: Faker,
  patient: PatientValue,
  encounter: Unsent<EncounterValue>,
  effectiveAt: number,
): Unsent<ObservationValue> {
  const common = {
    patientId: patient.patientId,
    encounterId: encounter.encounterId,
    effectiveAt,
    performer: encounter.participants[0]?.name ?? null,
    device: makeDevice(faker),
    hivMarker: faker.datatype.boolean(0.01) ? 'HIV-1 RNA not detected' : null,
    note: faker.datatype.boolean(0.1) ? `Taken while ${patient.name.given} was seated.` : null,
    sourceFormat: 'synthetic',
    components: [],
    referenceRange: {},
    abnormal: null,
  };
  const kind = faker.number.int({ max: 9 });
  if (kind === 0) {
    const code = { system: LOINC, code: '72166-2', display: 'Tobacco smoking status NHIS' };
    const value = faker.helpers.arrayElement(['Never smoker', 'Former smoker', `${patient.name.given} quit`]);
    return { ...common, category: 'survey', code, value, unit: null, valueType: 'text' };
  }
  if (kind === 1) return { ...common, ...bloodPressure(faker) };
  const { code, display, unit, min, max } = faker.helpers.arrayElement(MEASUREMENTS);
  const value = faker.number.float({ min, max, fractionDigits: 2 });
  return {
    ...common,
    category: 'vital-signs',
    code: { system: LOINC, code, display },
    value,
    unit,
    valueType: 'numeric',
    referenceRange: { low: min, high: max },
    abnormal: value > max * 0.9,
  };
}

function bloodPressure(
  faker: Faker,
): Pick<ObservationValue, 'category' | 'code' | 'value' | 'unit' | 'valueType' | 'components'> {
  const component = (code: string, display: string, min: number, max: number) => ({
    code: { system: LOINC, code, display },
    value: faker.number.float({ min, max, fractionDigits: 1 }),
    unit: 'mm[Hg]',
  });
  return {
    category: 'vital-signs',
    code: { system: LOINC, code: '55284-4', display: 'Blood Pressure' },
    value: null,
    unit: null,
    valueType: 'component',
    components: [
      component('8462-4', 'Diastolic Blood Pressure', 50, 110),
      component('8480-6', 'Systolic Blood Pressure', 85, 190),
    ],
  };
}

function makeDevice(faker: Faker): ObservationValue['device'] {
  if (!faker.datatype.boolean(0.05)) return null;
  const udi = `(01)0088${faker.string.numeric(10)}(21)${faker.string.alphanumeric(8)}`;
  return { udi, serial: Buffer.from(faker.string.numeric(8)), batteryLevel: 0.5 };
}

function makeClaim(
  faker: Faker,
  patient: PatientValue,
  encounter: Unsent<EncounterValue>,
  doctor: Practitioner,
): Unsent<ClaimValue> {
  const net = faker.number.float({ min: 50, max: 2_500, fractionDigits: 2 });
  const { coverage, name } = patient;
  const holder = `${name.given} ${name.family}`;
  return {
    claimId: faker.string.uuid(),
    patientId: patient.patientId,
    encounterId: encounter.encounterId,
    claimType: 'institutional',
    createdAt: encounter.period.start + CLAIM_DELAY_MS,
    billablePeriod: encounter.period,
    illnessDate: null,
    organizationId: encounter.organization?.organizationId ?? null,
    providerIds: doctor.npi === null ? {} : { rendering: doctor.npi },
    departmentId: String(faker.number.int({ min: 1, max: 20 })),
    payer: coverage?.payer ?? null,
    insurance: coverage ? [{ order: 'primary', memberId: coverage.memberId, policyHolder: holder }] : [],
    code: encounter.code,
    diagnosisCodes: encounter.reason ? [encounter.reason.code] : [],
    items: [{ number: 1, code: encounter.code, net: decimal(net) }],
    itemCount: 1,
    total: decimal(net),
    currency: 'USD',
    statuses: { primary: coverage ? 'BILLED' : 'CLOSED' },
    outstanding: { patient: decimal(net * 0.2) },
    lastBilled: { primary: encounter.period.start + CLAIM_DELAY_MS },
    payerAccount: faker.datatype.boolean(0.2) ? `000${faker.string.numeric(9)}` : null,
    behavioralHealth: faker.datatype.boolean(0.05) ? { plan: 'carve-out', sessions: 6 } : null,
    adjusterNote: faker.datatype.boolean(0.1) ? `Spoke with ${holder} about the balance.` : null,
    sourceFormat: 'synthetic',
  };
}
