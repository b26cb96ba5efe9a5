/**
 * The owner's end of supervisor.ts: starts the supervisor and gives it commands.
 * It never starts a service by itself: what the supervisor did not start, nobody would end.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { GauzeError } from '../platform/errors.ts';
import type { SupervisorCommand, SupervisorEvent } from './supervisor.ts';

/** A service to be started. */
export interface ServiceStart {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly directory: string;
  readonly logFile: string;
}

/** Starts processes that end with this one, however this one ends. */
export class Supervised {
  readonly #process: ChildProcess;
  readonly #pids = new Map<string, number>();
  /** How often each service was started, or failed to start. */
  readonly #starts = new Map<string, number>();
  readonly #ended: Promise<void>;
  #listeners: (() => void)[] = [];

  constructor() {
    // As TypeScript in the work tree, as JavaScript in a published package.
    const script = import.meta.url.endsWith('.ts') ? './supervisor.ts' : './supervisor.js';
    this.#process = spawn(process.execPath, [fileURLToPath(new URL(script, import.meta.url))], {
      stdio: ['pipe', 'pipe', 'ignore'],
      // A session of its own: Ctrl-C in the terminal reaches the owner alone, which then stops in order.
      detached: true,
    });
    this.#ended = new Promise((resolve) => {
      this.#process.once('close', () => {
        this.#killLeft();
        resolve();
      });
    });
    this.#process.stdin?.on('error', () => {});
    if (this.#process.stdout) {
      createInterface({ input: this.#process.stdout }).on('line', (line) => this.#hear(line));
    }
  }

  /** Process ids of the services that run now, by name. */
  get pids(): ReadonlyMap<string, number> {
    return this.#pids;
  }

  /** Starts a service and resolves when it has a process; that it is ready is for the caller to find out. */
  async start(service: ServiceStart): Promise<void> {
    const before = this.#starts.get(service.name) ?? 0;
    this.#tell({ do: 'start', ...service });
    await this.#until(() => (this.#starts.get(service.name) ?? 0) > before);
  }

  /** Sends a signal to the service's process group and waits until it has ended. */
  async end(name: string, signal: NodeJS.Signals): Promise<void> {
    if (!this.#pids.has(name)) return;
    this.#tell({ do: 'signal', name, signal });
    await this.#until(() => !this.#pids.has(name));
  }

  /** Directories that go when everything has ended. */
  removeAtEnd(paths: readonly string[]): void {
    this.#tell({ do: 'remove', paths });
  }

  /** Ends all services and the supervisor itself. */
  async close(): Promise<void> {
    this.#process.stdin?.end();
    await this.#ended;
  }

  /** Where the supervisor itself was killed: nobody else would end what it had started. */
  #killLeft(): void {
    for (const pid of this.#pids.values()) {
      try {
        process.kill(-pid, 'SIGKILL');
      } catch {
        // It has ended.
      }
    }
    this.#pids.clear();
  }

  #tell(command: SupervisorCommand): void {
    this.#process.stdin?.write(`${JSON.stringify(command)}\n`);
  }

  #hear(line: string): void {
    const event = JSON.parse(line) as SupervisorEvent;
    if (event.event === 'ended') this.#pids.delete(event.name);
    else {
      this.#starts.set(event.name, (this.#starts.get(event.name) ?? 0) + 1);
      if (event.pid !== null) this.#pids.set(event.name, event.pid);
    }
    const listeners = this.#listeners;
    this.#listeners = [];
    for (const listener of listeners) listener();
  }

  async #until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      const ended = await Promise.race([
        this.#ended.then(() => true),
        new Promise<false>((resolve) => this.#listeners.push(() => resolve(false))),
      ]);
      if (ended && !condition()) {
        throw new GauzeError('ERR_INTERNAL', { causeName: 'SupervisorEnded' });
      }
    }
  }
}
