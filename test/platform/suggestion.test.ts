/**
 * Promises of "did you mean": a name of the list that is a slip or two away, never anything else, and nothing for another
 * word.
 */
import * as fc from 'fast-check';
import { describe, expect, test } from '@jest/globals';
import { GauzeError } from '../../platform/errors.ts';
import { nearestName, nearestOf } from '../../platform/suggestion.ts';
import { METHODS } from '../../processors/method-table.ts';
import { TAGS } from '../../schemas/tags.ts';

describe('the nearest name', () => {
  test.each([
    ['zip5', 'zip3'],
    ['pseudonim', 'pseudonym'],
    ['date-shfit', 'date-shift'],
    ['Redact', 'redact'],
    ['frop', 'drop'],
  ])('of methods to %s is %s', (word, name) => {
    expect(nearestName(word, Object.keys(METHODS))).toBe(name);
  });

  test.each([
    ['PHI_SNN', 'PHI_SSN'],
    ['PHI_BIRTHDATE', 'PHI_BIRTH_DATE'],
    ['phi_mrn', 'PHI_MRN'],
  ])('of tags to %s is %s', (word, name) => {
    expect(nearestName(word, Object.keys(TAGS))).toBe(name);
  });

  test.each(['tokenise', 'x', '', 'z'.repeat(10_000)])('is none where the word is another: %#', (word) => {
    expect(nearestName(word, Object.keys(METHODS))).toBeNull();
  });

  test('is none of another tag, though all begin alike', () => {
    expect(nearestName('PHI_KEY', Object.keys(TAGS))).toBeNull();
  });

  test('is always one of the list, and not what was written', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 20 }), fc.array(fc.string({ maxLength: 20 })), (word, names) => {
        const nearest = nearestName(word, names);
        expect(nearest === null || (names.includes(nearest) && nearest !== word)).toBe(true);
      }),
    );
  });

  test('is found where one letter is missing, too many, changed or swapped with its neighbour', () => {
    const names = ['clinical.patients', 'clinical.claims'];
    for (const slip of ['clinical.patient', 'clinical.patientss', 'clinical.pstients', 'clincial.patients'])
      expect(nearestName(slip, names)).toBe('clinical.patients');
  });
});

test('an error asks for it behind its message, and has no question where there is none', () => {
  const at = { file: 'research.yaml', line: 3, method: 'zip5' };
  const asked = new GauzeError('ERR_POLICY_METHOD_UNKNOWN', {
    ...at,
    ...nearestOf('zip5', ['zip3', 'drop']),
  });
  expect(asked.message).toBe('research.yaml:3: there is no method zip5. Did you mean zip3?');
  expect(asked.toJSON()).toMatchObject({ nearest: 'zip3' });
  const plain = new GauzeError('ERR_POLICY_METHOD_UNKNOWN', { ...at, ...nearestOf('zip5', ['drop']) });
  expect(plain.message).toBe('research.yaml:3: there is no method zip5.');
});
