/**
 * Elements of FHIR R4 whose names say what they are only inside their data type or resource. Data; see dictionary.ts.
 */
import type { Dictionary } from './dictionary.ts';

export const FHIR_R4: Dictionary = {
  name: 'FHIR R4',
  source:
    'HL7 FHIR R4 (4.0.1): data types, Patient, RelatedPerson, Practitioner, Encounter, Coverage, Device, Observation',
  anywhere: {
    PHI_DATE:
      'effective date time, onset date time, abatement date time, recorded date, authored on, performed date time, occurrence date time, ' +
      'asserted date, date asserted, when handed over, when prepared, last occurrence, birth date time, collected date time, billable period, ' +
      'performed period, effective period, onset period, serviced date, serviced period, effective instant',
    PHI_DEATH_DATE: 'deceased date time',
    PHI_AGE: 'onset age, deceased age, abatement age, performed age',
    PHI_DEVICE: 'carrier hrf, carrier aidc, udi carrier, distinct identifier, device identifier',
    PHI_MEMBER_ID: 'subscriber id',
    PHI_ID:
      'master identifier, group identifier, patient reference, subject reference, encounter reference, instantiates identifier',
    PHI_FREE_TEXT: 'value string, patient instruction, clinical note, note text',
    PROVIDER_ID: 'practitioner reference, performer reference, general practitioner',
  },
  whole: {
    PHI_DATE: 'onset, abatement, effective, authored on, issued, asserted date, recorded',
    PHI_FREE_TEXT: 'div, annotation, clinical impression, conclusion',
    PHI_PHOTO: 'photo',
  },
  within: [
    [
      'name, human name, maiden name, patient name',
      { PHI_NAME: 'text, value, given, family, prefix, suffix, full, first, last, middle, display' },
    ],
    [
      'address, home address, mailing address',
      { PHI_GEO: 'text, value, line, line 1, line 2, full, district, city, street, unit, display' },
    ],
    ['telecom, contact point, phone, telephone, phones', { PHI_PHONE: 'value, number, text' }],
    ['email, emails', { PHI_EMAIL: 'value, address, text' }],
    ['identifier, identifiers, external identifier', { PHI_ID: 'value, id, text, number' }],
    ['master identifier', { PHI_ID: 'value' }],
    ['udi carrier, udi', { PHI_DEVICE: 'value, device identifier, carrier hrf, carrier aidc' }],
    [
      'subject, patient, beneficiary, individual, related person, subscriber, policy holder, for patient, participant',
      { PHI_ID: 'reference, id, identifier, value, key', PHI_NAME: 'display, text, name' },
    ],
    [
      'encounter, context, based on, focus, episode of care, part of encounter',
      { PHI_ID: 'reference, id, value' },
    ],
    [
      'practitioner, performer, general practitioner, requester, recorder, asserter, author, actor, attester, participant individual, collector, enterer, verifier',
      { PROVIDER_ID: 'reference, id, identifier, value', PROVIDER_NAME: 'display, text, name' },
    ],
    [
      'period, billable period, effective period, performed period, onset period, occurrence period, serviced period',
      { PHI_DATE: 'start, end, from, to, begin, stop' },
    ],
    ['attachment, content, presented form, photo', { PHI_FREE_TEXT: 'data, title, text' }],
    [
      'note, annotation, notes, comment, text, narrative',
      { PHI_FREE_TEXT: 'text, div, value, body, content, data' },
    ],
    ['photo, picture', { PHI_PHOTO: 'data, value, url, content, image' }],
    ['coverage, member', { PHI_MEMBER_ID: 'dependent, identifier, subscriber id, id number' }],
    ['coverage identifier', { PHI_MEMBER_ID: 'value' }],
    [
      'device',
      {
        PHI_DATE: 'manufacture date, expiration date',
        PHI_URL: 'url',
        PHI_DEVICE: 'identifier, serial number, lot number, serial, lot, id, uuid, expiration date, address',
      },
    ],
    ['onset age, deceased age, age', { PHI_AGE: 'value' }],
    ['document reference, composition', { PHI_FREE_TEXT: 'description, title' }],
    ['position, geolocation, location', { PHI_GEO: 'latitude, longitude, lat, lon' }],
  ],
};
