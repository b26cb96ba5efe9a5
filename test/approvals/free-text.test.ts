import { describe, expect, test } from '@jest/globals';
import { assertNoIdentifier, assertTicketOnly } from '../../approvals/free-text.ts';

const reason = (text: string) => () => assertNoIdentifier(text, 'reason');
const ticket = (text: string) => () => assertTicketOnly(text, 'ticket');

describe('a reason', () => {
  test.each([
    'Follow-up of sepsis cases on ward 3, as agreed with the doctor on call',
    'Outcomes research under DUA 2026-014, arm B',
    'COVID-19 cohort, ICD-10 U07.1, 120 claims of May 2026',
    'Under 45 CFR 164.506(c): 40 encounters, 2 fields, 8 h',
    'Rückruf nach Entlassung, Station 12',
  ])('that names nobody passes: %s', (text) => {
    expect(reason(text)).not.toThrow();
  });

  test.each([
    ['a social security number', 'SSN 900-12-3456 calls'],
    ['one with blanks', 'SSN 900 12 3456 calls'],
    ['one in other digits', 'number ９００-１２-３４５６ calls'],
    ['one in digits of another script', 'number ٩٠٠-١٢-٣٤٥٦ calls'],
    ['one with characters without width between', '9\u200b00-1\u200b2-3\u200b456 calls'],
    ['one with another kind of dash', 'number 900\u201312\u20133456 calls'],
    ['a long number', 'about 12345678 of ward 3'],
    ['a long number in groups', 'about 123 456 789 of ward 3'],
    ['a telephone number', 'call (555) 010-9999 back'],
    ['the number of a record', 'the one with MRN 7 on ward 3'],
    ['the number of a patient', 'patient no. 12345 on ward 3'],
    ['letters with many digits', 'look for AB-123456 please'],
    ['an ISO date', 'admitted 2026-02-11 at night'],
    ['an American date', 'admitted 2/11/26 at night'],
    ['a written date', 'admitted 11 Feb 2026 at night'],
    ['a date the other way round', 'admitted February 11, 2026 at night'],
    ['a year of birth', 'the one born in 1931 on ward 3'],
    ['a date of birth', 'DOB 1931, ward 3, window'],
    ['a mail address', 'answer to kim.doe@example.org please'],
    ['a UUID', 'encounter 7b1e2f3a-aaaa-4bbb-8ccc-0123456789ab'],
    ['a network address', 'the device at 10.1.2.34 shows'],
  ])('is refused for %s', (_what, text) => {
    expect(reason(text)).toThrow(expect.objectContaining({ code: 'ERR_ACCESS_REASON_PHI' }));
  });

  test('is never repeated by its refusal', () => {
    try {
      assertNoIdentifier('call zebra at 555-010-9999', 'reason');
      throw new Error('it passed');
    } catch (error) {
      expect(JSON.stringify(error)).toContain('ERR_ACCESS_REASON_PHI');
      expect(`${String(error)} ${JSON.stringify(error)}`).not.toMatch(/zebra|555/);
    }
  });
});

describe('a reference to a ticket', () => {
  test.each(['INC0012345', 'CHG-2026-0145', '#4711', 'IRB/2026-014'])('may hold long numbers: %s', (text) => {
    expect(ticket(text)).not.toThrow();
  });

  test.each(['900-12-3456', 'MRN-123', 'PROT/2026-06-12', 'kim@example.org'])('is no %s', (text) => {
    expect(ticket(text)).toThrow(expect.objectContaining({ code: 'ERR_ACCESS_REASON_PHI' }));
  });
});
