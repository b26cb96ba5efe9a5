/**
 * The oracle itself: logs of a correct run give no finding, and each way of breaking them gives the finding that says
 * so, and no other. The logs are made in memory; on a real Kafka they are broken in test/integration/oracle.test.ts.
 */
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { createKeyringFile, loadKeyring } from '../../keys/keyring.ts';
import { subjectIndexCodec } from '../../schemas/access-codecs.ts';
import type { PhiSubjectIndex } from '../../schemas/access-codecs.ts';
import type { PhiAuditEvent } from '../../schemas/control-codecs.ts';
import { auditEventCodec, withheldCodec } from '../../schemas/control-codecs.ts';
import { subjectRoots } from '../support/token-oracle.ts';
import { judgeTopology } from './check-topology.ts';
import type { OracleParts, TopologyUnderCheck, TopologyVerdict } from './check-topology.ts';
import { FINDING_CODES } from './finding.ts';
import type { FindingCode } from './finding.ts';
import type { LogRecord } from './log-source.ts';
import { NAMES, PREFIX, appendEntry, makeRun } from './made-logs.ts';
import type { MadeLogs, MadePartition, MadeRun } from './made-logs.ts';

const AUDIENCES = ['analytics', 'billing', 'research'];
const TOPICS = ['clinical.patients', 'clinical.encounters'] as const;
const ENCOUNTERS = 'clinical.encounters';
const RESEARCH = `${ENCOUNTERS}.for-research`;
const BILLING = `${ENCOUNTERS}.for-billing`;
/** The group of what is read again of it. */
const REDRIVE = `${NAMES.audienceGroup('research')}.redrive`;
const POLICIES = new URL('../../examples/hospital/policies/', import.meta.url);

let run: MadeRun;
let parts: Omit<OracleParts, 'registry'>;

beforeAll(async () => {
  const directory = await mkdtemp(join(tmpdir(), 'gauze-oracle-keys-'));
  const file = join(directory, 'keyring.json');
  await createKeyringFile(file, AUDIENCES);
  const keyring = await loadKeyring(file);
  parts = { keyring, tokenRoots: await subjectRoots(file) };
  await rm(directory, { recursive: true });
  const policies = AUDIENCES.map((name) => readFileSync(new URL(`${name}.yaml`, POLICIES), 'utf8'));
  run = makeRun({ topics: TOPICS, partitions: 2, patients: 16, policies, keyring });
}, 120_000);

async function judge(logs: MadeLogs, more: Partial<TopologyUnderCheck> = {}): Promise<TopologyVerdict> {
  const topology = { prefix: PREFIX, topics: TOPICS, ...more };
  return await judgeTopology(logs, topology, { registry: run.registry, ...parts });
}

/** Breaks a copy; gives the codes found, each once, with the places. */
async function found(change: (logs: MadeLogs) => void): Promise<TopologyVerdict> {
  const logs = run.logs.copy();
  change(logs);
  return await judge(logs);
}

function replaced(at: MadePartition, index: number, change: Partial<LogRecord>): void {
  at.committed[index] = { ...at.committed[index]!, ...change };
}

/** Where records of this topic stand, by what they became. */
function partition(logs: MadeLogs, topic: string, at = 1): MadePartition {
  return logs.at(topic, at);
}

/** A number in the middle of a partition whose neighbours are other records. */
const MIDDLE = 9;

/** The raw record that became the one in the middle. */
function rawOf(logs: MadeLogs, sanitized: MadePartition, index: number): LogRecord {
  const withheld = new Set(
    partition(logs, NAMES.withheld, 0)
      .committed.map(({ value }) => withheldCodec.decode(value!))
      .filter((entry) => entry.topic === ENCOUNTERS && entry.partition === sanitized.partition)
      .map(({ offset }) => offset),
  );
  return logs.at(ENCOUNTERS, sanitized.partition).committed.filter(({ offset }) => !withheld.has(offset))[
    index
  ]!;
}

/** The events about what the research lane of encounters read in partition 1, in order. */
function isOfLane({ type, policy, range }: PhiAuditEvent): boolean {
  return (
    type === 'session.batch' &&
    policy.id === 'research' &&
    range?.topic === ENCOUNTERS &&
    range.partition === 1
  );
}

