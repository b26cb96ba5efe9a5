/**
 * What an index lane takes from the notes of lanes before it is what it would have found itself, record by record.
 */
import { expect, test } from '@jest/globals';
import avsc from 'avsc';
import * as fc from 'fast-check';
import type { LaneIdentity } from '../../audit/lane-events.ts';
import type { Keyring } from '../../keys/keyring.ts';
import { RootSubjectTokens, tokenOf } from '../../keys/subject-tokens.ts';
import { laneKey, PolicyState } from '../../policy/policy-log.ts';
import type { PolicyLog } from '../../policy/policy-log.ts';
import { viewOf } from '../../processors/record-state.ts';
import { subjectIndexCodec } from '../../schemas/access-codecs.ts';
import { parseAvroSchema } from '../../schemas/parse-avro.ts';
import { IndexLane } from '../../topology/index-lane.ts';
import type { Span } from '../../topology/held-span.ts';
import type { LaneContext } from '../../topology/lane-context.ts';
import type { SessionSetup } from '../../topology/lane-ledger.ts';
import type { PlanStore } from '../../topology/plan-store.ts';
import { SpanSubjects } from '../../topology/span-subjects.ts';
import { compileSubjectTokenizer } from '../../topology/subject-tokenizer.ts';
import { rawBatch } from '../support/raw-batch.ts';
import { recordSetOf, recordsOf } from '../support/read-records.ts';

const LANE = { audience: 'index', topic: 'clinical.visits', partition: 0 };
const TOPIC_ID = 'a'.repeat(32);
const FIRST = 100;
const NOON_MS = 1_700_000_000_000;
const PREFIX = Buffer.from([0, 0, 0, 0, 7]);
const SCHEMA = {
  type: 'record',
  name: 'Visit',
  fields: [{ name: 'mrn', type: 'string', 'gauze:person': true }],
};
const writerType = avsc.Type.forSchema(SCHEMA as avsc.Schema);
const tokens = new RootSubjectTokens(Buffer.alloc(32, 7), 1);
const hash = tokens.hash('patient');

interface Visit {
  /** Null: a record without a value. */
  readonly person: string | null;
  /** Offsets between this record and the one before that hold nothing. */
  readonly hole: number;
  readonly timestampDelta: number;
  readonly isNoted: boolean;
}

interface Case {
  readonly visits: readonly Visit[];
  readonly isWalked: boolean;
  /** Records at which a transaction is full. */
  readonly recordsMax: number;
  readonly ordered: ReadonlySet<number>;
  /** The visit that the second span begins with; where there are no more, all are in one. */
  readonly second: number;
}

const arbitraryVisit = fc.record<Visit>({
  person: fc.oneof(
    { weight: 8, arbitrary: fc.nat(9).map((n) => `MRN-90000${n}`) },
    fc.constant(''),
    fc.constant(null),
  ),
  hole: fc.oneof({ weight: 9, arbitrary: fc.constant(0) }, fc.nat(3)),
  timestampDelta: fc.integer({ min: -5_000, max: 5_000 }),
  isNoted: fc.oneof({ weight: 9, arbitrary: fc.constant(true) }, fc.constant(false)),
});

const arbitraryIndexing = fc.record<Case>({
  visits: fc.array(arbitraryVisit, { minLength: 1, maxLength: 40 }),
  isWalked: fc.oneof({ weight: 4, arbitrary: fc.constant(true) }, fc.constant(false)),
  recordsMax: fc.integer({ min: 1, max: 50 }),
  ordered: fc.oneof(
    { weight: 4, arbitrary: fc.constant(new Set<number>()) },
    fc.nat(40).map((n) => new Set([FIRST + n])),
  ),
  second: fc.integer({ min: 1, max: 40 }),
});

/** The visits in spans; `isNoted`: with the notes of a lane that has masked some of them. */
function spansOf({ visits, second, isWalked }: Case, isNoted: boolean): Span[] {
  let next = FIRST;
  return [visits.slice(0, second), visits.slice(second)]
    .filter(({ length }) => length > 0)
    .map((some) => {
      const span = spanOf(some, next);
      next = span.nextOffset;
      return isNoted ? notedSpan(span, some, isWalked) : span;
    });
}

function spanOf(visits: readonly Visit[], baseOffset: number): Span {
  let offsetDelta = -1;
  const records = visits.map(({ person, hole, timestampDelta }) => {
    offsetDelta += 1 + hole;
    const value = person === null ? null : Buffer.concat([PREFIX, writerType.toBuffer({ mrn: person })]);
    return { value, offsetDelta, timestampDelta };
  });
  const bytes = rawBatch({ baseOffset, baseTimestampMs: NOON_MS, records, lastOffsetDelta: offsetDelta });
  const { batches, nextOffset } = recordSetOf(bytes, { fetchOffset: baseOffset });
  return { firstOffset: baseOffset, nextOffset, batches, bytes: bytes.length };
}

