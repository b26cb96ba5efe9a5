/**
 * What the recognisers of free text find, and what they leave alone: one line per promise.
 * Check digits are made here by their definition where an example number could be somebody's.
 */
import { describe, expect, test } from '@jest/globals';
import {
  hasLuhnDigit,
  isAbaNumber,
  isDeaNumber,
  isGtin,
  isHibc,
  isIban,
  isIssuableSsn,
  isNpi,
  isVin,
} from '../../../processors/text/check-digits.ts';
import { scrubbed } from '../../../processors/text/scrubber.ts';

function scrub(text: string): string {
  return scrubbed(text, null);
}

describe('check digits', () => {
  const cases: [string, (text: string) => boolean, string, string][] = [
    ['payment card (Luhn)', hasLuhnDigit, '4111111111111111', '4111111111111112'],
    ['NPI (Luhn with 80840)', isNpi, '1234567893', '1234567890'],
    ['DEA number', isDeaNumber, 'AB1234563', 'AB1234564'],
    ['ABA routing number', isAbaNumber, '021000021', '021000022'],
    ['IBAN (mod 97)', isIban, 'GB82WEST12345698765432', 'GB83WEST12345698765432'],
    ['VIN', isVin, '1M8GDM9AXKP042788', '1M8GDM9A1KP042788'],
    ['GTIN-14', isGtin, '00012345678905', '00012345678906'],
    ['HIBC (modulo 43)', isHibc, '+A123BJC5D6E71G', '+A123BJC5D6E71H'],
  ];
  test.each(cases)('%s: takes a right one, refuses a wrong one', (_name, check, right, wrong) => {
    expect([check(right), check(wrong)]).toEqual([true, false]);
  });

  test('an area of a social security number is none where none was ever issued', () => {
    const withArea = (area: string): boolean => isIssuableSsn(`${area}121234`);
    expect(['000', '666', '900', '999'].map(withArea)).toEqual([false, false, false, false]);
    expect([isIssuableSsn(`${'7'.repeat(3)}001234`), isIssuableSsn(`${'7'.repeat(3)}120000`)]).toEqual([
      false,
      false,
    ]);
    expect(withArea('7'.repeat(3))).toBe(true);
  });
});

