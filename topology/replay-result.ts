/**
 * What a replay can come to, and the closed list of reasons. A reason names what was missing or differed, and never a
 * value.
 */
import type { ReplayResult } from '../schemas/access-codecs.ts';

/**
 * Why nothing can be said. EVENT_GONE: the event is not in the audit topic any more; EVENT_OTHER: what stands there is
 * not what was decided about; GRANT_GONE: the state of the grant is not known any more; POLICY_GONE, PLAN_OTHER,
 * SCHEMA_GONE: the recorded policy, plan or schema cannot be had again; KEY_EPOCH: the keyring does not have the
 * masking keys of then; ALIASES_GONE: the list of merged persons of then is not on the host; DICTIONARY: the
 * person dictionary of then does not say the same any more; RAW_TOPIC: the raw topic was made again; RAW_RETENTION: retention has taken raw records of the
 * range; RAW_RECORDS: there are fewer raw records than were read; OUTPUT_TOPIC: the sanitized topic was made again;
 * OUTPUT_RETENTION: retention has taken what was published; NOT_PUBLISHED: no hash and no topic to compare with.
 */
export type UnverifiableCode =
  | 'EVENT_GONE'
  | 'EVENT_OTHER'
  | 'GRANT_GONE'
  | 'POLICY_GONE'
  | 'PLAN_OTHER'
  | 'SCHEMA_GONE'
  | 'KEY_EPOCH'
  | 'ALIASES_GONE'
  | 'DICTIONARY'
  | 'RAW_TOPIC'
  | 'RAW_RETENTION'
  | 'RAW_RECORDS'
  | 'OUTPUT_TOPIC'
  | 'OUTPUT_RETENTION'
  | 'NOT_PUBLISHED';

/**
 * What differs. HASH: the published hash; BYTES: a published record; MISSING, MORE: published records that are not
 * there, or that should not be; UNMASKABLE: a record is on record as delivered that the plan withholds; RECORDS: the
 * range holds more raw records than the event tells of.
 */
export type DifferenceCode = 'HASH' | 'BYTES' | 'MISSING' | 'MORE' | 'UNMASKABLE' | 'RECORDS';

export function unverifiable(code: UnverifiableCode): ReplayResult {
  return { outcome: 'UNVERIFIABLE', code, records: 0, differs_at: null };
}

/** `at`: offset of the first raw record concerned; null where it cannot be told. */
export function different(code: DifferenceCode, records: number, at: number | null): ReplayResult {
  return { outcome: 'DIFFERENT', code, records, differs_at: at };
}

export function equal(records: number): ReplayResult {
  return { outcome: 'EQUAL', code: null, records, differs_at: null };
}

/** Is there a result already, in place of what was looked for? */
export function isResult(found: object): found is ReplayResult {
  return 'outcome' in found && 'differs_at' in found;
}
