/**
 * The local index and its questions on made-up events, without Kafka: deliveries by bitmap, leases, late deliveries,
 * votes, days with and without proof.
 */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { systemEvent } from '../../audit/audit-chain.ts';
import { accountCsv, accountPage } from '../../audit/accounting/disclosure-pages.ts';
import { accounting, lookBack } from '../../audit/accounting/disclosures.ts';
import type { AccountingOptions } from '../../audit/accounting/disclosures.ts';
import { doubleApprovals } from '../../audit/query/approval-questions.ts';
import { AuditIndex } from '../../audit/query/audit-index.ts';
import { exportsOn } from '../../audit/query/exports.ts';
import { overdueGrants } from '../../audit/query/grant-delivery.ts';
import { IndexRows } from '../../audit/query/index-rows.ts';
import { packRest, unpackRest } from '../../audit/query/index-tables.ts';
import { whoSaw } from '../../audit/query/who-saw.ts';
import type { PhiAuditEvent } from '../../schemas/control-codecs.ts';
import { OffsetDistances } from '../../schemas/subject-offsets.ts';

const TOPIC_ID = Buffer.alloc(16, 7);
const HOUR_MS = 3_600_000;
const NOON_MS = Date.parse('2026-06-12T12:00:00Z');

let index: AuditIndex;
let rows: IndexRows;
let nextOffset = 0;

beforeEach(() => {
  index = AuditIndex.open(':memory:', { clusterId: 'c', prefix: 'gauze' });
  rows = new IndexRows(index);
  nextOffset = 0;
});

afterEach(() => {
  index.close();
});

function token(person: number): Buffer {
  const bytes = Buffer.alloc(8, 0x99);
  bytes.writeUInt32BE(person + 1, 0);
  return bytes;
}

/** Records with these offsets, about these persons, in the index of persons. */
function indexed(
  first: number,
  next: number,
  records: readonly (readonly [offset: number, person: number])[],
  epoch = 1,
): void {
  const distances = new OffsetDistances();
  for (const [offset] of records) distances.add(offset);
  rows.subjects(
    { partition: 0, offset: nextOffset++ },
    {
      topic: 'raw',
      topic_id: TOPIC_ID.toString('hex'),
      partition: 0,
      first_offset: first,
      next_offset: next,
      record_count: records.length,
      key_epoch: epoch,
      offsets: distances.encode(first),
      tokens: Buffer.concat(records.map(([, person]) => token(person))),
    },
  );
  rows.flush();
}

interface Read {
  readonly first: number;
  readonly next: number;
  readonly records: number;
  readonly bits?: readonly boolean[];
  readonly change?: Partial<PhiAuditEvent>;
  readonly atMs?: number;
}

function read({ first, next, records, bits, change, atMs = NOON_MS }: Read): void {
  const bitmap = bits && Buffer.alloc(Math.ceil(bits.length / 8));
  for (const [i, bit] of bits?.entries() ?? []) if (bit) bitmap![i >> 3]! |= 1 << (i & 7);
  const range = {
    cluster_id: 'c',
    topic: 'raw',
    topic_id: TOPIC_ID,
    partition: 0,
    first_offset: first,
    next_offset: next,
    record_count: records,
    delivered_count: bits ? bits.filter(Boolean).length : records,
    delivered: bitmap ?? null,
    bytes: 1,
    records_sha256: null,
  };
  const recipient = { id: 'research', name: null, address: null };
  const view = { masked: true, fields_clear: [], data_classes: [], schema_fp: null, output_topic: 'out' };
  event({ type: 'session.batch', recipient, range, view, ...change }, atMs);
}

function event(change: Partial<PhiAuditEvent>, atMs = NOON_MS): void {
  const body = systemEvent('session.batch', { id: 'User:gauze-topology', role: 'topology' }, []);
  const chained = {
    event_id: Buffer.alloc(16),
    recorded_at: 0,
    writer_id: 'w',
    chain_id: Buffer.alloc(16),
    seq: 0,
    prev_hash: Buffer.alloc(32),
    key_epoch: 0,
    sig: null,
  };
  rows.event({ partition: 1, offset: nextOffset++ }, atMs, { ...body, ...chained, ...change });
}

