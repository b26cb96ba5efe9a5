/**
 * How the demo's lanes get on: read from committed offsets and from the topic of withheld records, as `gauze status`
 * would; never from the process that masks. Redrawn in place where a person looks, else one line a second.
 */
import { CLINICAL_TOPICS } from '../examples/hospital/clinical-values.ts';
import type { KafkaAdmin } from '../kafka/admin.ts';
import { Cluster } from '../kafka/cluster.ts';
import { LogReader } from '../kafka/log-reader.ts';
import { monotonicMs, sleep } from '../platform/clock.ts';
import { GauzeError } from '../platform/errors.ts';
import { PolicyLog } from '../policy/policy-log.ts';
import { withheldCodec } from '../schemas/control-codecs.ts';
import { laneReports } from '../topology/lane-report.ts';
import type { LaneReport } from '../topology/lane-report.ts';
import type { DemoFeed } from './demo-feed.ts';
import { AUDIENCES } from './demo-site.ts';
import type { Site } from './site.ts';
import { styled, table } from './terminal.ts';
import type { LiveArea } from './terminal.ts';

const TICK_MS = 500;
/** A lane that starts looks held for a moment: its entry in the policy log is read before its first commit. */
const HELD_TICKS = 10;
/** Without any progress for this long, something is wrong. */
const STANDSTILL_MS = 60_000;

/** Withheld records, by `<audience> <topic>`, and how many for which code. */
export interface Withheld {
  readonly byLane: ReadonlyMap<string, number>;
  readonly byCode: ReadonlyMap<string, number>;
}

/** Counts what is in the topic of withheld records, from its beginning. */
export class WithheldCounter implements Withheld {
  readonly byLane = new Map<string, number>();
  readonly byCode = new Map<string, number>();
  readonly #cluster: Cluster;
  readonly #topic: string;
  #readers: LogReader[] | null = null;

  constructor(cluster: Cluster, topic: string) {
    this.#cluster = cluster;
    this.#topic = topic;
  }

  /** Takes in everything that is there now. */
  async read(): Promise<void> {
    this.#readers ??= await this.#open();
    for (const reader of this.#readers) {
      await reader.readToEnd(({ value }) => {
        const { audience, topic, code } = withheldCodec.decode(value ?? Buffer.alloc(0));
        const lane = `${audience} ${topic}`;
        this.byLane.set(lane, (this.byLane.get(lane) ?? 0) + 1);
        this.byCode.set(code, (this.byCode.get(code) ?? 0) + 1);
      });
    }
  }

