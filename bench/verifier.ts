/**
 * How fast the verifier is: writes a raw export of synthetic, sealed events and verifies it, with a signature for every
 * tenth and for every thousandth event; then again with a state of nine tenths of it.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AuditChain, eventHash } from '../audit/audit-chain.ts';
import { auditWriterKey } from '../keys/audit-writer-key.ts';
import { sessionBatch, sessionOpened } from '../audit/lane-events.ts';
import type { LaneIdentity } from '../audit/lane-events.ts';
import { MerkleFrontier } from '../audit/merkle-tree.ts';
import { ExportSource, writeRawExport } from '../audit/raw-export.ts';
import type { AuditSource, SourcePartition, SourceRecord } from '../audit/verify/audit-source.ts';
import { verifyAudit } from '../audit/verify/verifier.ts';
import type { VerifyResult } from '../audit/verify/verifier.ts';
import { sealCodec } from '../schemas/seal-codecs.ts';
import { nowMs } from '../platform/clock.ts';
import { GauzeError } from '../platform/errors.ts';
import type { BenchTable } from './table.ts';

const PARTITIONS = 4;
const SIGN_EVERY_MS = 1_000;
const EVENTS_PER_SEAL = 2_000;
const RECORDS = 500;
const POLICY = { version: 1, sha256: 'ab'.repeat(32), policyLogOffset: 1, keyEpoch: 1 };
const NO_HASH = Buffer.alloc(32);
/** Without a trust file and checkpoints this much can't be said of any log. */
const EXPECTED = new Set<string>(['NO_TRUST_FILE', 'NO_CHECKPOINT', 'NO_WITNESS', 'COMMITTED_UNKNOWN']);

interface Sealed {
  readonly root: Buffer;
  readonly size: number;
  readonly atMs: number;
}

/** Events made as they are asked for, and seals over them. */
class SyntheticSource implements AuditSource {
  readonly clusterId = 'bench';
  readonly isLive = false;
  asOfMs = nowMs();
  private readonly each: number;
  private readonly signEvery: number;
  private readonly key = auditWriterKey('topology', Buffer.alloc(32, 7));
  /** By partition: root and next offset after each seal's events. */
  private readonly sealed: Sealed[][] = [];

  constructor(events: number, signEvery: number) {
    this.each = Math.ceil(events / PARTITIONS);
    this.signEvery = signEvery;
  }

  partitions(): Promise<readonly SourcePartition[]> {
    const events = Array.from({ length: PARTITIONS }, (_, partition) =>
      this.place('events', partition, this.each),
    );
    return Promise.resolve([...events, this.place('seals', 0, Math.ceil(this.each / EVENTS_PER_SEAL))]);
  }

  private place(kind: 'events' | 'seals', partition: number, endOffset: number): SourcePartition {
    const topicId = (kind === 'events' ? 'a' : 'b').repeat(32);
    return { kind, topic: `gauze.audit.${kind}`, topicId, partition, logStartOffset: 0, endOffset };
  }

  async *records({ kind, partition }: SourcePartition): AsyncGenerator<readonly SourceRecord[]> {
    yield* kind === 'events' ? this.events(partition) : this.seals();
  }

  private *events(partition: number): Generator<readonly SourceRecord[]> {
    const lane = identity(partition);
    let clock = 0;
    const chain = new AuditChain({
      writerId: `gauze.lane.bench.${partition}`,
      schemaId: 7,
      key: this.key,
      clockMs: () => clock,
      rotateMs: Number.POSITIVE_INFINITY,
    });
    const tree = new MerkleFrontier();
    const sealed: Sealed[] = [];
    this.sealed[partition] = sealed;
    let piece: SourceRecord[] = [];
    for (let offset = 0; offset < this.each; offset++) {
      clock += SIGN_EVERY_MS / this.signEvery;
      const now = nowMs();
      const opened = { nowMs: now, position: 0, previous: null };
      const body =
        offset === 0 ? sessionOpened(lane, POLICY, opened) : batch(lane, now, (offset - 1) * RECORDS);
      const linked = chain.link([body]);
      chain.accept(linked);
      const { value } = linked[0]!;
      tree.append(eventHash(value));
      piece.push({ offset, appendTimeMs: now, key: null, value });
      if (piece.length < EVENTS_PER_SEAL && offset < this.each - 1) continue;
      sealed.push({ root: tree.root(), size: tree.size, atMs: now });
      yield piece;
      piece = [];
    }
  }

  private *seals(): Generator<readonly SourceRecord[]> {
    let previous: Buffer = NO_HASH;
    for (const [n] of this.sealed[0]!.entries()) {
      const atMs = this.sealed.at(-1)![n]!.atMs;
      this.asOfMs = atMs;
      const value = sealCodec.encode(
        {
          n,
          sealed_at: atMs * 1000,
          interval_ms: 10_000,
          cluster_id: this.clusterId,
          origin: 'gauze/bench',
          partitions: this.sealed.map((seals, partition) => ({
            topic: 'gauze.audit.events',
            topic_id: Buffer.alloc(16, 0xaa),
            partition,
            tree_size: seals[n]!.size,
            root: seals[n]!.root,
            next_offset: seals[n]!.size,
            log_start_offset: 0,
            pruned_size: 0,
            pruned_offset: 0,
            frontier: null,
          })),
          chains: [],
          coverage: [],
          topic_config_sha256: NO_HASH,
          alarms: [],
          prev_seal_hash: previous,
          seals_frontier: null,
        },
        7,
      );
      previous = eventHash(value);
      yield [{ offset: n, appendTimeMs: atMs, key: Buffer.from('gauze/bench'), value }];
    }
  }

