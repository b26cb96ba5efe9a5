/**
 * Waits for a promise, but not for ever: until a signal aborts, or for some time. The promise itself goes on; its
 * result is then dropped, and its failure must not go unhandled.
 */
import { timer } from '../platform/clock.ts';

/** The promise's value, or null once `signal` aborts. */
export async function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T | null> {
  promise.catch(() => undefined);
  if (signal.aborted) return null;
  let stop = (): void => undefined;
  const aborted = new Promise<null>((resolve) => {
    stop = () => resolve(null);
    signal.addEventListener('abort', stop, { once: true });
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

/** The promise's value, or null after `ms` milliseconds. */
export async function within<T>(promise: Promise<T>, ms: number): Promise<T | null> {
  promise.catch(() => undefined);
  let passed = (): void => undefined;
  const late = new Promise<null>((resolve) => {
    passed = () => resolve(null);
  });
  const waiting = timer(ms, passed);
  try {
    return await Promise.race([promise, late]);
  } finally {
    waiting.cancel();
  }
}
