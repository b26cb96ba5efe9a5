/**
 * The one place that reads the clock, sleeps and draws random bytes.
 * Masking must never import it: a plan's result may not depend on when it ran.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { setTimeout as sleepFor } from 'node:timers/promises';

/** Milliseconds since the Unix epoch. */
export function nowMs(): number {
  return Date.now();
}

/** Milliseconds from an arbitrary start that never runs backwards; for durations and deadlines. */
export function monotonicMs(): number {
  return performance.now();
}

/** Resolves after `ms`, or rejects with the signal's AbortError. */
export async function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  await sleepFor(ms, undefined, signal ? { signal } : {});
}

/** Runs `callback` after `ms`; the timer does not keep the process alive. */
export function timer(ms: number, callback: () => void): { cancel(): void } {
  const handle = setTimeout(callback, ms);
  handle.unref();
  return { cancel: () => clearTimeout(handle) };
}

/** `size` cryptographically random bytes. */
export function random(size: number): Buffer {
  return randomBytes(size);
}

/** A random UUID (version 4) as text. */
export function randomId(): string {
  return randomUUID();
}

/**
 * A UUID of version 7 (RFC 9562, 5.7) as 16 bytes: 48 bits of milliseconds, the rest random,
 * so event ids sort by the time they were made.
 */
export function uuidV7(): Buffer {
  const id = randomBytes(16);
  id.writeUIntBE(nowMs(), 0, 6);
  id[6] = (id[6]! & 0x0f) | 0x70;
  id[8] = (id[8]! & 0x3f) | 0x80;
  return id;
}
