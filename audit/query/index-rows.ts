/**
 * From decoded records of the audit topics to rows of the local index. It keeps what questions need and nothing that
 * the record does not say; rows go in within the caller's transaction.
 */
import type { AccessEntry, PhiSubjectIndex } from '../../schemas/access-codecs.ts';
import { SUBJECT_TOKEN_BYTES } from '../../schemas/access-codecs.ts';
import type { PhiAuditEvent } from '../../schemas/control-codecs.ts';
import { indexedOffsets } from '../../schemas/subject-offsets.ts';
import type { AuditIndex } from './audit-index.ts';
import type { EventFacts } from './event-facts.ts';
import { packRest, rowIdOf, spanOf } from './index-tables.ts';
import type { RecordPlace } from './index-tables.ts';

const INSERT_EVENT = `INSERT OR IGNORE INTO events
  (id, context, appended_ms, place, first, next, span, records, delivered, bitmap, tokens, ext)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`;
const INSERT_CONTEXT = `INSERT INTO contexts (type, actor, on_behalf_of, recipient, grant_id, request_id, facts)
  VALUES (?, ?, ?, ?, ?, ?, ?)`;
const INSERT_RANGE = `INSERT OR IGNORE INTO subject_ranges
  (id, place, first, next, span, records, epoch, offsets) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`;
const INSERT_POSTING = 'INSERT OR IGNORE INTO postings (token, place, first, more) VALUES (?, ?, ?, ?)';
const INSERT_ACCESS = `INSERT OR IGNORE INTO access_entries
  (id, kind, appended_ms, request_id, grant_id, by_id, by_kind) VALUES (?, ?, ?, ?, ?, ?, ?)`;
/** Most contexts remembered at a time. */
const CONTEXTS_REMEMBERED = 50_000;

/** Puts rows into an index; remembers ids within one transaction of its caller, see `forget`. */
export class IndexRows {
  private readonly index: AuditIndex;
  private readonly places = new Map<string, number>();
  private readonly contexts = new Map<string, number>();
  /** Offsets by place, by token, that are not in the index yet. */
  private readonly pending = new Map<bigint, Map<number, number[]>>();

  constructor(index: AuditIndex) {
    this.index = index;
  }

  event(at: RecordPlace, appendedMs: number, event: PhiAuditEvent): void {
    const { range, subjects, ext } = event;
    const isRead = range !== null && range.next_offset > range.first_offset;
    this.index.run(
      INSERT_EVENT,
      rowIdOf(at),
      this.contextOf(factsOf(event)),
      appendedMs,
      range && this.placeOf(range.topic, range.topic_id?.toString('hex') ?? '', range.partition),
      range && range.first_offset,
      range && range.next_offset,
      isRead ? spanOf(range.next_offset - range.first_offset) : null,
      range && range.record_count,
      range && range.delivered_count,
      range && range.delivered,
      subjects?.tokens ?? null,
      ext.length > 0 ? JSON.stringify(Object.fromEntries(ext.map(({ k, v }) => [k, v]))) : null,
    );
  }

  /** False: it contradicts itself, and nothing of it is taken. */
  subjects(at: RecordPlace, entry: PhiSubjectIndex): boolean {
    const place = this.placeOf(entry.topic, entry.topic_id, entry.partition);
    const { first_offset: first, next_offset: next, tokens } = entry;
    const offsets = indexedOffsets(entry);
    if (tokens.length !== offsets.length * SUBJECT_TOKEN_BYTES) return false;
    let nobody = 0;
    for (const [i, offset] of offsets.entries()) {
      const token = tokens.readBigInt64BE(i * SUBJECT_TOKEN_BYTES);
      if (token === 0n) nobody++;
      else this.note(token, place, offset);
    }
    if (nobody > 0) this.index.run('UPDATE places SET nobody = nobody + ? WHERE id = ?', nobody, place);
    this.index.run('INSERT OR IGNORE INTO epochs (epoch) VALUES (?)', entry.key_epoch);
    this.index.run(
      INSERT_RANGE,
      rowIdOf(at),
      place,
      first,
      next,
      spanOf(next - first),
      entry.record_count,
      entry.key_epoch,
      entry.offsets,
    );
    return true;
  }

