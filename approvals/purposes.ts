/**
 * Purposes of use: the words that requests, rules and grants say "why" with. Codes and displays are those of the HL7
 * value set v3-PurposeOfUse (OID 2.16.840.1.113883.1.11.20448) over the code system v3-ActReason, version 2018-08-12
 * (HL7 Terminology, CC0). A site cannot add words of its own: an auditor elsewhere must be able to read them.
 */

interface PurposeRow {
  readonly display: string;
  /** May be the reason of break-glass. */
  readonly emergency?: true;
}

export const PURPOSES = {
  // ---- treatment
  TREAT: { display: 'treatment' },
  ETREAT: { display: 'emergency treatment', emergency: true },
  ERTREAT: { display: 'emergency room treatment', emergency: true },
  BTG: { display: 'break the glass', emergency: true },
  CLINTRL: { display: 'clinical trial' },
  COC: { display: 'coordination of care' },
  POPHLTH: { display: 'population health' },
  // ---- payment
  HPAYMT: { display: 'healthcare payment' },
  CLMATTCH: { display: 'claim attachment' },
  COVAUTH: { display: 'coverage authorization' },
  COVERAGE: { display: 'coverage under policy or program' },
  ELIGDTRM: { display: 'eligibility determination' },
  ELIGVER: { display: 'eligibility verification' },
  ENROLLM: { display: 'enrollment' },
  MILDCRG: { display: 'military discharge' },
  REMITADV: { display: 'remittance advice' },
  // ---- operations
  HOPERAT: { display: 'healthcare operations' },
  CAREMGT: { display: 'care management' },
  DONAT: { display: 'donation' },
  FRAUD: { display: 'fraud' },
  GOV: { display: 'government' },
  HACCRED: { display: 'health accreditation' },
  HCOMPL: { display: 'health compliance' },
  HDECD: { display: 'decedent' },
  HDIRECT: { display: 'directory' },
  HDM: { display: 'healthcare delivery management' },
  HLEGAL: { display: 'legal' },
  HOUTCOMS: { display: 'health outcome measure' },
  HPRGRP: { display: 'health program reporting' },
  HQUALIMP: { display: 'health quality improvement' },
  HSYSADMIN: { display: 'health system administration' },
  HTEST: { display: 'test health data' },
  LABELING: { display: 'labeling' },
  MEMADMIN: { display: 'member administration' },
  METAMGT: { display: 'metadata management' },
  MILCDM: { display: 'military command' },
  PATADMIN: { display: 'patient administration' },
  PATSFTY: { display: 'patient safety' },
  PERFMSR: { display: 'performance measure' },
  RECORDMGT: { display: 'records management' },
  SYSDEV: { display: 'system development' },
  TRAIN: { display: 'training' },
  // ---- research
  HRESCH: { display: 'healthcare research' },
  BIORCH: { display: 'biomedical research' },
  CLINTRCH: { display: 'clinical trial research' },
  CLINTRCHNPC: { display: 'clinical trial research without patient care' },
  CLINTRCHPC: { display: 'clinical trial research with patient care' },
  DSRCH: { display: 'disease specific healthcare research' },
  POARCH: { display: 'population origins or ancestry healthcare research' },
  PRECLINTRCH: { display: 'preclinical trial research' },
  TRANSRCH: { display: 'translational healthcare research' },
  // ---- others
  HMARKT: { display: 'healthcare marketing' },
  PATRQT: { display: 'patient requested' },
  FAMRQT: { display: 'family requested' },
  PWATRNY: { display: 'power of attorney' },
  SUPNWK: { display: 'support network' },
  PUBHLTH: { display: 'public health' },
  DISASTER: { display: 'disaster' },
  THREAT: { display: 'threat' },
} as const satisfies Record<string, PurposeRow>;

/** A code of v3-ActReason below PurposeOfUse. */
export type PurposeCode = keyof typeof PURPOSES;

export function isPurposeCode(word: string): word is PurposeCode {
  return Object.hasOwn(PURPOSES, word);
}

/** What the code says, in the words of HL7. */
export function purposeDisplay(code: PurposeCode): string {
  return PURPOSES[code].display;
}

/** What may be the reason of break-glass. */
export const EMERGENCY_PURPOSES: readonly PurposeCode[] = Object.keys(PURPOSES)
  .filter(isPurposeCode)
  .filter((code) => {
    const row: PurposeRow = PURPOSES[code];
    return row.emergency === true;
  });
