/**
 * What the sealer makes of events, without any broker: real chains, told in any order, with everything that may go
 * wrong in between.
 */
import { describe, expect, test } from '@jest/globals';
import { array, assert, integer, property } from 'fast-check';
import { AuditChain, previousExt, systemEvent } from '../../../audit/audit-chain.ts';
import type { ChainHead, EventBody } from '../../../audit/audit-chain.ts';
import { leafHash, rootOf } from '../../../audit/merkle-tree.ts';
import { FRONTIER_EVERY, SealState } from '../../../audit/sealer/seal-state.ts';
import type { RoundFacts } from '../../../audit/sealer/seal-state.ts';
import type { PhiAuditSeal } from '../../../schemas/seal-codecs.ts';
import { sealCodec } from '../../../schemas/seal-codecs.ts';
import { testWriterKey } from '../../support/signed-chains.ts';

const EVENTS = 'gauze.audit.events';
const START_MS = 1_800_000_000_000;
const IDENTITY = {
  origin: 'gauze/c1/gauze',
  clusterId: 'c1',
  intervalMs: 10_000,
  eventsTopic: EVENTS,
  adminWriterIdPrefix: 'gauze.approvals.admin',
};
const TOPIC_ID = 'ab'.repeat(16);
const LANE = { group: 'gauze.research', topic: 'clinical.patients', partition: 0 };
const KEY = testWriterKey('topology');
const FACTS: RoundFacts = {
  nowMs: START_MS,
  committed: [],
  logEnds: new Map(),
  topicConfigHash: Buffer.alloc(32, 1),
  sealsFrontier: [],
};

/** A sealer's state, and writers whose events it is told of. */
class Script {
  state = new SealState(IDENTITY);
  nowMs = START_MS;
  /** Values by partition. */
  readonly values = new Map<number, Buffer[]>();

  writer(id: string, previous: ChainHead | null = null): AuditChain {
    return new AuditChain({ writerId: id, schemaId: 7, key: KEY, previous, clockMs: () => this.nowMs });
  }

  write(chain: AuditChain, ...bodies: readonly EventBody[]): readonly Buffer[] {
    const linked = chain.link(bodies);
    chain.accept(linked);
    return linked.map(({ value }) => value);
  }

  tell(values: readonly Buffer[], partition = 0): void {
    const tree = this.state.tree({ topic: EVENTS, topicId: TOPIC_ID, partition });
    const told = this.values.get(partition) ?? [];
    this.values.set(partition, told);
    for (const value of values) {
      this.state.take(tree, { offset: told.length, timestampMs: this.nowMs, key: null, value });
      told.push(value);
    }
    this.state.reached(tree, told.length, tree.logStartOffset);
  }

  seal(facts: Partial<RoundFacts> = {}): PhiAuditSeal {
    const seal = this.state.seal({ ...FACTS, nowMs: this.nowMs, ...facts });
    this.state.follow(seal, leafHash(sealCodec.encode(seal, 7)));
    this.nowMs += IDENTITY.intervalMs;
    return seal;
  }

  /** One batch of a lane, and the seal after it. */
  alarmsAfter(...values: readonly Buffer[]): readonly string[] {
    this.tell(values);
    return codes(this.seal());
  }
}

function codes({ alarms }: PhiAuditSeal): readonly string[] {
  return alarms.map(({ code }) => code);
}

function note(type = 'policy.applied', ext: EventBody['ext'] = []): EventBody {
  return systemEvent(type, { id: 'User:gauze-topology', role: 'topology' }, ext);
}

/** A batch of a lane that reads from `first` to `next`. */
function batch(first: number, next: number, more: Partial<EventBody> = {}): EventBody {
  const { group, topic, partition } = LANE;
  return {
    ...note('session.batch'),
    group: { id: group, generation: -1, coverage: 'EXACT', offset_committed: true },
    range: {
      cluster_id: 'c1',
      topic,
      topic_id: Buffer.alloc(16, 5),
      partition,
      first_offset: first,
      next_offset: next,
      record_count: next - first,
      delivered_count: next - first,
      delivered: null,
      bytes: 0,
      records_sha256: null,
    },
    ...more,
  };
}

