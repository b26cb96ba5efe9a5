/**
 * Columns of the CSV export of Synthea, which are short words in capitals. Data; see dictionary.ts.
 */
import type { Dictionary } from './dictionary.ts';

export const SYNTHEA: Dictionary = {
  name: 'Synthea',
  source: 'Synthea CSV data dictionary: patients, encounters, observations, claims, medications, devices',
  anywhere: {
    PHI_DATE: 'current illness date, service date, last billed date, service start, service stop',
    PHI_ID:
      'appointment id, patient insurance id, claim id, primary patient insurance, secondary patient insurance, charge id',
    PROVIDER_ID: 'referring provider id, supervising provider id, provider id',
  },
  whole: {
    PHI_LICENSE: 'drivers, passport',
    PHI_NAME: 'first, last, maiden, prefix, suffix, middle',
    PHI_ID: 'patient, encounter, claim, visit, appointment',
  },
  within: [
    [
      'encounter, claim, medication, careplan, observation, procedure',
      { PROVIDER_ID: 'provider', PHI_ID: 'id, encounter, patient' },
    ],
    ['patient', { PHI_ID: 'id' }],
  ],
};
