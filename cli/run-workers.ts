/**
 * `gauze run --workers n`: n topologies under one command, each a process of its own, and one port that shows them all.
 * This process reads no record and holds no key; it starts, watches and ends the others.
 */
import type { Logger } from '../platform/log.ts';
import type { Parts, PartState } from '../platform/status-port.ts';
import { RoleStatus } from './role-status.ts';
import type { Site } from './site.ts';
import { Worker } from './worker.ts';
import type { WorkerState } from './worker-link.ts';

export interface WorkersRun {
  readonly site: Site;
  readonly log: Logger;
  readonly count: number;
  /** Name of the instance; its workers add their number. Null without names. */
  readonly instanceId: string | null;
  /** Arguments of each worker, after those of Node. */
  readonly args: readonly string[];
  /** Resolves when the process is asked to end: the workers drain. */
  readonly stopped: Promise<void>;
  /** Resolves when it is asked a second time: the workers end at once. */
  readonly forced: Promise<void>;
}

/**
 * Runs the workers until the process is asked to end; was it asked twice?
 * Throws ERR_STATUS_LISTEN, ERR_RUN_INSTANCE_REPLACED and ERR_RUN_WORKER_START; by then all workers have ended.
 */
export async function runWorkers({ site, log, count, ...run }: WorkersRun): Promise<boolean> {
  const status = new RoleStatus('supervisor');
  const { metrics } = status;
  const workers = Array.from({ length: count }, (_, worker) => {
    const instanceId = run.instanceId === null ? null : `${run.instanceId}-${worker}`;
    const named = instanceId === null ? [] : ['--instance-id', instanceId];
    const args = [...run.args, '--worker', String(worker), ...named];
    const onRestart = (): void => metrics.count('gauze_worker_restarts_total', { worker: String(worker) });
    return new Worker({ worker, args, instanceId, log, onRestart });
  });
  const states = async (): Promise<readonly (WorkerState | null)[]> =>
    await Promise.all(workers.map(async (worker) => await worker.state()));
  metrics.read('gauze_workers', () => [
    { labels: {}, value: workers.filter(({ isRunning }) => isRunning).length },
  ]);
  const shown = {
    contentType: metrics.contentType,
    text: async () =>
      await metrics.textWith((await states()).flatMap((state) => (state ? [state.samples] : []))),
  };
  await status.open(site, log, shown);
  const stopping = new AbortController();
  let isForced = false;
  const force = (): void => {
    isForced = true;
    for (const worker of workers) worker.kill();
  };
  void run.stopped.then(() => stopping.abort());
  void run.forced.then(force);
  try {
    status.ready(async () => partsOf(await states()));
    log.info('workers start', { count });
    const kept = workers.map(async (worker) => await worker.keep(stopping.signal));
    // The first that cannot go on ends all of them.
    await Promise.all(kept).catch(() => stopping.abort());
    const failed = (await Promise.allSettled(kept)).find(({ status: how }) => how === 'rejected');
    if (failed?.status === 'rejected') throw failed.reason;
    log.info('workers have ended', { count });
    return isForced;
  } finally {
    await status.close();
  }
}

/** One that is away is late: others take over what it had. Only where none is ready nothing can be done. */
function partsOf(states: readonly (WorkerState | null)[]): Parts {
  const isReady = (state: WorkerState | null): boolean =>
    state !== null && !Object.values(state.parts).includes('missing');
  const otherwise: PartState = states.some(isReady) ? 'degraded' : 'missing';
  return Object.fromEntries(
    states.map((state, worker) => [`worker ${worker}`, isReady(state) ? 'ok' : otherwise]),
  );
}
