/**
 * A small process of its own that owns the processes of the local stack and ends them when its standard input closes:
 * at a clean stop, and also when the program that started the stack was killed and could do nothing any more.
 * It takes one JSON command per line and never prints what its children print: that goes to their log files.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { openSync, closeSync, rmSync } from 'node:fs';
import { createInterface } from 'node:readline';

/** What the owner may ask for. */
export type SupervisorCommand =
  | {
      readonly do: 'start';
      readonly name: string;
      readonly command: string;
      readonly args: readonly string[];
      readonly directory: string;
      readonly logFile: string;
    }
  | { readonly do: 'signal'; readonly name: string; readonly signal: NodeJS.Signals }
  /** Directories to remove once every child is gone. */
  | { readonly do: 'remove'; readonly paths: readonly string[] };

/** What it tells: a child runs, or has ended. */
export type SupervisorEvent =
  /** `pid` is null where the command could not be run at all. */
  | { readonly event: 'started'; readonly name: string; readonly pid: number | null }
  | { readonly event: 'ended'; readonly name: string; readonly status: number | null };

/** How long a child may take to end after SIGTERM, in milliseconds. */
const PATIENCE_MS = 8_000;

const children = new Map<string, ChildProcess>();
let remove: readonly string[] = [];

function tell(event: SupervisorEvent): void {
  process.stdout.write(`${JSON.stringify(event)}\n`);
}

function start(command: Extract<SupervisorCommand, { do: 'start' }>): void {
  const log = openSync(command.logFile, 'a', 0o600);
  const child = spawn(command.command, command.args, {
    cwd: command.directory,
    stdio: ['ignore', log, log],
    detached: true,
  });
  closeSync(log);
  children.set(command.name, child);
  const gone = (status: number | null): void => {
    if (children.get(command.name) !== child) return;
    children.delete(command.name);
    tell({ event: 'ended', name: command.name, status });
  };
  child.on('error', () => gone(null));
  child.on('exit', gone);
  tell({ event: 'started', name: command.name, pid: child.pid ?? null });
}

/** Sends a signal to the child's process group, which `detached` made its own. */
function signal(child: ChildProcess, name: NodeJS.Signals): void {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  try {
    process.kill(-child.pid, name);
  } catch {
    // It ended in this very moment.
  }
}

async function stopAll(): Promise<void> {
  const ended = [...children.values()].map(async (child) => {
    await new Promise<void>((resolve) => {
      if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) resolve();
      else child.once('exit', () => resolve());
    });
  });
  for (const child of children.values()) signal(child, 'SIGTERM');
  const impatient = setTimeout(() => {
    for (const child of children.values()) signal(child, 'SIGKILL');
  }, PATIENCE_MS);
  await Promise.all(ended);
  clearTimeout(impatient);
  for (const path of remove) rmSync(path, { recursive: true, force: true });
  process.exit(0);
}

function obey(line: string): void {
  const command = JSON.parse(line) as SupervisorCommand;
  if (command.do === 'start') start(command);
  else if (command.do === 'remove') remove = command.paths;
  else {
    const child = children.get(command.name);
    if (child) signal(child, command.signal);
  }
}

// Ctrl-C and a terminal that closes are the owner's to handle: it closes our input in either case.
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => {});
process.stdout.on('error', () => {});
const input = createInterface({ input: process.stdin });
input.on('line', obey);
input.on('close', () => void stopAll());
