/**
 * From a row of a Synthea file to the value of a clinical topic, one function per file. Every column of
 * the CSV exporter has its field; what an export does not have stays null or empty.
 * Values are taken over as they are: what is to be hidden is for policies to say, not for a feed.
 */
import { ageInYears, DAY_MS } from './clinical-values.ts';
import type {
  ClaimValue,
  Coding,
  EncounterValue,
  ObservationComponent,
  ObservationValue,
  PatientValue,
} from './clinical-values.ts';
import type { SyntheaRow } from './synthea-row.ts';

const SNOMED = 'http://snomed.info/sct';
const LOINC = 'http://loinc.org';
const COMPONENT_NAMES: Readonly<Record<string, string>> = {
  '8462-4': 'Diastolic Blood Pressure',
  '8480-6': 'Systolic Blood Pressure',
};
const DIAGNOSES = [1, 2, 3, 4, 5, 6, 7, 8].map((number) => `DIAGNOSIS${number}`);
/** Suffix of Synthea's columns by who owes. */
const PAYING_PARTIES = { primary: '1', secondary: '2', patient: 'P' } as const;

/** A row of patients.csv. @throws GauzeError ERR_FEED_COLUMN */
export function patientOf(row: SyntheaRow, feedSequence: number): PatientValue {
  const patientId = row.needed('Id');
  const born = row.neededTime('BIRTHDATE');
  const phone = row.text('PHONE');
  return {
    patientId,
    feedSequence,
    recordedAt: born,
    change: 'REGISTERED',
    mrn: row.text('MRN') ?? patientId,
    facilityMrns: {},
    ssn: row.text('SSN'),
    driversLicense: row.text('DRIVERS'),
    passport: row.text('PASSPORT'),
    name: {
      prefix: row.text('PREFIX'),
      given: row.needed('FIRST'),
      middle: row.text('MIDDLE'),
      family: row.needed('LAST'),
      suffix: row.text('SUFFIX'),
      maiden: row.text('MAIDEN'),
    },
    previousNames: [],
    mothersMaidenName: row.text('MOTHERS_MAIDEN_NAME'),
    birthDate: Math.floor(born / DAY_MS),
    deathDate: row.day('DEATHDATE'),
    birthPlace: row.text('BIRTHPLACE'),
    gender: genderOf(row.text('GENDER')),
    maritalStatus: row.text('MARITAL'),
    race: row.text('RACE'),
    ethnicity: row.text('ETHNICITY'),
    address: addressOf(row),
    telecom: phone === null ? [] : [{ system: 'phone', use: 'home', value: phone }],
    emergencyContacts: {},
    accountNumber: null,
    coverage: null,
    generalPractitioner: null,
    income: row.number('INCOME'),
    healthcareExpenses: row.amount('HEALTHCARE_EXPENSES'),
    healthcareCoverage: row.amount('HEALTHCARE_COVERAGE'),
    portalAddress: null,
    photo: null,
    note: null,
    sourceFormat: row.text('FHIR_VERSION') ?? 'csv',
  };
}

function addressOf(row: SyntheaRow): PatientValue['address'] {
  const line = row.text('ADDRESS');
  return {
    lines: line === null ? [] : [line],
    city: row.text('CITY'),
    county: row.text('COUNTY'),
    fips: row.text('FIPS'),
    state: row.text('STATE'),
    zip: row.text('ZIP'),
    country: 'US',
    latitude: row.number('LAT'),
    longitude: row.number('LON'),
  };
}

function genderOf(cell: string | null): PatientValue['gender'] {
  if (cell === 'male' || cell === 'M') return 'male';
  if (cell === 'female' || cell === 'F') return 'female';
  return cell === null ? 'unknown' : 'other';
}

/** A row of encounters.csv, not numbered yet. @throws GauzeError ERR_FEED_COLUMN */
export function encounterOf(row: SyntheaRow, birthDays: ReadonlyMap<string, number>): EncounterValue {
  const patientId = row.needed('PATIENT');
  const start = row.neededTime('START');
  const birthDay = birthDays.get(patientId);
  return {
    encounterId: row.needed('Id'),
    patientId,
    feedSequence: 0,
    status: 'finished',
    encounterClass: row.text('ENCOUNTERCLASS') ?? 'unknown',
    period: { start, end: row.time('STOP') },
    ageAtEncounter: birthDay === undefined ? null : ageInYears(birthDay, start),
    organization: { organizationId: row.text('ORGANIZATION'), name: row.text('ORGANIZATION_NAME') },
    participants: participantsOf(row),
    code: { system: SNOMED, code: row.needed('CODE'), display: row.text('DESCRIPTION') },
    reason: codingOf(SNOMED, row.text('REASONCODE'), row.text('REASONDESCRIPTION')),
    triageScores: {},
    accountNumber: null,
    payer: row.text('PAYER'),
    baseCost: row.amount('BASE_ENCOUNTER_COST'),
    totalClaimCost: row.amount('TOTAL_CLAIM_COST'),
    payerCoverage: row.amount('PAYER_COVERAGE'),
    notes: [],
    substanceUse: null,
    sourceFormat: row.text('FHIR_VERSION') ?? 'csv',
  };
}

