/**
 * What is fuzzed and how one case is judged: only our errors come out, in bounded time; whatever else a target holds
 * of an answer it throws about itself.
 */
import { types } from 'node:util';
import { GauzeError, GauzeErrors } from '../../platform/errors.ts';

export interface FuzzTarget {
  readonly name: string;
  /** Of a thousand cases of a whole run, how many are this target's. */
  readonly share: number;
  /** Makes what many cases share: bounded by no time, since no input is looked at. */
  prepare?(seed: number, index: number): void;
  /** Case `index` under `seed`: throws where the answer is wrong. Codes that a run must see at least once: `expects`. */
  run(seed: number, index: number): string | Promise<string>;
  /** No case may take longer; CASE_MS. */
  readonly msMax?: number;
  /** Outcomes that a run of some thousand cases must have met: a target that never gets anywhere finds nothing. */
  readonly expects: readonly string[];
}

export interface Finding {
  readonly target: string;
  readonly seed: number;
  readonly index: number;
  /** What was wrong: a name of an error, `slow` with milliseconds, or what the target says. */
  readonly what: string;
}

/** No case may take longer, unless its target says so. */
export const CASE_MS = 5_000;

/** Runs cases [from, to); the first finding, or null. `seen` counts outcomes. */
export async function runCases(
  target: FuzzTarget,
  seed: number,
  [from, to]: readonly [number, number],
  seen: Map<string, number>,
  started: (index: number) => void = () => undefined,
): Promise<Finding | null> {
  for (let index = from; index < to; index++) {
    started(index);
    target.prepare?.(seed, index);
    const before = performance.now();
    let outcome: string;
    try {
      const answer = target.run(seed, index);
      outcome = typeof answer === 'string' ? answer : await answer;
    } catch (error) {
      const code = ownCode(error);
      if (code === null) return { target: target.name, seed, index, what: foreign(error) };
      outcome = code;
    }
    seen.set(outcome, (seen.get(outcome) ?? 0) + 1);
    const ms = performance.now() - before;
    if (ms > (target.msMax ?? CASE_MS))
      return { target: target.name, seed, index, what: `slow: ${Math.round(ms)} ms` };
  }
  return null;
}

/** The code of one of our errors; null for another one, and for one that says that we are wrong. */
function ownCode(error: unknown): string | null {
  const first = error instanceof GauzeErrors ? error.errors[0] : error;
  if (!(first instanceof GauzeError) || first.code === 'ERR_INTERNAL') return null;
  return first.code;
}

function foreign(error: unknown): string {
  // Errors of Node's own come from another realm under jest.
  if (!types.isNativeError(error)) return typeof error;
  const where =
    error.stack
      ?.split('\n')
      .slice(1, 4)
      .map((line) => line.trim())
      .join(' < ') ?? '';
  return `${error.name}: ${error.message.slice(0, 200)} ${where}`;
}
