/**
 * Promises of the local stack: real log-ins, default deny, narrow standing rights, nothing left behind.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { existsSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import { aclText, allow } from '../../kafka/acl.ts';
import { ordinaryConsumer, ordinaryProducer } from '../../kafka/kafkajs-client.ts';
import type { KafkaJsOptions, OrdinaryProducer } from '../../kafka/kafkajs-client.ts';
import type { Login } from '../../kafka/login.ts';
import type { GauzeError } from '../../platform/errors.ts';
import { startStack } from '../../stack/local-stack.ts';
import {
  eventually,
  addUser,
  connectionOf,
  loginOf,
  testStack,
  uniqueName,
  withAdmin,
} from '../support/stack.ts';

describe('log-ins', () => {
  test('lets every user in with the password of this start', async () => {
    const { logins } = testStack();
    expect(Object.keys(logins).length).toBeGreaterThanOrEqual(12);
    for (const login of Object.values(logins)) {
      expect(Buffer.from(login.password, 'base64url').length).toBeGreaterThanOrEqual(16);
      await expect(withAdmin(async (admin) => await admin.describeBrokers(), login)).resolves.toHaveLength(1);
    }
  });

  test('takes PLAIN from its PLAIN user and refuses PLAIN with the password of a SCRAM user', async () => {
    expect(loginOf('plain-app').mechanism).toBe('plain');
    const asPlain: Login = { ...loginOf('ehr-feed'), mechanism: 'plain' };
    await expect(withAdmin(async (admin) => await admin.listTopics(), asPlain)).rejects.toMatchObject({
      code: 'ERR_KAFKA_AUTHENTICATION',
    });
  });

  test('lets a user in that was made while the stack runs, and gives it no right', async () => {
    const login = await addUser(uniqueName('late'));
    expect(await withAdmin(async (admin) => await admin.listTopics(), login)).toEqual([]);
  });
});

async function withProducer(
  options: KafkaJsOptions,
  work: (producer: OrdinaryProducer) => Promise<void>,
): Promise<void> {
  const producer = ordinaryProducer(options);
  try {
    await producer.connect();
    await work(producer);
  } finally {
    await producer.disconnect();
  }
}

/** Lets an ordinary consumer read `topic` and tells the error that ends it. */
async function firstCrash(options: KafkaJsOptions, topic: string): Promise<Error> {
  const consumer = ordinaryConsumer(options, topic);
  try {
    await consumer.connect();
    await consumer.subscribe({ topic, fromBeginning: true });
    return await new Promise<Error>((resolve) => {
      consumer.on(consumer.events.CRASH, ({ payload }) => resolve(payload.error));
      consumer.run({ eachMessage: async () => {} }).catch(resolve);
    });
  } finally {
    await consumer.disconnect();
  }
}

describe('rights', () => {
  test('refuses to read and write where no rule allows it, and allows exactly what a rule says', async () => {
    const topic = uniqueName('stack.rights');
    await withAdmin(async (admin) => await admin.createTopic({ topic, partitions: 1 }));
    const user = await addUser(uniqueName('writer'));
    const options = { ...connectionOf('admin'), login: user, retries: 0 };
    await withProducer(options, async (producer) => {
      const send = async () => await producer.send({ topic, messages: [{ value: 'x' }] });
      await expect(send()).rejects.toThrow('Topic authorization failed');
      await withAdmin(async (admin) => {
        await admin.createAcls(allow(`User:${user.username}`, ['write'], 'topic', topic));
      });
      expect(await eventually(send)).toHaveLength(1);
    });
    await withAdmin(async (admin) => {
      await admin.createAcls(allow(`User:${user.username}`, ['read'], 'group', topic));
    });
    expect((await firstCrash(options, topic)).message).toContain('Not authorized to access topics');
  });

  test('gives gauze-admin what `gauze apply` needs and nothing else', async () => {
    const principal = 'User:gauze-admin';
    const expected = [
      ...allow(principal, ['create', 'describe', 'alter', 'alter-configs', 'describe-configs'], 'topic', '*'),
      ...allow(principal, ['alter', 'describe'], 'cluster'),
    ];
    // Policies applied by other tests add rights on gauze's own topics; on `*` and the cluster there is no more.
    const found = await withAdmin(async (admin) => await admin.describeAcls(principal));
    const standing = found.filter(({ name, resource }) => name === '*' || resource === 'cluster');
    expect(standing.map(aclText).toSorted()).toEqual(expected.map(aclText).toSorted());
  });
});