const grant = (expiresAtMs: number): PhiAuditEvent['grant'] => ({
  id: 'g1',
  version: 3,
  request_id: 'r1',
  expires_at: expiresAtMs * 1000,
  approved_by: ['bob', 'carol'],
  emergency: false,
  scope_sha256: null,
});

/** `offset` of everything that the person was seen by, and whether it is certain. */
function seen(person: number): [number, boolean][] {
  const { viewers } = whoSaw(index, [{ epoch: 1, token: token(person) }]);
  return viewers
    .flatMap(({ sightings }) => sightings)
    .flatMap(({ offsets, isCertain }) => offsets.map((offset): [number, boolean] => [offset, isCertain]))
    .sort(([a], [b]) => a - b);
}

test('offsets come back as they were packed, however far apart', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.maxSafeNat(), { minLength: 1, maxLength: 40 }), (numbers) => {
      const rising = numbers.toSorted((a, b) => a - b);
      expect(unpackRest(rising[0]!, packRest(rising))).toEqual(rising);
    }),
  );
});

describe('a delivery', () => {
  test('is of those records alone whose bit is set, also where offsets have holes', () => {
    indexed(0, 10, [
      [0, 1],
      [1, 2],
      [3, 1],
      [7, 2],
      [9, 1],
    ]);
    read({ first: 0, next: 10, records: 5, bits: [true, true, false, false, true] });
    expect(seen(1)).toEqual([
      [0, true],
      [9, true],
    ]);
    expect(seen(2)).toEqual([[1, true]]);
  });

  test('counts, uncertain, where the records before it cannot be counted', () => {
    indexed(0, 10, [
      [0, 1],
      [3, 1],
    ]);
    read({ first: 0, next: 10, records: 5, bits: [false, true, true, true, true] });
    expect(seen(1)).toEqual([
      [0, false],
      [3, false],
    ]);
  });

  test('is found by ranges of any length that cover it, and by no other', () => {
    indexed(0, 4_096, [[70, 1]]);
    for (const [first, next] of [
      [0, 4_096],
      [70, 71],
      [69, 71],
      [0, 70],
      [71, 4_096],
    ] as const)
      read({ first, next, records: next - first });
    expect(seen(1)).toHaveLength(3);
  });

  test('is a lease only where no delivery of its range is on record, and then uncertain', () => {
    indexed(0, 4, [
      [0, 1],
      [2, 1],
    ]);
    const of = {
      grant: grant(NOON_MS + HOUR_MS),
      recipient: { id: 'User:alice', name: null, address: null },
    };
    const lease = { ...of, type: 'session.lease', phase: 'LEASE' } as const;
    read({ first: 0, next: 2, records: 2, bits: [true, false], change: lease });
    read({ first: 0, next: 2, records: 2, bits: [true, false], change: of });
    read({ first: 2, next: 4, records: 2, bits: [true, false], change: lease });
    expect(seen(1)).toEqual([
      [0, true],
      [2, false],
    ]);
  });

  test('that the index of persons does not cover yet is said', () => {
    indexed(0, 4, [[0, 1]]);
    read({ first: 0, next: 90, records: 90 });
    const { remarks } = whoSaw(index, [{ epoch: 1, token: token(1) }]);
    expect(remarks).toEqual(['raw/0: read up to 90, persons indexed only up to 4']);
  });
});