/** One whose records were all delivered, with an event of its chain behind it. */
function plainEvent(logs: MadeLogs): {
  readonly at: MadePartition;
  readonly index: number;
  readonly event: PhiAuditEvent;
} {
  const at = logs.at(NAMES.auditEvents, 0);
  const events = at.committed.map(({ value }) => auditEventCodec.decode(value!));
  const index = events.findIndex(
    (event, i) =>
      isOfLane(event) &&
      event.range!.delivered === null &&
      events[i + 1]?.chain_id.equals(event.chain_id) === true,
  );
  return { at, index, event: events[index]! };
}

function editRange(logs: MadeLogs, change: (range: NonNullable<PhiAuditEvent['range']>) => object): void {
  logs.editEvents((events) => {
    const at = events.findIndex((event) => isOfLane(event) && event.range!.record_count > 3);
    const { range } = events[at]!;
    return events.with(at, { ...events[at]!, range: { ...range!, ...change(range!) } });
  });
}

function editIndex(logs: MadeLogs, change: (index: PhiSubjectIndex) => PhiSubjectIndex): void {
  const at = logs.at(NAMES.auditSubjects, 0);
  const value = subjectIndexCodec.encode(change(subjectIndexCodec.decode(at.committed[0]!.value!)), 1);
  replaced(at, 0, { value });
}

function withheldIn(logs: MadeLogs): { readonly at: MadePartition; readonly index: number } {
  const at = logs.at(NAMES.withheld, 0);
  const index = at.committed.findIndex(({ value }) => {
    const { audience, topic, partition: of } = withheldCodec.decode(value!);
    return audience === 'research' && topic === ENCOUNTERS && of === 1;
  });
  return { at, index };
}

/** A field of the example schema as the hospital feed writes it, changed to another text of the same length. */
function withChanged(value: Buffer, from: Buffer, to: Buffer): Buffer {
  const at = value.indexOf(from);
  expect(at).toBeGreaterThan(0);
  const changed = Buffer.from(value);
  to.copy(changed, at);
  return changed;
}

test('logs of a correct run give no finding, and every outcome is compared', async () => {
  const { findings, ...verdict } = await judge(run.logs);
  expect(findings).toEqual([]);
  const raw = TOPICS.flatMap((topic) => run.logs.partitions(topic));
  const records = raw.reduce((sum, { committed }) => sum + committed.length, 0);
  expect(raw.some(({ others }) => others.length > 0)).toBe(true);
  expect(verdict.outcomes).toBe(records * AUDIENCES.length);
  expect(verdict.withheld).toBe(run.logs.at(NAMES.withheld, 0).committed.length);
  expect(verdict.withheld).toBeGreaterThan(0);
  expect(verdict.compared).toBe(verdict.outcomes - verdict.withheld);
  expect(verdict.lanes).toBe(TOPICS.length * 2 * AUDIENCES.length);
});

