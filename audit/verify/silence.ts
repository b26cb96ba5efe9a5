/**
 * Which chains have fallen silent: not closed, without a successor, without a sign of life. A process that was killed
 * comes back under another name; while another one of its kind lives on, its silence is no riddle and is not told.
 */
import type { ChainState } from './chain-state.ts';

/** A process that beats does so every ten seconds; a lane without work writes once an hour. */
export const SILENT_PROCESS_MS = 60_000;
const SILENT_LANE_MS = 3 * 3_600_000;

/** The open chains that should have said something by `asOfMs`. */
export function silentChains(chains: readonly ChainState[], asOfMs: number): readonly ChainState[] {
  const beats = new Map<string, number>();
  for (const { beats: isProcess, writerId, lastAtMs } of chains) {
    if (!isProcess) continue;
    const kind = kindOf(writerId);
    beats.set(kind, Math.max(beats.get(kind) ?? 0, lastAtMs));
  }
  return chains.filter(({ end, isQuiet, beats: isProcess, isLane, writerId, lastAtMs }) => {
    if (end !== 'open' || isQuiet) return false;
    const limitMs = isProcess ? SILENT_PROCESS_MS : isLane ? SILENT_LANE_MS : Number.POSITIVE_INFINITY;
    if (asOfMs - lastAtMs <= limitMs) return false;
    return !isProcess || beats.get(kindOf(writerId)) === lastAtMs;
  });
}

/** The name of a process without what is random in it. */
function kindOf(writerId: string): string {
  return writerId.replace(/[0-9a-f-]{8,}$/, '');
}
