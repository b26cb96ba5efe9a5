/**
 * Percentiles of latencies, of which each stands for many records.
 */

/** Percentiles of latencies weighted by records. */
export function percentiles(
  latencies: readonly { readonly ms: number; readonly records: number }[],
  wanted: readonly number[],
): readonly number[] {
  const sorted = latencies.toSorted((one, other) => one.ms - other.ms);
  const total = sorted.reduce((sum, { records }) => sum + records, 0);
  return wanted.map((percent) => {
    let rest = (total * percent) / 100;
    for (const { ms, records } of sorted) {
      rest -= records;
      if (rest <= 0) return ms;
    }
    return Number.NaN;
  });
}