  committed(): Promise<null> {
    return Promise.resolve(null);
  }

  witnessNotes(): Promise<null> {
    return Promise.resolve(null);
  }

  damage(): Promise<readonly []> {
    return Promise.resolve([]);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

function identity(partition: number): LaneIdentity {
  return {
    clusterId: 'bench',
    audience: 'research',
    recipient: 'research',
    group: 'gauze.research',
    rawTopic: 'clinical.encounters',
    rawTopicId: 'd'.repeat(32),
    partition,
    outputTopic: 'clinical.encounters.for-research',
    principal: 'User:gauze-topology',
    purpose: ['HRESCH'],
    accounting: 'EXEMPT_LIMITED_DATA_SET',
  };
}

function batch(lane: LaneIdentity, nowMs: number, first: number) {
  return sessionBatch(lane, POLICY, nowMs, {
    firstOffset: first,
    nextOffset: first + RECORDS,
    recordCount: RECORDS,
    bytes: 50_000,
    fromMs: nowMs - 900,
    toMs: nowMs,
    deliveredCount: RECORDS,
    delivered: null,
    plans: [{ schemaId: 3, hash: 'cd'.repeat(32) }],
    planHash: 'cd'.repeat(32),
    fieldsClear: ['status', 'period'],
    dataClasses: [],
  });
}

/** The same audit as it was when only so many seals were there. */
class EarlierSource implements AuditSource {
  readonly isLive = false;
  readonly clusterId: string;
  readonly asOfMs: number;
  private readonly now: AuditSource;
  private readonly seals: number;

  constructor(now: AuditSource, seals: number) {
    this.now = now;
    this.clusterId = now.clusterId;
    this.asOfMs = now.asOfMs;
    this.seals = seals;
  }

  async partitions(): Promise<readonly SourcePartition[]> {
    const places = await this.now.partitions();
    return places.map((place) => ({
      ...place,
      endOffset: place.kind === 'seals' ? this.seals : this.seals * EVENTS_PER_SEAL,
    }));
  }

  async *records(place: SourcePartition, fromOffset: number): AsyncGenerator<readonly SourceRecord[]> {
    for await (const piece of this.now.records(place, fromOffset))
      yield piece.filter(({ offset }) => offset < place.endOffset);
  }

  async committed(): Promise<null> {
    return await Promise.resolve(null);
  }

  async witnessNotes(): Promise<null> {
    return await Promise.resolve(null);
  }

  async damage(): Promise<readonly []> {
    return await Promise.resolve([]);
  }

  async close(): Promise<void> {
    await this.now.close();
  }
}

interface Measured {
  readonly events: number;
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly grownMiB: number;
  readonly state: VerifyResult['state'];
}

/** Verifies, and takes it for a failure of the benchmark where something is found in this sound log. */
async function measured(source: AuditSource, state: VerifyResult['state'] | null): Promise<Measured> {
  const before = process.memoryUsage().rss;
  let peak = before;
  const began = performance.now();
  const cpuBefore = process.cpuUsage();
  const result = await verifyAudit(source, {
    trust: null,
    state,
    onProgress: () => {
      peak = Math.max(peak, process.memoryUsage().rss);
    },
  });
  const seconds = (performance.now() - began) / 1000;
  const { user, system } = process.cpuUsage(cpuBefore);
  peak = Math.max(peak, process.memoryUsage().rss);
  const found = result.findings.names().filter((name) => !EXPECTED.has(name));
  if (found.length > 0) throw new GauzeError('ERR_INTERNAL', {});
  return {
    events: result.totals.events,
    seconds,
    cpuSeconds: (user + system) / 1e6,
    grownMiB: (peak - before) / 1024 / 1024,
    state: result.state,
  };
}

/** Verifies a million events whole and in part; `quick`: a fiftieth of them. */
export async function benchVerifier({ quick }: { readonly quick: boolean }): Promise<BenchTable> {
  const events = quick ? 20_000 : 1_000_000;
  const rows: (string | number)[][] = [];
  for (const signEvery of [10, 1_000]) {
    const directory = await mkdtemp(join(tmpdir(), 'gauze-bench-verifier-'));
    try {
      await writeRawExport(new SyntheticSource(events, signEvery), directory);
      const open = async (): Promise<AuditSource> => await ExportSource.open(directory);
      const row = (what: string, { events: seen, seconds, cpuSeconds, grownMiB }: Measured): void => {
        const figures = [seen, seconds.toFixed(1), Math.round(seen / seconds), Math.round(seen / cpuSeconds)];
        rows.push([`1 in ${signEvery}`, what, ...figures, Math.round(grownMiB)]);
      };
      row('everything', await measured(await open(), null));
      const seals = Math.floor((0.9 * events) / PARTITIONS / EVENTS_PER_SEAL);
      const { state } = await measured(new EarlierSource(await open(), seals), null);
      row('the newest tenth', await measured(await open(), state));
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  }
  return {
    title: 'The verifier on a raw export',
    columns: ['signed', 'what', 'events', 's', 'events/s', 'events per CPU s', 'memory +MiB'],
    rows,
    notes: [
      `${events} events in ${PARTITIONS} chains and partitions, ${EVENTS_PER_SEAL} a seal and partition; hashes, links, trees, seals, signatures and tiling checked.`,
      'Without a trust file: what it adds is one signature for each chain and one checkpoint for each run.',
      'One thread. Memory: the highest seen over what stood before.',
    ],
  };
}