describe('an honest log', () => {
  test('is sealed with the roots of its records, whatever their order over partitions, and without an alarm', () => {
    assert(
      property(array(integer({ min: 0, max: 3 }), { maxLength: 60 }), (partitions) => {
        const script = new Script();
        const chains = [0, 1, 2, 3].map((at) => script.writer(`gauze.lane.${at}`));
        for (const partition of partitions) {
          script.tell(script.write(chains[partition]!, note()), partition);
          if (script.nowMs % 3 === 0) script.seal();
        }
        const seal = script.seal();
        expect(codes(seal)).toEqual([]);
        for (const sealed of seal.partitions) {
          const leaves = script.values.get(sealed.partition)!.map((value) => leafHash(value));
          expect(sealed.root.equals(rootOf(leaves))).toBe(true);
          expect(sealed.tree_size).toBe(leaves.length);
        }
        for (const { chain_id: id, seq } of seal.chains) {
          const chain = chains.find(({ head }) => head.chainId === id.toString('hex'))!;
          expect(seq).toBe(chain.head.seq);
        }
      }),
    );
  });

  test('is gone on with from a seal that carries frontiers as if nobody had stopped', () => {
    const script = new Script();
    const chain = script.writer('gauze.lane.0');
    let restored: PhiAuditSeal | null = null;
    for (let n = 0; n <= FRONTIER_EVERY; n++) {
      script.tell(script.write(chain, batch(n * 10, n * 10 + 10)));
      restored = script.seal({ sealsFrontier: [Buffer.alloc(32, 9)] });
      expect(restored.seals_frontier !== null).toBe(n % FRONTIER_EVERY === 0);
    }
    const other = new Script();
    other.nowMs = script.nowMs;
    other.values.set(0, [...script.values.get(0)!]);
    other.state.restore(restored!, leafHash(sealCodec.encode(restored!, 7)));
    const more = script.write(chain, batch(1_010, 1_020), note());
    const sealed = [script, other].map((each) => {
      each.tell(more);
      return each.seal();
    });
    expect(codes(sealed[1]!)).toEqual([]);
    expect(sealCodec.encode(sealed[1]!, 7).equals(sealCodec.encode(sealed[0]!, 7))).toBe(true);
  });

  test('is refused where the frontier of a seal is not that of its root', () => {
    const script = new Script();
    // With the opening that the chain makes itself: three leaves.
    script.tell(script.write(script.writer('w'), note(), note()));
    const seal = script.seal();
    const [partition] = seal.partitions;
    const frontier = partition!.frontier!.toReversed();
    const forged = { ...seal, partitions: [{ ...partition!, frontier }] };
    expect(() => new SealState(IDENTITY).restore(forged, Buffer.alloc(32))).toThrow('is not what was sealed');
  });
});

describe('a log that was tampered with is told of in the next seal:', () => {
  test('an event that is missing, or stands twice', () => {
    const script = new Script();
    const [opened, , two] = script.write(script.writer('w'), note(), note(), note());
    expect(script.alarmsAfter(opened!, two!)).toEqual(['SEQ_GAP']);
    expect(script.alarmsAfter(two!)).toEqual(['SEQ_GAP']);
  });

  test('an event that was exchanged for another one of the same number', () => {
    const script = new Script();
    const chain = script.writer('w');
    script.tell(script.write(chain, note()));
    const linked = chain.link([note('one')]);
    const other = chain.link([note('other')]);
    chain.accept(linked);
    expect(script.alarmsAfter(other[0]!.value, ...script.write(chain, note()))).toEqual(['PREV_HASH']);
  });

  test('a signed event that was changed', () => {
    const script = new Script();
    const [opened] = script.write(script.writer('w'), note());
    const changed = Buffer.from(opened!);
    const at = changed.indexOf('topology');
    changed[at] = changed[at]! ^ 1;
    expect(script.alarmsAfter(changed)).toEqual(['BAD_SIGNATURE']);
  });

  test('a chain without its beginning, and a record that is no event', () => {
    const script = new Script();
    const [, second] = script.write(script.writer('w'), note(), note());
    expect(script.alarmsAfter(second!, Buffer.from('no event'))).toEqual([
      'CHAIN_START_MISSING',
      'EVENT_UNREADABLE',
    ]);
  });

  test('records that are gone from the beginning, changed settings, a clock set back', () => {
    const script = new Script();
    script.tell(script.write(script.writer('w'), note()));
    expect(codes(script.seal())).toEqual([]);
    script.state.reached(script.state.trees[0]!, 2, 1);
    const told = script.seal({ topicConfigHash: Buffer.alloc(32, 2), nowMs: START_MS - 1 });
    expect(codes(told)).toEqual(['LOG_START_MOVED', 'CLOCK_BACK', 'TOPIC_CONFIG_CHANGED']);
    expect(told.sealed_at).toBe(START_MS * 1000 + 1);
  });
});

