/**
 * The log of seals by itself, seal by seal, and the alarms that stand in it: told in words, once each.
 */
import { beforeAll, describe, expect, test } from '@jest/globals';
import { Findings } from '../../../audit/verify/finding.ts';
import { SealCheck } from '../../../audit/verify/seal-check.ts';
import { leafOf } from '../../../audit/verify/tree-check.ts';
import { sealCodec } from '../../../schemas/seal-codecs.ts';
import type { PhiAuditSeal } from '../../../schemas/seal-codecs.ts';
import { AuditLogMaker, MADE_ORIGIN } from '../../support/audit-log-maker.ts';

let seals: readonly PhiAuditSeal[];

beforeAll(() => {
  const maker = new AuditLogMaker();
  for (const lane of maker.lanes) maker.open(lane);
  for (let n = 0; n < 4; n++) {
    for (const lane of maker.lanes) maker.batch(lane, 3);
    maker.tick(10_000);
    maker.seal();
  }
  seals = maker.seals.map(({ seal }) => seal);
});

/** What is found in these seals, each made to name the one before unless `isLinked` is false. */
function found(changed: readonly PhiAuditSeal[], isLinked = true): readonly string[] {
  const findings = new Findings();
  const check = new SealCheck(findings, MADE_ORIGIN, 'made-cluster');
  let before = Buffer.alloc(32);
  for (const seal of changed) {
    const value = sealCodec.encode(isLinked ? { ...seal, prev_seal_hash: before } : seal, 7);
    before = Buffer.from(leafOf(value));
    check.accept(sealCodec.decode(value), before);
  }
  check.finish(changed.at(-1)!.sealed_at / 1000 + 5_000);
  return findings.all.map(({ name, detail }) => `${name} ${detail}`);
}

function changedAt(n: number, change: Partial<PhiAuditSeal>): readonly PhiAuditSeal[] {
  return seals.map((seal) => (seal.n === n ? { ...seal, ...change } : seal));
}

describe('seals', () => {
  test('that follow each other are in order', () => {
    expect(found(seals)).toEqual([]);
  });

  test('are missed, and counted twice', () => {
    expect(found(seals.filter(({ n }) => n !== 2))).toEqual(['SEAL_SEQ number 3 where 2 is due']);
    expect(found([...seals, seals[3]!])).toEqual(['SEAL_SEQ number 3 where 4 is due']);
  });

  test('name the one before', () => {
    expect(found(changedAt(2, { prev_seal_hash: Buffer.alloc(32, 1) }), false)).toContain(
      'SEAL_PREV_HASH after 1',
    );
  });

  test('of another log or cluster are none of this one', () => {
    expect(found(changedAt(1, { origin: 'other.example.org' }))).toEqual([
      'SEAL_IDENTITY of other.example.org',
    ]);
    expect(found(changedAt(1, { cluster_id: 'other' }))).toEqual([`SEAL_IDENTITY of ${MADE_ORIGIN}`]);
  });

  test('count no less than the one before, in size and in offsets', () => {
    const [first] = seals[3]!.partitions;
    const smaller = { ...first!, tree_size: 1 };
    const shorter = { ...first!, next_offset: 1 };
    for (const partition of [smaller, shorter])
      expect(found(changedAt(3, { partitions: [partition, ...seals[3]!.partitions.slice(1)] }))).toEqual([
        expect.stringMatching(/^SEAL_SHRANK /),
      ]);
  });

  test('tell of changed settings', () => {
    expect(found(changedAt(3, { topic_config_sha256: Buffer.alloc(32, 1) }))).toEqual([
      'TOPIC_CONFIG since seal 2',
    ]);
  });
});

describe('alarms in seals', () => {
  const alarm = { code: 'RAW_READABLE', place: 'User:somebody', detail: 'read on literal clinical.patients' };

  test('are told in words, once', () => {
    const alarms = [alarm, { ...alarm, detail: 'read on prefixed clinical.' }];
    const twice = changedAt(1, { alarms }).map((seal) => (seal.n === 2 ? { ...seal, alarms } : seal));
    expect(found(twice)).toEqual([
      'SEAL_ALARM RAW_READABLE, a rule lets somebody beside gauze read a raw topic (User:somebody: read on literal clinical.patients)',
    ]);
  });

  test('of a later sealer are told too', () => {
    expect(found(changedAt(1, { alarms: [{ code: 'NEW_WORD', place: '', detail: null }] }))).toEqual([
      'SEAL_ALARM NEW_WORD, of a kind that is not known here',
    ]);
  });
});
