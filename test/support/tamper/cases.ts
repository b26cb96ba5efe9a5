/**
 * The tamper cases of the audit log in one table: what is done, with which means, and what a verifier must name.
 * `also` is what it may name beside. A new case is a new row; tests run all rows.
 */
import type { FindingName } from '../../../audit/verify/finding.ts';
import * as events from './event-mutations.ts';
import * as logs from './log-mutations.ts';
import type { Mutation } from './mutation.ts';
import * as writers from './writer-mutations.ts';

export interface TamperCase {
  /** Number of the reference, with a letter where it has several forms. */
  readonly id: string;
  readonly what: string;
  readonly mutation: Mutation;
  readonly finds: readonly FindingName[];
  readonly also?: readonly FindingName[];
  /** The source is counted again, and its persons worked out: nothing else can see it. */
  readonly isCounted?: boolean;
}

function row(
  id: string,
  what: string,
  mutation: Mutation,
  finds: readonly FindingName[],
  also: readonly FindingName[] = [],
): TamperCase {
  return { id, what, mutation, finds, also };
}

export const TAMPER_CASES: readonly TamperCase[] = [
  row('1', 'a bit flipped', events.changeBit, ['BAD_SIGNATURE', 'PREV_HASH', 'ROOT_MISMATCH']),
  row('2', 'the actor changed', events.changeActor, ['BAD_SIGNATURE', 'PREV_HASH', 'ROOT_MISMATCH']),
  // An event without a signature of its own is held by the link of the next.
  row('2b', 'the actor of an unsigned event changed', events.changeActorUnsigned, [
    'PREV_HASH',
    'ROOT_MISMATCH',
  ]),
  row('3', 'changed and linked anew', events.changeAndRelink, [
    ...(['BAD_SIGNATURE', 'UNSIGNED_TAIL', 'PREV_CHAIN_TRUNCATED', 'ROOT_MISMATCH'] as const),
  ]),
  row('4', 'changed and signed with the session key', events.changeAndResign, [
    ...(['PREV_CHAIN_TRUNCATED', 'ROOT_MISMATCH'] as const),
  ]),
  row('5', 'everything made anew', logs.remakeHistory, ['FORK_VS_WITNESS', 'NO_COSIGNATURE']),
  row('6', 'an event deleted', events.deleteEvent, [
    ...(['SEQ_GAP', 'PREV_HASH', 'ROOT_MISMATCH', 'SHORTER_THAN_SEALED', 'COVERAGE_GAP'] as const),
  ]),
  row(
    ...(['7', 'the chain of a session deleted', events.deleteChain] as const),
    ['PREV_CHAIN_MISSING', 'SHORTER_THAN_SEALED', 'ROOT_MISMATCH', 'COVERAGE_GAP'],
    ['COVERAGE_SHORT'],
  ),
  row(
    ...(['8', 'unsealed events deleted, the writer lives', events.deleteUnsealedWriterAlive] as const),
    ['SEQ_GAP', 'PREV_HASH'],
    ['COVERAGE_GAP'],
  ),
  row('9', 'unsealed events deleted, the writer is dead', events.deleteUnsealedWriterDead, [
    'COVERAGE_SHORT',
  ]),
  row(
    ...(['10', 'the sealed end deleted', logs.deleteSealedTail] as const),
    ['SHORTER_THAN_SEALED', 'COVERAGE_SHORT'],
    ['ROOT_MISMATCH'],
  ),
  // Positions of the new topic mean nothing in the old one's seals: it has a finding of its own.
  row(
    ...(['10b', 'the topic made again', logs.recreateTopic] as const),
    ['TOPIC_RECREATED'],
    ['SEQ_GAP', 'NO_OPENING', 'COVERAGE_BEYOND', 'COVERAGE_SHORT', 'SUBJECT_EXTRA', 'SHORTER_THAN_SEALED'],
  ),
  row('11', 'events and seals rolled back', logs.rollBackTogether, ['OLDER_THAN_WITNESS']),
  row('12', 'another view of the same size', logs.splitView, ['FORK_VS_WITNESS']),
  row('13', 'two events of a chain swapped', events.swapInChain, [
    ...(['SEQ_GAP', 'SEQ_DUPLICATE', 'PREV_HASH', 'ROOT_MISMATCH'] as const),
  ]),
  row('14', 'two events of different chains swapped', events.swapAcrossChains, ['ROOT_MISMATCH']),
  row(
    ...(['15', 'an event doubled', events.duplicateEvent] as const),
    ['SEQ_DUPLICATE', 'COVERAGE_OVERLAP'],
    ['PREV_HASH'],
  ),
  row('16', 'an event of a writer that nobody enrolled', events.unenrolledWriter, ['UNKNOWN_WRITER']),
  row(
    ...(['17', 'an event moved to another partition', events.moveToOtherPartition] as const),
    ['CHAIN_IN_TWO_PARTITIONS', 'ROOT_MISMATCH'],
    ['SEQ_GAP', 'SEQ_DUPLICATE', 'PREV_HASH', 'SHORTER_THAN_SEALED', 'CHAIN_AFTER_END', 'COVERAGE_GAP'],
  ),
  // Of a partition that begins late the tree is unknown up to a frontier, so it is not called shorter than sealed, and
  // its first range begins late as well: one finding says it, and one what could not be checked.
  row(
    ...(['18', 'the beginning removed, undeclared', logs.undeclaredTruncation] as const),
    ['UNDECLARED_TRUNCATION', 'PRUNED_BEFORE'],
    ['COVERAGE_SHORT'],
  ),
  row(
    ...(['18b', 'the beginning removed, and denied', logs.hiddenTruncation] as const),
    ['SHORTER_THAN_SEALED', 'ROOT_MISMATCH', 'SEQ_GAP', 'NO_OPENING'],
    ['COVERAGE_SHORT'],
  ),
  row(
    ...(['19', 'compaction', logs.compaction] as const),
    ['SEQ_GAP', 'SHORTER_THAN_SEALED', 'COVERAGE_GAP'],
    ['ROOT_MISMATCH', 'NO_OPENING', 'COVERAGE_SHORT', 'SUBJECT_EXTRA', 'DELIVERY_NOT_LEASED'],
  ),
  row(
    ...(['19b', 'compaction, with the settings on record', logs.compactionSeen] as const),
    ['SEQ_GAP', 'SHORTER_THAN_SEALED', 'COVERAGE_GAP', 'TOPIC_CONFIG'],
    ['ROOT_MISMATCH', 'NO_OPENING', 'COVERAGE_SHORT', 'SUBJECT_EXTRA', 'DELIVERY_NOT_LEASED'],
  ),
  row(
    ...(['20', 'an unclean election', logs.uncleanElection] as const),
    ['SHORTER_THAN_SEALED', 'COVERAGE_SHORT'],
    ['ROOT_MISMATCH'],
  ),
  row(
    ...(['21', 'a torn transaction: the event lost', writers.tornAuditLost] as const),
    ['COVERAGE_GAP', 'SEQ_GAP'],
    ['PREV_HASH'],
  ),
  row('22', 'a torn transaction: the position lost', writers.tornOffsetsLost, ['COVERAGE_OVERLAP']),
  row('23', 'a batch skipped', writers.skippedBatch, ['COVERAGE_GAP']),
  row('24', 'a narrower range', writers.narrowerRange, ['COVERAGE_GAP']),
  { ...row('25', 'one record not counted', writers.underCount, ['SOURCE_COUNT']), isCounted: true },
  {
    ...row(
      '26',
      'another person in the place of one, told alike by event and index',
      writers.onePatientLeftOut,
      ['SOURCE_SUBJECTS'],
    ),
    isCounted: true,
  },
  row('27', 'tokens of the index altered', events.alterTokenList, ['SUBJECT_ROOT', 'ROOT_MISMATCH']),
  row(
    ...(['27b', 'tokens in an event altered', events.alterInlineTokens] as const),
    ['BAD_SIGNATURE', 'ROOT_MISMATCH'],
    ['PREV_HASH', 'UNSIGNED_TAIL'],
  ),
  row(
    ...(['28', 'a seal deleted', logs.deleteSeal] as const),
    ['SEAL_SEQ', 'NOTE_SIZE'],
    ['SEAL_PREV_HASH', 'OLDER_THAN_WITNESS'],
  ),
  row(
    ...(['29', 'a position lowered in a seal', logs.lowerCommittedInSeal] as const),
    ['NOTE_ROOT', 'FORK_VS_WITNESS'],
    ['COVERAGE_BEYOND', 'SEAL_PREV_HASH', 'STALE_NOTE', 'NO_COSIGNATURE'],
  ),
  row('30', 'a note by a wrong key', logs.noteByWrongKey, ['NOTE_SIGNATURE']),
  row('31', 'the sealer stopped', logs.sealerStopped, ['STALE_SEAL'], ['UNSEALED_TAIL']),
  row('32', 'the session key copied, the writer goes on', events.stolenKeyFalseEvent, [
    ...(['SEQ_DUPLICATE', 'PREV_HASH'] as const),
  ]),
  row('33', 'a group set back', logs.moveCommitted(-3), ['COVERAGE_BEYOND']),
  row('34', 'a group set forward', logs.moveCommitted(3), ['COVERAGE_SHORT']),
  row('35', 'a clock set back', writers.clockSetBack, ['TIME_SKEW']),
  row('36', 'a delivery of a grant that was not leased before', writers.leaseSkipped, [
    'DELIVERY_NOT_LEASED',
  ]),
  row(
    ...(['37', 'a batch of a grant skipped', writers.grantBatchSkipped] as const),
    ['COVERAGE_GAP'],
    ['LEASE_UNDELIVERED'],
  ),
  row('38', 'a schema of events that nobody knows', writers.otherSchema, ['SCHEMA_OTHER']),
];

/** Those that nothing in the log can show. */
export const LIMITS: readonly TamperCase[] = [
  row('L1', 'a new false event by a live writer under control', events.liveWriterFalseEvent, []),
];
