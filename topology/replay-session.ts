/**
 * One replay: on record before it reads, reads the raw range of one event, masks it again, compares, and puts on record
 * what it has found, together with the read itself. It writes to the audit topic and to the progress of its grant, and
 * to nothing else; nothing that was read leaves it.
 */
import { underGrant } from '../audit/grant-events.ts';
import { sessionClosed, sessionOpened, sessionSeek } from '../audit/lane-events.ts';
import type { PolicyInForce } from '../audit/lane-events.ts';
import { replayRead, replayed as replayedFact } from '../audit/replay-events.ts';
import type { EventBody } from '../audit/audit-chain.ts';
import { nowMs } from '../platform/clock.ts';
import { ownError } from '../platform/errors.ts';
import { BrokerConnections } from '../kafka/cluster.ts';
import { listOffset } from '../kafka/list-offsets.ts';
import { RecordCursor } from '../kafka/record-cursor.ts';
import type { GrantState, ReplayResult, ScopePartition, ScopeReplay } from '../schemas/access-codecs.ts';
import { abortable } from './abortable.ts';
import { batchEvent } from './batch-event.ts';
import type { GrantContext } from './grant-context.ts';
import { GrantGate } from './grant-gate.ts';
import type { GrantGateParts } from './grant-gate.ts';
import type { GrantLedger, GrantRange } from './grant-ledger.ts';
import { grantFacts, grantIdentity } from './grant-setup.ts';
import { PartitionReader } from './partition-reader.ts';
import type { Span } from './held-span.ts';
import { compare } from './replay-comparison.ts';
import { replayedEvent } from './replay-event.ts';
import type { ReplayedEvent } from './replay-event.ts';
import { countFault, maskAgain, rawRange } from './replay-masking.ts';
import { PastPlans } from './replay-plans.ts';
import { pastPolicy } from './replay-policies.ts';
import type { PastPolicy } from './replay-policies.ts';
import { isResult, unverifiable } from './replay-result.ts';
import { TransactionWork } from './transaction-work.ts';

export interface ReplaySessionParts extends GrantGateParts {
  readonly replay: ScopeReplay;
  readonly ledger: GrantLedger;
}

/** What was found, and what was read for it; null where no raw record was. */
interface Found {
  readonly result: ReplayResult;
  readonly read: TransactionWork | null;
}

const FETCH_WAIT_MS = 100;
/** Answers without a record before the end of the range, after which it counts as gone. */
const EMPTY_FETCHES_MAX = 20;

export class ReplaySession {
  private readonly context: GrantContext;
  private readonly parts: ReplaySessionParts;
  private readonly gate: GrantGate;
  private readonly range: ScopePartition;

  constructor(context: GrantContext, parts: ReplaySessionParts) {
    this.context = context;
    this.parts = parts;
    this.gate = new GrantGate(context, parts);
    this.range = parts.state.scope.partitions[0]!;
  }

  /**
   * Replays and puts the result on record; false where a drain or the grant's end came first. Throws what ends the
   * session: outages, and holds such as a missing right.
   */
  async run(): Promise<boolean> {
    await this.open();
    if (!(await this.mayGoOn())) return await this.leave(null);
    const found = await this.find();
    // The result belongs to a grant that is still allowed when it is told; the read is on record all the same.
    if (!(await this.mayGoOn())) return await this.leave(found.read);
    await this.tell(found);
    return true;
  }

  private async mayGoOn(): Promise<boolean> {
    try {
      return await this.gate.opens();
    } catch (thrown) {
      if (ownError(thrown).code === 'ERR_GRANT_NOT_ALLOWED') return false;
      throw thrown;
    }
  }

  /** The session is on record before its first fetch; that a range is read again, too. */
  private async open(): Promise<void> {
    const { ledger, abandon, state } = this.parts;
    const { chain, delivered } = ledger.progress;
    const previous = chain && { chainId: chain.chain_id, seq: chain.seq, head: chain.head };
    const { first_offset: first, partition } = this.range;
    const from = delivered.find((each) => each.partition === partition)?.next_offset ?? first;
    const facts = grantFacts(state);
    const opened = sessionOpened(this.identity(), this.policy(), {
      nowMs: nowMs(),
      position: from,
      previous,
    });
    const seek = { nowMs: nowMs(), from, to: first, resumeEntryOffset: -1, how: 'REPLAY' };
    const again = from === first ? [] : [sessionSeek(this.identity(), this.policy(), seek)];
    const more = again.map((event) => underGrant(event, facts));
    await ledger.note([underGrant(opened, facts), ...more], this.policy(), abandon);
    this.context.events.grantOpened(state.grant_id);
  }

  private async find(): Promise<Found> {
    const { abandon, replay, state } = this.parts;
    const found = await replayedEvent(this.context, state.scope, replay);
    if (isResult(found)) return { result: found, read: null };
    const past = await pastPolicy(this.context, found.event, abandon);
    if (isResult(past)) return { result: past, read: null };
    const plans = await PastPlans.find(this.context, found.event, past, abandon);
    if (isResult(plans)) return { result: plans, read: null };
    const spans = await this.readRaw();
    if (isResult(spans)) return { result: spans, read: null };
    return await this.maskAndCompare(found, past, plans, spans);
  }

