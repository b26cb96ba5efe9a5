/**
 * The progress bar of long audit work, on standard error and only where a person looks: records a second, and when it
 * will be done. It says nothing about what was read.
 */
import { progressLine } from './progress-line.ts';

const BAR_CHARACTERS = 24;

/** `tell` as often as wanted; `end` once. */
export function auditProgress(): {
  readonly tell: (done: number, all: number) => void;
  readonly end: () => void;
} {
  const { tell, end } = progressLine();
  return { tell: (done, all) => tell((seconds) => progressText(done, all, seconds)), end };
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
