/**
 * An honest audit log in memory, made from the written formats: lanes with sessions that close, die and rotate keys,
 * an index lane, a grant, an approval service, seals, checkpoints and a witness. Time is its own.
 */
import { createHash, sign } from 'node:crypto';
import { accessEvent } from '../../audit/access-events.ts';
import type { EventBody } from '../../audit/audit-chain.ts';
import { formatCheckpoint } from '../../audit/checkpoint.ts';
import { deliveryEvent, leaseEvent, underGrant } from '../../audit/grant-events.ts';
import {
  indexBatch,
  laneHeartbeat,
  sessionBatch,
  sessionClosed,
  sessionOpened,
  sessionSeek,
} from '../../audit/lane-events.ts';
import { REDRIVE, passedOver } from '../../audit/redrive-events.ts';
import type { LaneIdentity, PolicyInForce, ReadFacts } from '../../audit/lane-events.ts';
import { subjectsRoot } from '../../audit/membership-tree.ts';
import { NOTE_KEY, formatVkey, noteSigner, signNote } from '../../audit/signed-note.ts';
import type { NoteSigner } from '../../audit/signed-note.ts';
import { subjectIndexCodec } from '../../schemas/access-codecs.ts';
import { CHECKPOINT_KEY, checkpointCodec, sealCodec } from '../../schemas/seal-codecs.ts';
import type { PhiAuditSeal, SealedChain, SealedCoverage } from '../../schemas/seal-codecs.ts';
import { MADE_SCHEMA_ID, MadeChain, hashOf, makeKey } from './audit-log-chains.ts';
import type { MadeKey, MadeWriter } from './audit-log-chains.ts';
import { MerkleFrontier } from '../../audit/merkle-tree.ts';
import type { MemoryAudit, MemoryPartition } from './memory-audit-source.ts';

export const MADE_TOPICS = {
  events: 'gauze.audit.events',
  subjects: 'gauze.audit.subjects',
  seals: 'gauze.audit.seals',
} as const;
const CLUSTER = 'made-cluster';
export const MADE_ORIGIN = `gauze/${CLUSTER}/gauze`;
const START_MS = Date.UTC(2026, 5, 12, 8);
export const MADE_INTERVAL_MS = 10_000;
const PRINCIPAL = 'User:gauze-topology';
const POLICY: PolicyInForce = { version: 3, sha256: 'ab'.repeat(32), policyLogOffset: 12, keyEpoch: 1 };
const NO_HASH = Buffer.alloc(32);

/** Pseudo-random numbers from a seed: the same log for the same seed, but for the keys. */
export function randomFrom(seed: number): (below: number) => number {
  let state = (seed * 2_654_435_761 + 1) >>> 0;
  return (below) => {
    state ^= state << 13;
    state >>>= 0;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state % below;
  };
}

interface Session {
  readonly chain: MadeChain;
  signedMs: number;
  state: 'OPEN' | 'CLOSED' | 'LOST';
}

/** A lane, the index lane, or one partition of a grant. */
export class MadeLane {
  readonly identity: LaneIdentity;
  readonly kind: 'lane' | 'index' | 'grant';
  readonly writerId: string;
  /** Of the audit events. */
  readonly partition: number;
  position = 0;
  previous: MadeChain | null = null;
  session: Session | null = null;
  /** What orders it to jump. */
  seeksBy = 'EARLIEST';

  constructor(identity: LaneIdentity, kind: MadeLane['kind'], writerId: string, partition: number) {
    this.identity = identity;
    this.kind = kind;
    this.writerId = writerId;
    this.partition = partition;
  }
}

export interface MakerOptions {
  readonly auditPartitions?: number;
  /** Raw partitions of the one raw topic. */
  readonly rawPartitions?: number;
  /** A signature is made where this much time has gone since the last of its chain, milliseconds. */
  readonly signEveryMs?: number;
  readonly witnessed?: boolean;
  /** Events of index lanes have the root over the persons of their batch. */
  readonly membershipRoots?: boolean;
}

