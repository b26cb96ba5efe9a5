import { afterEach, describe, expect, test } from '@jest/globals';
import { Cluster } from '../../kafka/cluster.ts';
import { GroupMember } from '../../kafka/group-member.ts';
import type { TopicPartition } from '../../kafka/group-requests.ts';
import { ProtocolReader } from '../../kafka/protocol-reader.ts';
import { ProtocolWriter } from '../../kafka/protocol-writer.ts';
import { LOG_IN, ScriptedBroker, coordinatorAnswer, metadataAnswer } from '../support/scripted-broker.ts';
import type { Script, ScriptedAnswer } from '../support/scripted-broker.ts';

const METADATA = 3;
const FIND_COORDINATOR = 10;
const JOIN_GROUP = 11;
const HEARTBEAT = 12;
const LEAVE_GROUP = 13;
const SYNC_GROUP = 14;
const MINE = { topic: 'raw', partition: 3 };
let ending: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const end of ending) await end();
  ending = [];
});

interface JoinedAs {
  readonly leader?: string;
  /** SkipAssignment: the leader is back, and the assignments stand. */
  readonly keeps?: boolean;
}

/** A JoinGroup v9 answer; for a leader with one member, itself, that owns nothing. */
function joinAnswer(
  memberId: string,
  error = 0,
  { leader = 'the leader', keeps = false }: JoinedAs = {},
): Buffer {
  const body = new ProtocolWriter().int32(0).int16(error).int32(7);
  body.compactString('consumer').compactString('gauze-sticky').compactString(leader).boolean(keeps);
  const subscription = new ProtocolWriter().int16(1).int32(0).int32(-1).int32(0).done();
  return body
    .compactString(memberId)
    .compactArray(leader === memberId ? [memberId] : [], (id) =>
      body.compactString(id).compactString(null).compactBytes(subscription).noTags(),
    )
    .noTags()
    .done();
}

/** A SyncGroup v5 answer that assigns partition 3 of `raw`, with what the leader noted. */
function syncAnswer(error = 0, note: Buffer | null = null): Buffer {
  const assignment = new ProtocolWriter().int16(1);
  assignment.array([MINE], ({ topic, partition }) => assignment.string(topic).int32(1).int32(partition));
  if (note) assignment.bytes(note);
  else assignment.int32(-1);
  const body = new ProtocolWriter()
    .int32(0)
    .int16(error)
    .compactString('consumer')
    .compactString('gauze-sticky');
  return body
    .compactBytes(error === 0 ? assignment.done() : Buffer.alloc(0))
    .noTags()
    .done();
}

const heartbeatAnswer = (error: number): Buffer => new ProtocolWriter().int32(0).int16(error).noTags().done();

interface Started {
  readonly broker: ScriptedBroker;
  readonly member: GroupMember;
  readonly assigned: (readonly TopicPartition[])[];
  /** Codes of what it was ended by. */
  readonly replaced: string[];
}

/** A member that holds partition 3; it sends no heartbeat by itself within the time of a test. */
async function start(
  script: Script = {},
  heartbeatIntervalMs = 600_000,
  instanceId: string | null = null,
  sessionTimeoutMs = 10_000,
): Promise<Started> {
  const broker = await ScriptedBroker.start({});
  broker.script = {
    ...LOG_IN,
    [FIND_COORDINATOR]: () => ({ body: coordinatorAnswer(broker.address) }),
    [JOIN_GROUP]: () => ({ body: joinAnswer('me') }),
    [SYNC_GROUP]: () => ({ body: syncAnswer() }),
    [HEARTBEAT]: () => ({ body: heartbeatAnswer(0) }),
    [LEAVE_GROUP]: () => ({ body: heartbeatAnswer(0) }),
    ...script,
  };
  const cluster = new Cluster(broker.endpoint());
  const assigned: (readonly TopicPartition[])[] = [];
  const replaced: string[] = [];
  const member = new GroupMember(cluster, {
    instanceId,
    group: 'gauze.topology',
    topics: () => ['raw'],
    onAssigned: (partitions) => assigned.push(partitions),
    onTrouble: () => undefined,
    onReplaced: ({ code }) => replaced.push(code),
    heartbeatIntervalMs,
    sessionTimeoutMs,
  });
  ending.push(
    async () => await member.stop(),
    async () => await cluster.close(),
    async () => await broker.close(),
  );
  member.start();
  await until(() => assigned.length > 0);
  return { broker, member, assigned, replaced };
}

