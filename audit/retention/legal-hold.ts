/**
 * Legal holds: what a court, an agency or counsel wants kept. A hold is an event of the audit topics themselves, and so
 * is its end; nothing else says whether one is in force. Anybody's word places one; only an admin's signed word, in a
 * chain that holds together, ends one.
 */
import { accessEvent } from '../access-events.ts';
import type { EventBody } from '../audit-chain.ts';
import { auditEventCodec } from '../../schemas/control-codecs.ts';
import type { PhiAuditEvent } from '../../schemas/control-codecs.ts';
import type { AccessActor } from '../../schemas/access-codecs.ts';
import type { AuditSource, SourcePartition, SourceRecord } from '../verify/audit-source.ts';
import { ChainCheck } from '../verify/chain-check.ts';
import { Findings } from '../verify/finding.ts';
import { extOf } from '../verify/signature-check.ts';
import { leafOf } from '../verify/tree-check.ts';
import type { Trust } from '../verify/trust.ts';

export const HOLD_PLACED = 'hold.placed';
export const HOLD_RELEASED = 'hold.released';

/** What a hold is about. Events can't be cut by patient, so a hold on one keeps everything of its time. */
export type HoldScope = 'site' | 'patient';

/** A hold as it is placed. */
export interface HoldWords {
  /** 16 hex digits. */
  readonly id: string;
  readonly scope: HoldScope;
  /** Of a patient: a hash over its tokens, never an identifier or a token. */
  readonly patient: string | null;
  /** Milliseconds since the epoch: what was appended from then on, and before then. null: without end. */
  readonly fromMs: number | null;
  readonly toMs: number | null;
  readonly reason: string;
}

/** A hold as the topics tell of it. */
export interface LegalHold extends HoldWords {
  readonly by: string;
  readonly placedAtMs: number;
  readonly partition: number;
  readonly offset: number;
  /** null: it is in force. */
  readonly released: { readonly by: string; readonly atMs: number } | null;
}

export function holdBody(hold: HoldWords, actor: AccessActor, nowMs: number): EventBody {
  const { id, scope, patient, fromMs, toMs, reason } = hold;
  const ext = {
    hold: id,
    scope,
    reason,
    ...(patient === null ? {} : { patient }),
    ...(fromMs === null ? {} : { from: new Date(fromMs).toISOString() }),
    ...(toMs === null ? {} : { to: new Date(toMs).toISOString() }),
  };
  return accessEvent({ type: HOLD_PLACED, actor, action: 'C', ext }, nowMs);
}

export function releaseBody(id: string, reason: string, actor: AccessActor, nowMs: number): EventBody {
  return accessEvent({ type: HOLD_RELEASED, actor, action: 'U', ext: { hold: id, reason } }, nowMs);
}

/** Does the hold want anything kept of what was appended between two times? */
export function touches({ fromMs, toMs }: HoldWords, firstMs: number, lastMs: number): boolean {
  return (fromMs ?? 0) <= lastMs && firstMs < (toMs ?? Number.POSITIVE_INFINITY);
}

/** A chain that an enrolled admin may have opened, until it has ended. */
interface AdminChain {
  readonly findings: Findings;
  readonly check: ChainCheck;
  readonly id: Buffer;
  readonly released: { readonly id: string; readonly by: string; readonly atMs: number }[];
}

const OPENED = Buffer.from('session.opened');
const HOLD = Buffer.from('hold.');

/** Reads holds out of the topic of events; reads on from where it stood when it is asked again. */
export class HoldScan {
  private readonly source: AuditSource;
  private readonly trust: Trust;
  private readonly holds = new Map<string, Omit<LegalHold, 'released'>>();
  /** By id of the hold; a hold and its end may stand in two partitions. */
  private readonly releases = new Map<string, NonNullable<LegalHold['released']>>();
  private readonly positions = new Map<number, number>();
  private readonly chains = new Map<string, AdminChain>();