export class AuditLogMaker {
  readonly audit: MemoryAudit;
  readonly lanes: MadeLane[] = [];
  readonly writers = new Map<string, MadeWriter>();
  readonly rootKey = makeKey();
  readonly sealerKey = makeKey();
  readonly witnessKey = makeKey();
  /** What an admin has declared to be removed, by topic and partition: seals tell of it from then on. */
  readonly declared = new Map<string, { readonly size: number; readonly offset: number }>();
  readonly seals: { value: Buffer; seal: PhiAuditSeal }[] = [];
  nowMs = START_MS;
  private readonly options: Required<MakerOptions>;
  private chains = 0;
  private readonly trees = new Map<MemoryPartition, { frontier: MerkleFrontier; next: number }>();
  private readonly sealTree = new MerkleFrontier();
  private readonly sessions = new Set<{ lane: MadeLane | null; session: Session; partition: number }>();
  private lastSealHash: Buffer = NO_HASH;

  constructor(options: MakerOptions = {}) {
    this.options = {
      auditPartitions: 2,
      rawPartitions: 2,
      signEveryMs: 1_000,
      witnessed: true,
      membershipRoots: false,
      ...options,
    };
    const place = (kind: MemoryPartition['kind'], partition: number, id: string): MemoryPartition => ({
      kind,
      topic: MADE_TOPICS[kind],
      topicId: id.repeat(32),
      partition,
      logStartOffset: 0,
      endOffset: 0,
      records: [],
    });
    const each = [...Array.from({ length: this.options.auditPartitions }).keys()];
    this.audit = {
      clusterId: CLUSTER,
      asOfMs: START_MS,
      partitions: [
        ...each.map((partition) => place('events', partition, 'a')),
        ...each.map((partition) => place('subjects', partition, 'b')),
        place('seals', 0, 'c'),
      ],
      committed: [],
      witnessNotes: [],
      resumeOrders: [],
    };
    for (const name of ['topology', 'approvals', 'provisioner', 'admin', 'auditor'])
      this.writers.set(name, { name, key: makeKey() });
    for (let partition = 0; partition < this.options.rawPartitions; partition++) {
      this.lanes.push(this.lane('research', partition));
      this.lanes.push(this.lane('index', partition));
    }
  }

  tick(ms: number): void {
    this.nowMs += ms;
    this.audit.asOfMs = this.nowMs;
  }

  /** Opens the lane's session; where one died before, this one names its end. */
  open(lane: MadeLane, seekTo: number | null = null): void {
    const chain = this.chain(lane.writerId, 'topology');
    const session: Session = { chain, signedMs: this.nowMs, state: 'OPEN' };
    const previous = lane.previous && {
      chainId: lane.previous.chainId.toString('hex'),
      seq: lane.previous.seq,
      head: lane.previous.head.toString('hex'),
    };
    const opened = sessionOpened(lane.identity, POLICY, {
      nowMs: this.nowMs,
      position: lane.position,
      previous,
    });
    const values = [chain.link(this.as(lane, opened), this.nowMs, { signed: true, ext: chain.opening })];
    if (seekTo !== null) {
      const seek = {
        nowMs: this.nowMs,
        from: lane.position,
        to: seekTo,
        ...(lane.kind === 'grant'
          ? { resumeEntryOffset: -1, how: 'RETENTION' }
          : { resumeEntryOffset: this.order(lane, lane.seeksBy), how: lane.seeksBy }),
      };
      values.push(this.link(session, this.as(lane, sessionSeek(lane.identity, POLICY, seek))));
      lane.position = seekTo;
    }
    this.sessions.add({ lane, session, partition: lane.partition });
    lane.session = session;
    this.transaction([{ partition: this.events(lane.partition), values }]);
    this.commit(lane);
  }

  /** A person orders a lane to go on from elsewhere; gives where the order stands in the policy log. */
  order(lane: MadeLane, from: string): number {
    const { audience, rawTopic: topic, partition } = lane.identity;
    const orders = this.audit.resumeOrders!;
    const offset = 4 + 2 * orders.length;
    orders.push({ offset, audience, topic, partition, from });
    return offset;
  }

