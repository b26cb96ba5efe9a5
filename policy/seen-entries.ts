/**
 * Entries of gauze.access seen lately: one that is appended twice, or sent twice under one idempotency key, counts
 * once. Forgets by the time of the log alone.
 */
import type { AccessEntry } from '../schemas/access-codecs.ts';

/** How long an entry's id is known. */
const ID_KEPT_MS = 10 * 60_000;
/** How long an idempotency key is known. */
const KEY_KEPT_MS = 24 * 60 * 60_000;

export class SeenEntries {
  private readonly ids = new Map<string, number>();
  private readonly keys = new Map<string, number>();

  /** Remembers the entry; true where it, or one of the same actor under the same key, was there before. */
  hasSeen({ entry_id, by, idempotency_key }: AccessEntry, nowMs: number): boolean {
    forget(this.ids, nowMs - ID_KEPT_MS);
    forget(this.keys, nowMs - KEY_KEPT_MS);
    const id = entry_id.toString('latin1');
    if (this.ids.has(id)) return true;
    this.ids.set(id, nowMs);
    if (idempotency_key === null) return false;
    const key = JSON.stringify([by.kind, by.id, idempotency_key]);
    if (this.keys.has(key)) return true;
    this.keys.set(key, nowMs);
    return false;
  }
}

/** Maps keep the order of insertion, which is the order of log time. */
function forget(seen: Map<string, number>, untilMs: number): void {
  for (const [key, atMs] of seen) {
    if (atMs > untilMs) return;
    seen.delete(key);
  }
}
