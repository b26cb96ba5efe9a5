/**
 * The progress bar of long audit work, on standard error and only where a person looks: records a second, and when it
 * will be done. It says nothing about what was read.
 */
import { monotonicMs } from '../platform/clock.ts';
import { messagesToTerminal, noteInPlace } from './terminal.ts';

const EVERY_MS = 200;
const BAR_CHARACTERS = 24;

/** `tell` as often as wanted; `end` once. */
export function auditProgress(): {
  readonly tell: (done: number, all: number) => void;
  readonly end: () => void;
} {
  const isShown = messagesToTerminal();
  const beganMs = monotonicMs();
  let toldMs = beganMs;
  return {
    tell(done, all) {
      const now = monotonicMs();
      if (!isShown || now - toldMs < EVERY_MS) return;
      toldMs = now;
      noteInPlace(progressText(done, all, (now - beganMs) / 1000));
    },
    end() {
      if (isShown && toldMs > beganMs) noteInPlace('');
    },
  };
}

/** `seconds` since the beginning. */
export function progressText(done: number, all: number, seconds: number): string {
  const share = all > 0 ? Math.min(1, done / all) : 1;
  const filled = Math.round(share * BAR_CHARACTERS);
  const perSecond = seconds > 0 ? done / seconds : 0;
  const left = perSecond > 0 ? Math.max(0, all - done) / perSecond : 0;
  const bar = '#'.repeat(filled) + '.'.repeat(BAR_CHARACTERS - filled);
  return `[${bar}] ${Math.floor(share * 100)} %  ${Math.round(perSecond)} records/s  ${Math.ceil(left)} s left`;
}