  /** Reads `records` records, with a marker's hole behind them where `hole`. */
  batch(lane: MadeLane, records: number, hole = false): void {
    const session = lane.session!;
    const first = lane.position;
    const next = first + records + (hole ? 1 : 0);
    const facts = { firstOffset: first, nextOffset: next, recordCount: records, bytes: records * 90 };
    const times = { fromMs: this.nowMs - 500, toMs: this.nowMs - 100 };
    if (lane.kind === 'index') this.indexed(lane, { ...facts, ...times });
    else {
      const body = sessionBatch(lane.identity, POLICY, this.nowMs, {
        ...facts,
        ...times,
        deliveredCount: records,
        delivered: null,
        plans: [{ schemaId: 5, hash: 'cd'.repeat(32) }],
        planHash: 'cd'.repeat(32),
        fieldsClear: ['visitType'],
        dataClasses: ['PHI_NONE'],
      });
      const persons = { distinct: 1, key_epoch: 1, token_len: 8, tokens: Buffer.alloc(8, 7) };
      if (lane.kind === 'grant') {
        const lease = leaseEvent(this.as(lane, body), persons);
        this.transaction([{ partition: this.events(lane.partition), values: [this.link(session, lease)] }]);
      }
      const event = lane.kind === 'grant' ? deliveryEvent(this.as(lane, body), 0, persons) : body;
      this.transaction([{ partition: this.events(lane.partition), values: [this.link(session, event)] }]);
    }
    lane.position = next;
    this.commit(lane);
  }

  private indexed(lane: MadeLane, facts: ReadFacts): void {
    const { recordCount } = facts;
    const tokens = createHash('shake256', { outputLength: Math.max(8, recordCount * 8) })
      .update(`${lane.identity.partition} ${facts.firstOffset}`)
      .digest()
      .subarray(0, recordCount * 8);
    const value = subjectIndexCodec.encode(
      {
        topic: lane.identity.rawTopic,
        topic_id: lane.identity.rawTopicId,
        partition: lane.identity.partition,
        first_offset: facts.firstOffset,
        next_offset: facts.nextOffset,
        record_count: recordCount,
        key_epoch: 1,
        offsets: null,
        tokens,
      },
      MADE_SCHEMA_ID,
    );
    const indexSha256 = createHash('sha256').update(value).digest();
    const body = indexBatch(lane.identity, POLICY, this.nowMs, {
      ...facts,
      distinct: recordCount,
      tokenBytes: 8,
      indexSha256,
      subjectsRoot: this.options.membershipRoots ? subjectsRoot(tokens) : null,
    });
    const subjects = this.subjects(lane.identity.partition % this.options.auditPartitions);
    this.transaction([
      { partition: this.events(lane.partition), values: [this.link(lane.session!, body)] },
      { partition: subjects, values: [value] },
    ]);
  }

  heartbeat(lane: MadeLane): void {
    const body = this.as(lane, laneHeartbeat(lane.identity, POLICY, this.nowMs, lane.position));
    this.transaction([{ partition: this.events(lane.partition), values: [this.link(lane.session!, body)] }]);
    this.commit(lane);
  }

  rotate(lane: MadeLane): void {
    const body = this.as(lane, laneHeartbeat(lane.identity, POLICY, this.nowMs, lane.position));
    const value = lane.session!.chain.rotate(body, this.nowMs);
    lane.session!.signedMs = this.nowMs;
    this.transaction([{ partition: this.events(lane.partition), values: [value] }]);
  }

  /** Ends in order. */
  close(lane: MadeLane): void {
    const { chain } = lane.session!;
    const body = this.as(lane, sessionClosed(lane.identity, POLICY, this.nowMs, lane.position));
    const value = chain.link(body, this.nowMs, { signed: true });
    this.transaction([{ partition: this.events(lane.partition), values: [value] }]);
    lane.session!.state = 'CLOSED';
    lane.previous = chain;
    lane.session = null;
    this.commit(lane);
  }

  /** Dies without a word; an attempt that was under way leaves nothing but offsets. */
  kill(lane: MadeLane): void {
    lane.session!.state = 'LOST';
    lane.previous = lane.session!.chain;
    lane.session = null;
    this.events(lane.partition).endOffset += 2;
  }

  /** A grant of one raw partition; a lane of its own kind. */
  grant(id: string, rawPartition: number, from: number): MadeLane {
    const writerId = `gauze.task.${id}`;
    const identity = {
      ...this.identity('research', rawPartition, writerId),
      outputTopic: `gauze.grant.${id}`,
    };
    const lane = new MadeLane(identity, 'grant', writerId, this.lanes.length % this.options.auditPartitions);
    lane.position = from;
    this.lanes.push(lane);
    return lane;
  }

