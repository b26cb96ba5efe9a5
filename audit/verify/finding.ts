/**
 * All that a verification can find, in one table: the name, how grave it is, and what it means to an auditor.
 * A finding says where, in coordinates; it never holds a value, and a name that is not in the table cannot be given.
 */

/**
 * TAMPERED: what is there is not what was written. INCOMPLETE: something is missing or told twice. UNSEALED: nothing
 * speaks against it, and no seal for it yet. STALE: signs of life are overdue. UNVERIFIABLE: it could not be checked.
 * DECLARED: out of the ordinary, and on record.
 */
export type FindingClass = 'TAMPERED' | 'INCOMPLETE' | 'UNSEALED' | 'STALE' | 'UNVERIFIABLE' | 'DECLARED';

export const FINDING_CLASSES: readonly FindingClass[] = [
  'TAMPERED',
  'INCOMPLETE',
  'UNSEALED',
  'STALE',
  'UNVERIFIABLE',
  'DECLARED',
];

interface FindingRow {
  readonly class: FindingClass;
  /** One sentence for an auditor. */
  readonly meaning: string;
}

const tampered = (meaning: string): FindingRow => ({ class: 'TAMPERED', meaning });
const incomplete = (meaning: string): FindingRow => ({ class: 'INCOMPLETE', meaning });
const unverifiable = (meaning: string): FindingRow => ({ class: 'UNVERIFIABLE', meaning });
const declared = (meaning: string): FindingRow => ({ class: 'DECLARED', meaning });

/** Reference of all findings, by name. */
export const FINDINGS = {
  // Notes and witnesses.
  NOTE_MALFORMED: tampered('A checkpoint is no signed note, or of another log.'),
  NOTE_SIGNATURE: tampered('A checkpoint is not signed by an enrolled sealer.'),
  NOTE_SIZE: tampered('A checkpoint counts more seals than there are: seals were removed.'),
  NOTE_ROOT: tampered('A checkpoint is over other seals than those in the log: a seal was changed.'),
  NO_COSIGNATURE: incomplete('The newest checkpoints lack the cosignatures that the trust file asks for.'),
  FORK_VS_WITNESS: tampered('A witness has cosigned another history of the same length.'),
  OLDER_THAN_WITNESS: tampered('A witness has cosigned more than this log shows: it was rolled back.'),
  OLDER_THAN_STATE: tampered('The last verification saw more than is here now: the log was rolled back.'),
  // Seals.
  SEAL_MALFORMED: tampered('A record in the log of seals is neither a seal nor a checkpoint.'),
  SEAL_SEQ: tampered('The numbers of seals have a gap or repeat: a seal was removed, added or moved.'),
  SEAL_PREV_HASH: tampered('A seal does not name the one before it.'),
  SEAL_SHRANK: tampered('A seal counts fewer events of a partition than the seal before.'),
  SEAL_IDENTITY: tampered('A seal is of another log or cluster.'),
  TOPIC_RECREATED: tampered('An audit topic is not the one that was sealed: it was deleted and made again.'),
  TOPIC_CONFIG: incomplete('The settings of the audit topics changed between two seals.'),
  UNDECLARED_TRUNCATION: tampered('The beginning of a partition was removed and nobody had declared it.'),
  ARCHIVE_DIFFERS: tampered('The archive of what was removed is not the one that was declared.'),
  // Tree.
  ROOT_MISMATCH: tampered('The events of a partition are not those that were sealed.'),
  SHORTER_THAN_SEALED: tampered('A partition has fewer events than were sealed.'),
  // Events and chains.
  UNDECODABLE_EVENT: tampered('A record of the audit topic is no audit event.'),
  SEQ_GAP: tampered('Events are missing in a chain.'),
  SEQ_DUPLICATE: tampered('A number of a chain stands twice or out of order.'),
  PREV_HASH: tampered('An event does not follow the one before it in its chain: one of them was changed.'),
  NO_OPENING: tampered('A chain does not begin with an opening.'),
  CHAIN_IN_TWO_PARTITIONS: tampered('Events of one chain are in two partitions: they were moved.'),
  CHAIN_AFTER_END: tampered('A chain goes on after it was closed, or after its successor named its end.'),
  PREV_CHAIN_MISSING: tampered('A session names a session before it that is not in the log.'),
  PREV_CHAIN_TRUNCATED: tampered('A session ends elsewhere than its successor says.'),
  UNKNOWN_WRITER: tampered('A chain was not opened by a writer that the trust file enrols.'),
  BAD_SIGNATURE: tampered('The signature of an event is wrong.'),
  KEY_EPOCH: tampered('An event claims a session key that its chain does not have.'),
  UNSIGNED_TAIL: tampered('Events at the end of a chain are not followed by a valid signature.'),
  CHAIN_SILENT: {
    class: 'STALE',
    meaning: 'A session has fallen silent: not closed, without a successor, without a sign of life.',
  },
  // Tiling.
  COVERAGE_GAP: incomplete('Records were read, or passed over, that no event tells of.'),
  COVERAGE_OVERLAP: incomplete('Two events tell of the same records: they were read twice.'),
  COVERAGE_SHORT: incomplete('The committed position is beyond what events tell of: events are missing.'),
  COVERAGE_BEYOND: incomplete('Events tell of more than the committed position: it was moved back.'),
  SEEK_NOT_ORDERED: incomplete('A lane was moved, and the policy log has no order of a person to do so.'),
  DELIVERY_NOT_LEASED: incomplete('Records were delivered under a grant without a lease on record before.'),
  RANGE_MALFORMED: tampered('An event tells of a range that ends before it begins, or of impossible counts.'),
  // Index of persons.
  SUBJECT_ROOT: tampered('The index of persons of a range is not the one that its event committed to.'),
  SUBJECT_MISSING: incomplete('An event commits to an index of persons that is not there.'),
  SUBJECT_EXTRA: tampered('An index of persons belongs to no event.'),
  SUBJECT_COUNT: tampered('An index of persons counts other records than its event.'),
  // Source.
  SOURCE_COUNT: incomplete('The source has another number of records in a range than the event says.'),
  SOURCE_SUBJECTS: incomplete('The source is about other persons than the index says.'),
  // Time and freshness.
  TIME_SKEW: unverifiable(
    'The clocks of a writer and the broker are far apart: times are not to be relied on.',
  ),
  TIME_OUTSIDE_SEALS: unverifiable('Events were appended at a time that does not lie between their seals.'),
  UNSEALED_TAIL: { class: 'UNSEALED', meaning: 'Events wait for a seal for longer than they should.' },
  STALE_SEAL: {
    class: 'STALE',
    meaning: 'The newest seal is older than three intervals: the sealer is silent.',
  },
  STALE_NOTE: { class: 'STALE', meaning: 'The newest checkpoint leaves out more than three seals.' },
  // What could not be checked.
  EXPORT_DAMAGED: tampered('A file of the export is not as its manifest says.'),
  NO_SEALS: unverifiable('Nothing is sealed: a whole rewritten history would not be noticed.'),
  NO_CHECKPOINT: unverifiable('No checkpoint is signed over the seals.'),
  NO_TRUST_FILE: unverifiable('Without a trust file nobody can tell whose keys signed.'),
  NO_WITNESS: unverifiable('No witness is named: who holds all keys could rewrite everything.'),
  WITNESS_NOT_ASKED: unverifiable('The witnesses of the trust file were not asked what they saw last.'),
  WITNESS_NOTE: unverifiable('What a witness answered is not its own cosigned checkpoint of this log.'),
  SCHEMA_OTHER: unverifiable(
    'A chain was written with another schema than events are read with here: what they say may be misread.',
  ),
  NOT_SIGNED: unverifiable('Chains without session keys: from before writers signed.'),
  COMMITTED_UNKNOWN: unverifiable('The committed positions of groups could not be read.'),
  SEEK_UNCHECKED: unverifiable('The policy log was not at hand to say who ordered lanes to jump.'),
  UNSETTLED: unverifiable('A transaction does not end: what stands behind it in its partition is not read.'),
  PRUNED_BEFORE: unverifiable('Events before the first that is here could not be checked.'),
  SUBJECTS_NOT_RECOUNTED: unverifiable(
    'Whom the source is about could not be worked out again and compared with the index.',
  ),
  SOURCE_UNREADABLE: unverifiable('The source could not be counted again.'),
  // On record.
  DECLARED_JUMP: declared('A person moved the position of a lane.'),
  DECLARED_REDRIVE: declared('A person had withheld records read again.'),
  LEASE_UNDELIVERED: declared('A lease of a grant without its delivery: it counts as delivered.'),
  DECLARED_PRUNING: declared('The beginning of a partition was removed as declared.'),
  REFERS_TO_PRUNED: declared('A session, delivery or index refers to what was removed with the beginning.'),
  SEAL_ALARM: declared('The sealer put an alarm on record.'),
} satisfies Readonly<Record<string, FindingRow>>;

