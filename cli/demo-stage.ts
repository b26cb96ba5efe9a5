/**
 * What holds `gauze demo` together: numbered steps with their times, where lines go, and an orderly end whatever
 * happens, Ctrl-C included: what was opened is closed, the last first.
 */
import { monotonicMs } from '../platform/clock.ts';
import { EXIT, liveArea, note, print, styled } from './terminal.ts';
import type { LiveArea } from './terminal.ts';

/** Room before every line of a step. */
export const INDENT = 4;

/** A second signal within this time is the first one again. */
const SAME_SIGNAL_MS = 500;

export interface StageOptions {
  readonly steps: number;
  /** Lines of progress go to standard error, and standard output is left for one JSON object. */
  readonly json: boolean;
}

export class DemoStage {
  /** Aborts at Ctrl-C. */
  readonly signal: AbortSignal;
  readonly area: LiveArea;
  readonly #options: StageOptions;
  readonly #stop = new AbortController();
  readonly #startedMs = monotonicMs();
  readonly #closers: (() => Promise<void> | void)[] = [];
  #isClosing = false;
  #steps = 0;

  constructor(options: StageOptions) {
    this.#options = options;
    this.signal = this.#stop.signal;
    this.area = liveArea(options.json ? 'quiet' : 'shown');
  }

  get elapsedS(): number {
    return (monotonicMs() - this.#startedMs) / 1000;
  }

  /** Runs the next step under its number and title, and says how long it took. */
  async step<T>(title: string, work: () => Promise<T>): Promise<T> {
    this.signal.throwIfAborted();
    this.#steps += 1;
    this.#write(styled('bold', `${this.#steps}/${this.#options.steps} ${title}`));
    const startedMs = monotonicMs();
    const result = await work();
    this.signal.throwIfAborted();
    this.say(styled('dim', `${((monotonicMs() - startedMs) / 1000).toFixed(1)} s`));
    return result;
  }

  /** A line inside the step. */
  say(line = ''): void {
    this.#write(line === '' ? '' : `${' '.repeat(INDENT)}${line}`);
  }

  sayAll(lines: readonly string[]): void {
    for (const line of lines) this.say(line);
  }

  /** To be done at the end, before what was handed in earlier; at once where the end has come already. */
  onClose(close: () => Promise<void> | void): void {
    if (this.#isClosing) void closed(close);
    else this.#closers.push(close);
  }

  /** Plays the story to its end or to the first Ctrl-C; a second one ends at once. Then closes everything. */
  async play(story: () => Promise<number>): Promise<number> {
    const { promise: interrupted, resolve } = Promise.withResolvers<number>();
    let interruptedMs = 0;
    const interrupt = (): void => {
      if (this.signal.aborted) {
        // One Ctrl-C may come twice: from the terminal, and from a program between it and this one.
        if (monotonicMs() - interruptedMs < SAME_SIGNAL_MS) return;
        // What still runs is under the eye of supervisors, which end it with this process.
        process.exit(EXIT.interrupted);
      }
      interruptedMs = monotonicMs();
      this.#stop.abort();
      this.#write('Stopping everything that was started. Ctrl-C again ends this at once.');
      resolve(EXIT.interrupted);
    };
    const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
    for (const name of signals) process.on(name, interrupt);
    try {
      const code = await Promise.race([story(), interrupted]);
      return this.signal.aborted ? EXIT.interrupted : code;
    } finally {
      await this.#close();
      for (const name of signals) process.off(name, interrupt);
    }
  }

  /** Waits for Ctrl-C, which is then how the demo is meant to end. */
  async untilInterrupted(): Promise<void> {
    if (this.signal.aborted) return;
    await new Promise<void>((resolve) => {
      this.signal.addEventListener('abort', () => resolve(), { once: true });
    });
  }

  async #close(): Promise<void> {
    this.#isClosing = true;
    for (const close of this.#closers.reverse()) await closed(close);
  }

  #write(line: string): void {
    if (this.#options.json) note(line);
    else print(line);
  }
}

/** Waits for one; one that fails must not keep the others from being closed. */
async function closed(close: () => Promise<void> | void): Promise<void> {
  try {
    await close();
  } catch {
    // There was nothing left to close.
  }
}
