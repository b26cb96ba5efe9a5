/**
 * Words in field names that speak of PHI, by the tag they speak of. Matched word by word, never inside a word:
 * `chromaticityX` is no city. Data for lint.ts; it decides nothing itself.
 */
import type { TagName } from '../schemas/tags.ts';

/** Words of people: beside them `name`, `id` or `number` is one of a person. */
export const PERSON_WORDS: ReadonlySet<string> = new Set(
  (
    'patient person people member subscriber beneficiary insured guarantor contact kin relative spouse mother ' +
    'mothers father fathers parent child employee employer holder policyholder customer client user resident ' +
    'practitioner provider physician doctor nurse author caregiver participant subject donor responsible'
  ).split(' '),
);

/** Words of things: a `name` beside them, or inside a record named after them, is the thing's. */
export const THING_WORDS: ReadonlySet<string> = new Set(
  (
    'unit assessment questionnaire question topic project app application file sensor code test medication drug ' +
    'department ward procedure product system feed schema event class type category package service operator ' +
    'network connection channel manufacturer vendor model panel measure metric parameter property plugin host ' +
    'activity screen display form study site template version group payer plan field table column state'
  ).split(' '),
);

/** Phrases of whole words, matched anywhere in a name; the first that fits names the tag. */
export const PHRASES: readonly (readonly [TagName, readonly string[]])[] = [
  phrases(
    'PHI_NAME',
    'first name, last name, middle name, given name, family name, maiden, surname, full name, ' +
      'nick name, nickname, firstname, lastname, middlename, fullname, patient alias, initials, ' +
      'birth name, legal name, preferred name, former name',
  ),
  phrases('PHI_IP', 'ip, ip address, ipaddress'),
  phrases('PHI_DEVICE', 'udi, imei, device serial, serial number, mac address, device identifier'),
  phrases('PHI_EMAIL', 'email, e mail, emails'),
  phrases(
    'PHI_GEO',
    'address, street, addr, county, parish, birth place, birthplace, city, latitude, ' +
      'longitude, geolocation, home town, district, census tract, precinct',
  ),
  phrases('PHI_ZIP', 'zip, zip code, zipcode, postal, postcode, post code'),
  phrases('PHI_BIRTH_DATE', 'birth, birthdate, birthday, dob, born, birthdatetime'),
  phrases('PHI_DEATH_DATE', 'death, deathdate, deceased, died, dod'),
  phrases(
    'PHI_PHONE',
    'phone, telephone, tel, telecom, telecommunication, pager, cell number, mobile number',
  ),
  phrases('PHI_FAX', 'fax'),
  phrases('PHI_SSN', 'ssn, social security, national id, tax id, itin, ssn last'),
  phrases('PHI_MRN', 'mrn, medical record, chart number, patient identifier, patient id, patient number'),
  phrases(
    'PHI_MEMBER_ID',
    'member id, member number, subscriber id, insured id, policy number, beneficiary id, mbi, ' +
      'hicn, insurance number, insureds id, medicare number, medicaid number, group number',
  ),
  phrases('PHI_ACCOUNT', 'account number, account id, account no, acct, iban, card number, bank account'),
  phrases('PHI_LICENSE', 'license, licence, passport, drivers, driver, certificate number, dea number'),
  phrases('PHI_VEHICLE', 'vin, license plate, plate number, vehicle id, vehicle identifier'),
  phrases('PHI_URL', 'url, website, homepage, web page'),
  phrases('PHI_BIOMETRIC', 'fingerprint, voice print, voiceprint, retina, iris scan'),
  phrases('PHI_PHOTO', 'photo, photograph, portrait, face image, picture'),
  phrases('PHI_FREE_TEXT', 'note, notes, comment, comments, narrative, free text, freetext, remarks, remark'),
];

/** Names that speak of PHI only where they are the whole name. */
export const WHOLE_NAMES: Readonly<Record<string, TagName>> = {
  first: 'PHI_NAME',
  last: 'PHI_NAME',
  middle: 'PHI_NAME',
  given: 'PHI_NAME',
  family: 'PHI_NAME',
  prefix: 'PHI_NAME',
  suffix: 'PHI_NAME',
  alias: 'PHI_NAME',
  lat: 'PHI_GEO',
  lon: 'PHI_GEO',
  lng: 'PHI_GEO',
  line: 'PHI_GEO',
  age: 'PHI_AGE',
  mobile: 'PHI_PHONE',
  account: 'PHI_ACCOUNT',
  member: 'PHI_MEMBER_ID',
};

function phrases(tag: TagName, text: string): readonly [TagName, readonly string[]] {
  return [tag, text.split(', ')];
}
