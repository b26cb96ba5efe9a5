/**
 * Signs of life: each process says every few seconds that it runs, so that its silence means something. A sign that
 * could not be written is told as trouble; nothing waits for it.
 */
import { sleep } from '../platform/clock.ts';
import { ownError } from '../platform/errors.ts';
import type { GauzeError } from '../platform/errors.ts';

/** An auditor may wonder about a process that has said nothing for this long. */
export const HEARTBEAT_MS = 10_000;
/** Some of it is for the writing. */
const PAUSE_MS = 8_000;

/** The type of these events. */
export const HEARTBEAT = 'heartbeat';

/** Beats until `signal` aborts, the first time at once. */
export async function keepBeating(
  beat: () => Promise<void>,
  signal: AbortSignal,
  onTrouble: (error: GauzeError) => void,
): Promise<void> {
  while (!signal.aborted) {
    try {
      await beat();
    } catch (error) {
      if (!signal.aborted) onTrouble(ownError(error));
    }
    await sleep(PAUSE_MS, signal).catch(() => undefined);
  }
}

/** Counts as `ext` of a heartbeat. */
export function countsExt(counts: Readonly<Record<string, number>>): readonly { k: string; v: string }[] {
  return Object.entries(counts).map(([k, count]) => ({ k, v: String(count) }));
}