  /** What reads withheld records of a raw partition again; a lane of its own. */
  redrive(rawPartition: number, group = 'gauze.research.redrive'): MadeLane {
    const writerId = `gauze.task.redrive.research.${rawPartition}`;
    const identity = this.identity('research', rawPartition, group);
    const lane = new MadeLane(identity, 'lane', writerId, this.lanes.length % this.options.auditPartitions);
    lane.seeksBy = REDRIVE;
    this.lanes.push(lane);
    return lane;
  }

  /** Tells that nothing was wanted, and nothing read, of `offsets`. */
  pass(lane: MadeLane, offsets: number): void {
    const at = laneHeartbeat(lane.identity, POLICY, this.nowMs, lane.position);
    lane.position += offsets;
    const body = passedOver(at, lane.position, { logOffset: 4, by: 'dora@example.org' });
    this.transaction([{ partition: this.events(lane.partition), values: [this.link(lane.session!, body)] }]);
    this.commit(lane);
  }

  /** A whole short chain of the approval service: opened, one decision, closed. */
  approvals(): void {
    const chain = this.chain('gauze.approvals.one', 'approvals');
    const actor = {
      kind: 'HUMAN',
      id: 'carol@example.org',
      roles: [],
      on_behalf_of: null,
      token_id: null,
    } as const;
    const body = (type: string): EventBody => accessEvent({ type, actor }, this.nowMs);
    const values = [
      chain.link(body('session.opened'), this.nowMs, { signed: true, ext: chain.opening }),
      chain.link(body('decision.approved'), this.nowMs, { signed: false }),
      chain.link(body('session.closed'), this.nowMs, { signed: true }),
    ];
    const partition = this.options.auditPartitions - 1;
    this.sessions.add({ lane: null, session: { chain, signedMs: 0, state: 'CLOSED' }, partition });
    this.transaction([{ partition: this.events(partition), values }]);
  }

  /**
   * One round of the sealer. `behind`: the last record of audit partition 0 is not settled yet when partition ends are
   * read, while offsets of its transaction are.
   */
  seal({ behind = false, witnessed = this.options.witnessed } = {}): void {
    const seal = this.sealNow(behind);
    const value = sealCodec.encode(seal, MADE_SCHEMA_ID);
    this.lastSealHash = hashOf(value);
    this.sealTree.append(this.lastSealHash);
    this.seals.push({ value, seal });
    const seals = this.partition('seals', 0);
    this.append(seals, value, Buffer.from(MADE_ORIGIN));
    const note = this.note(this.sealTree.size, this.sealTree.root(), witnessed);
    if (witnessed) this.audit.witnessNotes = [note];
    this.append(seals, checkpointCodec.encode({ note }, MADE_SCHEMA_ID), Buffer.from(CHECKPOINT_KEY));
  }

  /** The checkpoint of a tree, signed by the sealer and, where `witnessed`, cosigned. */
  note(size: number, root: Buffer, witnessed: boolean): string {
    const text = formatCheckpoint({ origin: MADE_ORIGIN, size, root });
    const signers = [this.sealer, ...(witnessed ? [this.witness] : [])];
    return signNote(text, ...signers);
  }

  get sealer(): NoteSigner {
    return noteSigner(MADE_ORIGIN, NOTE_KEY.ED25519, signerOf(this.sealerKey));
  }

  get witness(): NoteSigner {
    const seconds = (): number => Math.floor(this.nowMs / 1000);
    return noteSigner('witness.example.org', NOTE_KEY.COSIGNATURE, signerOf(this.witnessKey), seconds);
  }

  get root(): NoteSigner {
    return noteSigner('root.example.org', NOTE_KEY.ED25519, signerOf(this.rootKey));
  }

  get rootVkey(): string {
    return formatVkey(this.root);
  }

  /** The trust file. */
  get trustNote(): string {
    const from = new Date(START_MS - 86_400_000).toISOString();
    const prefixes: Record<string, string> = {
      topology: 'gauze.',
      approvals: 'gauze.approvals.',
      provisioner: 'gauze.provisioner.',
    };
    const lines = [...this.writers.values()].map(({ name, key }) =>
      name === 'admin'
        ? `admin ${name} ${key.publicKey.toString('base64')} ${from} - gauze.`
        : `writer ${name} ${key.publicKey.toString('base64')} ${from} - ${prefixes[name]}`,
    );
    const { witnessed } = this.options;
    const text = [
      'gauze-trust/1',
      MADE_ORIGIN,
      ...lines,
      `sealer ${formatVkey(this.sealer)} ${from} -`,
      ...(witnessed ? [`witness ${formatVkey(this.witness)}`] : []),
      `quorum ${witnessed ? 1 : 0}`,
    ];
    return signNote(`${text.join('\n')}\n`, this.root);
  }

