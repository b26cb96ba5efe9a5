/**
 * The persons of the source against the index of persons: worked out once more, for all records of a range.
 */
import { describe, expect, test } from '@jest/globals';
import { Findings } from '../../../audit/verify/finding.ts';
import { SourceCheck } from '../../../audit/verify/source-check.ts';
import type { FindPersons, SourcePersons } from '../../../audit/verify/source-check.ts';
import type { PlacedEvent } from '../../../audit/verify/chain-check.ts';
import type { PhiSubjectIndex } from '../../../schemas/access-codecs.ts';
import { auditEventCodec } from '../../../schemas/control-codecs.ts';
import { AuditLogMaker } from '../../support/audit-log-maker.ts';

const PLACE = { topic: 'gauze.audit.subjects', partition: 0, offset: 3 };
const NOBODY = 0;

function tokensOf(...persons: readonly number[]): Buffer {
  return Buffer.concat(persons.map((person) => Buffer.alloc(8, person)));
}

function indexOf(...persons: readonly number[]): PhiSubjectIndex {
  return {
    topic: 'clinical.patients',
    topic_id: 'a'.repeat(32),
    partition: 1,
    first_offset: 10,
    next_offset: 10 + persons.length,
    record_count: persons.length,
    key_epoch: 2,
    offsets: null,
    tokens: tokensOf(...persons),
  };
}

async function found(
  index: PhiSubjectIndex,
  persons: Partial<SourcePersons> | null,
): Promise<readonly string[]> {
  const findings = new Findings();
  const all = { tokens: index.tokens, offsets: null, passedOver: new Set<number>(), ...persons };
  const find: FindPersons = () => Promise.resolve(persons && all);
  const check = new SourceCheck(findings, null, find);
  check.acceptIndex(index, PLACE);
  await check.settle();
  return findings.all.map(({ name, detail }) => `${name} ${detail}`);
}

describe('the persons of the source', () => {
  test('are asked for by range and key epoch, and agree with an honest index', async () => {
    const findings = new Findings();
    const asked: unknown[] = [];
    const check = new SourceCheck(findings, null, (range, keyEpoch) => {
      asked.push({ ...range, keyEpoch });
      return Promise.resolve({ tokens: tokensOf(1, 2), offsets: null, passedOver: new Set() });
    });
    check.acceptIndex(indexOf(1, 2), PLACE);
    await check.settle();
    const topicId = 'a'.repeat(32);
    expect(asked).toEqual([
      { topic: 'clinical.patients', topicId, partition: 1, from: 10, to: 12, keyEpoch: 2 },
    ]);
    expect(findings.all).toEqual([]);
  });

  test('show somebody in the place of somebody else', async () => {
    expect(await found(indexOf(1, 1, 3), { tokens: tokensOf(1, 2, 3) })).toEqual([
      'SOURCE_SUBJECTS 1 of 3 records',
    ]);
  });

  test('show somebody who was left out, or told of as nobody', async () => {
    expect(await found(indexOf(1, NOBODY), { tokens: tokensOf(1, 2) })).toEqual([
      'SOURCE_SUBJECTS 1 of 2 records',
    ]);
    expect(await found(indexOf(1), { tokens: tokensOf(1, 2) })).toEqual(['SOURCE_SUBJECTS 1 of 1 records']);
  });

  test('may be nobody where a person ordered to pass over a record, and nobody else', async () => {
    const passedOver = new Set([1]);
    expect(await found(indexOf(1, NOBODY), { tokens: tokensOf(1, 2), passedOver })).toEqual([]);
    expect(await found(indexOf(1, 5), { tokens: tokensOf(1, 2), passedOver })).toEqual([
      'SOURCE_SUBJECTS 1 of 2 records',
    ]);
  });

  test('show records that stand elsewhere than the index says', async () => {
    expect(await found(indexOf(1, 2), { offsets: Buffer.from([0, 2]) })).toEqual([
      'SOURCE_SUBJECTS the records stand at other offsets',
    ]);
  });

  test('that are not at hand are told as not compared', async () => {
    expect((await found(indexOf(1), null))[0]).toMatch(/^SUBJECTS_NOT_RECOUNTED /);
    const findings = new Findings();
    const check = new SourceCheck(findings, () => Promise.resolve(1));
    check.acceptIndex(indexOf(1), PLACE);
    check.acceptIndex(indexOf(2), PLACE);
    expect([findings.names(), findings.count('SUBJECTS_NOT_RECOUNTED')]).toEqual([
      ['SUBJECTS_NOT_RECOUNTED'],
      1,
    ]);
  });

  test('are counted again, and told where they can not be', async () => {
    const [event] = madeBatches();
    const counted = async (records: number | null): Promise<readonly string[]> => {
      const findings = new Findings();
      const check = new SourceCheck(findings, () => Promise.resolve(records));
      check.accept(event!);
      await check.settle();
      return [`counted ${check.counted}`, ...findings.names()];
    };
    expect(await counted(event!.event.range!.record_count)).toEqual(['counted 1']);
    expect(await counted(event!.event.range!.record_count + 1)).toEqual(['counted 1', 'SOURCE_COUNT']);
    expect(await counted(null)).toEqual(['counted 0', 'SOURCE_UNREADABLE']);
  });

  test.each([
    ['gauze.research.redrive', 0, ['counted 0']],
    ['gauze.research.redrive', 1, ['counted 1', 'SOURCE_COUNT']],
    ['gauze.research', 0, ['counted 1', 'SOURCE_COUNT']],
  ])('%s that tells of %i records passed over', async (group, records, told) => {
    const [made] = madeBatches();
    const { event } = made!;
    const range = { ...event.range!, record_count: records, delivered_count: 0 };
    const passed = { ...event, type: 'redrive.passed', range, group: { ...event.group!, id: group } };
    const findings = new Findings();
    const check = new SourceCheck(findings, () => Promise.resolve(7));
    check.accept({ ...made!, event: passed });
    await check.settle();
    expect([`counted ${check.counted}`, ...findings.names()]).toEqual(told);
  });
});

/** A made log's batches, as the verifier has them. */
function madeBatches(): readonly PlacedEvent[] {
  const maker = new AuditLogMaker({ rawPartitions: 1, auditPartitions: 1 });
  const [lane] = maker.lanes;
  maker.open(lane!);
  maker.batch(lane!, 7);
  return maker.partition('events', 0).records.flatMap(({ value, offset, appendTimeMs }) => {
    const event = auditEventCodec.decode(value!);
    const place = { topic: 't', partition: 0, offset, appendTimeMs };
    return event.type === 'session.batch' ? [{ event, value: value!, leaf: value!, ...place }] : [];
  });
}
