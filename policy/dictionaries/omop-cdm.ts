/**
 * Columns of the OMOP common data model that say more than their words do, or less. Data; see dictionary.ts.
 */
import type { Dictionary } from './dictionary.ts';

export const OMOP_CDM: Dictionary = {
  name: 'OMOP CDM v5.4',
  source: 'OHDSI OMOP CDM v5.4: person, visit, location, death, note, measurement, device_exposure, provider',
  anywhere: {
    PHI_ID:
      'person id, person source value, visit occurrence id, preceding visit occurrence, visit detail id, visit source value, note id, ' +
      'measurement id, observation id, condition occurrence id, procedure occurrence id, drug exposure id, ' +
      'device exposure id, specimen id, specimen source id, episode id, cost id, location id, observation period id, note nlp id, survey id',
    PHI_BIRTH_DATE: 'year of birth, month of birth, day of birth, birth datetime',
    PHI_GEO: 'location source value',
    PHI_DEVICE: 'production id, unique device id',
    PHI_FREE_TEXT: 'note text, note title, value as string, lexical variant, note source value',
    PROVIDER_ID: 'provider id, provider source value, npi, dea',
    PHI_MEMBER_ID: 'payer plan period id',
    PHI_DATE: 'verbatim end date, verbatim date',
  },
  whole: {},
  within: [
    ['note', { PHI_FREE_TEXT: 'text, title' }],
    ['drug exposure, drug, medication', { PHI_FREE_TEXT: 'sig' }],
  ],
};
