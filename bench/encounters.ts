/**
 * Synthetic encounters for benchmarks: every identifier of every record differs, people are made up,
 * and the same number always gives the same records.
 */

/** `count` encounters from number `first` on, as plain values of encounter.avsc. */
export function encounters(first: number, count: number): Record<string, unknown>[] {
  return Array.from({ length: count }, (_, i) => encounter(first + i));
}

const CITIES = ['Springfield', 'Riverton', 'Lakeview', 'Fairmont'];
const ZIPS = ['10001', '03601', '60614-1234', '94110', '73301'];
const DAY_MS = 86_400_000;

function encounter(i: number): Record<string, unknown> {
  const admittedAt = Date.UTC(2025, 0, 1) + i * 61_000;
  return {
    encounterId: `ENC-2025-${digits(i, 8)}`,
    mrn: `MRN-${digits(i * 7, 9)}`,
    ssn: i % 3 === 0 ? null : `9${digits(i, 2)}-${digits(i % 97, 2)}-${digits(i, 4)}`,
    familyName: `Family${i % 800}`,
    givenName: `Given${i % 300}`,
    birthDate: -12_000 + ((i * 37) % 30_000),
    deathDate: i % 20 === 0 ? 20_000 + (i % 300) : null,
    sex: ['MALE', 'FEMALE', 'OTHER', 'UNKNOWN'][i % 4],
    phone: i % 4 === 0 ? null : `+1-555-01${digits(i, 2)}`,
    email: i % 5 === 0 ? null : `person${i}@example.org`,
    street: `${i % 900} Example Street`,
    city: CITIES[i % CITIES.length],
    state: 'VT',
    zip: ZIPS[i % ZIPS.length],
    country: 'US',
    facilityId: `FAC-${i % 12}`,
    department: 'Internal medicine',
    practitionerName: `Dr. Example ${i % 90}`,
    practitionerNpi: digits(i * 13, 10),
    admittedAt,
    dischargedAt: i % 6 === 0 ? null : admittedAt + 3 * DAY_MS,
    visitType: ['INPATIENT', 'OUTPATIENT', 'EMERGENCY', 'TELEHEALTH'][i % 4],
    diagnosisCodes: ['E11.9', 'I10', 'J45.909'].slice(0, i % 4),
    ageYears: i % 101,
    heightCm: 150 + (i % 50),
    weightKg: 50.5 + (i % 60),
    systolic: 100 + (i % 60),
    insuranceMemberId: `MEM${digits(i * 3, 9)}`,
    balanceCents: (i * 1237) % 500_000,
    consent: i % 2 === 0,
    notes: 'Seen in clinic; follow-up in two weeks. Blood pressure under control, no new complaints.',
    tags: { source: 'ehr', unit: `U${i % 9}` },
  };
}

function digits(number: number, length: number): string {
  return String(number % 10 ** length).padStart(length, '0');
}