describe('the other services', () => {
  test('answers on loopback only, with the Confluent API', async () => {
    const { registryUrl, redisUrl, brokers } = testStack();
    for (const address of [registryUrl, redisUrl, `kafka://${brokers[0]}`]) {
      expect(new URL(address).hostname).toBe('127.0.0.1');
    }
    const response = await fetch(`${registryUrl}/subjects`);
    expect(response.status).toBe(200);
    expect(Array.isArray(await response.json())).toBe(true);
  });
});

/** Runs a module text in a process of its own, from the root of the repository. */
function nodeProcess(script: string): ChildProcess {
  return spawn(process.execPath, ['--input-type=module', '-e', script], {
    cwd: fileURLToPath(new URL('../..', import.meta.url)),
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, GAUZE_OPTIONS: JSON.stringify(connectionOf('admin')) },
  });
}

const IDLE = `
  import { createKafkaJs } from './kafka/kafkajs-client.ts';
  import { setTimeout as pause } from 'node:timers/promises';
  const admin = createKafkaJs(JSON.parse(process.env.GAUZE_OPTIONS)).admin();
  await admin.connect();
  await admin.listTopics();
  let armed = 0;
  const original = globalThis.setTimeout;
  globalThis.setTimeout = (...args) => { armed++; return original(...args); };
  await pause(300);
  globalThis.setTimeout = original;
  await admin.disconnect();
  console.log(armed);
`;

describe('kafkajs', () => {
  test('arms no timer on an idle connection and makes Node warn of nothing', async () => {
    const child = nodeProcess(IDLE);
    const [output, complaints] = await Promise.all([textOf(child.stdout!), textOf(child.stderr!)]);
    // Unguarded it is some 250 in these 300 ms.
    expect(Number(output.trim())).toBeLessThan(5);
    expect(output.trim()).toMatch(/^\d+$/);
    expect(complaints).not.toContain('TimeoutNegativeWarning');
  });
});

async function textOf(stream: NodeJS.ReadableStream): Promise<string> {
  let text = '';
  for await (const chunk of stream) text += String(chunk);
  return text;
}

const STARTER = `
  import { startStack } from './stack/local-stack.ts';
  const stack = await startStack({ external: { registryUrl: 'http://127.0.0.1:9/' } });
  console.log(JSON.stringify({ pids: [...stack.pids.values()], directory: stack.directory }));
`;

interface Started {
  readonly child: ChildProcess;
  readonly pids: readonly number[];
  readonly directory: string;
}

/** Starts a second stack (Kafka, Redis and identity provider) in a process that can be killed. */
async function startElsewhere(): Promise<Started> {
  const child = nodeProcess(STARTER);
  const line = await new Promise<string>((resolve) => {
    createInterface({ input: child.stdout! }).once('line', resolve);
  });
  const { pids, directory } = JSON.parse(line) as Omit<Started, 'child'>;
  return { child, pids, directory };
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    // A process that has ended but was not waited for is gone for every purpose.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 20));
}

describe('the end of the stack', () => {
  test.each(['SIGKILL', 'SIGINT', 'SIGTERM'] as const)(
    'leaves no process and no file behind when its parent ends by %s',
    async (signal) => {
      const { child, pids, directory } = await startElsewhere();
      expect(pids).toHaveLength(3);
      expect(pids.every(isAlive)).toBe(true);
      expect(statSync(directory).mode & 0o077).toBe(0);
      child.kill(signal);
      await until(() => !pids.some(isAlive) && !existsSync(directory));
    },
  );
});

describe('a stack that cannot start', () => {
  test('names the log, which says why, and keeps neither data nor passwords', async () => {
    const external = { registryUrl: 'http://127.0.0.1:9/', redisUrl: 'redis://127.0.0.1:9' };
    const brokerOverrides = { 'listener.security.protocol.map': 'CLIENT:NONSENSE' };
    const error: unknown = await startStack({ external, brokerOverrides }).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'ERR_STACK_START', context: { setting: 'kafka-0' } });
    const { file = '' } = (error as GauzeError).context;
    const directory = dirname(dirname(file));
    try {
      expect((error as GauzeError).action).toContain(file);
      expect(readFileSync(file, 'utf8')).toContain('NONSENSE');
      expect(readdirSync(directory)).toEqual(['logs']);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});
