/**
 * What the oracle finds wrong: a code and coordinates. A finding must never hold a value, key or header of a record.
 */

/** What can be wrong, and what that means. */
export const FINDING_CODES = {
  TOPIC_MISSING: 'a topic that must be there is not',
  LANE_NOT_STARTED: 'nobody has declared that the lane began, or from where',
  LANE_BEHIND: 'the lane has not come to the end of its raw partition',
  TRANSACTION_OPEN: 'a transaction is open where everything should have ended',
  RECORD_LOST: 'a raw record was neither published nor withheld',
  RECORD_DOUBLED: 'a record was published twice',
  RECORD_OUT_OF_ORDER: 'a record stands elsewhere than raw order says',
  RECORD_WRONG_PARTITION: 'a record stands in another partition than its raw record',
  RECORD_UNEXPECTED: 'a published record follows from no raw record',
  ABORTED_PUBLISHED: 'a raw record whose transaction was aborted was published',
  WITHHELD_PUBLISHED: 'a withheld record was published too',
  WITHHOLD_MISSED: 'a record that no plan can mask was not withheld',
  WITHHELD_TWICE: 'a record was withheld twice',
  WITHHELD_NO_RECORD: 'something was withheld where there is no raw record',
  WITHHELD_WITHOUT_CAUSE: 'a record was withheld that could have been published',
  WITHHELD_OTHER_CODE: 'a record was withheld for another reason than it gives',
  REDRIVEN_NOT_WITHHELD: 'a redrive says that it has published what was not withheld, or not any more',
  REDRIVEN_UNAUDITED:
    'a redrive says that it has published a record, and no event says that it was delivered',
  REDRIVEN_UNTOLD: 'an event of a redrive says that a record was delivered, and gauze.withheld does not',
  BEGUN_ANEW_UNAUDITED: 'gauze.withheld says that a lane began anew where no event does',
  WITHHELD_UNAUDITED: 'a record was withheld, and no event says that it was not delivered',
  OUTCOME_MISSING: 'an event says that a record was not delivered, and it was not withheld',
  VALUE_RAW: 'a field that should be masked is as it was',
  VALUE_DIFFERS: 'a field is another one than the plan makes',
  SCHEMA_OTHER: 'a value names another schema than that of its plan',
  KEY_RAW: 'a key that should be masked is as it was',
  KEY_DIFFERS: 'a key is another one than the plan makes',
  HEADER_LEAKED: 'a header passed that should not',
  HEADERS_DIFFER: 'headers that should pass are not as they were',
  TIME_DIFFERS: 'the time is not what the policy says, or not stamped by whom it says',
  PLAN_OTHER: 'no plan that can be made from policy log and registry has the hash that the event names',
  POLICY_UNKNOWN: 'an event names a policy version that the policy log does not have',
  AUDIT_GAP: 'no event covers a range that the lane went over',
  AUDIT_OVERLAP: 'two events cover the same range',
  AUDIT_END: 'events end elsewhere than the committed offset',
  AUDIT_COUNT: 'an event counts other records, or bytes, than stand in its range',
  AUDIT_DELIVERED: 'an event says of another number of records that they were delivered than its bits do',
  AUDIT_OTHER: 'an event names another topic, group or audience than its lane has',
  AUDIT_UNREADABLE: 'a value of the audit topic is no event',
  CHAIN_HASH: 'an event does not name the hash of the one before it',
  CHAIN_SEQ: 'a number is missing in a chain, or stands twice',
  CHAIN_OPENING: 'a chain does not begin with its opening',
  CHAIN_WRITER: 'two writers, or two partitions, share one chain',
  CHAIN_CUT: 'a chain does not end where its successor says',
  INDEX_MISSING: 'an event has no index of its range, or an index no event',
  INDEX_OTHER: 'an index and its event do not say the same',
  INDEX_TOKEN: 'the index names another person or another record than stands in the raw topic',
  CANARY_SEEN: 'a canary stands where no plan lets it',
  CANARY_MISSING: 'a canary is not where the plans let it be',
} as const;

export type FindingCode = keyof typeof FINDING_CODES;

/** Where it is wrong. */
export interface FindingPlace {
  readonly audience?: string;
  readonly topic?: string;
  readonly partition?: number;
  readonly offset?: number;
  /** Path of a field, name of a canary, id of a chain. */
  readonly part?: string;
  /** Numbers or codes that help; never of a record's content. */
  readonly detail?: string;
}

export interface Finding extends FindingPlace {
  readonly code: FindingCode;
}

/** So many of one code are kept with their places: where all is wrong, the first tell enough. */
const KEPT_PER_CODE = 50;

export class Findings {
  readonly list: Finding[] = [];
  /** How often each code was found; also beyond what is kept in `list`. */
  readonly counts = new Map<FindingCode, number>();

  add(code: FindingCode, place: FindingPlace): void {
    const count = (this.counts.get(code) ?? 0) + 1;
    this.counts.set(code, count);
    if (count <= KEPT_PER_CODE) this.list.push({ code, ...place });
  }
}
