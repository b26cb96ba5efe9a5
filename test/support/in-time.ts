/** Waits that say what they waited for: a test that runs into its own limit says nothing. */

/** What `promise` gives; after `limitMs` an error that says what did not happen, with what `shown` gives then. */
export async function inTime<T>(
  promise: Promise<T>,
  limitMs: number,
  what: string,
  shown: () => string = () => '',
): Promise<T> {
  let late: NodeJS.Timeout | undefined;
  const passed = new Promise<never>((_, reject) => {
    late = setTimeout(() => reject(new Error(`${what}: not within ${limitMs} ms\n${shown()}`)), limitMs);
  });
  try {
    return await Promise.race([promise, passed]);
  } finally {
    clearTimeout(late);
  }
}