  partition(kind: MemoryPartition['kind'], partition: number): MemoryPartition {
    return this.audit.partitions.find((each) => each.kind === kind && each.partition === partition)!;
  }

  private events(partition: number): MemoryPartition {
    return this.partition('events', partition);
  }

  private subjects(partition: number): MemoryPartition {
    return this.partition('subjects', partition);
  }

  private chain(writerId: string, writer: string): MadeChain {
    const id = createHash('md5').update(`${this.chains++} ${writerId}`).digest();
    return new MadeChain(id, writerId, this.writers.get(writer)!);
  }

  private as(lane: MadeLane, body: EventBody): EventBody {
    if (lane.kind !== 'grant') return body;
    const grant = {
      id: lane.writerId,
      version: 1,
      request_id: 'req-1',
      expires_at: (START_MS + 36e5) * 1e3,
      approved_by: ['carol@example.org'],
      emergency: false,
      scope_sha256: null,
    };
    return underGrant(body, { grant, beneficiary: 'User:alice', purpose: 'TREAT' });
  }

  private link(session: Session, body: EventBody): Buffer {
    const signed = this.nowMs - session.signedMs >= this.options.signEveryMs;
    if (signed) session.signedMs = this.nowMs;
    return session.chain.link(body, this.nowMs, { signed });
  }

  private commit(lane: MadeLane): void {
    const { group, rawTopic: topic, partition } = lane.identity;
    const others = this.audit.committed!.filter(
      (each) => each.group !== group || each.topic !== topic || each.partition !== partition,
    );
    this.audit.committed = [...others, { group, topic, partition, offset: lane.position }];
  }

  private transaction(outputs: readonly { partition: MemoryPartition; values: readonly Buffer[] }[]): void {
    for (const { partition, values } of outputs) {
      for (const value of values) this.append(partition, value, null);
      // The marker that ends the transaction.
      partition.endOffset += 1;
    }
  }

  private append(partition: MemoryPartition, value: Buffer, key: Buffer | null): void {
    partition.records.push({ offset: partition.endOffset, appendTimeMs: this.nowMs + 3, key, value });
    partition.endOffset += 1;
  }

  private lane(audience: string, partition: number): MadeLane {
    const writerId = `gauze.lane.${audience}.clinical.encounters.${partition}`;
    const identity = this.identity(audience, partition, `gauze.${audience}`);
    const kind = audience === 'index' ? 'index' : 'lane';
    return new MadeLane(identity, kind, writerId, this.lanes.length % this.options.auditPartitions);
  }

  private identity(audience: string, partition: number, group: string): LaneIdentity {
    return {
      clusterId: CLUSTER,
      audience,
      recipient: audience === 'index' ? null : audience,
      group,
      rawTopic: 'clinical.encounters',
      rawTopicId: 'd'.repeat(32),
      partition,
      outputTopic: audience === 'index' ? MADE_TOPICS.subjects : `clinical.encounters.for-${audience}`,
      principal: PRINCIPAL,
      purpose: ['HRESCH'],
      accounting: audience === 'index' ? 'NOT_PHI' : 'EXEMPT_LIMITED_DATA_SET',
    };
  }

  private sealNow(behind: boolean): PhiAuditSeal {
    const sealed = this.audit.partitions.filter(({ kind }) => kind !== 'seals');
    const n = this.seals.length;
    return {
      n,
      sealed_at: (this.nowMs + 5) * 1000,
      interval_ms: MADE_INTERVAL_MS,
      cluster_id: CLUSTER,
      origin: MADE_ORIGIN,
      partitions: sealed.map((partition) => this.sealedPartition(partition, behind, n)),
      chains: behind ? [] : this.sealedChains(),
      coverage: this.coverage(),
      topic_config_sha256: Buffer.alloc(32, 9),
      seals_frontier: n % 100 === 0 ? this.sealTree.subtrees().map(({ hash }) => hash) : null,
      alarms: [],
      prev_seal_hash: this.lastSealHash,
    };
  }