describe('the two accounts of a lane', () => {
  const committed = (offset: number) => ({ committed: [{ ...LANE, offset }] });

  test('agree where ranges tile, a lease tells of nothing, and a seek is on record', () => {
    const script = new Script();
    const chain = script.writer('w');
    const seek = batch(500, 500, { type: 'session.seek' });
    const lease = batch(10, 30, { phase: 'LEASE', type: 'session.lease' });
    script.tell(script.write(chain, batch(0, 10), lease, batch(10, 30), seek, batch(500, 510)));
    const seal = script.seal({ ...committed(510), logEnds: new Map([['clinical.patients 0', 600]]) });
    expect(codes(seal)).toEqual([]);
    expect(seal.coverage).toMatchObject([
      { group: LANE.group, committed_offset: 510, covered_offset: 510, log_end_offset: 600 },
    ]);
    expect(codes(script.seal(committed(510)))).toEqual([]);
  });

  test('disagree where a range was left out, or told twice', () => {
    const script = new Script();
    const chain = script.writer('w');
    expect(script.alarmsAfter(...script.write(chain, batch(0, 10), batch(12, 20)))).toEqual(['COVERAGE_GAP']);
    expect(script.alarmsAfter(...script.write(chain, batch(18, 25)))).toEqual(['COVERAGE_OVERLAP']);
  });

  /** Alarms of seals, one after the other, while a group stands at 20. */
  const alarmsAt20 = (script: Script, seals: number): readonly (readonly string[])[] =>
    Array.from({ length: seals }, () => codes(script.seal(committed(20))));

  test('disagree where a group has committed what no event tells of half a minute later, and not before', () => {
    const script = new Script();
    script.tell(script.write(script.writer('w'), batch(0, 10)));
    expect(alarmsAt20(script, 6)).toEqual([[], [], [], [], [], ['COVERAGE_SHORT']]);
  });

  test('disagree where a group has committed and no event was ever written', () => {
    expect(alarmsAt20(new Script(), 6)).toEqual([[], [], [], [], [], ['COVERAGE_SHORT']]);
  });

  test('agree where events come late, because a transaction before them was left open', () => {
    const script = new Script();
    const chain = script.writer('w');
    script.tell(script.write(chain, batch(0, 10)));
    expect(alarmsAt20(script, 4).flat()).toEqual([]);
    script.tell(script.write(chain, batch(10, 20)));
    expect(alarmsAt20(script, 6).flat()).toEqual([]);
  });

  test('tell of offsets that a group has lost', () => {
    const script = new Script();
    script.tell(script.write(script.writer('w'), batch(0, 10)));
    script.seal(committed(10));
    expect(codes(script.seal())).toEqual(['GROUP_OFFSETS_GONE']);
  });
});

