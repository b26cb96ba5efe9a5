/**
 * Attributes of DICOM that the basic confidentiality profile takes away, as far as everyday words do not cover them.
 * Data; see dictionary.ts.
 */
import type { Dictionary } from './dictionary.ts';

export const DICOM: Dictionary = {
  name: 'DICOM PS3.15',
  source: 'DICOM PS3.15, Annex E: Basic Application Level Confidentiality Profile',
  anywhere: {
    PHI_ID:
      'study instance uid, series instance uid, sop instance uid, instance uid, study id, study uid, series uid, ' +
      'frame of reference uid, admission id, scheduled procedure step id, performed procedure step id, requested procedure id, ' +
      'filler order number imaging service request, issuer of admission id, service episode id, specimen uid',
    PHI_NAME:
      'patient name, other patient names, patient birth name, patient mother birth name, responsible person, names of intended recipients',
    PHI_MRN: 'other patient id, patient id, issuer of patient id',
    PHI_DATE:
      'acquisition date, acquisition time, acquisition date time, content date, content time, series date, study date, study time, series time, instance creation date',
    PHI_GEO:
      'patient address, region of residence, patient institution residence, current patient location, institution address',
    PHI_DEVICE:
      'device serial number, detector id, plate id, cassette id, gantry id, station name, performed station name, scheduled station name',
    PHI_FREE_TEXT:
      'additional patient history, image comments, patient comments, study comments, visit comments, requested procedure comments, ' +
      'derivation description, acquisition comments, interpretation text, medical alerts, admitting diagnoses description',
    PROVIDER_NAME:
      'referring physician name, performing physician name, requesting physician, operators name, name of physicians reading study, ' +
      'physician of record, consulting physician name, reviewer name, physician approving interpretation, verifying observer name, scheduled performing physician',
  },
  whole: {},
  within: [],
};
