/**
 * A row of lives, each with one fault in it, and what became of them. A site in which something went wrong is left
 * for a new one, so that one failure is not told many times.
 */
import { API_KEYS } from './fault-proxy/fault-rule.ts';
import { SweepSite } from './sweep-site.ts';
import type { Ending, Fault, Halt } from './sweep-site.ts';

/** After so many failures of one series nothing new is learnt. */
const FAILURES_MAX = 3;

interface Series {
  readonly title: string;
  /** Lives in which the fault happened. */
  cases: number;
  readonly failures: string[];
  readonly halts: Halt[];
  longestMs: number;
}

export interface SeriesOptions {
  readonly ending?: Ending;
  /** Each life is the first one of a site of its own, in which lanes begin. */
  readonly isFirst?: boolean;
}

export class Sweep {
  readonly #series: Series[] = [];
  #site: SweepSite;

  private constructor(site: SweepSite) {
    this.#site = site;
  }

  static async open(): Promise<Sweep> {
    return new Sweep(await SweepSite.make());
  }

  /** Names of the kinds of request in a life without a fault, in order. */
  async kindsOfALife(): Promise<readonly string[]> {
    await this.#site.live(null);
    const names = new Map<number, string>(Object.entries(API_KEYS).map(([name, key]) => [key, name]));
    return this.#site.proxy.kinds.map((key) => names.get(key) ?? String(key)).sort();
  }

  /** One life for each n = 1, 2, 3 ... up to `most`, until the fault does not happen any more. */
  async series(
    title: string,
    most: number,
    faultAt: (nth: number) => Fault,
    { ending = 'is stopped', isFirst = false }: SeriesOptions = {},
  ): Promise<void> {
    const series: Series = { title, cases: 0, failures: [], halts: [], longestMs: 0 };
    this.#series.push(series);
    for (let nth = 1; nth <= most && series.failures.length < FAILURES_MAX; nth++) {
      try {
        if (isFirst) await this.#anew();
        const life = await this.#site.live(faultAt(nth), ending);
        if (!life.fired) break;
        series.cases++;
        series.halts.push(...life.halts);
        series.longestMs = Math.max(series.longestMs, life.durationMs);
      } catch (error) {
        series.cases++;
        series.failures.push(`${title} ${nth}: ${error instanceof Error ? error.message : 'unknown'}`);
        process.stderr.write(`${series.failures.at(-1)}\n${this.#site.log.slice(-40).join('')}`);
        await this.#anew();
      }
    }
    process.stderr.write(`${rowOf(series)}\n`);
  }

  /** Compares all that the site has published with the slow reference; what differs is a failure of this kind. */
  async settle(kind: string): Promise<void> {
    const series: Series = { title: `${kind} compared`, cases: 0, failures: [], halts: [], longestMs: 0 };
    await this.#site.live(null);
    series.failures.push(...(await this.#site.faults()));
    this.#series.push(series);
    if (series.failures.length > 0) await this.#anew();
  }

  /** What went wrong in the series of this kind. */
  failures(kind: string): readonly string[] {
    return this.#of(kind).flatMap(({ failures }) => failures);
  }

  /** Ends of instances that must not have been: after they had started, or without a code of ours. */
  halted(kind: string): readonly string[] {
    return this.#of(kind).flatMap(({ title, halts }) =>
      halts
        .filter(({ code, hadStarted }) => hadStarted || code === null || code === 'ERR_INTERNAL')
        .map(({ code, hadStarted }) => `${title}: ${code}${hadStarted ? ' after it had started' : ''}`),
    );
  }

  /** How many lives there were, by kind of request and place. */
  report(): string {
    const rows = this.#series.filter(({ cases }) => cases > 0);
    const sum = rows.reduce((total, { cases }) => total + cases, 0);
    return [...rows.map(rowOf), `${sum} lives with one fault each`].join('\n');
  }

  async close(): Promise<void> {
    await this.#site.close();
  }

  async #anew(): Promise<void> {
    await this.#site.close().catch(() => undefined);
    this.#site = await SweepSite.make();
  }

  #of(kind: string): readonly Series[] {
    return this.#series.filter(({ title }) => title.startsWith(`${kind} `));
  }
}

function rowOf({ title, cases, failures, halts, longestMs }: Series): string {
  const codes = [...Map.groupBy(halts, ({ code }) => code)].map(([code, ends]) => `${code} ${ends.length}x`);
  const ended = codes.length > 0 ? `; ended at its start: ${codes.join(', ')}` : '';
  return `${title}: ${cases} cases, ${failures.length} failed, longest ${Math.round(longestMs)} ms${ended}`;
}
