/**
 * `gauze run`: the service in one of its roles, until SIGTERM or SIGINT; then it drains. One file per role; this one
 * only says which there are.
 */
import { GauzeError } from '../platform/errors.ts';
import { createLogger } from '../platform/log.ts';
import type { Logger } from '../platform/log.ts';
import { wholeNumberOf } from './option-values.ts';
import { Site } from './site.ts';
import { EXIT, messagesToTerminal } from './terminal.ts';
import { WorkerLink } from './worker-link.ts';

export interface RunOptions {
  readonly config: string;
  readonly role: string;
  readonly verbose: boolean;
  /** Processes to run under this one. */
  readonly workers?: string;
  /** Name in the group that stays through restarts. */
  readonly instanceId?: string;
  /** Set by a supervisor: the number of this worker. */
  readonly worker?: string;
}

/** More than one machine can feed. */
const WORKERS_MAX = 256;

/** What a role is run with. */
export interface RoleRun {
  readonly site: Site;
  readonly log: Logger;
  /** Resolves when the process is asked to end: the role finishes what it is at and returns. */
  readonly stopped: Promise<void>;
}

/** What the topology is run with besides. */
export interface TopologyRun extends RoleRun {
  /** Name in the group that stays through restarts; null for one that comes and goes. */
  readonly instanceId?: string | null;
  /** The line to the supervisor, of a worker. */
  readonly link?: WorkerLink | null;
}

/** A role's file is loaded when the role is run: no role needs the libraries of another. */
const ROLES: Readonly<Record<string, (run: TopologyRun) => Promise<void>>> = {
  topology: async (run) => await (await import('./run-topology.ts')).runTopology(run),
  approvals: async (run) => await (await import('./run-approvals.ts')).runApprovals(run),
  sealer: async (run) => await (await import('./run-sealer.ts')).runSealer(run),
  provisioner: async (run) => await (await import('./run-provisioner.ts')).runProvisioner(run),
};

export async function runCommand(options: RunOptions): Promise<number> {
  const role = Object.hasOwn(ROLES, options.role) ? ROLES[options.role] : undefined;
  if (!role) {
    const expected = Object.keys(ROLES).join(' or ');
    throw new GauzeError('ERR_USAGE_ARGUMENT', { setting: '--role', expected });
  }
  const instanceId = instanceIdOf(options);
  const workers = workersOf(options);
  const site = await Site.load(options.config);
  const link = options.worker === undefined ? null : new WorkerLink(Number(options.worker));
  const log = createLogger({
    level: options.verbose ? 'debug' : 'info',
    format: messagesToTerminal() ? 'line' : 'json',
  }).child(link ? { worker: link.worker } : {});
  if (workers !== null) return await supervised(options, workers, { site, log, instanceId });
  try {
    await role({ site, log, instanceId, link, stopped: Promise.race([signalled(), link?.lost ?? never()]) });
  } catch (error) {
    if (error instanceof GauzeError && error.code === 'ERR_RUN_INSTANCE_REPLACED') link?.replaced();
    throw error;
  } finally {
    link?.close();
  }
  return EXIT.ok;
}

async function supervised(
  { config, role, verbose }: RunOptions,
  count: number,
  run: { site: Site; log: Logger; instanceId: string | null },
): Promise<number> {
  const { runWorkers } = await import('./run-workers.ts');
  const stopped = signalled();
  const forced = stopped.then(signalled);
  const args = [process.argv[1] ?? '', 'run', '--role', role, '--config', config];
  const isForced = await runWorkers({
    ...run,
    count,
    stopped,
    forced,
    args: verbose ? [...args, '--verbose'] : args,
  });
  return isForced ? EXIT.interrupted : EXIT.ok;
}

/** Throws ERR_USAGE_ARGUMENT. */
function workersOf({ workers, role }: RunOptions): number | null {
  if (workers === undefined) return null;
  const count = wholeNumberOf('--workers', workers);
  if (count > WORKERS_MAX || role !== 'topology')
    throw new GauzeError('ERR_USAGE_ARGUMENT', {
      setting: '--workers',
      expected: `from 1 to ${WORKERS_MAX}, for the role topology`,
    });
  return count;
}

/** Throws ERR_USAGE_ARGUMENT. */
function instanceIdOf({ instanceId, role }: RunOptions): string | null {
  if (instanceId === undefined) return null;
  if (!/^[a-zA-Z0-9._-]{1,200}$/.test(instanceId) || role !== 'topology')
    throw new GauzeError('ERR_USAGE_ARGUMENT', {
      setting: '--instance-id',
      expected: 'at most 200 letters, digits, `.`, `_`, `-`, for the role topology',
    });
  return instanceId;
}

async function signalled(): Promise<void> {
  await new Promise<void>((resolve) => {
    for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => resolve());
  });
}

async function never(): Promise<void> {
  await new Promise<void>(() => undefined);
}
