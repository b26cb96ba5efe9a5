/**
 * Elements of the X12 claim, payment and enrollment transactions that say more than their words do. Data; see
 * dictionary.ts.
 */
import type { Dictionary } from './dictionary.ts';

export const X12: Dictionary = {
  name: 'X12 005010',
  source: 'ASC X12N 005010: 837P/I (claim), 835 (payment), 834 (enrollment)',
  anywhere: {
    PHI_NAME:
      'subscriber name, insured name, patient last name, patient first name, member name, name last or organization name, ' +
      'responsible party, corrected insured, custodial parent, employer name, name suffix, name prefix',
    PHI_ID:
      'patient control number, claim control number, payer claim control, claim submitter identifier, trace number, ' +
      'prior authorization, repriced claim, line item control, claim id, claim identifier, ' +
      'adjusted repriced, check or eft, authorization number, referral number, remittance id, clearinghouse trace',
    PHI_MEMBER_ID:
      'member identification, subscriber primary identifier, group or policy, insured group, subscriber supplemental, ' +
      'health insurance claim number, member primary identifier, policy identifier',
    PHI_SSN: 'subscriber ssn',
    PHI_MRN: 'medical record identification',
    PHI_DATE:
      'statement from, statement to, statement through, service from, service to, service through, admission hour, discharge hour, ' +
      'date last seen, last x ray, last worked, initial treatment, acute manifestation, disability from, disability to, ' +
      'remittance date, check issue date, coverage begin, coverage end, coverage start, eligibility begin, eligibility end, employment begin, benefit begin, benefit end, ' +
      'cobra begin, admission date and hour, service date from, service date to, service line date, paid through date, maintenance effective',
    PHI_FREE_TEXT: 'claim note, billing note',
    PROVIDER_NAME:
      'rendering provider, billing provider, referring provider, supervising provider, operating physician, attending provider, ' +
      'rendering provider name, billing provider name, other operating physician, ordering provider, pay to provider, purchased service provider',
    PROVIDER_ID: 'provider secondary identification, billing provider tax id, provider npi, provider id',
  },
  whole: {},
  within: [
    [
      'subscriber, insured, dependent, member, patient name, 2010 ba, 2010 ca',
      {
        PHI_MEMBER_ID:
          'identification code, identification number, id code, identifier, id number, identification',
      },
    ],
    [
      'rendering provider, billing provider, referring provider, attending provider',
      { PROVIDER_ID: 'identification code, identification number, id, npi' },
    ],
  ],
};