  constructor(source: AuditSource, trust: Trust) {
    this.source = source;
    this.trust = trust;
  }

  /** All that were ever placed in what is there, the released ones too, in the order of their ids. */
  get all(): readonly LegalHold[] {
    const holds = [...this.holds.values()].map((hold) => {
      const released = this.releases.get(hold.id) ?? null;
      // An end from before it was placed is none of it.
      return { ...hold, released: released && released.atMs >= hold.placedAtMs ? released : null };
    });
    return holds.sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  get inForce(): readonly LegalHold[] {
    return this.all.filter(({ released }) => released === null);
  }

  /** Reads everything that is in the topic now and was not read before. */
  async goOn(onRecords: (count: number) => void = () => undefined): Promise<void> {
    for (const place of await this.source.partitions()) {
      if (place.kind !== 'events') continue;
      const from = Math.max(this.positions.get(place.partition) ?? 0, place.logStartOffset);
      for await (const piece of this.source.records(place, from)) {
        for (const record of piece) this.take(place, record);
        onRecords(piece.length);
        this.positions.set(place.partition, piece.at(-1)!.offset + 1);
      }
    }
  }

  private take(place: SourcePartition, { value, offset, appendTimeMs }: SourceRecord): void {
    if (!value) return;
    const chain = [...this.chains.values()].find(({ id }) => value.includes(id));
    if (!chain && !value.includes(HOLD) && !value.includes(OPENED)) return;
    const event = decoded(value);
    if (!event) return;
    if (event.type === HOLD_PLACED) this.place(event, place.partition, offset, appendTimeMs);
    const own = chain?.id.equals(event.chain_id) === true ? chain : this.opened(event);
    if (!own) return;
    const { topic, partition } = place;
    own.check.accept({ event, value, leaf: leafOf(value), topic, partition, offset, appendTimeMs });
    const id = extOf(event, 'hold');
    if (event.type === HOLD_RELEASED && id !== null)
      own.released.push({ id, by: event.actor.id, atMs: appendTimeMs });
    if (event.type === 'session.closed') this.close(own);
  }

  private opened(event: PhiAuditEvent): AdminChain | null {
    const name = extOf(event, 'writer_key');
    const isAdmin = this.trust.writers.some((writer) => writer.isAdmin && writer.name === name);
    if (event.type !== 'session.opened' || !isAdmin) return null;
    const findings = new Findings();
    const check = new ChainCheck(findings, this.trust);
    const chain = { findings, check, id: Buffer.from(event.chain_id), released: [] };
    this.chains.set(chain.id.toString('hex'), chain);
    return chain;
  }

  /** Its end is signed, and with it all that stands before it. */
  private close({ id, check, findings, released }: AdminChain): void {
    const name = id.toString('hex');
    this.chains.delete(name);
    if (!check.isAdmin(name) || findings.names().length > 0) return;
    for (const { id: holdId, by, atMs } of released) this.releases.set(holdId, { by, atMs });
  }

  /** The first word counts: one that is placed again under its name changes nothing. */
  private place(event: PhiAuditEvent, partition: number, offset: number, placedAtMs: number): void {
    const id = extOf(event, 'hold') ?? `${partition}-${offset}`;
    if (this.holds.has(id)) return;
    const time = (name: string): number | null => {
      const ms = Date.parse(extOf(event, name) ?? '');
      return Number.isNaN(ms) ? null : ms;
    };
    this.holds.set(id, {
      id,
      scope: extOf(event, 'scope') === 'patient' ? 'patient' : 'site',
      patient: extOf(event, 'patient'),
      fromMs: time('from'),
      toMs: time('to'),
      reason: extOf(event, 'reason') ?? '',
      by: event.actor.id,
      placedAtMs,
      partition,
      offset,
    });
  }
}

function decoded(value: Buffer): PhiAuditEvent | null {
  try {
    return auditEventCodec.decode(value);
  } catch {
    return null;
  }
}
