/**
 * All dictionaries, in the order in which they are asked: where two know a name equally well, the first is quoted.
 */
import type { Dictionary } from './dictionary.ts';
import { DICOM } from './dicom.ts';
import { FHIR_R4 } from './fhir-r4.ts';
import { HL7V2 } from './hl7v2.ts';
import { IDENTIFIERS } from './identifiers.ts';
import { OMOP_CDM } from './omop-cdm.ts';
import { SYNTHEA } from './synthea.ts';
import { X12 } from './x12.ts';

export const DICTIONARIES: readonly Dictionary[] = [
  IDENTIFIERS,
  HL7V2,
  FHIR_R4,
  OMOP_CDM,
  X12,
  SYNTHEA,
  DICOM,
];