  access(at: RecordPlace, appendedMs: number, entry: AccessEntry): void {
    const { kind, request_id, grant_id, by } = entry;
    this.index.run(INSERT_ACCESS, rowIdOf(at), kind, appendedMs, request_id, grant_id, by.id, by.kind);
  }

  /** Writes what has been gathered: in order of tokens, so that each page of the index is touched once. */
  flush(): void {
    const tokens = BigInt64Array.from(this.pending.keys()).sort();
    for (const token of tokens) {
      for (const [place, offsets] of this.pending.get(token)!) {
        const rising = offsets.toSorted((a, b) => a - b);
        this.index.run(INSERT_POSTING, token, place, rising[0]!, packRest(rising));
      }
    }
    this.pending.clear();
  }

  /** After a transaction that did not happen: ids that it gave out are no ids. */
  forget(): void {
    this.places.clear();
    this.contexts.clear();
    this.pending.clear();
  }

  private note(token: bigint, place: number, offset: number): void {
    let byPlace = this.pending.get(token);
    if (!byPlace) this.pending.set(token, (byPlace = new Map()));
    const offsets = byPlace.get(place);
    if (offsets) offsets.push(offset);
    else byPlace.set(place, [offset]);
  }

  private placeOf(topic: string, topicId: string, partition: number): number {
    const key = `${topicId}/${topic}/${partition}`;
    const known = this.places.get(key);
    if (known !== undefined) return known;
    const { index } = this;
    const wanted = [topic, topicId, partition] as const;
    const found = index.get(
      'SELECT id FROM places WHERE topic = ? AND topic_id = ? AND partition = ?',
      ...wanted,
    );
    const id =
      found === undefined
        ? index.run('INSERT INTO places (topic, topic_id, partition) VALUES (?, ?, ?)', ...wanted).lastId
        : Number(found['id']);
    this.places.set(key, id);
    return id;
  }

  private contextOf(facts: EventFacts): number {
    const key = JSON.stringify(facts);
    const known = this.contexts.get(key);
    if (known !== undefined) return known;
    const { index } = this;
    const found = index.get('SELECT id FROM contexts WHERE facts = ?', key);
    const { type, actor, onBehalfOf, recipient, grant, requestId } = facts;
    const id =
      found === undefined
        ? index.run(INSERT_CONTEXT, type, actor, onBehalfOf, recipient, grant?.id ?? null, requestId, key)
            .lastId
        : Number(found['id']);
    if (this.contexts.size >= CONTEXTS_REMEMBERED) this.contexts.clear();
    this.contexts.set(key, id);
    return id;
  }
}

/** What many events have in common, of one of them. */
export function factsOf(event: PhiAuditEvent): EventFacts {
  const { grant, view, policy } = event;
  return {
    type: event.type,
    phase: event.phase,
    action: event.action,
    outcome: event.outcome,
    outcomeReason: event.outcome_reason,
    actor: event.actor.id,
    actorType: event.actor.type,
    roles: event.actor.roles,
    onBehalfOf: event.actor.on_behalf_of,
    recipient: event.recipient?.id ?? null,
    purpose: event.purpose,
    accounting: event.accounting,
    audience: policy.id,
    policyVersion: policy.version,
    plan: event.plan ? event.plan.hash.toString('hex') : null,
    group: event.group?.id ?? null,
    grant: grant && {
      id: grant.id,
      expiresAtMs: grant.expires_at / 1000,
      approvedBy: grant.approved_by,
      emergency: grant.emergency,
    },
    requestId: event.request_id,
    fieldsClear: view?.fields_clear ?? [],
    dataClasses: view?.data_classes ?? [],
    outputTopic: view?.output_topic ?? null,
  };
}
