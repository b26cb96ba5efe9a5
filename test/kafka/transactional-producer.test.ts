import { afterEach, describe, expect, test } from '@jest/globals';
import { Cluster } from '../../kafka/cluster.ts';
import { ProtocolReader } from '../../kafka/protocol-reader.ts';
import { ProtocolWriter } from '../../kafka/protocol-writer.ts';
import { readEndTxn } from '../../kafka/transaction-requests.ts';
import type { ProducerIdentity } from '../../kafka/transaction-requests.ts';
import { TransactionalProducer } from '../../kafka/transactional-producer.ts';
import { LOG_IN, ScriptedBroker, coordinatorAnswer } from '../support/scripted-broker.ts';
import type { ReceivedRequest, Script } from '../support/scripted-broker.ts';

const FIND_COORDINATOR = 10;
const INIT_PRODUCER_ID = 22;
const END_TXN = 26;
const OFFSET_FETCH = 9;
const UNSTABLE_OFFSET_COMMIT = 88;
const TXN_OFFSET_COMMIT = 28;
const { signal } = new AbortController();
const OFFSET = { group: 'gauze.research', topic: 'raw', partition: 0, offset: 5, metadata: '' };
let ending: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const end of ending) await end();
  ending = [];
});

/** The body of an InitProducerId v5 or EndTxn v5 answer: both have the same fields. */
function identityAnswer({ producerId, epoch }: ProducerIdentity, error = 0): Buffer {
  return new ProtocolWriter().int32(0).int16(error).int64(producerId).int16(epoch).noTags().done();
}

/** The body of a TxnOffsetCommit v5 answer about one partition. */
function offsetAnswer(error = 0): Buffer {
  const body = new ProtocolWriter().int32(0);
  body.compactArray(['raw'], (topic) => {
    body.compactString(topic).compactArray([0], (index) => body.int32(index).int16(error).noTags());
    body.noTags();
  });
  return body.noTags().done();
}

/** The body of an OffsetFetch v9 answer about one partition. */
function committedAnswer(offset: bigint, error = 0): Buffer {
  const body = new ProtocolWriter().int32(0);
  body.compactArray([OFFSET.group], (group) => {
    body.compactString(group).compactArray([OFFSET.topic], (topic) => {
      body.compactString(topic).compactArray([0], (index) => {
        body.int32(index).int64(offset).int32(-1).compactString('').int16(error).noTags();
      });
      body.noTags();
    });
    body.int16(0).noTags();
  });
  return body.noTags().done();
}

/** Producer id and epoch as a request after `strings` compact strings carries them. */
function identityIn({ body }: ReceivedRequest, strings: number): ProducerIdentity {
  const r = new ProtocolReader(body);
  for (let i = 0; i < strings; i++) r.compactString();
  return { producerId: r.int64(), epoch: r.int16() };
}

async function start(
  script: Script,
  settleAfterMs?: number,
): Promise<{ broker: ScriptedBroker; producer: TransactionalProducer }> {
  const broker = await ScriptedBroker.start(script);
  broker.script = {
    ...LOG_IN,
    [FIND_COORDINATOR]: () => ({ body: coordinatorAnswer(broker.address) }),
    [INIT_PRODUCER_ID]: () => ({ body: identityAnswer({ producerId: 900n, epoch: 7 }) }),
    [TXN_OFFSET_COMMIT]: () => ({ body: offsetAnswer() }),
    [END_TXN]: () => ({ body: identityAnswer({ producerId: 900n, epoch: 8 }) }),
    ...script,
  };
  const cluster = new Cluster(broker.endpoint());
  const producer = new TransactionalProducer(cluster, 'gauze.lane.research.raw.0', settleAfterMs);
  ending.push(
    () => producer.close(),
    async () => await cluster.close(),
    async () => await broker.close(),
  );
  return { broker, producer };
}

describe('the answer to EndTxn v5', () => {
  test('carries the identity for the next transaction: at roll-over another producer id and epoch 0', () => {
    // Recorded from Apache Kafka 4.3.1 over 32,768 transactions of one transactional id.
    const recorded = [
      '00000000000000000000000000437ffd00',
      '00000000000000000000000000437ffe00',
      '0000000000000000000000000044000000',
      '0000000000000000000000000044000100',
    ].map((hex) => readEndTxn(new ProtocolReader(Buffer.from(hex, 'hex'))));
    expect(recorded).toEqual([
      { error: 0, producerId: 0x43n, epoch: 32_765 },
      { error: 0, producerId: 0x43n, epoch: 32_766 },
      { error: 0, producerId: 0x44n, epoch: 0 },
      { error: 0, producerId: 0x44n, epoch: 1 },
    ]);
  });

  test('that is cut short raises RangeError', () => {
    const whole = identityAnswer({ producerId: 1n, epoch: 1 });
    for (let length = 0; length < whole.length - 1; length++) {
      expect(() => readEndTxn(new ProtocolReader(whole.subarray(0, length)))).toThrow(RangeError);
    }
  });
});