  private sealedPartition(
    partition: MemoryPartition,
    behind: boolean,
    n: number,
  ): PhiAuditSeal['partitions'][0] {
    const tree = this.trees.get(partition) ?? { frontier: new MerkleFrontier(), next: 0 };
    this.trees.set(partition, tree);
    const declared = this.declared.get(`${partition.topic} ${partition.partition}`) ?? { size: 0, offset: 0 };
    const isBehind = behind && partition.kind === 'events' && partition.partition === 0;
    // By offsets: the beginning may have been removed.
    const fresh = partition.records.filter(({ offset }) => offset >= tree.next);
    const taken = isBehind ? fresh.slice(0, -1) : fresh;
    for (const { value } of taken) tree.frontier.append(hashOf(value!));
    tree.next = fresh[taken.length]?.offset ?? partition.endOffset;
    return {
      topic: partition.topic,
      topic_id: Buffer.from(partition.topicId, 'hex'),
      partition: partition.partition,
      tree_size: tree.frontier.size,
      root: tree.frontier.root(),
      next_offset: tree.next,
      log_start_offset: partition.logStartOffset,
      pruned_size: declared.size,
      pruned_offset: declared.offset,
      frontier: n % 100 === 0 ? tree.frontier.subtrees().map(({ hash }) => hash) : null,
    };
  }

  private sealedChains(): SealedChain[] {
    return [...this.sessions].map((each) => {
      const { chain, state } = each.session;
      if (state !== 'OPEN') this.sessions.delete(each);
      return {
        chain_id: chain.chainId,
        writer_id: chain.writerId,
        partition: each.partition,
        seq: chain.seq,
        head: chain.head,
        key_epoch: chain.epoch,
        session_key: chain.sessionKey.publicKey,
        state,
      };
    });
  }

  private coverage(): SealedCoverage[] {
    return this.lanes
      .filter(({ session, previous }) => session ?? previous)
      .map(({ identity, position }) => ({
        group: identity.group,
        topic: identity.rawTopic,
        topic_id: Buffer.from(identity.rawTopicId, 'hex'),
        partition: identity.partition,
        mode: 'EXACT',
        committed_offset: position,
        covered_offset: position,
        log_end_offset: position,
      }));
  }
}

function signerOf(key: MadeKey): { publicKey: Uint8Array; sign(message: Buffer): Buffer } {
  return { publicKey: key.publicKey, sign: (message) => sign(null, message, key.privateKey) };
}

/**
 * A random honest run: sessions that close, die and come back, key rotations, seeks that a person ordered, a grant,
 * the approval service, markers and aborted attempts, seals at their interval; sealed and witnessed at its end.
 */
export function honestLog(seed: number, steps = 120, options: MakerOptions = {}): AuditLogMaker {
  const random = randomFrom(seed);
  const maker = new AuditLogMaker(options);
  let sealDueMs = maker.nowMs + MADE_INTERVAL_MS;
  maker.seal();
  for (let step = 0; step < steps; step++) {
    maker.tick(50 + random(900));
    const lane = maker.lanes[random(maker.lanes.length)]!;
    actOn(maker, lane, random);
    if (step === Math.floor(steps / 2)) maker.open(maker.grant('g1', 0, 3));
    if (maker.nowMs < sealDueMs) continue;
    // Every live session says that it lives, then the round is sealed.
    for (const each of maker.lanes) if (each.session) maker.heartbeat(each);
    maker.seal({ behind: random(4) === 0 });
    sealDueMs = maker.nowMs + MADE_INTERVAL_MS;
  }
  maker.tick(500);
  for (const each of maker.lanes) if (!each.session && each.previous) maker.open(each);
  maker.tick(MADE_INTERVAL_MS);
  for (const each of maker.lanes) if (each.session) maker.heartbeat(each);
  maker.seal();
  maker.tick(1_000);
  return maker;
}

function actOn(maker: AuditLogMaker, lane: MadeLane, random: (below: number) => number): void {
  if (!lane.session) {
    // A grant passes over what retention took; people move a lane wherever they like.
    const to = lane.kind === 'grant' ? lane.position + random(4) : random(lane.position + 4);
    return maker.open(lane, lane.previous && random(5) === 0 ? to : null);
  }
  const act = random(20);
  if (act === 0) maker.kill(lane);
  else if (act === 1) maker.close(lane);
  else if (act === 2) maker.rotate(lane);
  else if (act === 3) maker.approvals();
  else maker.batch(lane, 1 + random(40), random(4) === 0);
}