describe('what must be none', () => {
  const alice = { recipient: { id: 'User:alice', name: null, address: null } };

  test('is found: a delivery after the end of its grant', () => {
    read({ first: 0, next: 1, records: 1, change: { ...alice, grant: grant(NOON_MS) }, atMs: NOON_MS - 1 });
    expect(overdueGrants(index)).toMatchObject({ overdue: [], grants: 1 });
    read({ first: 1, next: 2, records: 1, change: { ...alice, grant: grant(NOON_MS) }, atMs: NOON_MS + 1 });
    expect(overdueGrants(index).overdue).toHaveLength(1);
  });

  test('is found: one human twice in a request, and not where one entry narrows and approves', () => {
    const vote = (type: string, human: string, offset: string): void => {
      const { actor } = systemEvent(type, { id: human, role: 'r' }, []);
      event({ type, actor, request_id: 'r1', ext: [{ k: 'access_offset', v: offset }] });
    };
    vote('decision.narrowed', 'bob', '4');
    vote('decision.approved', 'bob', '4');
    vote('decision.approved', 'carol', '5');
    expect(doubleApprovals(index)).toMatchObject({ doubles: [], requests: 1 });
    vote('decision.approved', 'bob', '6');
    expect(doubleApprovals(index).doubles).toMatchObject([{ human: 'bob', votes: 2 }]);
  });
});

describe('identifiers on a day', () => {
  const day = { fromMs: Date.parse('2026-06-12'), toMs: Date.parse('2026-06-13') };
  const clear = (tags: readonly string[]): Partial<PhiAuditEvent> => ({
    view: { masked: true, fields_clear: ['f'], data_classes: tags, schema_fp: null, output_topic: 'out' },
  });

  test('are a yes with their events, and dates alone are not', () => {
    read({ first: 0, next: 5, records: 5, change: clear(['PHI_DATE', 'PHI_ZIP']) });
    expect(exportsOn(index, day, null)).toMatchObject({ answer: 'no', deliveries: [] });
    read({ first: 5, next: 9, records: 4, change: clear(['PHI_MRN']) });
    expect(exportsOn(index, day, null)).toMatchObject({
      answer: 'yes',
      deliveries: [{ records: 4, events: 1, identifiers: ['PHI_MRN'], first: { partition: 1 } }],
    });
  });

  test('are a no that is proved only with seals around the day and ranges without a gap', () => {
    const group = {
      id: 'gauze.research',
      generation: -1,
      coverage: 'EXACT',
      offset_committed: true,
    } as const;
    const change = { ...clear([]), group };
    const coverage = (committed: number) => [
      {
        group: group.id,
        topic: 'raw',
        topic_id: TOPIC_ID,
        partition: 0,
        mode: 'EXACT' as const,
        committed_offset: committed,
        covered_offset: committed,
        log_end_offset: committed,
      },
    ];
    const seal = (n: number, sealedMs: number, committed: number) => ({
      seal: {
        n,
        sealed_at: sealedMs * 1000,
        interval_ms: 10_000,
        cluster_id: 'c',
        origin: 'o',
        partitions: [],
        chains: [],
        coverage: coverage(committed),
        topic_config_sha256: Buffer.alloc(32),
        alarms: [],
        prev_seal_hash: Buffer.alloc(32),
        seals_frontier: null,
      },
      offset: n,
      checkpoint: 'o\n1\nroot\n',
    });
    const bracket = { before: seal(1, day.fromMs - 1, 4), after: seal(2, day.toMs + 1, 9), alarms: [] };
    read({ first: 4, next: 6, records: 2, change });
    expect(exportsOn(index, day, bracket).proof).toMatchObject({
      isProved: false,
      missing: ['gauze.research raw/0: nothing audits from offset 6 on'],
    });
    read({ first: 6, next: 9, records: 3, change });
    expect(exportsOn(index, day, bracket)).toMatchObject({
      answer: 'no',
      proof: { isProved: true, ranges: 2 },
    });
    expect(exportsOn(index, day, null).proof.missing).toEqual(['this site has no seals']);
  });
});

