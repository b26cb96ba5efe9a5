/**
 * One line about long work that is written over as it goes on: on standard error, and only where a person looks. It
 * tells counts and names that the person has asked with, never what was read.
 */
import { monotonicMs } from '../platform/clock.ts';
import { messagesToTerminal, noteInPlace } from './terminal.ts';

const EVERY_MS = 200;

/**
 * `tell` as often as wanted: `line` is asked for where it is shown, with the seconds since the beginning. `end` at the end,
 * and before anything else is told.
 */
export function progressLine(): {
  readonly tell: (line: (seconds: number) => string) => void;
  readonly end: () => void;
} {
  const isShown = messagesToTerminal();
  const beganMs = monotonicMs();
  let toldMs = beganMs;
  return {
    tell(line) {
      if (!isShown) return;
      const now = monotonicMs();
      if (now - toldMs < EVERY_MS) return;
      toldMs = now;
      noteInPlace(line((now - beganMs) / 1000));
    },
    end() {
      if (isShown && toldMs > beganMs) noteInPlace('');
    },
  };
}
