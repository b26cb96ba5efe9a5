/**
 * TLS, SCRAM-SHA-512 and OAUTHBEARER against a real broker, whose sessions last so short that each connection has to
 * be authenticated anew under load (KIP-368).
 */
import { createHmac } from 'node:crypto';
import { mkdtemp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { spawn } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { tokenLogin } from '../../cli/token-source.ts';
import { allow } from '../../kafka/acl.ts';
import { KafkaAdmin } from '../../kafka/admin.ts';
import { BrokerConnections, Cluster } from '../../kafka/cluster.ts';
import { Connection } from '../../kafka/connection.ts';
import { controlBatch } from '../../kafka/control-batch.ts';
import { listOffset } from '../../kafka/list-offsets.ts';
import { LogReader } from '../../kafka/log-reader.ts';
import { parseAddress } from '../../kafka/login.ts';
import type { AnyLogin, Login } from '../../kafka/login.ts';
import { TransactionalProducer } from '../../kafka/transactional-producer.ts';
import { logInMachine } from '../../stack/identity-log-in.ts';
import { startStack } from '../../stack/local-stack.ts';
import type { Stack } from '../../stack/local-stack.ts';
import { eventually, testStack, uniqueName } from '../support/stack.ts';

const SESSION_MS = 2_500;
const GAUZE = fileURLToPath(new URL('../../cli/gauze.ts', import.meta.url));

let stack: Stack;
let ca: string;
let directory: string;

beforeAll(async () => {
  const { registryUrl, redisUrl, oidcIssuer, people, machineClient } = testStack();
  const identity = { oidcIssuer, people, machineClient };
  stack = await startStack({
    secure: { sessionMs: SESSION_MS },
    external: { registryUrl, redisUrl, identity },
  });
  ca = await readFile(stack.caFile, 'utf8');
  directory = await mkdtemp(join(tmpdir(), 'gauze-secure-'));
}, 120_000);

afterAll(async () => {
  await stack?.stop();
  if (directory) await rm(directory, { recursive: true, force: true });
});

const scram512 = (username: string): Login => ({ ...stack.logins[username]!, mechanism: 'scram-sha-512' });

/** The intensive care unit's program, by its client at the identity provider. */
function machine(): AnyLogin {
  const { id: clientId, secret: clientSecret } = stack.machineClient;
  return tokenLogin(clientId, { issuer: stack.oidcIssuer, clientId, clientSecret });
}

const withToken = (token: string): AnyLogin => ({
  mechanism: 'oauthbearer',
  username: 'icu-app',
  token: async () => await Promise.resolve(token),
});

async function open(login: AnyLogin, ssl: object = { ca }): Promise<void> {
  const address = parseAddress(stack.secureBrokers[0]!)!;
  const connection = await Connection.open(address, { brokers: [address], ssl, login, role: login.username });
  connection.close();
}

function clusterOf(login: AnyLogin): Cluster {
  const brokers = stack.secureBrokers.map((text) => parseAddress(text)!);
  return new Cluster({ brokers, ssl: { ca }, login, role: login.username });
}

async function asAdmin<T>(
  work: (admin: KafkaAdmin) => Promise<T>,
  login: AnyLogin = scram512('admin'),
): Promise<T> {
  const admin = new KafkaAdmin({ brokers: stack.secureBrokers, ssl: { ca }, login });
  try {
    await admin.connect();
    return await work(admin);
  } finally {
    await admin.close();
  }
}

describe('who may connect', () => {
  test('SCRAM-SHA-512 and SCRAM-SHA-256 over TLS, and nobody with a wrong password', async () => {
    await open(scram512('gauze-topology'));
    await open(stack.logins['gauze-topology']!);
    const wrong = { ...scram512('gauze-topology'), password: 'wrong-secret-password' };
    const refused = await open(wrong).catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: 'ERR_KAFKA_AUTHENTICATION', context: { role: 'gauze-topology' } });
    expect(JSON.stringify(refused)).not.toContain('wrong-secret');
  });

  test('not a broker whose certificate nobody vouches for', async () => {
    await expect(open(scram512('gauze-topology'), {})).rejects.toMatchObject({ code: 'ERR_KAFKA_CONNECT' });
  });

  test('a token of the identity provider, for the user that it names, with the rights of that user', async () => {
    const topic = uniqueName('secure.rights');
    await open(machine());
    await expect(
      asAdmin(async (admin) => await admin.createTopic({ topic, partitions: 1 }), machine()),
    ).rejects.toMatchObject({ code: 'ERR_KAFKA_RIGHT_MISSING' });
    await asAdmin(async (admin) => await admin.createAcls(allow('User:icu-app', ['create'], 'topic', topic)));
    await eventually(async () => {
      await asAdmin(async (admin) => await admin.createTopic({ topic, partitions: 1 }), machine());
    });
  });

  test('no token that was changed, is not signed, or is no token', async () => {
    const { accessToken } = await logInMachine(stack);
    await open(withToken(accessToken));
    const [head, body, signature] = accessToken.split('.') as [string, string, string];
    const other = signature.startsWith('A') ? `B${signature.slice(1)}` : `A${signature.slice(1)}`;
    const encoded = (json: object): string => Buffer.from(JSON.stringify(json)).toString('base64url');
    const byOther = createHmac('sha256', 'secret')
      .update(`${encoded({ alg: 'HS256' })}.${body}`)
      .digest('base64url');
    for (const token of [
      `${head}.${body}.${other}`,
      `${encoded({ alg: 'none' })}.${body}.`,
      `${encoded({ alg: 'HS256' })}.${body}.${byOther}`,
      `${accessToken}\x01auth=Bearer x`,
      'no token at all',
    ]) {
      await expect(open(withToken(token))).rejects.toMatchObject({ code: 'ERR_KAFKA_AUTHENTICATION' });
    }
  });

  test('a provider that gives no token is an outage that names no secret', async () => {
    const { id: clientId } = stack.machineClient;
    const login = tokenLogin(clientId, { issuer: stack.oidcIssuer, clientId, clientSecret: 'wrong-secret' });
    const refused = await open(login).catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: 'ERR_KAFKA_TOKEN' });
    expect(JSON.stringify(refused)).not.toContain('wrong-secret');
  });
});

