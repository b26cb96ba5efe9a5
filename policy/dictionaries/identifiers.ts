/**
 * The identifiers of 45 CFR 164.514(b)(2)(i) in everyday words of schemas, in the order of that list.
 * Data; see dictionary.ts.
 */
import type { Dictionary } from './dictionary.ts';

export const IDENTIFIERS: Dictionary = {
  name: 'HIPAA 164.514(b)(2)',
  source: '45 CFR 164.514(b)(2)(i)',
  anywhere: {
    PHI_NAME:
      'first name, last name, middle name, given name, family name, maiden, surname, full name, nickname, nick name, ' +
      'birth name, legal name, preferred name, former name, previous name, maiden name, patient alias, ' +
      'patient initial, subject initial, participant initial, middle initial, first initial, last initial, next of kin, emergency contact, name prefix, name suffix, ' +
      'forename, christian name, user name, login name, signature name, ' +
      'name full, name last, name first, name middle, f name, l name, m name, mother name, father name, spouse name, employer name, guarantor name, contact name, kin name',
    PHI_GEO:
      'address, add line, street, city, county, county code, parish, borough, municipality, birth place, place of birth, latitude, longitude, ' +
      'geolocation, geo location, geo point, geohash, geocode, geo code, home town, hometown, district, census tract, census block, ' +
      'precinct, neighborhood, neighbourhood, town, house number, apartment number, apt number, ' +
      'po box, gps, room and bed, location bed, bed number, room number, fips',
    PHI_ZIP: 'zip, zip code, postal, postal code, postcode, post code, zip plus',
    PHI_BIRTH_DATE: 'birth, birth date, birthday, date of birth, born',
    PHI_DEATH_DATE: 'death, death date, date of death, deceased, died',
    PHI_AGE: 'age at, age in year, age in month, patient age, age year, age month',
    PHI_PHONE:
      'phone, telephone, telecom, telecommunication, pager, beeper, cell number, mobile number, phone number, ' +
      'contact number, callback number, home ph, work ph, cell ph, mobile ph, ph number, msisdn, cellphone',
    PHI_FAX: 'fax, facsimile',
    PHI_EMAIL: 'email, e mail, mail address, email address',
    PHI_SSN:
      'ssn, social security, social sec, social security number, national id, national identifier, national insurance number, ' +
      'tax id, taxpayer id, tax identifier, itin, tax number, social insurance number, aadhaar, nhs number',
    PHI_MRN:
      'mrn, medical record, medical record number, chart number, patient identifier, patient id, patient number, ' +
      'health record number, enterprise master patient index, empi, hospital number',
    PHI_MEMBER_ID:
      'member id, member number, member identifier, subscriber id, subscriber number, subscriber identifier, insured id, ' +
      'policy number, beneficiary id, beneficiary number, beneficiary identifier, mbi, hicn, insurance number, ' +
      'insured identifier, medicare number, medicaid number, medicaid id, medicare id, group number, health plan number, ' +
      'insurance id, policy id, card holder id, cardholder id, health card number, dependent number',
    PHI_ACCOUNT:
      'account number, account id, account identifier, iban, card number, credit card, debit card, bank account, ' +
      'routing number, billing account, patient account, guarantor account, hospital account, swift code',
    PHI_LICENSE:
      'license number, license id, license, driver license, dl number, passport, birth certificate, certificate number, ' +
      'death certificate, permit number',
    PHI_VEHICLE:
      'vin, license plate, plate number, vehicle id, vehicle plate, vehicle identifier, vehicle serial, vehicle registration, vehicle identification',
    PHI_DEVICE:
      'udi, unique device, serial, imei, imsi, iccid, device serial, serial number, mac address, device identifier, device id, ' +
      'bluetooth address, advertising id, advertiser id, idfa, android id, device uuid, device token, push token, transmitter id, ' +
      'hardware id, implant serial, bluetooth mac, wifi mac, device mac, device number, ssid, bssid',
    PHI_URL: 'url, uri, website, web site, homepage, home page, web page, web address',
    PHI_IP: 'ip, ip address, network address, ipv, remote address, client address, x forwarded for',
    PHI_BIOMETRIC:
      'fingerprint, finger print, voiceprint, voice print, retina, retina scan, iris scan, iris image, face template, ' +
      'biometric, palm print, face embedding, voice sample, voice recording, dna sequence, genome sequence, facial',
    PHI_PHOTO: 'photo, photograph, portrait, face image, picture, selfie, avatar, mugshot, headshot',
    PHI_ID:
      'identifier value, user id, customer id, client id, employee id, employee number, participant id, participant number, case number, badge id, badge number, fin number, check number, social media, twitter handle, instagram handle, ' +
      'visit number, encounter number, encounter id, accession number, accession id, order number, prescription number, ' +
      'claim number, specimen id, specimen number, biosample id, sample barcode, referral number, authorization number, appointment id, ' +
      'study instance uid, document number, household id, donor id, biobank id, genome id, military id, student id, certification number',
    PHI_FREE_TEXT:
      'note, comment, narrative, free text, freetext, remark, chief complaint, history of present illness, ' +
      'clinical information, discharge summary, progress note, clinical impression, clinical history, report text, result text, document text, verbatim, transcript, dictation, ' +
      'annotation, care instruction, patient instruction, reason text, message body, message text, text body, chat message, sticky note',
    PROVIDER_NAME:
      'ordering physician, attending md, admitting md, referring md, ordering md, attending physician, referring physician, rendering physician, primary care physician, ' +
      'primary physician, ordering doctor, provider name, physician name, doctor name, practitioner name, nurse name, surgeon name, prescriber name, ' +
      'clinician name, therapist name, provider first name, provider last name, case manager, medical director',
    PROVIDER_ID:
      'npi, dea number, dea, upin, provider id, provider number, provider identifier, physician id, doctor id, prescriber id, ' +
      'practitioner id, national provider, national provider identifier, nurse id, surgeon id, clinician id, collector identifier, ' +
      'provider npi, provider tax id, provider license',
  },
  whole: {
    PHI_NAME:
      'first, last, middle, given, family, prefix, suffix, alias, initials, aka, fname, lname, mname, given names, ' +
      'mother, father, spouse, guarantor, insured, employer, contact, kin, maiden, person, guardian, caregiver, policyholder, policy holder',
    PHI_GEO: 'lat, lon, lng, line, address line, place, residence, home, locality, coordinates, tract',
    PHI_DEATH_DATE: 'dod',
    PHI_AGE: 'age, ages',
    PHI_PHONE: 'mobile, cell, tel, telefon, sms number, landline, home number, work number',
    PHI_EMAIL: 'mail, email',
    PHI_SSN: 'sin, ssn',
    PHI_MRN: 'mr number, hn',
    PHI_ID: 'patient, subject, beneficiary, participant, user, username, login, subscriber, dependent, donor',
    PHI_ACCOUNT: 'account, acct',
    PHI_MEMBER_ID: 'member, policy',
    PHI_VEHICLE: 'plate, tag number, license tag',
    PHI_LICENSE: 'licence, passport, driver',
    PHI_DEVICE: 'serial, mac, udi, device serial, android id, imei',
    PHI_IP: 'ip, remote host',
    PHI_BIOMETRIC: 'fingerprint, iris, face, retina, voice',
    PHI_FREE_TEXT: 'notes, memo, verbatim, complaint, hpi, sig, narrative, impression, findings',
    PROVIDER_ID: 'npi, dea, performer, prescriber, practitioner',
    PROVIDER_NAME:
      'surgeon, physician, doctor, nurse, clinician, anesthesiologist, pcp, attending, therapist',
  },
  within: [],
};
