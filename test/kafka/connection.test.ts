import { afterEach, describe, expect, test } from '@jest/globals';
import { Connection, request } from '../../kafka/connection.ts';
import type { ApiSpec, ConnectionOptions } from '../../kafka/connection.ts';
import type { Login } from '../../kafka/login.ts';
import { ProtocolWriter } from '../../kafka/protocol-writer.ts';
import { LOG_IN, SASL_AUTHENTICATE, ScriptedBroker, saslAnswer } from '../support/scripted-broker.ts';
import type { Script } from '../support/scripted-broker.ts';

const ECHO: ApiSpec = { key: 3, version: 12, name: 'Metadata', flexible: true };
const PASSWORD = 'synthetic-Passw0rd-7c1';
let brokers: ScriptedBroker[] = [];
let opened: Connection[] = [];

afterEach(async () => {
  for (const connection of opened) connection.close();
  await Promise.all(brokers.map(async (broker) => await broker.close()));
  brokers = [];
  opened = [];
});

async function broker(script: Script): Promise<ScriptedBroker> {
  const started = await ScriptedBroker.start({ ...LOG_IN, ...script });
  brokers.push(started);
  return started;
}

async function connect(
  to: ScriptedBroker,
  options: ConnectionOptions = {},
  login: Partial<Login> = {},
): Promise<Connection> {
  const connection = await Connection.open(
    to.address,
    to.endpoint({ password: PASSWORD, ...login }),
    options,
  );
  opened.push(connection);
  return connection;
}

/** Sends a number and gives the number that comes back. */
async function echo(connection: Connection, value: number, timeoutMs = 2_000): Promise<number> {
  const body = new ProtocolWriter().int32(value).done();
  return await request(connection, ECHO, [body], timeoutMs, (r) => r.int32());
}

async function failure(promise: Promise<unknown>): Promise<Error> {
  const outcome = await promise.then(
    () => null,
    (error: unknown) => error,
  );
  if (!(outcome instanceof Error)) throw new Error('nothing was thrown');
  return outcome;
}

describe('Connection', () => {
  test('pipelines requests, and gives each its own answer however the bytes arrive', async () => {
    const received = await broker({ 3: ({ body }) => ({ body: Buffer.from(body) }) });
    const connection = await connect(received);
    const values = Array.from({ length: 50 }, (_, i) => i * 1_000);
    const answers = await Promise.all(values.map(async (value) => await echo(connection, value)));
    expect(answers).toEqual(values);
    expect(received.received(3).map(({ body }) => body.readInt32BE(0))).toEqual(values);
    expect(received.connections.taken).toBe(1);
  });

  test('sends several requests before the first is answered', async () => {
    const { promise: held, resolve: release } = Promise.withResolvers<null>();
    const received = await broker({
      3: async ({ body }) => {
        await held;
        return { body: Buffer.from(body) };
      },
    });
    const connection = await connect(received);
    const both = Promise.all([echo(connection, 1), echo(connection, 2)]);
    await until(() => received.received(3).length === 2);
    release(null);
    expect(await both).toEqual([1, 2]);
  });

  test('dies of an answer with another correlation id, and rejects every request under way', async () => {
    const received = await broker({
      3: ({ correlation, body }) =>
        body.readInt32BE(0) === 1
          ? {
              frame: Buffer.concat([
                new ProtocolWriter()
                  .int32(correlation + 1)
                  .noTags()
                  .done(),
                body,
              ]),
            }
          : 'silence',
    });
    const connection = await connect(received);
    const errors = await Promise.all([failure(echo(connection, 1)), failure(echo(connection, 2))]);
    for (const error of errors)
      expect(error).toMatchObject({ code: 'ERR_KAFKA_PROTOCOL', context: { apiName: 'Metadata' } });
    expect(connection.alive).toBe(false);
  });

  test('dies of an answer that nobody asked for', async () => {
    const answer = new ProtocolWriter().int32(8).int32(1).int32(2).done();
    const received = await broker({
      3: ({ correlation, body }) => ({
        bytes: Buffer.concat([
          new ProtocolWriter().int32(9).int32(correlation).noTags().raw(body).done(),
          answer,
        ]),
      }),
    });
    const connection = await connect(received);
    expect(await echo(connection, 5)).toBe(5);
    await until(() => !connection.alive);
    await expect(echo(connection, 6)).rejects.toMatchObject({ code: 'ERR_KAFKA_PROTOCOL' });
  });

  test('dies of a request time-out, and rejects every request under way with it', async () => {
    const received = await broker({ 3: () => 'silence' });
    const connection = await connect(received);
    const started = performance.now();
    const [first, second] = await Promise.all([
      failure(echo(connection, 1, 60)),
      failure(echo(connection, 2, 60_000)),
    ]);
    expect(first).toMatchObject({
      code: 'ERR_KAFKA_REQUEST_TIMEOUT',
      context: { apiName: 'Metadata', limit: 60 },
    });
    expect(second).toMatchObject({ code: 'ERR_KAFKA_REQUEST_TIMEOUT' });
    expect(performance.now() - started).toBeLessThan(5_000);
    expect(connection.alive).toBe(false);
    await until(() => received.connections.open === 0);
  });

  test('keeps the time-out of a request behind one that may take longer', async () => {
    const received = await broker({
      3: ({ body }) => (body.readInt32BE(0) === 1 ? { body: Buffer.from(body) } : 'silence'),
    });
    const connection = await connect(received);
    const patient = echo(connection, 1, 60_000);
    const hasty = failure(echo(connection, 2, 80));
    expect(await patient).toBe(1);
    expect(await hasty).toMatchObject({ code: 'ERR_KAFKA_REQUEST_TIMEOUT', context: { limit: 80 } });
  });

  test('refuses an answer over the frame limit or below a header, before taking memory for it', async () => {
    for (const length of [1_001, 0x7fffffff, 3, -1]) {
      const received = await broker({ 3: () => ({ bytes: new ProtocolWriter().int32(length).done() }) });
      const connection = await connect(received, { frameBytesMax: 1_000 });
      await expect(echo(connection, 1)).rejects.toMatchObject({ code: 'ERR_KAFKA_PROTOCOL' });
      expect(connection.alive).toBe(false);
    }
  });

  test('turns an answer shorter than its own counts into ERR_KAFKA_PROTOCOL, and dies of it', async () => {
    const received = await broker({ 3: () => ({ body: Buffer.from([0, 0, 1]) }) });
    const connection = await connect(received);
    await expect(echo(connection, 1)).rejects.toMatchObject({
      code: 'ERR_KAFKA_PROTOCOL',
      context: { apiName: 'Metadata', port: received.address.port },
    });
    expect(connection.alive).toBe(false);
  });

  test('dies of tagged fields in the header that run past the end', async () => {
    const received = await broker({
      3: ({ correlation }) => ({ frame: new ProtocolWriter().int32(correlation).unsignedVarint(9).done() }),
    });
    const connection = await connect(received);
    const errors = await Promise.all([failure(echo(connection, 1)), failure(echo(connection, 2))]);
    for (const error of errors) expect(error).toMatchObject({ code: 'ERR_KAFKA_PROTOCOL' });
    expect(connection.alive).toBe(false);
  });

  test('rejects what is under way when the broker hangs up', async () => {
    const received = await broker({ 3: () => 'close' });
    const connection = await connect(received);
    await expect(echo(connection, 1)).rejects.toMatchObject({ code: 'ERR_KAFKA_CONNECTION_LOST' });
    await expect(echo(connection, 2)).rejects.toMatchObject({ code: 'ERR_KAFKA_CONNECTION_LOST' });
  });

  test('says that nobody listens', async () => {
    const received = await broker({});
    const { address } = received;
    const endpoint = received.endpoint();
    await received.close();
    brokers = [];
    await expect(Connection.open(address, endpoint)).rejects.toMatchObject({
      code: 'ERR_KAFKA_CONNECT',
      context: address,
    });
  });
});