describe('sessions that end', () => {
  test.each(['scram-sha-512', 'oauthbearer'] as const)(
    'are authenticated anew under load with %s: no transaction is lost or twice there',
    async (mechanism) => {
      const login = mechanism === 'oauthbearer' ? machine() : scram512('gauze-sealer');
      const user = `User:${login.username}`;
      const topic = uniqueName('secure.load');
      const id = uniqueName('secure-load');
      await asAdmin(async (admin) => {
        await admin.createTopic({ topic, partitions: 1 });
        await admin.createAcls([
          ...allow(user, ['read', 'write', 'describe'], 'topic', topic),
          ...allow(user, ['write', 'describe'], 'transactional-id', id),
        ]);
      });
      const cluster = clusterOf(login);
      const connections = new BrokerConnections(cluster);
      const producer = new TransactionalProducer(cluster, id);
      const { signal } = new AbortController();
      try {
        await cluster.start();
        await eventually(async () => await producer.initialize(signal));
        const topicId = (await cluster.refresh([topic])).get(topic)!.id;
        const until = performance.now() + 3 * SESSION_MS;
        const sent: string[] = [];
        while (performance.now() < until) {
          const text = `record ${sent.length}`;
          const writer = controlBatch([Buffer.from(text)], null);
          await producer.commit([{ topic, topicId, partition: 0, writer }], null, signal);
          sent.push(text);
          await listOffset(cluster, connections, topic, 0, 'latest');
        }
        const reader = new LogReader(cluster, topic, 0);
        const found: string[] = [];
        await reader.readToEnd(({ value }) => found.push(value!.toString()));
        reader.close();
        expect(sent.length).toBeGreaterThan(50);
        expect(found).toEqual(sent);
      } finally {
        producer.close();
        connections.close();
        await cluster.close();
      }
    },
    60_000,
  );
});

describe('the config', () => {
  test('takes TLS with SCRAM-SHA-512 and OAUTHBEARER: a verb works with it', async () => {
    const topic = uniqueName('secure.plan');
    await asAdmin(async (admin) => {
      await admin.createAcls([
        ...allow(
          'User:icu-app',
          ['create', 'describe', 'alter', 'alter-configs', 'describe-configs'],
          'topic',
          '*',
        ),
        ...allow('User:icu-app', ['alter', 'describe'], 'cluster'),
      ]);
    });
    await mkdir(join(directory, 'policies'), { recursive: true });
    await writeFile(join(directory, 'client.secret'), stack.machineClient.secret, { mode: 0o600 });
    await writeFile(join(directory, 'admin.password'), stack.logins['gauze-admin']!.password, {
      mode: 0o600,
    });
    const roles = {
      'scram-sha-512': `{ mechanism: scram-sha-512, username: gauze-admin, passwordFile: admin.password }`,
      oauthbearer:
        `{ mechanism: oauthbearer, username: icu-app, oauth: { issuer: '${stack.oidcIssuer}', ` +
        `clientId: ${stack.machineClient.id}, clientSecretFile: client.secret } }`,
    };
    for (const [mechanism, role] of Object.entries(roles)) {
      const file = join(directory, `${mechanism}.yaml`);
      await writeFile(
        file,
        `kafka:
  brokers: ${JSON.stringify(stack.secureBrokers)}
  ssl: { caFile: ${stack.caFile} }
  roles: { admin: ${role} }
registry: { url: '${stack.registryUrl}' }
topics: { prefix: ${topic} }
`,
      );
      await eventually(async () => {
        const { code, text } = await verb('plan', '--config', file);
        expect([code, text]).toEqual([0, expect.stringContaining(`${topic}.policies`)]);
      });
    }
  }, 60_000);
});

async function verb(...args: readonly string[]): Promise<{ code: number | null; text: string }> {
  const child = spawn(process.execPath, [GAUZE, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => (text += chunk.toString()));
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { code, text };
}
