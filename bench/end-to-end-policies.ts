/**
 * The policies of benchmarks on the local stack: research gets pseudonyms and shifted dates, analytics years and no
 * identifiers. Synthetic records only.
 */
import { readFileSync } from 'node:fs';

const TAGS: Readonly<Record<string, string>> = {
  encounterId: 'PHI_ACCOUNT',
  mrn: 'PHI_MRN',
  ssn: 'PHI_SSN',
  familyName: 'PHI_NAME',
  givenName: 'PHI_NAME',
  birthDate: 'PHI_BIRTH_DATE',
  deathDate: 'PHI_DEATH_DATE',
  phone: 'PHI_PHONE',
  email: 'PHI_EMAIL',
  street: 'PHI_GEO',
  zip: 'PHI_ZIP',
  practitionerName: 'PROVIDER_NAME',
  admittedAt: 'PHI_DATE',
  dischargedAt: 'PHI_DATE',
  ageYears: 'PHI_AGE',
  insuranceMemberId: 'PHI_MEMBER_ID',
  notes: 'PHI_FREE_TEXT',
};

/** The schema of bench/encounter.avsc with a tag on every field and a person. */
export function taggedSchema(): string {
  const text = readFileSync(new URL('encounter.avsc', import.meta.url), 'utf8');
  const schema = JSON.parse(text) as { fields: { name: string }[] };
  const fields = schema.fields.map((field) => ({
    ...field,
    'confluent:tags': [TAGS[field.name] ?? 'PHI_NONE'],
    ...(field.name === 'mrn' ? { 'gauze:person': true } : {}),
  }));
  return JSON.stringify({ ...schema, fields });
}

const SHARED = `owner: bench@example.org
timestamp: append
topics: { TOPIC: { key: { tag: PHI_MRN } } }
`;

/** A policy file; TOPIC in it stands for the raw topic. */
export interface BenchPolicy {
  readonly audience: string;
  readonly text: string;
}

export const BENCH_POLICIES: readonly BenchPolicy[] = [
  {
    audience: 'research',
    text: `audience: research
regime: limited-data-set
description: Benchmark
readers: ['User:research-app']
${SHARED}methods:
  PHI_MRN: { method: pseudonym, domain: mrn }
  PHI_ACCOUNT: { method: pseudonym, domain: account }
  PHI_SSN: redact
  PHI_NAME: redact
  PHI_PHONE: redact
  PHI_EMAIL: redact
  PHI_GEO: redact
  PHI_MEMBER_ID: redact
  PROVIDER_NAME: redact
  PHI_FREE_TEXT: redact
  PHI_BIRTH_DATE: { method: date-shift, maxDays: 182 }
  PHI_DEATH_DATE: { method: date-shift, maxDays: 182 }
  PHI_DATE: { method: date-shift, maxDays: 182 }
  PHI_ZIP: zip3
  PHI_AGE: { method: age-cap, over: 89 }
  PHI_NONE: keep
`,
  },
  {
    audience: 'analytics',
    text: `audience: analytics
regime: expert-determination
description: 'Benchmark of synthetic records: no expert was asked, and nothing leaves the machine'
readers: ['User:analytics-app']
${SHARED}methods:
  PHI_MRN: drop
  PHI_ACCOUNT: drop
  PHI_SSN: redact
  PHI_NAME: redact
  PHI_PHONE: redact
  PHI_EMAIL: redact
  PHI_GEO: redact
  PHI_MEMBER_ID: redact
  PROVIDER_NAME: redact
  PHI_FREE_TEXT: redact
  PHI_BIRTH_DATE: { method: date-truncate, unit: year }
  PHI_DEATH_DATE: { method: date-truncate, unit: year }
  PHI_DATE: { method: date-truncate, unit: year }
  PHI_ZIP: zip3
  PHI_AGE: { method: age-cap, over: 89 }
  PHI_NONE: keep
`,
  },
];