describe('whether a member still holds a partition', () => {
  test.each([
    ['goes on', 0, true],
    ['is about to join anew', 27, true],
    ['is not known any more', 25, false],
    ['has been replaced under its name', 82, false],
  ])('is asked for: one that %s (%i): %s', async (_what, error, holds) => {
    const { broker, member } = await start();
    broker.script = { ...broker.script, [HEARTBEAT]: () => ({ body: heartbeatAnswer(error) }) };
    expect(await member.stillHolds(MINE)).toBe(holds);
    expect(broker.received(HEARTBEAT)).toHaveLength(1);
    expect(await member.stillHolds({ ...MINE, partition: 4 })).toBe(false);
  });

  test.each([
    ['its generation is being replaced', () => ({ body: heartbeatAnswer(22) })],
    ['the coordinator moves', () => ({ body: heartbeatAnswer(16) })],
    ['the coordinator still reads its log', () => ({ body: heartbeatAnswer(14) })],
    ['nobody answers', (): ScriptedAnswer => 'close'],
  ])('is asked for again while nobody can say, because %s', async (_why, doubt) => {
    const { broker, member } = await start();
    const answers: (() => ScriptedAnswer)[] = [doubt, doubt];
    broker.script = {
      ...broker.script,
      [HEARTBEAT]: () => answers.shift()?.() ?? { body: heartbeatAnswer(0) },
    };
    expect(await member.stillHolds(MINE)).toBe(true);
    expect(broker.received(HEARTBEAT)).toHaveLength(3);
  });

  test('is not asked for any more once whoever wants to know has been told to stop', async () => {
    const { broker, member } = await start();
    const asked = Promise.withResolvers<void>();
    broker.script = {
      ...broker.script,
      [HEARTBEAT]: () => {
        asked.resolve();
        return 'close';
      },
    };
    const stop = new AbortController();
    const answer = member.stillHolds(MINE, stop.signal);
    await asked.promise;
    stop.abort();
    expect(await answer).toBe(false);
  });

  test('is told while the member waits for the others to join', async () => {
    const beats = [27];
    const { broker, member, assigned } = await start(
      { [HEARTBEAT]: () => ({ body: heartbeatAnswer(beats.shift() ?? 0) }) },
      5,
    );
    // The one after this never comes: a member that waits is answered nothing until all have joined.
    broker.script = { ...broker.script, [JOIN_GROUP]: () => 'silence' };
    await until(() => broker.received(JOIN_GROUP).length === 2);
    const [first] = broker.received(JOIN_GROUP);
    expect(await member.stillHolds(MINE)).toBe(true);
    // A broker answers the requests of a connection one after another.
    expect(broker.received(HEARTBEAT).at(-1)!.connection).not.toBe(first!.connection);
    expect(assigned).toEqual([[MINE]]);
  });

  test('is denied after the stop, without a new connection', async () => {
    const { broker, member } = await start();
    await member.stop();
    const { taken } = broker.connections;
    expect(await member.stillHolds(MINE)).toBe(false);
    expect(broker.connections.taken).toBe(taken);
  });
});

describe('a member', () => {
  test('joins with the id it is given, and tells what it owns when it joins again', async () => {
    const memberIdRequired = 79;
    const errors = [memberIdRequired];
    const beats = [27];
    const { broker, assigned } = await start(
      {
        [JOIN_GROUP]: () => ({ body: joinAnswer('me', errors.shift()) }),
        [HEARTBEAT]: () => ({ body: heartbeatAnswer(beats.shift() ?? 0) }),
      },
      5,
    );
    await until(() => assigned.length === 2);
    const joins = broker.received(JOIN_GROUP).map(({ body }) => {
      const r = new ProtocolReader(body);
      r.compactString();
      r.int32();
      r.int32();
      const memberId = r.compactString();
      r.compactNullableString();
      r.compactString();
      const [subscription] = r.compactArray(() => {
        r.compactString();
        const bytes = Buffer.from(r.compactBytes());
        r.tags();
        return bytes;
      });
      return { memberId, owns: subscription!.includes(Buffer.from([0, 0, 0, 1, 0, 0, 0, 3])) };
    });
    expect(joins).toEqual([
      { memberId: '', owns: false },
      { memberId: 'me', owns: false },
      { memberId: 'me', owns: true },
    ]);
    // What stays is not taken away in between.
    expect(assigned).toEqual([[MINE], [MINE]]);
  });

  test('holds nothing from the moment it is told that it is unknown, and joins as a new one', async () => {
    const beats = [25];
    const { broker, assigned } = await start(
      { [HEARTBEAT]: () => ({ body: heartbeatAnswer(beats.shift() ?? 0) }) },
      5,
    );
    await until(() => assigned.length === 3);
    expect(assigned).toEqual([[MINE], [], [MINE]]);
    expect(broker.received(JOIN_GROUP)).toHaveLength(2);
  });

  test('joins again where the group began anew while it waited for its assignment', async () => {
    const syncs = [27];
    const { broker, assigned } = await start({ [SYNC_GROUP]: () => ({ body: syncAnswer(syncs.shift()) }) });
    expect(assigned).toEqual([[MINE]]);
    expect(broker.received(JOIN_GROUP)).toHaveLength(2);
  });

  test('leaves the group when it stops', async () => {
    const { broker, member } = await start();
    await member.stop();
    expect(broker.received(LEAVE_GROUP)).toHaveLength(1);
    expect(broker.received(LEAVE_GROUP)[0]!.body.includes('me')).toBe(true);
  });
});