const BREAKS: readonly (readonly [
  name: string,
  change: (logs: MadeLogs) => void,
  codes: readonly FindingCode[],
])[] = [
  ['a record lost', (logs) => partition(logs, RESEARCH).committed.splice(MIDDLE, 1), ['RECORD_LOST']],
  ['the last record lost', (logs) => partition(logs, RESEARCH).committed.pop(), ['RECORD_LOST']],
  ['a whole transaction lost', (logs) => partition(logs, RESEARCH).committed.splice(3, 7), ['RECORD_LOST']],
  [
    'a record doubled',
    (logs) => {
      const { committed } = partition(logs, RESEARCH);
      committed.splice(MIDDLE, 0, committed[MIDDLE]!);
    },
    ['RECORD_DOUBLED'],
  ],
  [
    'a whole transaction doubled, as by an aborted one that became visible',
    (logs) => {
      const { committed } = partition(logs, RESEARCH);
      committed.splice(10, 0, ...committed.slice(3, 10));
    },
    ['RECORD_DOUBLED'],
  ],
  [
    'two records swapped',
    (logs) => {
      const { committed } = partition(logs, RESEARCH);
      [committed[MIDDLE], committed[MIDDLE + 1]] = [committed[MIDDLE + 1]!, committed[MIDDLE]!];
    },
    ['RECORD_OUT_OF_ORDER'],
  ],
  [
    'a record moved to the end',
    (logs) => {
      const { committed } = partition(logs, RESEARCH);
      committed.push(...committed.splice(MIDDLE, 1));
    },
    ['RECORD_OUT_OF_ORDER'],
  ],
  [
    'a record in another partition',
    (logs) => {
      const [record] = partition(logs, RESEARCH).committed.splice(MIDDLE, 1);
      partition(logs, RESEARCH, 0).committed.splice(4, 0, record!);
    },
    ['RECORD_WRONG_PARTITION'],
  ],
  [
    'a record of nobody',
    (logs) =>
      partition(logs, RESEARCH).committed.splice(MIDDLE, 0, rawOf(logs, partition(logs, RESEARCH), 2)),
    ['RECORD_UNEXPECTED'],
  ],
  [
    'an aborted raw record published',
    (logs) => {
      // Committed in the run that masked it, aborted in the one that is judged.
      const raw = partition(logs, ENCOUNTERS);
      const { first_offset: first } = plainEvent(logs).event.range!;
      const [aborted] = raw.committed.splice(
        raw.committed.findIndex(({ offset }) => offset > first + 1),
        1,
      );
      raw.others.push(aborted!);
      raw.others.sort((a, b) => a.offset - b.offset);
    },
    ['ABORTED_PUBLISHED', 'AUDIT_COUNT', 'INDEX_TOKEN'],
  ],
  [
    'a record that is published whole and raw',
    (logs) => {
      const at = partition(logs, RESEARCH);
      replaced(at, MIDDLE, { value: rawOf(logs, at, MIDDLE).value });
    },
    ['VALUE_RAW'],
  ],
  [
    'a field left raw',
    (logs) => {
      const at = partition(logs, RESEARCH);
      const raw = rawOf(logs, at, MIDDLE);
      const { value, key } = at.committed[MIDDLE]!;
      // The key of the feed is the patient's id, and so is a field of the value.
      replaced(at, MIDDLE, { value: withText(value!, key!, raw.key!) });
    },
    ['VALUE_RAW'],
  ],
  [
    'a wrong pseudonym in a field',
    (logs) => {
      const at = partition(logs, RESEARCH);
      const { value, key } = at.committed[MIDDLE]!;
      replaced(at, MIDDLE, { value: withChanged(value!, key!, Buffer.from(key!).reverse()) });
    },
    ['VALUE_DIFFERS'],
  ],
  [
    'a key left raw',
    (logs) => {
      const at = partition(logs, RESEARCH);
      replaced(at, MIDDLE, { key: rawOf(logs, at, MIDDLE).key });
    },
    ['KEY_RAW'],
  ],
  [
    'a wrong pseudonym as key',
    (logs) => {
      const at = partition(logs, RESEARCH);
      replaced(at, MIDDLE, { key: Buffer.from(at.committed[MIDDLE]!.key!).reverse() });
    },
    ['KEY_DIFFERS'],
  ],
  [
    'a header leaked',
    (logs) => {
      const at = partition(logs, RESEARCH);
      replaced(at, MIDDLE, { headers: rawOf(logs, at, MIDDLE).headers });
    },
    ['HEADER_LEAKED'],
  ],
  [
    'a header lost',
    (logs) => replaced(partition(logs, RESEARCH), MIDDLE, { headers: [] }),
    ['HEADERS_DIFFER'],
  ],
  [
    "a producer's time where the broker should stamp",
    (logs) => replaced(partition(logs, RESEARCH), MIDDLE, { isAppendTime: false }),
    ['TIME_DIFFERS'],
  ],
  [
    'another schema named',
    (logs) => {
      const value = Buffer.from(partition(logs, RESEARCH).committed[MIDDLE]!.value!);
      value[4] = 200;
      replaced(partition(logs, RESEARCH), MIDDLE, { value });
    },
    ['SCHEMA_OTHER'],
  ],
  [
    'a withheld record that was published too',
    (logs) => {
      const { at, index } = withheldIn(logs);
      const { offset } = rawOf(logs, partition(logs, RESEARCH), MIDDLE);
      const entry = withheldCodec.decode(at.committed[index]!.value!);
      logs.append(NAMES.withheld, 0, { value: withheldCodec.encode({ ...entry, offset }, 1) });
    },
    ['WITHHELD_PUBLISHED', 'WITHHELD_UNAUDITED', 'WITHHELD_WITHOUT_CAUSE'],
  ],
  [
    'a withheld record that stands nowhere',
    (logs) => {
      const { at, index } = withheldIn(logs);
      at.committed.splice(index, 1);
    },
    ['OUTCOME_MISSING'],
  ],
  [
    'a record withheld twice',
    (logs) => {
      const { at, index } = withheldIn(logs);
      logs.append(NAMES.withheld, 0, { value: at.committed[index]!.value });
    },
    ['WITHHELD_TWICE'],
  ],
  [
    'something withheld where there is no record',
    (logs) => {
      const { at, index } = withheldIn(logs);
      const entry = withheldCodec.decode(at.committed[index]!.value!);
      logs.append(NAMES.withheld, 0, { value: withheldCodec.encode({ ...entry, offset: 1_000 }, 1) });
    },
    ['WITHHELD_NO_RECORD'],
  ],
  [
    'a record withheld for another reason',
    (logs) => {
      const { at, index } = withheldIn(logs);
      const entry = withheldCodec.decode(at.committed[index]!.value!);
      replaced(at, index, { value: withheldCodec.encode({ ...entry, code: 'ERR_MASK_RANGE' }, 1) });
    },
    ['WITHHELD_OTHER_CODE'],
  ],
  [
    'a withheld record of which the event says that it was delivered',
    (logs) =>
      logs.editEvents((events) =>
        events.map((event) =>
          isOfLane(event) && event.range!.delivered
            ? {
                ...event,
                range: { ...event.range!, delivered: null, delivered_count: event.range!.record_count },
              }
            : event,
        ),
      ),
    ['WITHHELD_UNAUDITED'],
  ],
  [
    'an audited range with a gap',
    (logs) =>
      logs.editEvents((events) => {
        const { seq, chain_id: chain } = plainEvent(logs).event;
        return events.filter((event) => event.seq !== seq || !event.chain_id.equals(chain));
      }),
    ['AUDIT_GAP'],
  ],
  [
    'an audited range that overlaps the next',
    (logs) => editRange(logs, ({ next_offset: next }) => ({ next_offset: next + 1 })),
    ['AUDIT_OVERLAP'],
  ],
  [
    'an event that is there twice',
    (logs) =>
      logs.editEvents((events) => {
        const at = events.findIndex(isOfLane);
        return events.toSpliced(at, 0, events[at]!);
      }),
    ['AUDIT_COUNT', 'AUDIT_OVERLAP'],
  ],
  [
    'an event that counts fewer records',
    (logs) => editRange(logs, ({ record_count: count }) => ({ record_count: count - 1 })),
    ['AUDIT_COUNT', 'AUDIT_DELIVERED'],
  ],
  ['an event that counts other bytes', (logs) => editRange(logs, () => ({ bytes: 1 })), ['AUDIT_COUNT']],
  [
    'an event under a policy version that never was',
    (logs) =>
      logs.editEvents((events) => {
        const at = events.findIndex(isOfLane);
        const policy = { ...events[at]!.policy, sha256: Buffer.alloc(32, 1) };
        return events.with(at, { ...events[at]!, policy });
      }),
    ['POLICY_UNKNOWN'],
  ],
  [
    'an event that names another plan',
    (logs) =>
      logs.editEvents((events) => {
        const at = events.findIndex(isOfLane);
        const plan = { ...events[at]!.plan!, hash: Buffer.alloc(32, 1) };
        return events.with(at, { ...events[at]!, plan });
      }),
    ['PLAN_OTHER'],
  ],
  [
    'a wrong hash in a chain',
    (logs) => {
      const { at, index, event } = plainEvent(logs);
      // Another event that says the same to whoever does not look at the hash.
      const value = auditEventCodec.encode({ ...event, event_id: Buffer.alloc(16) }, 1);
      replaced(at, index, { value });
    },
    ['CHAIN_HASH'],
  ],
  [
    'an event taken out of its chain',
    (logs) => {
      const { at, index } = plainEvent(logs);
      at.committed.splice(index, 1);
    },
    ['AUDIT_GAP', 'CHAIN_HASH', 'CHAIN_SEQ'],
  ],
  [
    'the end of a chain cut off',
    (logs) => {
      const at = logs.at(NAMES.auditEvents, 0);
      const closed = at.committed.findIndex(({ value }) => value!.includes('session.closed'));
      at.committed.splice(closed, 1);
    },
    ['CHAIN_CUT'],
  ],
  [
    'a value that is no event',
    (logs) => logs.append(NAMES.auditEvents, 0, { value: Buffer.from('none') }),
    ['AUDIT_UNREADABLE'],
  ],
  [
    'a lane that stopped before the end',
    (logs) =>
      logs.append(ENCOUNTERS, 1, {
        ...partition(logs, ENCOUNTERS).committed[0],
        offset: partition(logs, ENCOUNTERS).endOffset,
      }),
    ['LANE_BEHIND'],
  ],
  [
    'an offset that was committed without an event',
    (logs) => {
      const at = partition(logs, ENCOUNTERS);
      logs.append(ENCOUNTERS, 1, { ...at.committed[0], offset: at.endOffset });
      for (const name of logs.offsets.keys())
        if (name.endsWith(`${ENCOUNTERS} 1`)) logs.offsets.set(name, at.endOffset);
    },
    ['AUDIT_END', 'RECORD_LOST'],
  ],
  [
    'a lane without an offset or an event',
    (logs) => {
      logs.editEvents((events) =>
        events.filter(({ policy, range }) => policy.id !== 'index' || range?.topic !== ENCOUNTERS),
      );
    },
    ['LANE_NOT_STARTED'],
  ],
  [
    'a token of somebody else in the index',
    (logs) => editIndex(logs, (index) => ({ ...index, tokens: Buffer.from(index.tokens).reverse() })),
    ['INDEX_OTHER', 'INDEX_TOKEN'],
  ],
  [
    'an index that is not there',
    (logs) => logs.at(NAMES.auditSubjects, 0).committed.pop(),
    ['INDEX_MISSING'],
  ],
  [
    'a sanitized topic that is gone',
    (logs) => logs.all.splice(logs.all.indexOf(partition(logs, BILLING)), 1),
    ['RECORD_LOST', 'TOPIC_MISSING'],
  ],
];

