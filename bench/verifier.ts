/**
 * How fast the verifier is: writes a raw export of synthetic, sealed events and verifies it, with a signature for every
 * tenth and for every thousandth event. `node bench/verifier.ts [events]`; figures on standard output.
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

const PARTITIONS = 4;
const SIGN_EVERY_MS = 1_000;
const EVENTS_PER_SEAL = 2_000;
const RECORDS = 500;
const POLICY = { version: 1, sha256: 'ab'.repeat(32), policyLogOffset: 1, keyEpoch: 1 };
const NO_HASH = Buffer.alloc(32);

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

/** Verifies an export; says how fast, and how much memory it took over what stood before. */
async function measured(directory: string, state: VerifyResult['state'] | null): Promise<VerifyResult> {
  const before = process.memoryUsage().rss;
  const began = performance.now();
  const cpuBefore = process.cpuUsage();
  const result = await verifyAudit(await ExportSource.open(directory), { trust: null, state });
  const seconds = (performance.now() - began) / 1000;
  const cpu = process.cpuUsage(cpuBefore);
  const perSecond = Math.round(result.totals.events / seconds);
  const grown = Math.round((process.memoryUsage().rss - before) / 1024 / 1024);
  const cpuSeconds = (cpu.user + cpu.system) / 1e6;
  process.stdout.write(
    `  ${result.totals.events} events in ${seconds.toFixed(1)} s: ${perSecond} events/s, ` +
      `${Math.round(result.totals.events / cpuSeconds)} per CPU second, memory +${grown} MB, ` +
      `findings ${result.findings.names().join(' ') || 'none'}\n`,
  );
  return result;
}

const events = Number(process.argv[2] ?? 1_000_000);
for (const signEvery of [10, 1_000]) {
  const directory = await mkdtemp(join(tmpdir(), 'gauze-bench-verifier-'));
  try {
    process.stdout.write(`one signature per ${signEvery} events\n`);
    await writeRawExport(new SyntheticSource(events, signEvery), directory);
    const { state } = await measured(directory, null);
    await measured(directory, state);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