describe('the log-in', () => {
  test('that is refused names the role and never the password', async () => {
    const received = await broker({
      [SASL_AUTHENTICATE]: () => ({ body: saslAnswer(Buffer.from(PASSWORD), 58) }),
    });
    const error = await failure(connect(received));
    expect(error).toMatchObject({ code: 'ERR_KAFKA_AUTHENTICATION', context: { role: 'topology' } });
    const everything = [JSON.stringify(error), error.message, error.stack ?? ''].join('\n');
    expect(everything).not.toContain(PASSWORD);
    await until(() => received.connections.open === 0);
  });

  test('that is cut short is ERR_KAFKA_PROTOCOL, for every truncation of its answers', async () => {
    const whole = saslAnswer(Buffer.from('x'));
    for (let length = 0; length < whole.length - 1; length++) {
      const received = await broker({
        [SASL_AUTHENTICATE]: () => ({ body: Buffer.from(whole.subarray(0, length)) }),
      });
      await expect(connect(received)).rejects.toMatchObject({ code: 'ERR_KAFKA_PROTOCOL' });
      const early = await broker({ 17: () => ({ body: Buffer.alloc(1) }) });
      await expect(connect(early)).rejects.toMatchObject({ code: 'ERR_KAFKA_PROTOCOL' });
    }
  });

  test('that is not answered is a lost connection, not a refused password', async () => {
    const received = await broker({ [SASL_AUTHENTICATE]: () => 'close' });
    await expect(connect(received)).rejects.toMatchObject({ code: 'ERR_KAFKA_CONNECTION_LOST' });
  });

  test('is made again before its lifetime ends, and requests wait for it', async () => {
    let logIns = 0;
    const received = await broker({
      [SASL_AUTHENTICATE]: () => {
        logIns++;
        return { body: saslAnswer(Buffer.alloc(0), 0, logIns === 1 ? 100 : 0) };
      },
      3: ({ body }) => ({ body: Buffer.from(body) }),
    });
    const connection = await connect(received);
    for (let sent = 0; ; sent++) {
      expect(await echo(connection, sent)).toBe(sent);
      if (logIns === 2) break;
    }
    expect(await echo(connection, 42)).toBe(42);
    expect(received.connections.taken).toBe(1);
  });
});

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}