/** Puts a text of another length in the place of one, as Avro writes texts. */
function withText(value: Buffer, from: Buffer, to: Buffer): Buffer {
  const at = value.indexOf(from);
  expect(at).toBeGreaterThan(5);
  // Shorter than 64 bytes: one byte of length.
  expect(value[at - 1]).toBe(from.length * 2);
  return Buffer.concat([
    value.subarray(0, at - 1),
    Buffer.from([to.length * 2]),
    to,
    value.subarray(at + from.length),
  ]);
}

describe('the oracle finds', () => {
  test.each(BREAKS)('%s', async (_name, change, codes) => {
    const { findings, counts } = await found(change);
    expect([...counts.keys()].toSorted()).toEqual(codes.toSorted());
    // Whoever reads findings gets places, and never what stood there.
    for (const finding of findings) {
      const texts = Object.values(finding).map(String).join(' ');
      for (const { key } of run.logs.at(ENCOUNTERS, 1).committed) expect(texts).not.toContain(String(key));
    }
  });
});

describe('records that are withheld, and read again later', () => {
  /** A record that a lane withheld by order of a person, and that a redrive has published at the end. */
  function redriven(logs: MadeLogs): MadePartition {
    const at = partition(logs, RESEARCH);
    const raw = rawOf(logs, at, MIDDLE);
    const [record] = at.committed.splice(MIDDLE, 1);
    at.committed.push({ ...record!, offset: at.endOffset });
    const order = { audience: 'research', topic: ENCOUNTERS, partition: 1 };
    const resume = { ...order, from: 'WITHHOLD', withhold_offset: raw.offset, reason: 'for a test' } as const;
    appendEntry(logs, 'LANE_RESUMED', { resume });
    const code = 'ERR_WITHHELD_BY_PERSON';
    const entry = { ...order, topic_id: logs.at(ENCOUNTERS, 1).topicId, offset: raw.offset, code };
    logs.append(NAMES.withheld, 0, { value: withheldCodec.encode(entry, 1) });
    logs.append(NAMES.withheld, 0, { value: withheldCodec.encode({ ...entry, outcome: 'PUBLISHED' }, 1) });
    logs.offsets.set(`${REDRIVE} ${ENCOUNTERS} 1`, raw.offset + 1);
    logs.editEvents((events) => {
      const mine = events.find(
        ({ range, ...event }) =>
          isOfLane({ range, ...event }) &&
          range!.first_offset <= raw.offset &&
          range!.next_offset > raw.offset,
      )!;
      const { first_offset: first, record_count: count } = mine.range!;
      const at = logs.at(ENCOUNTERS, 1).committed.filter(({ offset }) => offset >= first);
      const index = at.findIndex(({ offset }) => offset === raw.offset);
      const bits = Buffer.from(mine.range!.delivered ?? Buffer.alloc(Math.ceil(count / 8), 0xff));
      bits[index >> 3] = bits[index >> 3]! & ~(1 << (index & 7));
      const less = { ...mine.range!, delivered: bits, delivered_count: mine.range!.delivered_count - 1 };
      const one = {
        first_offset: raw.offset,
        next_offset: raw.offset + 1,
        record_count: 1,
        delivered_count: 1,
      };
      const chain_id = Buffer.alloc(16, 7);
      const group = { ...mine.group!, id: REDRIVE };
      const again = { ...mine, group, chain_id, ext: [], writer_id: 'redrive' };
      const range = { ...mine.range!, ...one, delivered: null, bytes: raw.value!.length };
      return [
        ...events.map((event) => (event === mine ? { ...event, range: less } : event)),
        { ...again, type: 'session.opened', range: { ...range, next_offset: raw.offset } },
        { ...again, range },
      ];
    });
    return at;
  }

  test('have one outcome: the later one', async () => {
    const logs = run.logs.copy();
    redriven(logs);
    const { findings, withheld } = await judge(logs);
    expect(findings).toEqual([]);
    expect(withheld).toBe(run.logs.at(NAMES.withheld, 0).committed.length + 1);
  });

  test('are found where a redrive has published them twice, or lost them', async () => {
    const { counts: lost } = await found((logs) => redriven(logs).committed.pop());
    expect([...lost.keys()]).toEqual(['RECORD_LOST']);
    const { counts: twice } = await found((logs) => {
      const { committed } = redriven(logs);
      committed.push(committed.at(-1)!);
    });
    expect([...twice.keys()]).toEqual(['RECORD_DOUBLED']);
  });

  test.each<readonly [string, (logs: MadeLogs) => void, readonly FindingCode[]]>([
    [
      'published again by a second redrive that says so everywhere',
      (logs) => {
        const { committed } = redriven(logs);
        committed.push(committed.at(-1)!);
        const told = logs.at(NAMES.withheld, 0).committed.at(-1)!;
        logs.append(NAMES.withheld, 0, { value: told.value });
        logs.editEvents((events) => {
          const [opened, batch] = events.filter(({ group }) => group?.id === REDRIVE);
          const first_offset = batch!.range!.first_offset;
          const range = { ...opened!.range!, first_offset, next_offset: first_offset };
          return [...events, { ...opened!, type: 'session.seek', range }, batch!];
        });
      },
      ['REDRIVEN_NOT_WITHHELD'],
    ],
    [
      'published without an event',
      (logs) => {
        redriven(logs);
        logs.editEvents((events) =>
          events.filter(({ group, type }) => group?.id !== REDRIVE || type !== 'session.batch'),
        );
      },
      ['AUDIT_END', 'RECORD_UNEXPECTED', 'REDRIVEN_UNAUDITED'],
    ],
    [
      'published without a word in gauze.withheld',
      (logs) => {
        redriven(logs);
        logs.at(NAMES.withheld, 0).committed.pop();
      },
      ['REDRIVEN_UNTOLD'],
    ],
    [
      'published in front of what the lane had published before it',
      (logs) => {
        const { committed } = redriven(logs);
        committed.splice(MIDDLE - 3, 0, committed.pop()!);
      },
      ['RECORD_OUT_OF_ORDER'],
    ],
    [
      'published with a position that was committed apart',
      (logs) => {
        redriven(logs);
        const name = `${REDRIVE} ${ENCOUNTERS} 1`;
        logs.offsets.set(name, logs.offsets.get(name)! - 1);
      },
      ['AUDIT_END'],
    ],
    [
      'published, and the lane says that it has passed over a stretch itself',
      (logs) => {
        redriven(logs);
        logs.editEvents((events) => {
          const at = events.findLastIndex((event) => isOfLane(event) && event.group!.id !== REDRIVE);
          const range = { ...events[at]!.range!, first_offset: events[at]!.range!.next_offset };
          return events.toSpliced(at + 1, 0, { ...events[at]!, type: 'redrive.passed', range });
        });
      },
      ['AUDIT_GAP'],
    ],
    [
      'published, and the lane begins anew in no event',
      (logs) => {
        redriven(logs);
        const entry = withheldCodec.decode(logs.at(NAMES.withheld, 0).committed.at(-1)!.value!);
        const anew = { ...entry, offset: 0, code: '', outcome: 'BEGUN_ANEW' } as const;
        logs.append(NAMES.withheld, 0, { value: withheldCodec.encode(anew, 1) });
      },
      ['BEGUN_ANEW_UNAUDITED'],
    ],
  ])('are found where one is %s', async (_name, change, codes) => {
    const { counts } = await found(change);
    expect([...counts.keys()].toSorted()).toEqual(codes.toSorted());
  });
});