describe('an accounting', () => {
  const options: AccountingOptions = {
    period: lookBack(NOON_MS + 24 * HOUR_MS),
    form: 'summary',
    withExempt: false,
    recipients: new Map([['User:lab', { name: '=Lab "One", <Main>', address: '1 Way' }]]),
    holds: [],
    personOf: (_epoch, each) => each,
    nowMs: NOON_MS,
  };
  const tokens = [{ epoch: 1, token: token(1) }];
  const toLab = { recipient: { id: 'User:lab', name: null, address: null }, purpose: ['PUBHLTH'] };

  beforeEach(() => {
    indexed(0, 10, [
      [0, 1],
      [5, 1],
      [9, 1],
    ]);
    for (const first of [0, 5])
      read({
        first,
        next: first + 1,
        records: 1,
        change: { ...toLab, accounting: 'REQUIRED' },
        atMs: NOON_MS + first,
      });
    read({ first: 9, next: 10, records: 1, change: { ...toLab, accounting: 'EXEMPT_TPO' } });
    read({
      first: 0,
      next: 1,
      records: 1,
      change: { ...toLab, accounting: 'REQUIRED' },
      atMs: Date.parse('2020-06-13T11:59:59Z'),
    });
  });

  test('counts what has to be accounted for, six years back, first in full and how many', () => {
    const { account } = accounting(index, tokens, options);
    expect(account).toMatchObject({
      counted: 2,
      series: [{ count: 2, first: { date: '2026-06-12T12:00:00.000Z' } }],
    });
  });

  test('lists exempt disclosures where asked to, without counting them', () => {
    const { account } = accounting(index, tokens, { ...options, withExempt: true, form: 'full' });
    expect(account.counted).toBe(2);
    expect(account.disclosures.map(({ isCounted }) => isCounted)).toEqual([true, false, true]);
  });

  test('leaves out what is suspended, as long as it is, and tells how much to the record alone', () => {
    const hold = { id: 'h1', recipient: 'User:lab', fromMs: NOON_MS - 1, untilMs: NOON_MS + 1 };
    const held = accounting(index, tokens, { ...options, holds: [hold] });
    expect(held.omitted).toEqual([{ hold: 'h1', disclosures: 2 }]);
    expect(held.account).toMatchObject({ counted: 0, series: [] });
    expect(accountPage(held.account, 'P')).not.toContain('Lab');
    const after = accounting(index, tokens, { ...options, holds: [hold], nowMs: NOON_MS + 1 });
    expect(after).toMatchObject({ omitted: [], account: { counted: 2 } });
  });

  test('tells of research by its protocol where fifty people were in it, each once', () => {
    const party = { name: 'Lab', address: '1 Way', phone: '1' };
    const protocol = {
      name: 'P1',
      description: 'd',
      criteria: 'c',
      sponsor: party,
      researcher: party,
    };
    const research = { recipient: { id: 'User:study', name: null, address: null }, purpose: ['HRESCH'] };
    const recipients = new Map([['User:study', { name: 'Study', address: '1 Way', protocol }]]);
    const isByProtocol = (personOf = options.personOf): boolean =>
      accounting(index, [{ epoch: 1, token: token(100) }], { ...options, recipients, personOf }).account
        .research.length === 1;
    const deliver = (first: number, persons: readonly number[], epoch: number): void => {
      const next = first + persons.length;
      indexed(
        first,
        next,
        persons.map((person, i) => [first + i, person]),
        epoch,
      );
      const change = { ...research, accounting: 'REQUIRED' as const };
      read({ first, next, records: persons.length, change });
    };
    const people = (from: number, count: number): number[] =>
      Array.from({ length: count }, (_, i) => from + i);
    deliver(100, people(100, 49), 1);
    // The same people under the next key: other tokens, nobody new.
    deliver(200, people(500, 49), 2);
    expect(isByProtocol()).toBe(false);
    // One more, who is one person with one of them.
    deliver(300, [900], 1);
    const number = (person: number): bigint => token(person).readBigUInt64BE();
    expect(isByProtocol((_epoch, each) => (each === number(900) ? number(101) : each))).toBe(false);
    expect(isByProtocol()).toBe(true);
  });

  test('is escaped as a page, and no formula as CSV', () => {
    const { account } = accounting(index, tokens, { ...options, form: 'full' });
    expect(accountPage(account, '<b>')).toContain('&lt;b&gt;');
    expect(accountPage(account, 'P')).not.toContain('<Main>');
    expect(accountCsv(account)).toContain('"\'=Lab ""One"", <Main>"');
  });
});
