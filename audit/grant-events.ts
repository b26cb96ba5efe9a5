/**
 * The events of a grant task: those of a lane, with the grant that allows them, whom it serves, and whom the records
 * are about. Built from coordinates, counts, names and subject tokens only.
 */
import type { AuditGrant, AuditSubjects, Accounting } from '../schemas/control-codecs.ts';
import type { EventBody } from './audit-chain.ts';

/** What all events of a grant have in common. */
export interface GrantFacts {
  readonly grant: AuditGrant;
  /** Kafka principal that reads the grant topic; null: a replay, of which nobody gets anything. */
  readonly beneficiary: string | null;
  /** HL7 PurposeOfUse. */
  readonly purpose: string;
}

/** Purposes that need no accounting of disclosures, 45 CFR 164.528(a)(1); all others count. */
const ACCOUNTING: Readonly<Record<string, Accounting>> = {
  TREAT: 'EXEMPT_TPO',
  ETREAT: 'EXEMPT_TPO',
  BTG: 'EXEMPT_TPO',
  HPAYMT: 'EXEMPT_TPO',
  HOPERAT: 'EXEMPT_TPO',
  PATRQT: 'EXEMPT_INDIVIDUAL',
};

/** The same event under a grant. */
export function underGrant(body: EventBody, { grant, beneficiary, purpose }: GrantFacts): EventBody {
  return {
    ...body,
    grant,
    recipient: beneficiary === null ? null : { id: beneficiary, name: null, address: null },
    purpose: [purpose],
    accounting:
      beneficiary === null
        ? 'NOT_PHI'
        : Object.hasOwn(ACCOUNTING, purpose)
          ? ACCOUNTING[purpose]!
          : 'REQUIRED',
    request_id: grant.request_id,
  };
}

/** What is about to be delivered: committed before it, and so an upper bound of it whatever happens after. */
export function leaseEvent(delivery: EventBody, newPersons: Omit<AuditSubjects, 'index_sha256'>): EventBody {
  const subjects = { ...newPersons, index_sha256: null };
  return { ...delivery, type: 'session.lease', phase: 'LEASE', subjects };
}

/**
 * What was delivered. Records that are not of the grant's persons are not delivered, and that is no failure;
 * `withheldCount` of them had a fault.
 */
export function deliveryEvent(
  batch: EventBody,
  withheldCount: number,
  persons: Omit<AuditSubjects, 'index_sha256'>,
): EventBody {
  return {
    ...batch,
    outcome: withheldCount > 0 ? 'MINOR_FAILURE' : 'SUCCESS',
    outcome_reason: withheldCount > 0 ? 'withheld' : null,
    subjects: { ...persons, index_sha256: null },
  };
}

/** Nothing more is delivered under the grant, for a reason that is not the grant's end. */
export function grantStopped(closed: EventBody, reason: string): EventBody {
  const isOrdinary = reason === 'COMPLETE' || reason === 'RECORDS' || reason === 'PERSONS';
  return {
    ...closed,
    type: 'grant.stopped',
    outcome: isOrdinary ? 'SUCCESS' : 'SERIOUS_FAILURE',
    outcome_reason: reason,
  };
}

/** A session was cut off by a new state of the grant. `ext` says which, and where delivery ended. */
export function sessionKilled(closed: EventBody, ext: Readonly<Record<string, string>>): EventBody {
  return {
    ...closed,
    type: 'session.killed',
    ext: [...closed.ext, ...Object.entries(ext).map(([k, v]) => ({ k, v }))],
  };
}