describe('TransactionalProducer', () => {
  test('goes on with the identity that each answer hands out, across a roll-over', async () => {
    const answers: ProducerIdentity[] = [
      { producerId: 900n, epoch: 32_766 },
      { producerId: 901n, epoch: 0 },
      { producerId: 901n, epoch: 1 },
    ];
    const { broker, producer } = await start({
      [INIT_PRODUCER_ID]: () => ({ body: identityAnswer({ producerId: 900n, epoch: 32_765 }) }),
      [END_TXN]: () => ({ body: identityAnswer(answers.shift()!) }),
    });
    await producer.initialize(signal);
    for (let i = 0; i < 3; i++) await producer.commit([], OFFSET, signal);
    const used: readonly ProducerIdentity[] = [
      { producerId: 900n, epoch: 32_765 },
      { producerId: 900n, epoch: 32_766 },
      { producerId: 901n, epoch: 0 },
    ];
    expect(broker.received(END_TXN).map((request) => identityIn(request, 1))).toEqual(used);
    expect(broker.received(TXN_OFFSET_COMMIT).map((request) => identityIn(request, 2))).toEqual(used);
  });

  test('takes an id over as a newcomer: never with an id and epoch that it had before', async () => {
    const { broker, producer } = await start({ [END_TXN]: () => 'close' });
    await producer.initialize(signal);
    await expect(producer.commit([], OFFSET, signal)).rejects.toMatchObject({
      code: 'ERR_KAFKA_CONNECTION_LOST',
    });
    await producer.initialize(signal);
    for (const { body } of broker.received(INIT_PRODUCER_ID)) {
      const r = new ProtocolReader(body);
      expect([r.compactString(), r.int32()]).toEqual(['gauze.lane.research.raw.0', 10_000]);
      expect([r.int64(), r.int16()]).toEqual([-1n, -1]);
    }
  });

  test('asks for no EndTxn when the offset was refused', async () => {
    const { broker, producer } = await start({ [TXN_OFFSET_COMMIT]: () => ({ body: offsetAnswer(12) }) });
    await producer.initialize(signal);
    await expect(producer.commit([], OFFSET, signal)).rejects.toMatchObject({
      code: 'ERR_KAFKA_ANSWER',
      context: { apiName: 'TxnOffsetCommit', kafkaErrorName: 'OFFSET_METADATA_TOO_LARGE' },
    });
    expect(broker.received(END_TXN)).toEqual([]);
  });

  test('asks for no EndTxn when the answer about the offset names no partition', async () => {
    const nothing = new ProtocolWriter().int32(0).unsignedVarint(1).noTags().done();
    const { broker, producer } = await start({ [TXN_OFFSET_COMMIT]: () => ({ body: nothing }) });
    await producer.initialize(signal);
    await expect(producer.commit([], OFFSET, signal)).rejects.toMatchObject({ code: 'ERR_KAFKA_ANSWER' });
    expect(broker.received(END_TXN)).toEqual([]);
  });

  test('is unusable after any doubt, until it is initialised again', async () => {
    const { broker, producer } = await start({ [END_TXN]: () => 'close' });
    await expect(producer.commit([], OFFSET, signal)).rejects.toMatchObject({
      code: 'ERR_KAFKA_OUTCOME_UNKNOWN',
    });
    await producer.initialize(signal);
    await expect(producer.commit([], OFFSET, signal)).rejects.toMatchObject({
      code: 'ERR_KAFKA_CONNECTION_LOST',
    });
    await expect(producer.commit([], OFFSET, signal)).rejects.toMatchObject({
      code: 'ERR_KAFKA_OUTCOME_UNKNOWN',
    });
    broker.script = {
      ...broker.script,
      [END_TXN]: () => ({ body: identityAnswer({ producerId: 900n, epoch: 9 }) }),
    };
    await producer.initialize(signal);
    await producer.commit([], OFFSET, signal);
  });

  test('runs one commit at a time: a second one beside it is refused', async () => {
    const { producer } = await start({});
    await producer.initialize(signal);
    const [one, other] = await Promise.allSettled([
      producer.commit([], OFFSET, signal),
      producer.commit([], OFFSET, signal),
    ]);
    expect(one.status).toBe('fulfilled');
    expect(other).toMatchObject({ status: 'rejected', reason: { code: 'ERR_KAFKA_OUTCOME_UNKNOWN' } });
  });

  test.each([
    ['the offset', 47],
    ['the offset', 90],
    ['the end', 47],
    ['the end', 90],
  ])('that is fenced at %s with error %i gives up, and never initialises again', async (where, error) => {
    const { broker, producer } = await start(
      where === 'the end'
        ? { [END_TXN]: () => ({ body: identityAnswer({ producerId: -1n, epoch: -1 }, error) }) }
        : { [TXN_OFFSET_COMMIT]: () => ({ body: offsetAnswer(error) }) },
    );
    await producer.initialize(signal);
    await expect(producer.commit([], OFFSET, signal)).rejects.toMatchObject({ code: 'ERR_KAFKA_FENCED' });
    await expect(producer.initialize(signal)).rejects.toMatchObject({ code: 'ERR_KAFKA_FENCED' });
    expect(broker.received(INIT_PRODUCER_ID)).toHaveLength(1);
  });

  test('waits out a transaction that is still ending, and a coordinator that moves', async () => {
    const concurrent = 51;
    const notCoordinator = 16;
    const ends = [concurrent, notCoordinator, 0];
    const offsets = [concurrent, 0];
    const { broker, producer } = await start({
      [END_TXN]: () => ({ body: identityAnswer({ producerId: 900n, epoch: 8 }, ends.shift()) }),
      [TXN_OFFSET_COMMIT]: () => ({ body: offsetAnswer(offsets.shift()) }),
    });
    await producer.initialize(signal);
    await producer.commit([], OFFSET, signal);
    expect(broker.received(END_TXN).map((request) => identityIn(request, 1).epoch)).toEqual([7, 7, 7]);
    expect(broker.received(TXN_OFFSET_COMMIT)).toHaveLength(2);
    // The transaction's coordinator twice, the group's once.
    expect(broker.received(FIND_COORDINATOR)).toHaveLength(3);
  });

  test('ends its retries when it is told to', async () => {
    const { producer } = await start({
      [INIT_PRODUCER_ID]: () => ({ body: identityAnswer({ producerId: -1n, epoch: -1 }, 51) }),
    });
    const stopping = new AbortController();
    const waiting = producer.initialize(stopping.signal);
    stopping.abort();
    await expect(waiting).rejects.toThrow();
  });
});

