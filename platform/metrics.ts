/**
 * Counts what a process does, for Prometheus. Only metrics of the table can be counted, with the labels that the table
 * gives them; no label value is ever made of what a record holds.
 */
import { AggregatorRegistry, Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';
import { METRICS } from './metric-table.ts';
import type { MetricKind, MetricName, MetricRow } from './metric-table.ts';

type NamesOf<Kind extends MetricKind> = {
  [Name in MetricName]: (typeof METRICS)[Name]['kind'] extends Kind ? Name : never;
}[MetricName];

/** The labels of a metric, each with its text. */
export type LabelsOf<Name extends MetricName> = Readonly<
  Record<(typeof METRICS)[Name]['labels'][number], string>
>;

/** One sample of a gauge that is asked for when somebody looks. */
export interface Reading<Name extends NamesOf<'gauge'>> {
  readonly labels: LabelsOf<Name>;
  readonly value: number;
}

/** The metrics of one process as they were when it was asked, to be sent to another. */
export type Samples = readonly object[];

/** What somebody who watches is shown. */
export interface MetricsText {
  readonly contentType: string;
  /** All of them, in the text format of Prometheus. */
  text(): Promise<string>;
}

export class Metrics implements MetricsText {
  private readonly registry = new Registry();
  private readonly counters = new Map<string, Counter>();
  private readonly gauges = new Map<string, Gauge>();
  private readonly histograms = new Map<string, Histogram>();
  private readonly asked: (() => void)[] = [];

  /** The metrics of one role, and those of the process that it runs in; those of a worker all say which one it is. */
  constructor(role: MetricRow['roles'][number], version: string, worker: number | null = null) {
    if (worker !== null) this.registry.setDefaultLabels({ worker: String(worker) });
    collectDefaultMetrics({ register: this.registry });
    for (const [name, row] of Object.entries<MetricRow>(METRICS)) {
      if (row.roles.includes(role)) this.make(name, row);
    }
    this.set('gauze_build_info', { version, role }, 1);
  }

  count<Name extends NamesOf<'counter'>>(name: Name, labels: LabelsOf<Name>, by = 1): void {
    if (by > 0) this.counters.get(name)?.inc({ ...labels }, by);
  }

  set<Name extends NamesOf<'gauge'>>(name: Name, labels: LabelsOf<Name>, value: number): void {
    this.gauges.get(name)?.set({ ...labels }, value);
  }

  observe<Name extends NamesOf<'histogram'>>(name: Name, labels: LabelsOf<Name>, value: number): void {
    this.histograms.get(name)?.observe({ ...labels }, value);
  }

  /** The gauge is read anew whenever somebody looks; labels that are not read any more are gone. */
  read<Name extends NamesOf<'gauge'>>(name: Name, readings: () => readonly Reading<Name>[]): void {
    this.asked.push(() => {
      this.gauges.get(name)?.reset();
      for (const { labels, value } of readings()) this.set(name, labels, value);
    });
  }

  /** Names of the metrics of the table that this process has. */
  get names(): readonly string[] {
    return [...this.counters.keys(), ...this.gauges.keys(), ...this.histograms.keys()].sort();
  }

  get contentType(): string {
    return this.registry.contentType;
  }

  /** All of them, in the text format of Prometheus. */
  async text(): Promise<string> {
    for (const ask of this.asked) ask();
    return await this.registry.metrics();
  }

  /** The same as data. */
  async samples(): Promise<Samples> {
    for (const ask of this.asked) ask();
    return await this.registry.getMetricsAsJSON();
  }

  /** These and those of workers, as one text; the samples of a worker are told apart by their label. */
  async textWith(workers: readonly Samples[]): Promise<string> {
    const all = [await this.samples(), ...workers].map((samples) => [...samples]);
    return await AggregatorRegistry.aggregate(all).metrics();
  }

  private make(name: string, { kind, help, labels, buckets }: MetricRow): void {
    const options = { name, help, labelNames: [...labels], registers: [this.registry] };
    if (kind === 'counter') this.counters.set(name, new Counter(options));
    else if (kind === 'gauge') this.gauges.set(name, new Gauge(options));
    else this.histograms.set(name, new Histogram({ ...options, buckets: [...(buckets ?? [])] }));
  }
}
