/**
 * `gauze run`: the service in one of its roles, until SIGTERM or SIGINT; then it drains. One file per role; this one
 * only says which there are.
 */
import { GauzeError } from '../platform/errors.ts';
import { createLogger } from '../platform/log.ts';
import type { Logger } from '../platform/log.ts';
import { Site } from './site.ts';
import { EXIT, messagesToTerminal } from './terminal.ts';

export interface RunOptions {
  readonly config: string;
  readonly role: string;
  readonly verbose: boolean;
}

/** What a role is run with. */
export interface RoleRun {
  readonly site: Site;
  readonly log: Logger;
  /** Resolves when the process is asked to end: the role finishes what it is at and returns. */
  readonly stopped: Promise<void>;
}

/** A role's file is loaded when the role is run: no role needs the libraries of another. */
const ROLES: Readonly<Record<string, (run: RoleRun) => Promise<void>>> = {
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
  const site = await Site.load(options.config);
  const log = createLogger({
    level: options.verbose ? 'debug' : 'info',
    format: messagesToTerminal() ? 'line' : 'json',
  });
  await role({ site, log, stopped: signalled() });
  return EXIT.ok;
}

async function signalled(): Promise<void> {
  await new Promise<void>((resolve) => {
    for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => resolve());
  });
}