function notedSpan(span: Span, visits: readonly Visit[], isWalked: boolean): Span {
  const subjects = SpanSubjects.of(hash, span.firstOffset, span.nextOffset)!;
  let offset = span.firstOffset - 1;
  for (const { person, hole, timestampDelta, isNoted } of visits) {
    offset += 1 + hole;
    if (person === null || !isNoted) continue;
    const personInput = Buffer.from(person);
    const valueBytes = PREFIX.length + writerType.toBuffer({ mrn: person }).length;
    const met = {
      personInput,
      personView: viewOf(personInput),
      personStart: 0,
      personEnd: personInput.length,
    };
    subjects.note(offset, met, NOON_MS + timestampDelta, valueBytes);
  }
  if (isWalked) subjects.walked();
  return { ...span, subjects };
}

/** A span with notes whose records nobody may look at. */
function unreadable(indexing: Case): Span {
  const { firstOffset, nextOffset, bytes, subjects } = spansOf(indexing, true)[0]!;
  return {
    firstOffset,
    nextOffset,
    bytes,
    subjects: subjects!,
    get batches(): never {
      throw new Error('looked at');
    },
  };
}

/** What the lane writes and says of `spans`, transaction by transaction. */
async function indexed(spans: readonly Span[], { recordsMax, ordered }: Case): Promise<readonly object[]> {
  const state = new PolicyState();
  state.withhold.set(laneKey(LANE), new Set(ordered));
  const schema = parseAvroSchema(JSON.stringify(SCHEMA));
  const context: Partial<LaneContext> = {
    keyring: { subjectTokens: () => tokens } as Partial<Keyring> as Keyring,
    policyLog: { state } as Partial<PolicyLog> as PolicyLog,
    plans: {
      tokenizer: async () => await Promise.resolve(compileSubjectTokenizer(schema, tokens)),
    } as Partial<PlanStore> as PlanStore,
    limits: { recordsPerTransaction: recordsMax } as LaneContext['limits'],
    schemaIds: { subjectIndex: 9 } as LaneContext['schemaIds'],
    membershipRoots: true,
    batchBytes: () => 1_000_000,
  };
  const setup: Partial<SessionSetup> = {
    lane: LANE,
    identity: { rawTopic: LANE.topic, rawTopicId: TOPIC_ID } as Partial<LaneIdentity> as LaneIdentity,
    rawTopicId: TOPIC_ID,
    messageBytesMax: 1_000_000,
  };
  const kind = new IndexLane(context as LaneContext, LANE);
  const work = kind.work(setup as SessionSetup);
  const found: object[] = [];
  let [done, at] = [FIRST, FIRST];
  const end = spans.at(-1)!.nextOffset;
  while (done < end) {
    const span = spans.find(({ nextOffset }) => at < nextOffset)!;
    const { position, stop } = work.run(span, at);
    at = position;
    if (stop.kind === 'plan') await work.learn(stop.schemaId);
    if (stop.kind !== 'full' && at < end) continue;
    const { event, output } = work.finish(kind.inForce(), done, at);
    const [batch, ...more] = output.finish().map((each) => Buffer.from(output.stamp(each, 1n, 0, 0)));
    expect(more).toEqual([]);
    const value = recordsOf(recordSetOf(batch!).batches)[0]!.value!;
    const index = { ...subjectIndexCodec.decode(Buffer.from(value, 'hex')) };
    const { range, occurred_from: from, occurred_to: to } = event;
    found.push({ index, range, from, to, stop: stop.kind });
    work.clear();
    done = at;
  }
  return found;
}

test('is the same with notes as without, for whatever was noted, in the same transactions', async () => {
  let notes = 0;
  await fc.assert(
    fc.asyncProperty(arbitraryIndexing, async (indexing) => {
      const noted = spansOf(indexing, true);
      expect(await indexed(noted, indexing)).toEqual(await indexed(spansOf(indexing, false), indexing));
      for (const { subjects, firstOffset } of noted) notes += subjects!.run(firstOffset, 100, hash);
    }),
    { numRuns: 500 },
  );
  // Many of them were not even looked at.
  expect(notes).toBeGreaterThan(500);
});

test('is taken from notes without a look at records, once the whole span was walked', async () => {
  const visits = ['MRN-900001', 'MRN-900002', ''].map((person, i) => ({
    person,
    hole: 0,
    timestampDelta: i,
    isNoted: true,
  }));
  const indexing = { visits, isWalked: true, recordsMax: 50, ordered: new Set<number>(), second: 40 };
  const unwalked = { ...indexing, isWalked: false };
  const [{ index }] = (await indexed([unreadable(indexing)], indexing)) as [{ index: { tokens: Buffer } }];
  const expected = ['MRN-900001', 'MRN-900002'].map((person) => tokenOf(tokens, person).toString('hex'));
  expect(index.tokens.toString('hex')).toBe([...expected, '0'.repeat(16)].join(''));
  await expect(indexed([unreadable(unwalked)], unwalked)).rejects.toThrow('looked at');
});
