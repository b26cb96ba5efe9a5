/**
 * gauze.policies as state: policies in force, tags ever seen, lanes ever started, resumes decided by people.
 * The fold is pure; PolicyLog reads the topic, and of gauze.access what decisions about policies need, and keeps the
 * fold up to date. Nothing is ever forgotten here: a tag seen once stays in force until an entry of the log releases it.
 */
import { sleep, timer } from '../platform/clock.ts';
import { GauzeError, ownError } from '../platform/errors.ts';
import { LogReader } from '../kafka/log-reader.ts';
import type { LogRecord } from '../kafka/log-reader.ts';
import type { Cluster } from '../kafka/cluster.ts';
import { accessEntryCodec } from '../schemas/access-codecs.ts';
import { policyLogCodec } from '../schemas/control-codecs.ts';
import type { LaneResumedEntry, LaneStartedEntry, PolicyLogEntry } from '../schemas/control-codecs.ts';
import { PoliciesInForce } from './policies-in-force.ts';
import type { AppliedPolicy } from './policies-in-force.ts';
import type { TagLog } from './tag-log.ts';
import { SampleLog } from './sample-log.ts';

/** An entry about one lane and where in the log it stands. */
export type LaneEntry<T> = T & { readonly logOffset: number };

/** Everything the log says up to `endOffset`. */
export class PolicyState {
  /** Which versions count, and which stand there without a decision. */
  readonly versions = new PoliciesInForce();
  readonly started = new Map<string, LaneEntry<LaneStartedEntry>>();
  readonly resumed = new Map<string, LaneEntry<LaneResumedEntry>>();
  /** The newest order to redrive, by lane. */
  readonly redriven = new Map<string, { readonly logOffset: number; readonly atMs: number }>();
  /** Offsets that people have ordered to withhold, by lane. */
  readonly withhold = new Map<string, Set<number>>();
  readonly samples = new SampleLog();
  /** The position after the last entry folded. */
  endOffset = 0;
  /** Counts entries that change what anybody sees: policies, tags, releases, orders to withhold. */
  rulesVersion = 0;

  /** Tags seen and released, as they are in force. */
  get tags(): TagLog {
    return this.versions.tagLog;
  }

  /** The policies in force, by audience. */
  get policies(): ReadonlyMap<string, AppliedPolicy> {
    return this.versions.inForce;
  }

  /** Takes in the entry at `offset`. */
  fold(offset: number, entry: PolicyLogEntry): void {
    this.endOffset = offset + 1;
    const { policy, tags, lane, resume } = entry;
    if (entry.kind === 'POLICY_APPLIED' && policy) {
      this.rulesVersion++;
      const { audience, version, text } = policy;
      const sha256 = policy.sha256.toString('hex');
      const applied = { audience, version, sha256, asOfDay: policy.as_of, text, logOffset: offset };
      this.versions.take(audience, { policy: applied, approval: entry.approval ?? null });
    }
    if (entry.kind === 'POLICY_REMOVED' && policy) {
      this.rulesVersion++;
      this.versions.take(policy.audience, null);
    }
    if (entry.kind === 'APPROVALS_REQUIRED') this.versions.require(offset);
    if (entry.kind === 'TAGS_SEEN' && tags) {
      if (this.versions.tagLog.see(offset, tags)) this.rulesVersion++;
    }
    this.samples.fold(offset, entry);
    if (entry.kind === 'TAGS_RELEASED' && entry.release) {
      this.rulesVersion++;
      this.versions.tagLog.release(offset, entry.at, entry.release, entry.approval ?? null);
    }
    if (entry.kind === 'REDRIVE_ORDERED' && entry.redrive)
      this.redriven.set(laneKey(entry.redrive), { logOffset: offset, atMs: entry.at });
    if (entry.kind === 'LANE_STARTED' && lane) this.foldStart({ ...lane, logOffset: offset });
    if (entry.kind === 'LANE_RESUMED' && resume) {
      const key = laneKey(resume);
      this.resumed.set(key, { ...resume, logOffset: offset });
      if (resume.withhold_offset !== null) {
        this.rulesVersion++;
        this.withhold.set(key, (this.withhold.get(key) ?? new Set()).add(resume.withhold_offset));
      }
    }
  }

  /** Judges again after more of gauze.access was folded into `versions`. */
  settle(): void {
    if (this.versions.settle()) this.rulesVersion++;
  }

