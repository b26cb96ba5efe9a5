/**
 * What a session of a grant task puts on record: that it began and ended, what it is about to deliver, what it has
 * delivered. Nothing of a record but coordinates, counts and subject tokens.
 */
import { deliveryEvent, grantStopped, leaseEvent, underGrant } from '../audit/grant-events.ts';
import { sessionClosed, sessionOpened, sessionSeek } from '../audit/lane-events.ts';
import type { PolicyInForce } from '../audit/lane-events.ts';
import { outputSha256 } from '../audit/output-hash.ts';
import { derivedSchemaExt } from '../audit/replay-events.ts';
import type { EventBody } from '../audit/audit-chain.ts';
import { nowMs } from '../platform/clock.ts';
import { SUBJECT_TOKEN_BYTES } from '../schemas/access-codecs.ts';
import type { GrantProgress, GrantState, GrantStopReason } from '../schemas/access-codecs.ts';
import { batchEvent } from './batch-event.ts';
import type { GrantBatch } from './grant-batch.ts';
import type { GrantContext } from './grant-context.ts';
import { tokenBuffers } from './grant-selection.ts';
import { grantFacts, grantIdentity } from './grant-setup.ts';
import type { GrantPartition } from './grant-setup.ts';

type Place = Pick<GrantPartition, 'partition' | 'position'>;

/** A session begins in each of its partitions; records that retention has taken are passed over, on record. */
export function openedEvents(
  context: GrantContext,
  state: GrantState,
  policy: PolicyInForce,
  partitions: readonly GrantPartition[],
  chain: GrantProgress['chain'],
): readonly EventBody[] {
  const previous = chain && { chainId: chain.chain_id, seq: chain.seq, head: chain.head };
  const events = partitions.flatMap(({ partition, from, position }) => {
    const identity = grantIdentity(context, state, partition);
    const opened = sessionOpened(identity, policy, { nowMs: nowMs(), position: from, previous });
    if (from === position) return [opened];
    const seek = { nowMs: nowMs(), from, to: position, resumeEntryOffset: -1, how: 'RETENTION' };
    return [opened, sessionSeek(identity, policy, seek)];
  });
  return events.map((event) => underGrant(event, grantFacts(state)));
}

/** A session ends in order. */
export function closedEvents(
  context: GrantContext,
  state: GrantState,
  policy: PolicyInForce,
  places: readonly Place[],
): readonly EventBody[] {
  return places.map((place) => closedEvent(context, state, policy, place));
}

/** Nothing more is delivered, and why. */
export function stoppedEvent(
  context: GrantContext,
  state: GrantState,
  policy: PolicyInForce,
  [place]: readonly Place[],
  reason: GrantStopReason,
): EventBody {
  return grantStopped(closedEvent(context, state, policy, place ?? { partition: 0, position: 0 }), reason);
}

/** What a batch delivers, and whom it is about. */
export function deliveryOf(
  context: GrantContext,
  state: GrantState,
  policy: PolicyInForce,
  batch: GrantBatch,
): EventBody {
  const covered = coveredBy(context, state, policy, batch);
  // The grant's own schemas go with its topic: whoever masks the range again needs their ids.
  const derived = [...batch.work.plans].map(([schemaId, { prefix }]) => ({
    k: derivedSchemaExt(schemaId),
    v: String(prefix.readInt32BE(1)),
  }));
  return { ...covered, ext: [...covered.ext, ...derived], output_sha256: outputSha256(batch.writer) };
}

function coveredBy(
  context: GrantContext,
  state: GrantState,
  policy: PolicyInForce,
  { range, work, selection }: GrantBatch,
): EventBody {
  const identity = grantIdentity(context, state, range.partition);
  const body = batchEvent(identity, policy, work, range.firstOffset, range.nextOffset);
  const subjects = subjectsOf(state, selection.persons);
  return underGrant(deliveryEvent(body, work.withheld.length, subjects), grantFacts(state));
}

/** The lease of the same batch: with those persons that no lease has counted before. */
export function leaseOf(
  context: GrantContext,
  state: GrantState,
  policy: PolicyInForce,
  batch: GrantBatch,
): EventBody {
  const newPersons = subjectsOf(state, batch.selection.newPersons);
  return leaseEvent(coveredBy(context, state, policy, batch), newPersons);
}

function closedEvent(
  context: GrantContext,
  state: GrantState,
  policy: PolicyInForce,
  { partition, position }: Place,
): EventBody {
  const closed = sessionClosed(grantIdentity(context, state, partition), policy, nowMs(), position);
  return underGrant(closed, grantFacts(state));
}

function subjectsOf({ scope }: GrantState, persons: ReadonlySet<bigint>) {
  return {
    distinct: persons.size,
    key_epoch: scope.token_epoch,
    token_len: SUBJECT_TOKEN_BYTES,
    tokens: Buffer.concat(tokenBuffers(persons)),
  };
}