  private async maskAndCompare(
    found: ReplayedEvent,
    past: PastPolicy,
    plans: PastPlans,
    spans: readonly Span[],
  ): Promise<Found> {
    const { first_offset: first, next_offset: next } = this.range;
    const raw = rawRange(spans, first, next);
    const fault = countFault(found.event, raw);
    const again = fault ?? (await maskAgain(found.event, raw, plans, this.context.limits.unpackedBytes));
    if (isResult(again)) return { result: again, read: readOf(spans, first, next) };
    const result = await compare(this.context, found, past, again, this.parts.abandon);
    return { result, read: again.work };
  }

  /** All of the range, or why it is not there. */
  private async readRaw(): Promise<readonly Span[] | ReplayResult> {
    const { scope } = this.parts.state;
    const { cluster, limits } = this.context;
    const { partition, first_offset: first, next_offset: next } = this.range;
    const raw = (await cluster.refresh([scope.topic])).get(scope.topic);
    if (!raw || raw.id !== scope.topic_id || cluster.clusterId !== scope.cluster_id)
      return unverifiable('RAW_TOPIC');
    const connections = new BrokerConnections(cluster);
    const reader = new PartitionReader(cluster, {
      topic: scope.topic,
      topicId: scope.topic_id,
      partition,
      fetchBytes: limits.fetchBytes,
      unpackedBytesMax: limits.unpackedBytes,
      maxWaitMs: FETCH_WAIT_MS,
    });
    try {
      const earliest = await listOffset(cluster, connections, scope.topic, partition, 'earliest');
      if (earliest > first) return unverifiable('RAW_RETENTION');
      const spans: Span[] = [];
      let empty = 0;
      for (let position = first; position < next;) {
        const span = await abortable(reader.fetch(connections, position), this.parts.abandon);
        this.parts.abandon.throwIfAborted();
        if (span) {
          spans.push(span);
          position = span.nextOffset;
        } else if (++empty === EMPTY_FETCHES_MAX) return unverifiable('RAW_RECORDS');
      }
      return spans;
    } finally {
      reader.close();
      connections.close();
    }
  }

  /** The read, the result and the end of the session, in one transaction with the result for the asker. */
  private async tell({ result, read }: Found): Promise<void> {
    const { ledger, abandon, state, replay } = this.parts;
    const closed = this.closed(read);
    const events = [...this.readEvents(read), replayedFact(closed, replay, result)];
    await ledger.replay([...events, closed], result, read ? this.grantRange() : null, this.policy(), abandon);
    this.context.events.grantStopped(state.grant_id, 'REPLAYED');
  }

  /** The end of a session without a result. */
  private async leave(read: TransactionWork | null): Promise<false> {
    const { ledger, abandon } = this.parts;
    const events = [...this.readEvents(read), this.closed(read)];
    await ledger.replay(events, null, read ? this.grantRange() : null, this.policy(), abandon);
    return false;
  }

  private readEvents(read: TransactionWork | null): readonly EventBody[] {
    if (!read) return [];
    const { first_offset: first, next_offset: next } = this.range;
    const batch = batchEvent(this.identity(), this.policy(), read, first, next);
    return [replayRead(underGrant(batch, grantFacts(this.parts.state)))];
  }

  private closed(read: TransactionWork | null): EventBody {
    const { first_offset: first, next_offset: next } = this.range;
    const closed = sessionClosed(this.identity(), this.policy(), nowMs(), read ? next : first);
    return underGrant(closed, grantFacts(this.parts.state));
  }

  private grantRange(): GrantRange {
    const { partition, first_offset: firstOffset, next_offset: nextOffset } = this.range;
    return { partition, firstOffset, nextOffset };
  }

  private identity() {
    return grantIdentity(this.context, this.parts.state, this.range.partition);
  }

  /** The policy that is replayed, not the one in force. */
  private policy(): PolicyInForce {
    const { policyLog } = this.context;
    const { scope }: GrantState = this.parts.state;
    return {
      version: scope.policy_version,
      sha256: scope.policy_sha256.toString('hex'),
      policyLogOffset: policyLog.state.endOffset,
      keyEpoch: this.parts.replay.key_epoch,
    };
  }
}

/** What was read where nothing was masked. */
function readOf(spans: readonly Span[], first: number, next: number): TransactionWork {
  const work = new TransactionWork();
  const cursor = new RecordCursor();
  for (const { batches } of spans) {
    for (const batch of batches) {
      cursor.open(batch);
      while (cursor.next()) {
        if (cursor.offset < first || cursor.offset >= next) continue;
        work.count(cursor.timestampMs, Math.max(0, cursor.valueEnd - cursor.valueStart));
        work.pass();
      }
    }
  }
  return work;
}