describe('canaries', () => {
  const leaf = { kind: 'string', logical: null, tags: [] } as const;
  const allowedIn = [BILLING];
  const canary = () => {
    // Of billing alone, as its policy keeps account numbers; the hospital gives each encounter its own.
    const raw = run.logs.at(ENCOUNTERS, 1).committed[MIDDLE]!;
    return { name: 'key', value: String(raw.key), leaf };
  };

  test('that stand where the plans let them are no finding', async () => {
    const key = canary();
    const both = TOPICS.map((topic) => `${topic}.for-billing`);
    const { findings } = await judge(run.logs, { canaries: [{ ...key, allowedIn: both }] });
    expect(findings).toEqual([]);
  });

  test('are found where they may not stand, and missed where they should', async () => {
    const { counts } = await judge(run.logs, { canaries: [{ ...canary(), allowedIn }] });
    expect([...counts.keys()]).toEqual(['CANARY_SEEN']);
    const nowhere = { name: 'nowhere', value: 'Canary7bQx2LmZr5TnWk8Pd3', leaf, allowedIn };
    const missed = await judge(run.logs, { canaries: [nowhere] });
    expect([...missed.counts.keys()]).toEqual(['CANARY_MISSING']);
  });

  test.each([
    ['as they are', (text: string) => Buffer.from(text)],
    ['in hex', (text: string) => Buffer.from(Buffer.from(text).toString('hex'))],
    [
      'in base64 of something longer',
      (text: string) => Buffer.from(Buffer.from(`x${text}y`).toString('base64')),
    ],
  ])('are found %s in records that were aborted', async (_how, write) => {
    const logs = run.logs.copy();
    const value = 'Canary7bQx2LmZr5TnWk8Pd3';
    const at = logs.at(NAMES.auditEvents, 0);
    at.others.push({ ...at.committed[0]!, offset: 1_000, value: write(value) });
    const { counts } = await judge(logs, { canaries: [{ name: 'it', value, leaf, allowedIn: [] }] });
    expect([...counts.keys()]).toEqual(['CANARY_SEEN']);
  });
});

test('every finding that the oracle can give says what it means', () => {
  for (const [code, meaning] of Object.entries(FINDING_CODES)) {
    expect(code).toMatch(/^[A-Z]+(_[A-Z]+)+$/);
    expect(meaning.length).toBeGreaterThan(20);
  }
});
