/**
 * Who signs what in an audit chain, as an independent checker sees it, and what it costs to leave any of it out.
 */
import { createHash } from 'node:crypto';
import { inspect } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import { AuditChain, ROTATE_MS, systemEvent } from '../../audit/audit-chain.ts';
import type { ChainOptions, ChainedEvent } from '../../audit/audit-chain.ts';
import { auditEventCodec } from '../../schemas/control-codecs.ts';
import { checkSignedChains, testWriterKey } from '../support/signed-chains.ts';
import type { Trusted } from '../support/signed-chains.ts';

const WRITER = testWriterKey('topology');
const trusted: Trusted = (name) => (name === 'topology' ? WRITER.publicKey : null);
const WRITER_ID = 'gauze.lane.research.clinical.encounters.0';
const note = (type = 'session.batch') =>
  systemEvent(type, { id: 'User:gauze-topology', role: 'topology' }, []);

/** A chain on a clock that only the test moves, with everything that it has committed. */
class Script {
  nowMs = 5_000_000;
  readonly values: Buffer[] = [];
  readonly chain: AuditChain;

  constructor(options: Partial<ChainOptions> = {}) {
    this.chain = new AuditChain({
      writerId: WRITER_ID,
      schemaId: 7,
      key: WRITER,
      clockMs: () => this.nowMs,
      ...options,
    });
  }

  commit(...types: string[]): readonly ChainedEvent[] {
    const linked = this.chain.link(types.map((type) => note(type)));
    this.chain.accept(linked);
    this.values.push(...linked.map(({ value }) => value));
    return linked;
  }

  get events() {
    return this.values.map((value) => auditEventCodec.decode(value));
  }

  get signedSeqs(): readonly number[] {
    return this.events.filter(({ sig }) => sig !== null).map(({ seq }) => seq);
  }
}

describe('the first event of a chain', () => {
  test('is a signed opening that names the session key, vouched for by the writer, and the schema', () => {
    const script = new Script();
    script.commit('session.opened');
    const [opened] = script.events;
    const ext = Object.fromEntries(opened!.ext.map(({ k, v }) => [k, v]));
    expect(Buffer.from(ext['session_key']!, 'base64')).toHaveLength(32);
    expect(ext).toMatchObject({
      writer_key: 'topology',
      schema_fp: createHash('sha256').update(auditEventCodec.schemaText).digest('hex'),
    });
    expect(opened).toMatchObject({ key_epoch: 1, seq: 0 });
    expect(checkSignedChains(script.values, trusted)).toMatchObject({ faults: [], chains: 1, signed: 1 });
  });

  test('is made by the chain where its writer has none, with the end of the chain before', () => {
    const previous = { chainId: 'ab'.repeat(16), seq: 9, head: 'cd'.repeat(32) };
    const script = new Script({ previous });
    script.commit('heartbeat');
    const [opened, beat] = script.events;
    expect([opened!.type, beat!.type]).toEqual(['session.opened', 'heartbeat']);
    expect(opened!.ext).toEqual(
      expect.arrayContaining([
        { k: 'prev_chain', v: previous.chainId },
        { k: 'prev_seq', v: '9' },
      ]),
    );
    expect(opened).toMatchObject({ range: null, recipient: null, accounting: 'NOT_PHI' });
    expect(checkSignedChains(script.values, trusted).faults).toEqual([]);
  });

  test('is refused with the key of another writer, or with one that nobody trusts', () => {
    const script = new Script({ key: testWriterKey('approvals') });
    script.commit('session.opened');
    expect(checkSignedChains(script.values, trusted).faults).toEqual([
      expect.stringContaining('nobody trusts'),
    ]);
    const claims: Trusted = () => WRITER.publicKey;
    expect(checkSignedChains(script.values, claims).faults).toEqual([
      expect.stringContaining('the writer has not vouched for its first key'),
    ]);
  });
});

