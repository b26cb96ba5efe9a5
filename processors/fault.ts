/**
 * Faults of a record as negative numbers: the transcoder returns them in place of an end position,
 * because an exception per hostile record would cost more than the record.
 * It must never carry more than the code: no position, no byte of the record.
 */
import { GauzeError } from '../platform/errors.ts';
import type { ErrorCode } from '../platform/errors.ts';

export const FAULT_TRUNCATED = -1;
export const FAULT_TRAILING = -2;
export const FAULT_VALUE = -3;
export const FAULT_BOMB = -4;
export const FAULT_PERSON_MISSING = -5;
export const FAULT_RANGE = -6;
export const FAULT_DEPTH = -7;
export const FAULT_SENSITIVE = -8;
export const FAULT_FORMAT = -9;
export const FAULT_DATE_TEXT = -10;
export const FAULT_DICTIONARY = -11;

const CODES: ReadonlyMap<number, ErrorCode> = new Map<number, ErrorCode>([
  [FAULT_TRUNCATED, 'ERR_DECODE_TRUNCATED'],
  [FAULT_TRAILING, 'ERR_DECODE_TRAILING'],
  [FAULT_VALUE, 'ERR_DECODE_VALUE'],
  [FAULT_BOMB, 'ERR_DECODE_BOMB'],
  [FAULT_PERSON_MISSING, 'ERR_MASK_PERSON_MISSING'],
  [FAULT_RANGE, 'ERR_MASK_RANGE'],
  [FAULT_SENSITIVE, 'ERR_WITHHELD_SENSITIVE'],
  [FAULT_DEPTH, 'ERR_DECODE_DEPTH'],
  [FAULT_FORMAT, 'ERR_MASK_FORMAT'],
  [FAULT_DATE_TEXT, 'ERR_MASK_DATE_TEXT'],
  [FAULT_DICTIONARY, 'ERR_MASK_DICTIONARY'],
]);

/** The code of a negative number that a transcoder returned. Throws ERR_INTERNAL for any other number. */
export function faultCode(fault: number): ErrorCode {
  const code = CODES.get(fault);
  if (!code) throw new GauzeError('ERR_INTERNAL', { causeName: 'UnknownFault' });
  return code;
}
