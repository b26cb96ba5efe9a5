/**
 * How the demo's lanes get on: read from committed offsets and from the topic of withheld records, as `gauze status`
 * would; never from the process that masks. Redrawn in place where a person looks, else one line a second.
 */
import { CLINICAL_TOPICS } from '../examples/hospital/clinical-values.ts';
import type { KafkaAdmin } from '../kafka/admin.ts';
import type { Cluster } from '../kafka/cluster.ts';
import { LogReader } from '../kafka/log-reader.ts';
import { monotonicMs, sleep } from '../platform/clock.ts';
import { GauzeError } from '../platform/errors.ts';
import { withheldCodec } from '../schemas/control-codecs.ts';
import { decodeLaneMetadata } from '../topology/lane-metadata.ts';
import type { LaneHold } from '../topology/lane-metadata.ts';
import type { DemoFeed } from './demo-feed.ts';
import { AUDIENCES } from './demo-site.ts';
import type { Site } from './site.ts';
import { styled, table } from './terminal.ts';
import type { LiveArea } from './terminal.ts';

const TICK_MS = 500;
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
    await Promise.all(
      this.#readers.map(async (reader) => await reader.readToEnd(({ value }) => this.#take(value))),
    );
  }

  close(): void {
    for (const reader of this.#readers ?? []) reader.close();
  }

  #take(value: Buffer | null): void {
    const { audience, topic, code, outcome } = withheldCodec.decode(value ?? Buffer.alloc(0));
    if (outcome !== 'WITHHELD') return;
    const lane = `${audience} ${topic}`;
    this.byLane.set(lane, (this.byLane.get(lane) ?? 0) + 1);
    this.byCode.set(code, (this.byCode.get(code) ?? 0) + 1);
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
  /** Not a number while a lane has not begun. */
  readonly lag: number;
  /** Why a lane stands still, if one does. */
  readonly held: LaneHold | null;
}

export interface LiveViewInput {
  readonly site: Site;
  /** With a log-in that may see positions. */
  readonly admin: KafkaAdmin;
  readonly feed: DemoFeed;
  readonly withheld: WithheldCounter;
  readonly area: LiveArea;
  /** False once the process that masks has ended. */
  readonly isRunning: () => boolean;
}

/** Draws until everything that was fed has been masked for everybody. @throws GauzeError ERR_DEMO_*, a lane's hold */
export async function watchLanes(input: LiveViewInput, signal: AbortSignal): Promise<void> {
  const { feed, area, isRunning } = input;
  const startedMs = monotonicMs();
  let last = { rows: [] as readonly Row[], atMs: startedMs, done: -1, movedMs: startedMs };
  try {
    for (;;) {
      signal.throwIfAborted();
      const rows = await readRows(input);
      const nowMs = monotonicMs();
      const done = sum(rows, 'done');
      draw(area, rows, last, nowMs - startedMs, feed);
      const isStill = done === last.done && feed.isDone;
      last = { rows, atMs: nowMs, done, movedMs: isStill ? last.movedMs : nowMs };
      if (feed.isDone && done === feed.total * AUDIENCES.length && sum(rows, 'lag') === 0) return;
      refuseStandstill(rows, nowMs - last.movedMs, isRunning());
      await sleep(TICK_MS, signal);
    }
  } finally {
    area.leave();
  }
}

function refuseStandstill(rows: readonly Row[], stillMs: number, isRunning: boolean): void {
  const held = rows.find((row) => row.held !== null);
  if (held?.held) {
    const { audience, topic } = held;
    const { code, path } = held.held;
    throw new GauzeError(code, { audience, topic, ...(path === null ? {} : { path }) });
  }
  if (!isRunning) throw new GauzeError('ERR_DEMO_RUN_ENDED', {});
  if (stillMs > STANDSTILL_MS) throw new GauzeError('ERR_DEMO_STANDSTILL', { limit: STANDSTILL_MS / 1000 });
}

/** Ends of the raw topics, committed offsets, withheld records: all asked for at once. */
async function readRows({ site, admin, withheld }: LiveViewInput): Promise<readonly Row[]> {
  const [ends, positions] = await Promise.all([
    Promise.all(CLINICAL_TOPICS.map(async (topic) => await admin.topicEndOffsets(topic))),
    Promise.all(
      AUDIENCES.map(async (audience) =>
        admin.fetchGroupOffsets(site.names.audienceGroup(audience), CLINICAL_TOPICS),
      ),
    ),
    withheld.read(),
  ]);
  return AUDIENCES.flatMap((audience, a) =>
    CLINICAL_TOPICS.map((topic, t) => {
      const lanes = positions[a]!.filter((each) => each.topic === topic);
      const isBegun = lanes.length === ends[t]!.length && lanes.every(({ offset }) => offset >= 0n);
      // Raw topics of the demo begin at 0 and hold no markers: a position is a number of records.
      const done = lanes.reduce((total, { offset }) => total + Math.max(0, Number(offset)), 0);
      const end = ends[t]!.reduce((total, { high }) => total + Number(high), 0);
      const lag = isBegun ? Math.max(0, end - done) : Number.NaN;
      const held = lanes.map(({ metadata }) => decodeLaneMetadata(metadata)?.held ?? null);
      const withheldCount = withheld.byLane.get(`${audience} ${topic}`) ?? 0;
      return { audience, topic, done, withheld: withheldCount, lag, held: held.find((each) => each) ?? null };
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
