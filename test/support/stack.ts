/**
 * The local stack as test files see it. Global setup starts it (start-stack.ts) and leaves its description in a file;
 * with GAUZE_TEST_STACK naming such a file, a stack that somebody keeps running is used instead.
 */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { KafkaJsOptions } from '../../kafka/kafkajs-client.ts';
import { Connection } from '../../kafka/connection.ts';
import { parseAddress } from '../../kafka/login.ts';
import type { Login } from '../../kafka/login.ts';
import { KafkaAdmin } from '../../kafka/admin.ts';
import type { StackDescription } from '../../stack/local-stack.ts';
import { inTime } from './in-time.ts';

/** Names the file with the description of the stack in use. */
export const STACK_FILE_VARIABLE = 'GAUZE_TEST_STACK';

/** Longer than whatever a test lets a broker be away. */
const ADMIN_MAX_MS = 100_000;

let cached: StackDescription | null = null;

/** Addresses and log-ins of the running stack. */
export function testStack(): StackDescription {
  const file = process.env[STACK_FILE_VARIABLE];
  if (file === undefined) throw new Error('no stack: run this test in the project `integration` or `fault`');
  cached ??= JSON.parse(readFileSync(file, 'utf8')) as StackDescription;
  return cached;
}

/** The log-in of one of the stack's users. */
export function loginOf(username: string): Login {
  const login = testStack().logins[username];
  if (!login) throw new Error(`the stack has no user ${username}`);
  return login;
}

/** Connection options of one of the stack's users. */
export function connectionOf(username: string): KafkaJsOptions {
  return { brokers: testStack().brokers, ssl: false, login: loginOf(username) };
}

/** Runs `work` with a connected admin client of the super user, or of `login`. */
export async function withAdmin<T>(work: (admin: KafkaAdmin) => Promise<T>, login?: Login): Promise<T> {
  const options = { ...connectionOf('admin'), ...(login ? { login } : {}) };
  const admin = new KafkaAdmin(options);
  const worked = async (): Promise<T> => {
    await admin.connect();
    return await work(admin);
  };
  try {
    return await inTime(worked(), ADMIN_MAX_MS, 'an admin client does its work');
  } finally {
    await inTime(admin.close(), ADMIN_MAX_MS, 'an admin client closes');
  }
}

/**
 * Tries again until it succeeds: for what a controller has decided and each broker takes up a moment later.
 * Fails with the last error.
 */
export async function eventually<T>(attempt: () => Promise<T>, timeoutMs = 15_000): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (Date.now() > deadline) throw error;
      // An attempt that asks nobody must not keep this process from hearing.
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

/** Makes a SCRAM user of that name, without any right, on whichever stack is in use; it can log in at once. */
export async function addUser(username: string): Promise<Login> {
  const password = randomBytes(24).toString('base64url');
  await withAdmin(async (admin) => await admin.upsertScramUser(username, password));
  const login: Login = { mechanism: 'scram-sha-256', username, password };
  for (const broker of testStack().brokers) {
    const address = parseAddress(broker)!;
    const endpoint = { brokers: [address], ssl: false as const, login, role: username };
    await eventually(async () => (await Connection.open(address, endpoint)).close());
  }
  return login;
}

/** A name that no other test uses: `<prefix>-<12 hex digits>`. */
export function uniqueName(prefix: string): string {
  return `${prefix}-${randomBytes(6).toString('hex')}`;
}