describe('what goes', () => {
  const gone: [string, string][] = [
    ['SSN 987-65-4321 on file', 'SSN [SSN] on file'],
    ['ssn 987 65 4321', 'ssn [SSN]'],
    ['social security number ending 4321', 'social security number ending [SSN]'],
    ['xxx-xx-4321', '[SSN]'],
    [`area ${'0'.repeat(3)}-12-3456 was never issued`, 'area [ID] was never issued'],
    ['card 4111 1111 1111 1111 declined', 'card [CARD] declined'],
    ['NPI 1234567893', 'NPI [LICENSE]'],
    ['DEA AB1234563', 'DEA [LICENSE]'],
    ['routing 021000021', 'routing [ACCOUNT]'],
    ['MBI 1EG4-TE5-MK73', 'MBI [ACCOUNT]'],
    ['IBAN GB82 WEST 1234 5698 7654 32', 'IBAN [ACCOUNT]'],
    ['drives 1M8GDM9AXKP042788', 'drives [VEHICLE]'],
    ['UDI (01)00012345678905(17)300101(10)A213B1(21)1234', 'UDI [DEVICE]'],
    ['label +A123BJC5D6E71G', 'label [DEVICE]'],
    ['serial no. SN-4471-X', 'serial no. [DEVICE]'],
    ['MRN: 00412', 'MRN: [ID]'],
    ['account # AC-7719', 'account # [ACCOUNT]'],
    ['seen as 55512078', 'seen as [ID]'],
    ['id 550e8400-e29b-41d4-a716-446655440000', 'id [ID]'],
    ['from 192.0.2.17 at night', 'from [IP] at night'],
    ['from 2001:db8::17 at night', 'from [IP] at night'],
    ['MAC 00:1A:2B:3C:4D:5E', 'MAC [MAC]'],
    ['see https://example.org/a?b=c.', 'see [URL].'],
    ['see portal.example.org', 'see [URL]'],
    ['write to a.b+c@example.org', 'write to [EMAIL]'],
    ['call (555) 010-4477 x12', 'call [PHONE]'],
    ['call +44 20 7946 0018', 'call [PHONE]'],
    ['call 555.010.4477', 'call [PHONE]'],
    ['ZIP 03601', 'ZIP [ZIP]'],
    ['Olathe, KS 66061', '[PLACE], KS [ZIP]'],
    ['at 633 Abernathy Landing Apt. 4', 'at [ADDRESS]'],
    ['P.O. Box 44', '[ADDRESS]'],
    ['lives in Springfield', 'lives in [PLACE]'],
    ['on 2/3/2020', 'on [DATE]'],
    ['on 2020-02-03T11:04:05Z', 'on [DATE]'],
    ['on 03.02.2020', 'on [DATE]'],
    ['on Feb. 3rd, 2020', 'on [DATE]'],
    ['on the 3rd of February', 'on the [DATE]'],
    ['on 03-FEB-2020', 'on [DATE]'],
    ['in March', 'in [DATE]'],
    ['on Tuesday', 'on [DATE]'],
    ['born in 1931', 'born in [DATE]'],
    ['a 93 year old', 'a [AGE] year old'],
    ['a 104-year-old', 'a [AGE]-year-old'],
    ['aged 91', 'aged [AGE]'],
    ['ninety-three years old', '[AGE] years old'],
    ['a nonagenarian', 'a [AGE]'],
    ['seen by Dr. Young today', 'seen by Dr. [NAME] today'],
    ['Mrs. J. van der Berg', 'Mrs. [NAME]'],
    ['her daughter Hope called', 'her daughter [NAME] called'],
    ['signed, Maria Gonzalez-Ruiz, MD', 'signed, [NAME]'],
    ['Patient: STONE, ROSE', 'Patient: [NAME]'],
    ['Electronically signed by: Grace Long RN', 'Electronically signed by: [NAME]'],
    ['my name is john smith', 'my name is [NAME]'],
    ["O'Brien's wound", "[NAME]'s wound"],
    ['Rose Miller came. Rose smiled.', '[NAME] came. [NAME] smiled.'],
    ['met Krisztián there', 'met [NAME] there'],
  ];
  test.each(gone)('%s', (given, expected) => {
    expect(scrub(given)).toBe(expected);
  });
});

describe('what stays', () => {
  test.each([
    'Blood pressure 120/80, pulse 72, SpO2 98 %, temperature 98.6.',
    'Metformin 500 mg twice daily, then Lisinopril 10 mg.',
    'Parkinson disease, Crohn disease, Foley catheter, Glasgow coma score 15.',
    'A 45-year-old man from Germany, English-speaking, retired at 65.',
    'Since 2014 he has had type 2 diabetes, stage 3 kidney disease, grade 2/6 murmur.',
    'Platelets 250000, viral load 1500000 copies, INR 2.5, ratio 1/2.',
    'COVID-19, H1N1, HbA1c, CD4 count, T4N2M0, Vitamin B12, L4-L5.',
    'He may march. She rose at eight and will mark the brown stain.',
    'Laparoscopic Removal of Gall Bladder',
    'The patient was seen in Texas.',
  ])('%s', (text) => {
    expect(scrub(text)).toBe(text);
  });
});

test('a scrubbed text stays as it is when it is scrubbed again', () => {
  const text =
    'Dr. Ada Quill saw Mr. Roe of 12 Hill Street, Olathe, KS 66061 on 2/3/2020, call 555-010-4477.';
  const once = scrub(text);
  expect(once).not.toContain('Quill');
  expect(scrub(once)).toBe(once);
});
