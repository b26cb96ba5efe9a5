/**
 * What a process of `gauze run` shows to those who watch it: its metrics, and whether it can do its work.
 */
import { readFileSync } from 'node:fs';
import type { Logger } from '../platform/log.ts';
import type { MetricRow } from '../platform/metric-table.ts';
import { Metrics } from '../platform/metrics.ts';
import type { MetricsText } from '../platform/metrics.ts';
import { StatusPort } from '../platform/status-port.ts';
import type { Parts } from '../platform/status-port.ts';
import type { Site } from './site.ts';
import type { WorkerLink } from './worker-link.ts';

/** A role that can be watched. */
export type WatchedRole = MetricRow['roles'][number];

export class RoleStatus {
  readonly metrics: Metrics;
  private readonly role: WatchedRole;
  private readonly link: WorkerLink | null;
  private port: StatusPort | null = null;
  private readiness: () => Parts | Promise<Parts> = () => ({ started: 'missing' });

  /** `link`: of a worker, whose supervisor shows what it counts; it listens nowhere itself. */
  constructor(role: WatchedRole, link: WorkerLink | null = null) {
    this.role = role;
    this.link = link;
    this.metrics = new Metrics(role, gauzeVersion(), link?.worker ?? null);
  }

  /** Listens from now on; not ready until `ready` is called. Throws ERR_STATUS_LISTEN. */
  async open({ config: { metrics } }: Site, log: Logger, shown: MetricsText = this.metrics): Promise<void> {
    if (this.link)
      return this.link.answer(async () => ({
        samples: await this.metrics.samples(),
        parts: await this.readiness(),
      }));
    this.port = await StatusPort.open({
      ...metrics,
      metrics: shown,
      readiness: () => this.readiness(),
    });
    log.info('metrics and health are served', {
      role: this.role,
      host: metrics.host,
      port: this.port.port,
    });
  }

  /** The process has started; from now on `parts` says what it stands on. */
  ready(parts: () => Parts | Promise<Parts>): void {
    this.readiness = parts;
    this.link?.started();
  }

  async close(): Promise<void> {
    await this.port?.close();
  }
}

/** The version that package.json names. */
export function gauzeVersion(): string {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