describe('signatures', () => {
  test('are at most one a second, on the last event of a transaction, and on the close', () => {
    const script = new Script();
    script.commit('session.opened');
    script.commit('session.batch', 'session.batch');
    script.nowMs += 999;
    script.commit('session.batch');
    script.nowMs += 1;
    script.commit('session.batch', 'session.batch');
    script.commit('session.batch');
    script.commit('session.batch', 'session.closed');
    expect(script.events.map(({ seq }) => seq)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
    expect(script.signedSeqs).toEqual([0, 5, 8]);
    expect(checkSignedChains(script.values, trusted)).toMatchObject({ faults: [], signed: 3 });
  });

  test('are over every byte before them: each change of one breaks them', () => {
    const script = new Script();
    const [opened] = script.commit('session.opened');
    for (let at = 0; at < opened!.value.length; at += 1) {
      const value = Buffer.from(opened!.value);
      value[at]! ^= 1;
      const isSound = (): boolean => {
        try {
          return checkSignedChains([value], trusted).faults.length === 0;
        } catch {
          return false;
        }
      };
      expect([at, isSound()]).toEqual([at, false]);
    }
  });

  test('of an attempt that was not committed leave no trace: the next attempt signs again', () => {
    const script = new Script();
    script.commit('session.opened');
    script.nowMs += 1_000;
    const lost = script.chain.link([note()]);
    expect(auditEventCodec.decode(lost[0]!.value).sig).not.toBeNull();
    script.commit('session.batch');
    expect(script.signedSeqs).toEqual([0, 1]);
    expect(checkSignedChains(script.values, trusted).faults).toEqual([]);
  });
});

describe('session keys', () => {
  test('change after fifteen minutes: the old one signs the new one in, and nothing after it', () => {
    const script = new Script();
    script.commit('session.opened');
    script.nowMs += ROTATE_MS - 1;
    expect(script.chain.isRotationDue).toBe(false);
    script.commit('session.batch');
    script.nowMs += 1;
    expect(script.chain.isRotationDue).toBe(true);
    script.commit('session.batch');
    expect(script.chain.isRotationDue).toBe(false);
    script.nowMs += ROTATE_MS;
    script.commit('session.closed');
    expect(script.events.map(({ type, key_epoch: epoch }) => `${type} ${epoch}`)).toEqual([
      'session.opened 1',
      'session.batch 1',
      'key.rotated 1',
      'session.batch 2',
      'key.rotated 2',
      'session.closed 3',
    ]);
    expect(checkSignedChains(script.values, trusted)).toMatchObject({ faults: [], rotations: 2 });
    const keys = script.events.flatMap(({ ext }) => ext.filter(({ k }) => k === 'session_key'));
    expect(new Set(keys.map(({ v }) => v)).size).toBe(3);
  });

  test('change without any other event too, and only once that is committed', () => {
    const script = new Script();
    script.commit('session.opened');
    script.nowMs += ROTATE_MS;
    script.chain.link([]);
    expect(script.chain.isRotationDue).toBe(true);
    script.commit();
    expect(script.events.map(({ type }) => type)).toEqual(['session.opened', 'key.rotated']);
    expect(script.chain.isRotationDue).toBe(false);
    script.nowMs += 1_000;
    script.commit('session.batch');
    expect(script.signedSeqs).toEqual([0, 1, 2]);
    expect(checkSignedChains(script.values, trusted).faults).toEqual([]);
  });

  test('brought in by anybody else are seen, and so is an opening without its signature', () => {
    const [mine, other] = [new Script(), new Script()];
    for (const script of [mine, other]) {
      script.commit('session.opened');
      script.nowMs += ROTATE_MS;
      script.commit('session.batch');
    }
    const proof = other.events[1]!.ext;
    const forged = auditEventCodec.encode({ ...mine.events[1]!, ext: proof }, 7);
    expect(checkSignedChains([mine.values[0]!, forged], trusted).faults).toEqual([
      expect.stringContaining('the signature of event 1 is wrong'),
      expect.stringContaining('brings a key that the one before has not vouched for'),
    ]);
    const unsigned = auditEventCodec.encode({ ...mine.events[0]!, sig: null }, 7);
    expect(checkSignedChains([unsigned], trusted).faults).toEqual([
      expect.stringContaining('its first event is not signed'),
    ]);
  });

  test('never show themselves in print', () => {
    const script = new Script();
    const [event] = script.commit('session.opened');
    expect(inspect(event!.state.key, { showHidden: true, depth: 9 })).toBe('[hidden]');
    expect(JSON.stringify({ key: event!.state.key, writer: WRITER })).toBe(
      '{"key":"[hidden]","writer":"[hidden]"}',
    );
  });
});
