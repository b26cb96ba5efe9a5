/**
 * Segments and fields of HL7 v2 whose names alone say too little: where a word of everyday language has a meaning of
 * its own in a segment. Names that everyday words cover are in identifiers.ts. Data; see dictionary.ts.
 */
import type { Dictionary } from './dictionary.ts';

export const HL7V2: Dictionary = {
  name: 'HL7 v2.7.1',
  source: 'HL7 v2.7.1, chapters 3, 4, 6, 7, 9 and 10',
  anywhere: {
    PHI_NAME:
      'patient name, mother maiden name, patient alias, kin name, insured name, guarantor name, sponsor name, ' +
      'medicaid case name, coverage approval name, brought in by, employer information, guarantor employer, ' +
      'contact person, insured employer, insured organization, guarantor spouse, military organization, ' +
      'organization name nk, emergency contact name, insured employer organization, prior patient name, contact person name',
    PHI_GEO:
      'patient location, patient address, birth place, accident location, accident address, temporary location, ' +
      'pending location, prior temporary location, discharged to location, military station, kin address, insured address, ' +
      'assigned location, prior location, prior pending location, guarantor address, county parish code, point of care',
    PHI_BIRTH_DATE: 'birth, insured date of birth, date time of birth',
    PHI_DEATH_DATE: 'patient death, death date and time',
    PHI_MRN:
      'patient identifier list, alternate patient id, duplicate patient, prior patient id, patient external id, prior patient identifier',
    PHI_ID:
      'mother identifier, kin identifier, associated party identifier, party identifier, military id number, ' +
      'preadmit number, alternate visit id, episode identifier, placer order, filler order, placer group, ' +
      'filler appointment, placer appointment, parent order, observation instance, observation group, parent result observation, ' +
      'diagnosis identifier, parent diagnosis, procedure identifier, parent procedure, transaction reference, transaction id, ' +
      'payment reference, unique document, parent document, document file name, placer number, filler number, ' +
      'employer number, specimen identifier, prior visit number, prior account, schedule group number',
    PHI_ACCOUNT: 'patient account, prior patient account',
    PHI_MEMBER_ID:
      'payor subscriber, medicare health insurance card, medicaid case number, policy number, patient member, ' +
      'insured group employer id, group employer id, health insurance card',
    PHI_DEVICE: 'equipment instance, implant device',
    PHI_FREE_TEXT:
      'observation value, visit description, accident description, episode description, service episode description, diagnosis description, ' +
      'procedure description, transaction description, patient valuable, relevant clinical information, placer field, ' +
      'filler field, document change reason, document title, collector comment, transport comment, allergy reaction description',
    PHI_DATE:
      'second opinion date, signature on file date, first similar illness date, last menstrual period, protection indicator effective date, publicity code effective date',
    PROVIDER_NAME:
      'entered by, certified by, performed by, ordered by, administered by, verified by, dispensed by, collected by, ' +
      'attending doctor, referring doctor, consulting doctor, admitting doctor, ordering provider, responsible observer, ' +
      'physician reviewer, second opinion physician, certification contact, healthcare provider, care provider, ' +
      'result interpreter, copies to, primary activity provider, document authenticator, authentication person, ' +
      'distributed copies, referral source, diagnosing clinician, procedure practitioner, activity provider, originator, originator code, ' +
      'transcriptionist, technician, anesthesiologist, surgeon, result copy, distributed copy, placer contact person, filler contact person, ' +
      'entered by person, medical director, order effective by, verifier, entered by code, performed by code, ordered by code, ' +
      'referral source code, transcriptionist code, activity provider code, name of recipient, originator code name',
    PROVIDER_ID: 'collector identifier, provider id',
  },
  whole: {},
  within: [
    [
      'certification, in3, insurance additional',
      { PROVIDER_NAME: 'operator, case manager, certification contact' },
    ],
    [
      'visit, encounter, admission, stay, patient location',
      { PHI_GEO: 'room, bed, bed id, ward room, location bed' },
    ],
    ['nte, notes', { PHI_FREE_TEXT: 'comment' }],
    ['obx', { PHI_FREE_TEXT: 'value, observation value' }],
  ],
};
