/**
 * One worker as its supervisor sees it: a child process of the same command, with a member, lanes and memory of its own.
 * It is started again when it ends by itself, each time after a longer wait, and never without a line in the log.
 */
import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { monotonicMs, sleep } from '../platform/clock.ts';
import { GauzeError } from '../platform/errors.ts';
import type { Logger } from '../platform/log.ts';
import type { WorkerMessage, WorkerQuestion, WorkerState } from './worker-link.ts';

/** The first wait is short, so that a named worker is back before its session ends. */
const RESTART_WAIT_MIN_MS = 250;
const RESTART_WAIT_MAX_MS = 30_000;
/** A worker that ran for so long begins with the short wait again. */
const STEADY_MS = 60_000;
/** A worker has 8 s for its lanes, and some for what comes after them. */
const END_WAIT_MS = 15_000;
const ANSWER_WAIT_MS = 2_000;

export interface WorkerOptions {
  readonly worker: number;
  /** Arguments of the child, after those of Node. */
  readonly args: readonly string[];
  /** Its name in the group; null without names. */
  readonly instanceId: string | null;
  readonly log: Logger;
  readonly onRestart: () => void;
}

export class Worker {
  /** Has started, and not ended. */
  isRunning = false;
  private readonly options: WorkerOptions;
  private child: ChildProcess | null = null;
  private hasEverStarted = false;
  private isReplaced = false;
  private questions = 0;
  private readonly asked = new Map<number, (state: WorkerState) => void>();

  constructor(options: WorkerOptions) {
    this.options = options;
  }

  /**
   * Keeps it running until `stopping` aborts, then waits for its end.
   * Throws ERR_RUN_INSTANCE_REPLACED, and ERR_RUN_WORKER_START where it ends before it has ever started.
   */
  async keep(stopping: AbortSignal): Promise<void> {
    const { worker, instanceId, log, onRestart } = this.options;
    let waitMs = RESTART_WAIT_MIN_MS;
    while (!stopping.aborted) {
      const begunMs = monotonicMs();
      const outcome = await this.run(stopping);
      if (stopping.aborted) return;
      if (this.isReplaced) throw new GauzeError('ERR_RUN_INSTANCE_REPLACED', { instance: instanceId ?? '' });
      if (!this.hasEverStarted) throw new GauzeError('ERR_RUN_WORKER_START', { state: outcome });
      if (monotonicMs() - begunMs > STEADY_MS) waitMs = RESTART_WAIT_MIN_MS;
      log.error('worker ended and is started again', { worker, outcome, durationMs: waitMs });
      onRestart();
      await sleep(waitMs, stopping).catch(() => undefined);
      waitMs = Math.min(waitMs * 2, RESTART_WAIT_MAX_MS);
    }
  }

  /** What it counts and stands on; null where it does not answer. */
  async state(): Promise<WorkerState | null> {
    const { child } = this;
    if (!child?.connected) return null;
    const question = this.questions++;
    const ended = new AbortController();
    try {
      return await Promise.race([
        new Promise<WorkerState>((resolve) => {
          this.asked.set(question, resolve);
          child.send({ question } satisfies WorkerQuestion, () => undefined);
        }),
        sleep(ANSWER_WAIT_MS, ended.signal).then(() => null),
      ]);
    } finally {
      ended.abort();
      this.asked.delete(question);
    }
  }

  /** Ends it at once. What it has under way is as if it had never begun. */
  kill(): void {
    this.child?.kill('SIGKILL');
  }

  /** From its start to its end; gives the code or signal that it ended with. */
  private async run(stopping: AbortSignal): Promise<string> {
    const [file = '', ...args] = this.options.args;
    const child = fork(file, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    this.child = child;
    child.on('message', (message: WorkerMessage) => this.hear(message));
    const late = new AbortController();
    const drain = (): void => {
      if (child.connected) child.disconnect();
      void sleep(END_WAIT_MS, late.signal).then(
        () => child.kill('SIGKILL'),
        () => undefined,
      );
    };
    stopping.addEventListener('abort', drain, { once: true });
    try {
      return await endOf(child);
    } finally {
      late.abort();
      stopping.removeEventListener('abort', drain);
      this.isRunning = false;
      this.child = null;
    }
  }

  private hear(message: WorkerMessage): void {
    if (message.kind === 'state') return this.asked.get(message.question)?.(message);
    if (message.kind === 'replaced') this.isReplaced = true;
    else this.isRunning = this.hasEverStarted = true;
  }
}

/** The code or signal that it ended with, once all that it has said has been heard. */
async function endOf(child: ChildProcess): Promise<string> {
  const heard = new Promise<void>((resolve) => child.once('disconnect', resolve));
  const outcome = await new Promise<string>((resolve) => {
    child.once('error', () => resolve('not started'));
    child.once('exit', (code, signal) => resolve(signal ?? `code ${code}`));
  });
  if (child.connected) await heard;
  return outcome;
}