  private foldStart(lane: LaneEntry<LaneStartedEntry>): void {
    const key = laneKey(lane);
    // Orders to withhold name offsets, and those of a raw topic that was made again name other records.
    const before = this.started.get(key);
    if (before && before.topic_id !== lane.topic_id && this.withhold.delete(key)) this.rulesVersion++;
    this.started.set(key, lane);
  }
}

/** One name for a lane: no part can hold a slash. */
export function laneKey(lane: { audience: string; topic: string; partition: number }): string {
  return `${lane.audience}/${lane.topic}/${lane.partition}`;
}

const FOLLOW_WAIT_MS = 1_000;
const RETRY_MS = 500;

/** The log, read to its end and followed. */
export class PolicyLog {
  readonly state = new PolicyState();
  private readonly reader: LogReader;
  private readonly accessReader: LogReader;
  private readonly waiters = new Set<() => void>();

  constructor(cluster: Cluster, topic: string, accessTopic: string) {
    this.reader = new LogReader(cluster, topic, 0);
    this.accessReader = new LogReader(cluster, accessTopic, 0);
  }

  /**
   * Reads everything that is there now: of gauze.access too, once approvals are required. Throws
   * ERR_POLICY_LOG_CORRUPT, ERR_ACCESS_LOG_CORRUPT and Kafka's errors.
   */
  async readToEnd(signal?: AbortSignal): Promise<void> {
    await this.reader.readToEnd((record) => this.take(record), signal);
    this.state.endOffset = this.reader.position;
    if (this.state.versions.requiredFrom === null) return;
    // Read after the policies: a decision stands in its log before a policy can name it.
    await this.accessReader.readToEnd((record) => this.takeAccess(record), signal);
    this.decisionsRead();
  }

  /** Keeps the state up to date until `signal`; outages are waited out. Rejects only where a log is corrupt. */
  async follow(signal: AbortSignal, onTrouble: (error: GauzeError) => void): Promise<void> {
    while (!signal.aborted) {
      try {
        let changed = false;
        await this.reader.read(FOLLOW_WAIT_MS, (record) => {
          this.take(record);
          changed = true;
        });
        this.state.endOffset = this.reader.position;
        if (this.state.versions.awaitsDecision) {
          await this.accessReader.read(0, (record) => this.takeAccess(record));
          this.decisionsRead();
        }
        if (changed) this.wake();
      } catch (error) {
        if (signal.aborted) return;
        const own = ownError(error);
        if (own.code === 'ERR_POLICY_LOG_CORRUPT' || own.code === 'ERR_ACCESS_LOG_CORRUPT') throw own;
        onTrouble(own);
        await sleep(RETRY_MS, signal).catch(() => undefined);
      }
    }
  }

  /** Resolves at the next change of the log, after `ms`, or when `signal` aborts; leaves nothing behind. */
  async changed(signal: AbortSignal, ms?: number): Promise<void> {
    if (signal.aborted) return;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        this.waiters.delete(done);
        signal.removeEventListener('abort', done);
        late?.cancel();
        resolve();
      };
      const late = ms === undefined ? null : timer(ms, done);
      this.waiters.add(done);
      signal.addEventListener('abort', done);
    });
  }

  close(): void {
    this.reader.close();
    this.accessReader.close();
    this.wake();
  }

  private take(record: LogRecord): void {
    try {
      if (!record.value) throw new RangeError('no value');
      this.state.fold(record.offset, policyLogCodec.decode(record.value));
    } catch {
      throw new GauzeError('ERR_POLICY_LOG_CORRUPT', { offset: record.offset });
    }
  }

  private takeAccess(record: LogRecord): void {
    const { versions } = this.state;
    try {
      if (!record.value) throw new RangeError('no value');
      versions.foldAccess(record.offset, record.timestampMs, accessEntryCodec.decode(record.value));
    } catch {
      throw new GauzeError('ERR_ACCESS_LOG_CORRUPT', { offset: record.offset });
    }
  }

  private decisionsRead(): void {
    const before = this.state.rulesVersion;
    this.state.versions.approvals.endOffset = this.accessReader.position;
    this.state.settle();
    if (this.state.rulesVersion !== before) this.wake();
  }

  private wake(): void {
    for (const done of this.waiters) done();
  }
}
