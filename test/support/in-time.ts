/** Waits that say what they waited for: a test that runs into its own limit says nothing. */

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
    underWay.delete(id);
  }
}

/** What is waited for now, and since when: where a test has run into its own limit, that is where it stands. */
export function waitedFor(): readonly string[] {
  const now = performance.now();
  return [...underWay.values()].map(({ what, sinceMs }) => `${what}: for ${Math.round(now - sinceMs)} ms`);
}
