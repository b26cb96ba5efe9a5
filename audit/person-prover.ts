/**
 * Makes the proof that a person is, or is not, in the batch of one event out of the audit topics: finds the event and
 * the index that it commits to, and works the tree out again before anything is said. It believes neither and writes
 * nothing.
 */
import { createHash } from 'node:crypto';
import { spread } from '../kafka/spread.ts';
import { GauzeError } from '../platform/errors.ts';
import { subjectIndexCodec } from '../schemas/access-codecs.ts';
import { auditEventCodec } from '../schemas/control-codecs.ts';
import type { PhiAuditEvent } from '../schemas/control-codecs.ts';
import { proveEvent } from './event-prover.ts';
import type { EventOffset } from './event-prover.ts';
import { makePersonProof, membershipRoot } from './membership-proof.ts';
import type { PersonProofParts } from './membership-proof.ts';
import { MembershipTree } from './membership-tree.ts';
import type { AuditSource, SourcePartition } from './verify/audit-source.ts';

export interface PersonProofRequest extends Pick<
  PersonProofParts,
  'key' | 'opening' | 'mergesSha256' | 'nowMs'
> {
  readonly source: AuditSource;
  readonly at: EventOffset;
  /** The person's ids with their tokens in a key epoch; throws where the keyring does not have it. */
  readonly idsIn: (epoch: number) => PersonProofParts['ids'];
}

/** A proof file, and what it shows. */
export interface MadePersonProof {
  readonly text: string;
  /** Of the file, hex. */
  readonly sha256: string;
  readonly isIn: boolean;
  readonly ids: number;
}

/**
 * @throws GauzeError ERR_AUDIT_NOT_PROVABLE: no such event, one without a root of its persons, its index is gone or
 *   another one, or it is not sealed yet; those of `idsIn`
 */
export async function provePerson(request: PersonProofRequest): Promise<MadePersonProof> {
  const { source, at, idsIn, key, opening, mergesSha256, nowMs } = request;
  const partitions = await source.partitions();
  const event = await eventAt(source, partitions, at);
  const committed = membershipRoot(event);
  if (!committed) throw missing(at, 'the root of its persons: only events of the index lane have one');
  const ids = idsIn(event.subjects!.key_epoch);
  const tree = new MembershipTree(await indexedTokens(source, partitions, event, at));
  if (tree.size !== committed.size || !tree.root.equals(committed.root))
    throw missing(at, 'an index of persons with the root of the event');
  const eventProof = await proveEvent(source, at);
  const text = makePersonProof({ ids, event, eventProof, tree, mergesSha256, opening, key, nowMs });
  return {
    text,
    sha256: createHash('sha256').update(text).digest('hex'),
    isIn: ids.some(({ token }) => tree.prove(token).isIn),
    ids: ids.length,
  };
}

async function eventAt(
  source: AuditSource,
  partitions: readonly SourcePartition[],
  at: EventOffset,
): Promise<PhiAuditEvent> {
  const place = partitions.find(({ topic, partition }) => topic === at.topic && partition === at.partition);
  if (place?.kind !== 'events') throw missing(at, 'a partition of audit events');
  for await (const records of source.records(place, at.offset)) {
    for (const { offset, value } of records) {
      if (offset === at.offset && value) return decoded(value, at);
      if (offset > at.offset) throw missing(at, 'a record at that offset');
    }
  }
  throw missing(at, 'a record at that offset');
}

function decoded(value: Buffer, at: EventOffset): PhiAuditEvent {
  try {
    return auditEventCodec.decode(Buffer.from(value));
  } catch {
    throw missing(at, 'an audit event');
  }
}

/** Tokens of the index whose SHA-256 the event has. */
async function indexedTokens(
  source: AuditSource,
  partitions: readonly SourcePartition[],
  { range, subjects }: PhiAuditEvent,
  at: EventOffset,
): Promise<Buffer> {
  const places = partitions.filter(({ kind }) => kind === 'subjects');
  const likely = range ? spread(`${range.topic}/${range.partition}`, Math.max(1, places.length)) : 0;
  const inOrder = places.toSorted((a, b) => Number(b.partition === likely) - Number(a.partition === likely));
  for (const place of inOrder) {
    for await (const records of source.records(place, place.logStartOffset)) {
      for (const { value } of records) {
        if (!value || !createHash('sha256').update(value).digest().equals(subjects!.index_sha256!)) continue;
        return Buffer.from(subjectIndexCodec.decode(Buffer.from(value)).tokens);
      }
    }
  }
  throw missing(at, 'the index of persons that it commits to');
}

function missing({ topic, partition, offset }: EventOffset, expected: string): GauzeError {
  return new GauzeError('ERR_AUDIT_NOT_PROVABLE', { topic, partition, offset, expected });
}
