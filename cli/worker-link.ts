/**
 * A worker's line to its supervisor (`gauze run --workers`), over the channel that Node opens between a process and its
 * child: that it has started, what it counts, and whether it can do its work. Counts and the names of parts only.
 */
import type { Samples } from '../platform/metrics.ts';
import type { Parts } from '../platform/status-port.ts';

/** What a supervisor is told when it asks. */
export interface WorkerState {
  readonly samples: Samples;
  readonly parts: Parts;
}

/** From a worker. */
export type WorkerMessage =
  | { readonly kind: 'started' }
  /** Somebody else runs under its instance id. */
  | { readonly kind: 'replaced' }
  | ({ readonly kind: 'state'; readonly question: number } & WorkerState);

/** From a supervisor. */
export interface WorkerQuestion {
  readonly question: number;
}

export class WorkerLink {
  /** Number of this worker, from 0. */
  readonly worker: number;
  /**
   * Resolves when the supervisor has hung up: it wants the worker to drain, or is gone, and a worker does not outlive it.
   * No signal: one to the whole group of processes may come besides, and a second one ends at once.
   */
  readonly lost: Promise<void>;

  constructor(worker: number) {
    this.worker = worker;
    this.lost = new Promise((resolve) => process.once('disconnect', resolve));
  }

  /** From now on the supervisor is answered. */
  answer(state: () => Promise<WorkerState>): void {
    process.on('message', ({ question }: WorkerQuestion) => {
      void state().then(
        (told) => this.send({ kind: 'state', question, ...told }),
        () => undefined,
      );
    });
  }

  started(): void {
    this.send({ kind: 'started' });
  }

  replaced(): void {
    this.send({ kind: 'replaced' });
  }

  /** The channel would keep the process alive. */
  close(): void {
    if (process.connected) process.disconnect();
  }

  private send(message: WorkerMessage): void {
    // A supervisor that is gone in between is told of by `lost`.
    if (process.connected) process.send?.(message, undefined, undefined, () => undefined);
  }
}