describe('a beginning that moves', () => {
  const ADMIN = 'gauze.approvals.admin.1';

  /** Ten events, and what `writer` declares of them, sealed. */
  function declared(upToOffset: number, writer = ADMIN): { script: Script; seal: PhiAuditSeal } {
    const script = new Script();
    script.tell(script.write(script.writer('w'), ...Array.from({ length: 10 }, () => note())));
    const words = { topic: EVENTS, partition: '0', up_to_offset: String(upToOffset), up_to_size: '4' };
    const ext = Object.entries(words).map(([k, v]) => ({ k, v }));
    script.tell(script.write(script.writer(writer), note('retention.declared', ext)));
    return { script, seal: script.seal() };
  }

  function begins(script: Script, at: number): readonly string[] {
    const [tree] = script.state.trees;
    script.state.reached(tree!, tree!.nextOffset, at);
    return codes(script.seal());
  }

  test('is told of, unless an admin declared it in an event that was read before', () => {
    const { script, seal } = declared(5);
    expect(seal.partitions[0]).toMatchObject({ pruned_size: 4, pruned_offset: 5, log_start_offset: 0 });
    expect(begins(script, 5)).toEqual([]);
    expect(begins(script, 6)).toEqual(['LOG_START_MOVED']);
    expect(begins(declared(5, 'gauze.lane.research.x.0').script, 5)).toEqual(['LOG_START_MOVED']);
    expect(begins(declared(4).script, 5)).toEqual(['LOG_START_MOVED']);
  });

  test('is not told of by a sealer that goes on from a seal after the declaration', () => {
    const { script, seal } = declared(5);
    const next = new Script();
    next.nowMs = script.nowMs;
    expect(seal.partitions[0]!.frontier).not.toBeNull();
    next.state.restore(seal, Buffer.alloc(32));
    expect(begins(next, 5)).toEqual([]);
    expect(begins(next, 7)).toEqual(['LOG_START_MOVED']);
  });

  test('lets an admin have the right to remove for ten minutes after the declaration', () => {
    const { script } = declared(5);
    const atMs = script.nowMs - IDENTITY.intervalMs;
    expect(script.state.isPruning(atMs + 9 * 60_000)).toBe(true);
    expect(script.state.isPruning(atMs + 11 * 60_000)).toBe(false);
    expect(new Script().state.isPruning(atMs)).toBe(false);
  });
});

describe('a chain', () => {
  test('is lost when its heartbeats stay away, and its successor closes it', () => {
    const script = new Script();
    const chain = script.writer('w');
    script.tell(script.write(chain, note('session.opened'), note('heartbeat')));
    const states = [0, 1, 2, 3, 4].map(() => script.seal().chains[0]?.state);
    expect(states).toEqual(['OPEN', 'OPEN', 'OPEN', 'OPEN', 'LOST']);
    const successor = script.writer('w', chain.head);
    script.tell(script.write(successor, note('session.opened', previousExt(chain.head))));
    expect(script.seal().chains.map(({ state }) => state)).toEqual(['CLOSED', 'OPEN']);
    expect(script.seal().chains.map(({ state }) => state)).toEqual(['OPEN']);
  });

  test('that is closed in order is told of once, and then forgotten', () => {
    const script = new Script();
    script.tell(script.write(script.writer('w'), note('session.opened'), note('session.closed')));
    expect(script.seal().chains).toMatchObject([{ state: 'CLOSED', seq: 1, writer_id: 'w' }]);
    for (let n = 0; n < 20; n++) expect(script.seal().chains).toEqual([]);
  });

  test('is named with the key that signs next, also after a rotation', () => {
    const script = new Script();
    const chain = new AuditChain({
      writerId: 'w',
      schemaId: 7,
      key: KEY,
      rotateMs: 5_000,
      clockMs: () => script.nowMs,
    });
    script.tell(script.write(chain, note('session.opened')));
    const before = script.seal().chains[0]!;
    script.tell(script.write(chain, note()));
    const after = script.seal();
    expect(before.key_epoch).toBe(1);
    expect(after.chains[0]!.key_epoch).toBe(2);
    expect(after.chains[0]!.session_key!.equals(before.session_key!)).toBe(false);
    script.nowMs += 1_000;
    script.tell(script.write(chain, note()));
    expect(codes(script.seal())).toEqual([]);
  });
});

test('a seal stays small however much is wrong, and says how much it leaves out', () => {
  const script = new Script();
  for (let at = 0; at < 450; at++) {
    const [, second] = script.write(script.writer(`w${at}`), note(), note());
    script.tell([second!]);
  }
  const { alarms } = script.seal();
  expect(alarms).toHaveLength(201);
  expect(alarms.at(-1)).toEqual({ code: 'MORE_ALARMS', place: '', detail: '250' });
});
