/** Waits that say what they waited for: a test that runs into its own limit says nothing. */

/** A wait that was longer is told, although it ended well: several of them are more than a test has time for. */
const SLOW_MS = 20_000;

const slow: string[] = [];
const underWay = new Map<symbol, { readonly what: string; readonly sinceMs: number }>();

/** What `promise` gives; after `limitMs` an error that says what did not happen, with what `shown` gives then. */
export async function inTime<T>(
  promise: Promise<T>,
  limitMs: number,
  what: string,
  shown: () => string = () => '',
): Promise<T> {
  const id = Symbol(what);
  underWay.set(id, { what, sinceMs: performance.now() });
  let late: NodeJS.Timeout | undefined;
  const passed = new Promise<never>((_, reject) => {
    late = setTimeout(() => reject(new Error(`${what}: not within ${limitMs} ms\n${shown()}`)), limitMs);
  });
  try {
    return await Promise.race([promise, passed]);
  } finally {
    clearTimeout(late);
    const ms = performance.now() - underWay.get(id)!.sinceMs;
    underWay.delete(id);
    if (ms > SLOW_MS) slow.push(`${what}: ${Math.round(ms)} ms`);
  }
}

/** What was waited for long since the last call, and what is waited for now: there a test stands that is out of time. */
export function waitedFor(): readonly string[] {
  const now = performance.now();
  const open = [...underWay.values()].map(
    ({ what, sinceMs }) => `${what}: ${Math.round(now - sinceMs)} ms so far`,
  );
  return [...slow.splice(0), ...open];
}
