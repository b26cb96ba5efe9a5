/**
 * The events of a redrive: withheld records of a raw partition were read again, because a person asked. They are those
 * of a lane in a group of its own, so they tile a domain of their own. Built from coordinates, counts and names only.
 */
import type { EventBody } from './audit-chain.ts';

/** `how` of the seek with which each redrive begins, and `from` of the order that allows it. */
export const REDRIVE = 'REDRIVE';
/** Type of the event about a stretch in which nothing was wanted: it was passed over, and not read. */
export const PASSED_OVER = 'redrive.passed';

/** Which order it was. */
export interface RedriveFacts {
  /** Offset of the order in the policy log. */
  readonly logOffset: number;
  /** The person who asked, or the Kafka principal. */
  readonly by: string;
}

/** The same event as one of a redrive. */
export function underRedrive(body: EventBody, { logOffset, by }: RedriveFacts): EventBody {
  const facts = { 'redrive.asked_by': by, 'redrive.log_offset': String(logOffset) };
  return { ...body, ext: [...body.ext, ...Object.entries(facts).map(([k, v]) => ({ k, v }))] };
}

/**
 * What was read and delivered. Records that were not wanted are not delivered, and that is no failure;
 * `withheldCount` of those that were have a fault still.
 */
export function redriven(batch: EventBody, facts: RedriveFacts, withheldCount: number): EventBody {
  const hasFault = withheldCount > 0;
  return {
    ...underRedrive(batch, facts),
    outcome: hasFault ? 'MINOR_FAILURE' : 'SUCCESS',
    outcome_reason: hasFault ? 'withheld' : null,
  };
}

/** Nothing is wanted between the position of `about`, an event without records, and `nextOffset`. */
export function passedOver(about: EventBody, nextOffset: number, facts: RedriveFacts): EventBody {
  const { range } = about;
  return {
    ...underRedrive(about, facts),
    type: PASSED_OVER,
    recipient: null,
    accounting: 'NOT_PHI',
    range: range && { ...range, next_offset: nextOffset },
  };
}

/** Keys of records were read, to see whether a later record has the key of a withheld one; nobody got anything. */
export function keysRead(
  about: EventBody,
  read: { readonly nextOffset: number; readonly records: number; readonly bytes: number },
  facts: RedriveFacts,
): EventBody {
  const { range } = about;
  return {
    ...underRedrive(about, facts),
    type: 'session.batch',
    recipient: null,
    accounting: 'NOT_PHI',
    // No group has a position in it: it tiles nothing.
    group: null,
    range: range && {
      ...range,
      next_offset: read.nextOffset,
      record_count: read.records,
      bytes: read.bytes,
    },
  };
}
