/**
 * Entries seen lately: an entry that is appended twice, or sent twice under one idempotency key, counts once and gets
 * the first answer again. Forgets by the time of the log alone.
 */
import type { AccessEntry } from '../schemas/access-codecs.ts';
import type { Verdict } from './access-verdict.ts';

/** How long an entry's id is known: far longer than any transaction may be in doubt. */
export const ENTRY_ID_KEPT_MS = 10 * 60_000;
/** How long an idempotency key is known. */
export const IDEMPOTENCY_KEY_KEPT_MS = 24 * 60 * 60_000;

/** What an entry answers that was seen before: the first verdict, or null where its key was used for something else. */
export type Remembered = { readonly first: Verdict | null } | undefined;

interface Kept {
  readonly atMs: number;
  readonly verdict: Verdict;
  /** What the entry was about, to tell a repetition from a key used again. */
  readonly content: string;
}

export class RememberedEntries {
  private readonly ids = new Map<string, Kept>();
  private readonly keys = new Map<string, Kept>();

  /** Undefined where the entry is new. */
  find(entry: AccessEntry, nowMs: number): Remembered {
    forget(this.ids, nowMs - ENTRY_ID_KEPT_MS);
    forget(this.keys, nowMs - IDEMPOTENCY_KEY_KEPT_MS);
    const byId = this.ids.get(idOf(entry));
    if (byId) return { first: byId.verdict };
    const byKey = entry.idempotency_key === null ? undefined : this.keys.get(keyOf(entry));
    if (!byKey) return undefined;
    return { first: byKey.content === contentOf(entry) ? byKey.verdict : null };
  }

  /** Keeps the first verdict on an entry. */
  keep(entry: AccessEntry, verdict: Verdict, nowMs: number): void {
    const hasKey = entry.idempotency_key !== null;
    const kept = { atMs: nowMs, verdict, content: hasKey ? contentOf(entry) : '' };
    this.ids.set(idOf(entry), kept);
    if (hasKey && !this.keys.has(keyOf(entry))) this.keys.set(keyOf(entry), kept);
  }
}

/** Maps keep the order of insertion, which is the order of log time. */
function forget(kept: Map<string, Kept>, untilMs: number): void {
  for (const [key, { atMs }] of kept) {
    if (atMs > untilMs) return;
    kept.delete(key);
  }
}

function idOf({ entry_id }: AccessEntry): string {
  return entry_id.toString('latin1');
}

function keyOf({ by, idempotency_key }: AccessEntry): string {
  return JSON.stringify([by.kind, by.id, idempotency_key]);
}

/**
 * What stays equal when a caller repeats itself: a request gets a new id and newly frozen ranges each time it is
 * sent, so for it topic, reader and urgency have to do.
 */
function contentOf({ kind, request, decision, lock, request_id, grant_id, justified }: AccessEntry): string {
  const about = request
    ? [
        request.scope?.topic,
        request.scope?.beneficiary,
        request.emergency?.code,
        request.policy?.sha256.toString('hex'),
        request.scope?.replay?.event_sha256.toString('hex'),
      ]
    : [request_id ?? grant_id];
  const hashes = [decision?.scope_sha256, decision?.narrowed_sha256].map((hash) => hash?.toString('hex'));
  const locked = lock && (kind === 'UNLOCKED' ? [lock.id] : [lock.target, lock.value]);
  return JSON.stringify([kind, about, decision?.approve, hashes, locked, justified]);
}