  close(): void {
    for (const reader of this.#readers ?? []) reader.close();
  }

  async #open(): Promise<LogReader[]> {
    const topic = await this.#cluster.topic(this.#topic);
    return (topic?.leaders ?? []).map((_, partition) => new LogReader(this.#cluster, this.#topic, partition));
  }
}

/** One row of the view. */
interface Row {
  readonly audience: string;
  readonly topic: string;
  /** Records of the raw topic that the lanes are through with. */
  readonly done: number;
  readonly withheld: number;
  readonly lag: number;
}

export interface LiveViewInput {
  readonly site: Site;
  readonly cluster: Cluster;
  readonly admin: KafkaAdmin;
  readonly feed: DemoFeed;
  readonly withheld: WithheldCounter;
  readonly area: LiveArea;
  /** False once the process that masks has ended. */
  readonly isRunning: () => boolean;
}

/** Draws until everything that was fed has been masked for everybody. @throws GauzeError ERR_DEMO_* and a lane's hold */
export async function watchLanes(input: LiveViewInput, signal: AbortSignal): Promise<void> {
  const { site, cluster, feed, withheld, area, isRunning } = input;
  const log = new PolicyLog(cluster, site.names.policies);
  const started = monotonicMs();
  let heldTicks = 0;
  let last = { rows: [] as readonly Row[], atMs: started, done: -1, movedMs: started };
  try {
    for (;;) {
      signal.throwIfAborted();
      await log.readToEnd(signal);
      await withheld.read();
      const reports = await reportsOf(input, log);
      const rows = rowsOf(reports, withheld);
      const nowMs = monotonicMs();
      const done = sum(rows, 'done');
      draw(area, rows, last, nowMs - started, feed);
      const isStill = done === last.done && feed.isDone;
      last = { rows, atMs: nowMs, done, movedMs: isStill ? last.movedMs : nowMs };
      heldTicks = reports.some(({ state }) => state === 'held') ? heldTicks + 1 : 0;
      if (heldTicks > HELD_TICKS) refuseHeld(reports);
      if (feed.isDone && done === feed.total * AUDIENCES.length && sum(rows, 'lag') === 0) return;
      if (!isRunning()) throw new GauzeError('ERR_DEMO_RUN_ENDED', {});
      if (nowMs - last.movedMs > STANDSTILL_MS)
        throw new GauzeError('ERR_DEMO_STANDSTILL', { limit: STANDSTILL_MS / 1000 });
      await sleep(TICK_MS, signal);
    }
  } finally {
    log.close();
    area.leave();
  }
}

async function reportsOf({ site, cluster, admin }: LiveViewInput, log: PolicyLog) {
  const topics = new Map(AUDIENCES.map((audience) => [audience, CLINICAL_TOPICS]));
  return await laneReports({ cluster, admin, names: site.names, state: log.state, topics });
}

function refuseHeld(reports: readonly LaneReport[]): void {
  const held = reports.find(({ state }) => state === 'held');
  if (!held?.code) return;
  const { audience, topic, partition, code, path } = held;
  throw new GauzeError(code, { audience, topic, partition, ...(path === null ? {} : { path }) });
}

function rowsOf(reports: readonly LaneReport[], withheld: Withheld): readonly Row[] {
  return AUDIENCES.flatMap((audience) =>
    CLINICAL_TOPICS.map((topic) => {
      const lanes = reports.filter((report) => report.audience === audience && report.topic === topic);
      return {
        audience,
        topic,
        // Raw topics of the demo begin at 0 and hold no markers: a position is a number of records.
        done: sum(lanes, 'position'),
        withheld: withheld.byLane.get(`${audience} ${topic}`) ?? 0,
        lag: lanes.some(({ lag }) => lag === null) ? Number.NaN : sum(lanes, 'lag'),
      };
    }),
  );
}

function draw(
  area: LiveArea,
  rows: readonly Row[],
  last: { readonly rows: readonly Row[]; readonly atMs: number },
  elapsedMs: number,
  feed: DemoFeed,
): void {
  const seconds = Math.max(0.001, (monotonicMs() - last.atMs) / 1000);
  const rates = rows.map((row, at) => Math.max(0, (row.done - (last.rows[at]?.done ?? 0)) / seconds));
  const published = sum(rows, 'done') - sum(rows, 'withheld');
  const total = `${Math.round(elapsedMs / 1000)} s: fed ${words(feed.total)}, published ${words(published)}, withheld ${words(sum(rows, 'withheld'))}, lag ${words(sum(rows, 'lag'))}`;
  const lines = table(
    ['audience', 'topic', 'records/s', 'published', 'withheld', 'lag'.padStart(9)],
    rows.map(({ audience, topic, done, withheld, lag }, at) => [
      audience,
      topic,
      words(Math.round(rates[at]!)).padStart(9),
      words(done - withheld).padStart(9),
      words(withheld).padStart(8),
      words(lag).padStart(9),
    ]),
  );
  area.draw([...lines.map((line) => `    ${line}`), `    ${styled('bold', total)}`], `    ${total}`);
}

function sum<K extends string>(rows: readonly Readonly<Record<K, number | null>>[], column: K): number {
  return rows.reduce((total, row) => total + (row[column] ?? 0), 0);
}

/** `12,345`; `-` where it is not known yet. */
export function words(count: number): string {
  return Number.isNaN(count) ? '-' : count.toLocaleString('en-US');
}
