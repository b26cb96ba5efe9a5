/**
 * An audit log in an attacker's hands: a copy of an exported or made log, what is in it, and ways to put other bytes in
 * place. It changes bytes only; hashes and signatures are for others to redo. The original is never touched.
 */
import type { KeyObject } from 'node:crypto';
import type { SourceRecord } from '../../../audit/verify/audit-source.ts';
import { auditEventCodec } from '../../../schemas/control-codecs.ts';
import type { PhiAuditEvent } from '../../../schemas/control-codecs.ts';
import { readSealRecord } from '../../../schemas/seal-codecs.ts';
import type { PhiAuditSeal } from '../../../schemas/seal-codecs.ts';
import { copyAudit } from '../memory-audit-source.ts';
import type { MemoryAudit, MemoryPartition } from '../memory-audit-source.ts';
import { eventBytes } from './plain-hashes.ts';
import type { NoteKey } from './plain-hashes.ts';

/** Keys that an attacker may hold; a log of a real site usually comes with none. */
export interface StolenKeys {
  /** By name, as `writer_key` has it. */
  readonly writers: ReadonlyMap<string, KeyObject>;
  /** Newest session key by chain id in hex. */
  readonly sessions: ReadonlyMap<string, KeyObject>;
  readonly sealer: NoteKey | null;
  /** No attacker's: with it, a log is made that was already so when it was sealed. */
  readonly witness: NoteKey | null;
}

export const NO_KEYS: StolenKeys = { writers: new Map(), sessions: new Map(), sealer: null, witness: null };

/** An event where it stands. */
export interface LocatedEvent {
  readonly place: MemoryPartition;
  readonly record: SourceRecord;
  readonly event: PhiAuditEvent;
  /** Hex. */
  readonly chain: string;
}

/** A seal where it stands. */
export interface LocatedSeal {
  readonly record: SourceRecord;
  readonly seal: PhiAuditSeal;
}

export class TamperLog {
  readonly audit: MemoryAudit;
  readonly keys: StolenKeys;

  constructor(audit: MemoryAudit, keys: StolenKeys = NO_KEYS) {
    this.audit = copyAudit(audit);
    this.keys = keys;
  }

  /** The partitions of events. */
  get eventPlaces(): readonly MemoryPartition[] {
    return this.audit.partitions.filter(({ kind }) => kind === 'events');
  }

  get sealPlace(): MemoryPartition {
    return this.audit.partitions.find(({ kind }) => kind === 'seals')!;
  }

  /** All events, by partition and offset. */
  get events(): readonly LocatedEvent[] {
    return this.eventPlaces.flatMap((place) => place.records.map((record) => located(place, record)));
  }

  eventsOf(chain: string): readonly LocatedEvent[] {
    return this.events.filter((each) => each.chain === chain);
  }

  get seals(): readonly LocatedSeal[] {
    return this.sealPlace.records.flatMap((record) => {
      const read = readSealRecord(record.key, record.value);
      return read.kind === 'seal' ? [{ record, seal: read.seal }] : [];
    });
  }

  /** Records of checkpoints with their notes. */
  get notes(): readonly { readonly record: SourceRecord; readonly note: string }[] {
    return this.sealPlace.records.flatMap((record) => {
      const read = readSealRecord(record.key, record.value);
      return read.kind === 'checkpoint' ? [{ record, note: read.note }] : [];
    });
  }

  /** All below this offset is sealed. */
  sealedUntil(place: MemoryPartition, seal: PhiAuditSeal | undefined = this.seals.at(-1)?.seal): number {
    const sealed = seal?.partitions.find(
      ({ topic, partition }) => topic === place.topic && partition === place.partition,
    );
    return sealed?.next_offset ?? 0;
  }

  isSealed({ place, record }: LocatedEvent): boolean {
    return record.offset < this.sealedUntil(place);
  }

  /** Other bytes in the place of a record. */
  put(place: MemoryPartition, record: SourceRecord, value: Buffer): void {
    const at = place.records.findIndex(({ offset }) => offset === record.offset);
    if (at < 0) throw new Error('there is no record at this offset');
    place.records[at] = { ...place.records[at]!, value };
  }

  /** Another event in the place of one; its signature stays what it was, or is made anew with `key`. */
  putEvent({ place, record }: LocatedEvent, event: PhiAuditEvent, key: KeyObject | null = null): Buffer {
    const value = eventBytes(event, schemaIdOf(record), key);
    this.put(place, record, value);
    return value;
  }

  remove(place: MemoryPartition, record: SourceRecord): void {
    place.records = place.records.filter(({ offset }) => offset !== record.offset);
  }

  /** The same record values, each in the other's place. */
  swap(a: LocatedEvent, b: LocatedEvent): void {
    this.put(a.place, a.record, b.record.value!);
    this.put(b.place, b.record, a.record.value!);
  }

  /** A record at the end of a partition. */
  append(place: MemoryPartition, value: Buffer, appendTimeMs: number, key: Buffer | null = null): void {
    place.records.push({ offset: place.endOffset, appendTimeMs, key, value });
    place.endOffset += 1;
  }

  /** A record before one that nobody has sealed; later ones move up by an offset. */
  insertBefore({ place, record }: LocatedEvent, value: Buffer): void {
    const at = place.records.findIndex(({ offset }) => offset === record.offset);
    const later = place.records.slice(at).map((each) => ({ ...each, offset: each.offset + 1 }));
    place.records = [...place.records.slice(0, at), { ...record, value }, ...later];
    place.endOffset += 1;
  }
}

export function located(place: MemoryPartition, record: SourceRecord): LocatedEvent {
  const event = auditEventCodec.decode(record.value!);
  return { place, record, event, chain: event.chain_id.toString('hex') };
}

/** The id of the registry in front of a value. */
export function schemaIdOf({ value }: Pick<SourceRecord, 'value'>): number {
  return value!.readInt32BE(1);
}

/** The one that must be there for a case to be played. */
export function required<T>(found: T | null | undefined, what: string): T {
  if (found === null || found === undefined) throw new Error(`this log has no ${what}`);
  return found;
}

export function extOf({ ext }: PhiAuditEvent, k: string): string | null {
  return ext.find((each) => each.k === k)?.v ?? null;
}