describe('whether the group knows of a member', () => {
  test.each([
    ['nobody answers it', (): ScriptedAnswer => 'close'],
    ['it is told that it is unknown', (): ScriptedAnswer => ({ body: heartbeatAnswer(25) })],
  ])('is denied where %s, and told again once it has joined anew', async (_why, trouble) => {
    const { broker, member } = await start({}, 5, null, 100);
    expect(member.isConfirmed).toBe(true);
    const whole = broker.script;
    broker.script = { ...whole, [HEARTBEAT]: trouble, [JOIN_GROUP]: () => 'close' };
    await until(() => !member.isConfirmed);
    broker.script = whole;
    await until(() => member.isConfirmed);
    expect(broker.received(JOIN_GROUP).length).toBeGreaterThan(1);
  });

  test('is denied before it has joined', async () => {
    const broker = await ScriptedBroker.start({});
    ending.push(async () => await broker.close());
    const onAssigned = (): void => undefined;
    const options = { group: 'gauze.topology', topics: () => [], onAssigned, onTrouble: onAssigned };
    expect(new GroupMember(new Cluster(broker.endpoint()), options).isConfirmed).toBe(false);
  });
});

describe('a member with an instance id', () => {
  test('tells it with each request, and stays in the group when it stops', async () => {
    const { broker, member } = await start({}, 5, 'blue-1');
    await until(() => broker.received(HEARTBEAT).length > 0);
    await member.stop();
    for (const api of [JOIN_GROUP, SYNC_GROUP, HEARTBEAT])
      expect([api, broker.received(api)[0]!.body.includes('blue-1')]).toEqual([api, true]);
    expect(broker.received(LEAVE_GROUP)).toEqual([]);
  });

  test('holds nothing, joins no more and says why where somebody else runs under its id', async () => {
    const fenced = 82;
    const { broker, member, assigned, replaced } = await start(
      { [HEARTBEAT]: () => ({ body: heartbeatAnswer(fenced) }) },
      5,
      'blue-1',
    );
    await until(() => replaced.length > 0);
    expect(replaced).toEqual(['ERR_RUN_INSTANCE_REPLACED']);
    expect(assigned).toEqual([[MINE], []]);
    expect(await member.stillHolds(MINE)).toBe(false);
    expect(broker.received(JOIN_GROUP)).toHaveLength(1);
  });
});

describe('a leader', () => {
  /** How many assignments a SyncGroup v5 request hands in, and the note of the first. */
  function handedIn(body: Buffer): { count: number; note: Buffer | null } {
    const r = new ProtocolReader(body);
    r.compactString();
    r.int32();
    r.compactString();
    r.compactNullableString();
    r.compactString();
    r.compactString();
    const assignments = r.compactArray(() => {
      r.compactString();
      const bytes = Buffer.from(r.compactBytes());
      r.tags();
      return bytes;
    });
    const a = new ProtocolReader(assignments[0] ?? Buffer.alloc(0));
    if (assignments.length === 0) return { count: 0, note: null };
    a.int16();
    a.array(() => [a.string(), a.array(() => a.int32())]);
    return { count: assignments.length, note: Buffer.from(a.bytes()) };
  }

  /** A leader of one topic; `keeps`: for each join, whether the assignments stand. */
  async function lead(
    partitions: () => number,
    keeps: readonly boolean[],
    noted: Buffer | null,
  ): Promise<Started> {
    const left = [...keeps];
    const script: Script = {
      [METADATA]: () => ({
        body: metadataAnswer({ name: 'raw', leaders: Array.from({ length: partitions() }, () => 1) }),
      }),
      [JOIN_GROUP]: () => ({ body: joinAnswer('me', 0, { leader: 'me', keeps: left.shift() ?? false }) }),
      [SYNC_GROUP]: ({ body }) => ({ body: syncAnswer(0, handedIn(body).note ?? noted) }),
    };
    return await start(script, 5, 'blue-1');
  }

  /** What it noted with 4 partitions. */
  async function noteOfFour(): Promise<Buffer> {
    const { broker } = await lead(() => 4, [false], null);
    return handedIn(broker.received(SYNC_GROUP)[0]!.body).note!;
  }

  test('that is back hands in no other assignments, and leaves the group in peace', async () => {
    const { broker } = await lead(() => 4, [true], await noteOfFour());
    await until(() => broker.received(HEARTBEAT).length > 5);
    expect(broker.received(SYNC_GROUP).map(({ body }) => handedIn(body).count)).toEqual([0]);
    expect(broker.received(JOIN_GROUP)).toHaveLength(1);
  });

  test.each([
    ['partitions came while it was away', 5],
    ['partitions went', 3],
  ])('that is back assigns anew where %s', async (_what, now) => {
    const { broker } = await lead(() => now, [true], await noteOfFour());
    await until(() => broker.received(SYNC_GROUP).length > 1);
    expect(broker.received(SYNC_GROUP).map(({ body }) => handedIn(body).count)).toEqual([0, 1]);
  });

  test('that is back after an older version, which noted nothing, assigns anew once', async () => {
    const { broker } = await lead(() => 4, [true], null);
    await until(() => broker.received(HEARTBEAT).length > 8);
    expect(broker.received(SYNC_GROUP).map(({ body }) => handedIn(body).count)).toEqual([0, 1]);
  });
});

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}
