/**
 * The events of a replay: that raw records were read and nothing was delivered, and what the comparison has found.
 * Built from coordinates, counts and codes; of what was compared nothing but its place.
 */
import type { ReplayResult, ScopeReplay } from '../schemas/access-codecs.ts';
import type { PhiAuditEvent } from '../schemas/control-codecs.ts';
import type { EventBody } from './audit-chain.ts';

/** An event whose records can be masked again: who got what, by which plan. */
export interface ReplayableEvent extends PhiAuditEvent {
  readonly range: NonNullable<PhiAuditEvent['range']>;
  readonly plan: NonNullable<PhiAuditEvent['plan']>;
  readonly view: NonNullable<PhiAuditEvent['view']> & { readonly output_topic: string };
  readonly recipient: NonNullable<PhiAuditEvent['recipient']>;
}

/** Name of the extra that says which derived schema a grant's records of a schema were written with. */
export function derivedSchemaExt(schemaId: number): string {
  return `derived.${schemaId}`;
}

/** Does the event tell of a delivery of masked records? Then it can be replayed. */
export function isReplayable(event: PhiAuditEvent): event is ReplayableEvent {
  const { type, phase, range, plan, view, recipient } = event;
  return (
    type === 'session.batch' &&
    phase === 'COMMITTED' &&
    range !== null &&
    range.topic_id !== null &&
    range.delivered_count > 0 &&
    plan !== null &&
    recipient !== null &&
    typeof view?.output_topic === 'string'
  );
}

/** A batch event of the same range that says: read, and nothing of it delivered to anybody. */
export function replayRead(batch: EventBody): EventBody {
  const { range } = batch;
  return {
    ...batch,
    outcome: 'SUCCESS',
    outcome_reason: null,
    recipient: null,
    accounting: 'NOT_PHI',
    view: null,
    range: range && {
      ...range,
      delivered_count: 0,
      delivered: range.record_count > 0 ? Buffer.alloc(Math.ceil(range.record_count / 8)) : null,
    },
  };
}

/** What was found. `about` is an event of the same grant that tells of no read. */
export function replayed(about: EventBody, replay: ScopeReplay, result: ReplayResult): EventBody {
  const { outcome, code, records, differs_at: differsAt } = result;
  const facts: Record<string, string> = {
    'replay.event': `${replay.event_partition}/${replay.event_offset}`,
    'replay.event_sha256': replay.event_sha256.toString('hex'),
    'replay.outcome': outcome,
    'replay.records': String(records),
    'replay.served': replay.recipient,
  };
  if (code !== null) facts['replay.code'] = code;
  if (differsAt !== null) facts['replay.differs_at'] = String(differsAt);
  return {
    ...about,
    type: 'audit.replayed',
    action: 'E',
    outcome: outcome === 'EQUAL' ? 'SUCCESS' : outcome === 'DIFFERENT' ? 'SERIOUS_FAILURE' : 'MINOR_FAILURE',
    outcome_reason: code ?? (outcome === 'EQUAL' ? null : outcome),
    recipient: null,
    accounting: 'NOT_PHI',
    range: null,
    view: null,
    group: null,
    ext: Object.entries(facts).map(([k, v]) => ({ k, v })),
  };
}