describe('an offset that is hidden by a transaction which has long ended', () => {
  const ask = async (producer: TransactionalProducer): Promise<unknown> => {
    await producer.initialize(signal);
    return await producer.committed(OFFSET.group, OFFSET.topic, OFFSET.partition, signal);
  };

  test('is shown again by one that is aborted, and never committed', async () => {
    let isSettled = false;
    const { broker, producer } = await start(
      {
        [OFFSET_FETCH]: () => ({
          body: isSettled ? committedAnswer(41n) : committedAnswer(-1n, UNSTABLE_OFFSET_COMMIT),
        }),
        [END_TXN]: ({ body }) => {
          const r = new ProtocolReader(body);
          r.compactString();
          r.int64();
          r.int16();
          const isCommit = r.boolean();
          expect(isCommit).toBe(false);
          isSettled = true;
          return { body: identityAnswer({ producerId: 900n, epoch: 8 }) };
        },
      },
      100,
    );
    expect(await ask(producer)).toMatchObject({ offset: 41 });
    const kinds = broker.requests.map(({ key }) => key);
    expect(kinds.filter((key) => key === TXN_OFFSET_COMMIT || key === END_TXN)).toEqual([
      TXN_OFFSET_COMMIT,
      END_TXN,
    ]);
    expect(kinds.indexOf(OFFSET_FETCH)).toBeLessThan(kinds.indexOf(TXN_OFFSET_COMMIT));
  });

  test('is an outage where that does not help', async () => {
    const { producer } = await start(
      { [OFFSET_FETCH]: () => ({ body: committedAnswer(-1n, UNSTABLE_OFFSET_COMMIT) }) },
      100,
    );
    await expect(ask(producer)).rejects.toMatchObject({
      code: 'ERR_KAFKA_UNSETTLED',
      context: { apiName: 'OffsetFetch', limit: 200 },
    });
  });

  test('is left to whoever has fenced this producer', async () => {
    const { broker, producer } = await start(
      {
        [OFFSET_FETCH]: () => ({ body: committedAnswer(-1n, UNSTABLE_OFFSET_COMMIT) }),
        [TXN_OFFSET_COMMIT]: () => ({ body: offsetAnswer(90) }),
      },
      100,
    );
    await expect(ask(producer)).rejects.toMatchObject({ code: 'ERR_KAFKA_FENCED' });
    expect(broker.received(INIT_PRODUCER_ID)).toHaveLength(1);
    expect(broker.received(END_TXN)).toHaveLength(0);
  });
});