export type FindingName = keyof typeof FINDINGS;

/** Where something was found; only what applies is there. */
export interface FindingPlace {
  readonly topic?: string;
  readonly partition?: number;
  readonly offset?: number;
  /** 32 hex digits. */
  readonly chain?: string;
  readonly seq?: number;
  readonly writer?: string;
  readonly group?: string;
  /** What is read: of a tiling domain. */
  readonly source?: string;
  readonly sourcePartition?: number;
  /** Offsets of the source. */
  readonly from?: number;
  readonly to?: number;
  readonly seal?: number;
  readonly file?: string;
}

export interface Finding {
  readonly name: FindingName;
  readonly class: FindingClass;
  readonly meaning: string;
  readonly place: FindingPlace;
  /** What was expected and what was found. */
  readonly detail: string;
}

/** Places kept of one name: a whole rewritten topic would fill the memory. All are counted. */
const KEPT_MAX = 100;

/** What findings are written down as. */
export interface FindingsJson {
  readonly kept: readonly Finding[];
  readonly counts: Readonly<Partial<Record<FindingName, number>>>;
}

/** Collects what is found. */
export class Findings {
  private readonly kept: Finding[] = [];
  private readonly counts = new Map<FindingName, number>();

  add(name: FindingName, place: FindingPlace, detail: string): void {
    const count = (this.counts.get(name) ?? 0) + 1;
    this.counts.set(name, count);
    if (count <= KEPT_MAX) this.kept.push({ name, ...FINDINGS[name], place, detail });
  }

  /** The same, once for each `name`: for what is true of the whole log. */
  once(name: FindingName, place: FindingPlace, detail: string): void {
    if (!this.counts.has(name)) this.add(name, place, detail);
  }

  get all(): readonly Finding[] {
    return this.kept;
  }

  /** How often each was found, kept or not. */
  count(name: FindingName): number {
    return this.counts.get(name) ?? 0;
  }

  names(): readonly FindingName[] {
    return [...this.counts.keys()];
  }

  toJSON(): FindingsJson {
    return { kept: this.kept, counts: Object.fromEntries(this.counts) };
  }

  /** Those of an earlier run. */
  static from({ kept, counts }: FindingsJson): Findings {
    const findings = new Findings();
    for (const { name, place, detail } of kept) {
      findings.kept.push({ name, ...FINDINGS[name], place, detail });
    }
    for (const [name, count] of Object.entries(counts)) findings.counts.set(name as FindingName, count);
    return findings;
  }
}