function participantsOf(row: SyntheaRow): EncounterValue['participants'] {
  const practitionerId = row.text('PROVIDER');
  const name = row.text('PROVIDER_NAME');
  const npi = row.text('PROVIDER_NPI');
  if (practitionerId === null && name === null && npi === null) return [];
  return [{ role: 'attender', practitionerId, npi, name }];
}

function codingOf(system: string, code: string | null, display: string | null): Coding | null {
  return code === null ? null : { system, code, display };
}

/** A row of observations.csv, not numbered yet. @throws GauzeError ERR_FEED_COLUMN */
export function observationOf(row: SyntheaRow): ObservationValue {
  const valueType = valueTypeOf(row);
  return {
    patientId: row.needed('PATIENT'),
    encounterId: row.text('ENCOUNTER'),
    feedSequence: 0,
    effectiveAt: row.neededTime('DATE'),
    category: row.text('CATEGORY'),
    code: { system: LOINC, code: row.needed('CODE'), display: row.text('DESCRIPTION') },
    value: observedValue(row, valueType),
    unit: row.text('UNITS'),
    valueType,
    components: valueType === 'component' ? componentsOf(row.text('VALUE') ?? '') : [],
    referenceRange: {},
    abnormal: null,
    performer: null,
    device: null,
    hivMarker: null,
    note: null,
    sourceFormat: row.text('FHIR_VERSION') ?? 'csv',
  };
}

/** Some exports write blood pressure as `8462-4=78.1;8480-6=115.6` of type component; the rest is as named. */
function valueTypeOf(row: SyntheaRow): ObservationValue['valueType'] {
  const type = row.text('TYPE');
  if (type === 'numeric') return 'numeric';
  if (type === 'component' && /^[^=;]+=[-\d.]+(;[^=;]+=[-\d.]+)*$/.test(row.text('VALUE') ?? ''))
    return 'component';
  return 'text';
}

function observedValue(row: SyntheaRow, type: ObservationValue['valueType']): number | string | null {
  if (type === 'component') return null;
  return type === 'numeric' ? row.number('VALUE') : row.text('VALUE');
}

function componentsOf(cell: string): readonly ObservationComponent[] {
  return cell.split(';').map((part) => {
    const [code = '', value = ''] = part.split('=');
    const display = COMPONENT_NAMES[code] ?? null;
    return { code: { system: LOINC, code, display }, value: Number(value), unit: 'mm[Hg]' };
  });
}

/** A row of claims.csv, not numbered yet. @throws GauzeError ERR_FEED_COLUMN */
export function claimOf(row: SyntheaRow): ClaimValue {
  const start = row.neededTime('SERVICE_START', 'SERVICEDATE');
  return {
    claimId: row.needed('Id'),
    patientId: row.needed('PATIENT', 'PATIENTID'),
    encounterId: row.text('ENCOUNTER', 'APPOINTMENTID'),
    feedSequence: 0,
    claimType: row.text('TYPE', 'HEALTHCARECLAIMTYPEID1'),
    createdAt: row.time('CREATED', 'LASTBILLEDDATE1') ?? start,
    billablePeriod: { start, end: row.time('SERVICE_STOP') },
    illnessDate: row.day('CURRENTILLNESSDATE'),
    organizationId: row.text('PROVIDER_ORGANIZATION'),
    providerIds: present({
      rendering: row.text('PROVIDERID'),
      referring: row.text('REFERRINGPROVIDERID'),
      supervising: row.text('SUPERVISINGPROVIDERID'),
    }),
    departmentId: row.text('DEPARTMENTID', 'PATIENTDEPARTMENTID'),
    payer: row.text('PAYER'),
    insurance: insuranceOf(row),
    code: codingOf(SNOMED, row.text('CODE'), row.text('DESCRIPTION')),
    diagnosisCodes: DIAGNOSES.map((column) => row.text(column)).filter((code) => code !== null),
    items: [],
    itemCount: row.number('ITEMS') ?? 0,
    total: row.amount('TOTAL'),
    currency: row.text('CURRENCY') ?? 'USD',
    statuses: byParty((suffix) => row.text(`STATUS${suffix}`)),
    outstanding: byParty((suffix) => row.amount(`OUTSTANDING${suffix}`)),
    lastBilled: byParty((suffix) => row.time(`LASTBILLEDDATE${suffix}`)),
    payerAccount: null,
    behavioralHealth: null,
    adjusterNote: null,
    sourceFormat: row.text('FHIR_VERSION') ?? 'csv',
  };
}

function insuranceOf(row: SyntheaRow): ClaimValue['insurance'] {
  const primary = row.text('PRIMARYPATIENTINSURANCEID');
  const secondary = row.text('SECONDARYPATIENTINSURANCEID');
  return [
    ...(primary === null ? [] : [{ order: 'primary' as const, memberId: primary, policyHolder: null }]),
    ...(secondary === null ? [] : [{ order: 'secondary' as const, memberId: secondary, policyHolder: null }]),
  ];
}

function byParty<T>(read: (suffix: string) => T | null): Record<string, T> {
  const values = Object.entries(PAYING_PARTIES).map(([party, suffix]) => [party, read(suffix)] as const);
  return present(Object.fromEntries(values));
}

function present<T>(values: Readonly<Record<string, T | null>>): Record<string, T> {
  return Object.fromEntries(
    Object.entries(values).flatMap(([name, value]) => (value === null ? [] : [[name, value] as const])),
  );
}
