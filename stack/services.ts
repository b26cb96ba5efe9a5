/**
 * Starts one service of the local stack and waits, by its own protocol, until it answers.
 * Never waits by time alone, and never passes a password on a command line.
 */
import { spawn } from 'node:child_process';
import { open, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { KafkaAdmin } from '../kafka/admin.ts';
import type { Login } from '../kafka/login.ts';
import { monotonicMs, sleep } from '../platform/clock.ts';
import { GauzeError } from '../platform/errors.ts';
import type { Supervised } from './supervised.ts';

/** How long a service may take to become ready, in seconds: a cold machine with two cores under load. */
const READY_LIMIT_S = 120;

/** What all services need to start. */
export interface ServiceContext {
  readonly supervised: Supervised;
  /** Directory for settings and data; logs go to `logs/` in it. */
  readonly directory: string;
  /** Aborts where the stack is not wanted any more: nothing is waited for then. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * `work`, or an end as soon as the stack is not wanted any more: a client that asks a service which is just ending can
 * take half a minute to give up.
 * @throws the reason of the signal, and what `work` throws
 */
export async function whileWanted<T>(
  { signal }: Pick<ServiceContext, 'signal'>,
  work: Promise<T>,
): Promise<T> {
  if (!signal) return await work;
  // What it comes to afterwards is nobody's concern.
  work.catch(() => undefined);
  signal.throwIfAborted();
  const { promise: unwanted, reject } = Promise.withResolvers<never>();
  const stop = (): void => reject(signal.reason);
  signal.addEventListener('abort', stop, { once: true });
  try {
    return await Promise.race([work, unwanted]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

/** Where the log of a service goes. */
export function logFile(context: ServiceContext, name: string): string {
  return join(context.directory, 'logs', `${name}.log`);
}

/**
 * Asks `ready` until it says true.
 * @throws GauzeError ERR_STACK_START where the service ends before, or takes too long; the signal's reason after that
 */
export async function waitReady(
  context: ServiceContext,
  name: string,
  ready: () => Promise<boolean>,
): Promise<void> {
  const deadline = monotonicMs() + READY_LIMIT_S * 1000;
  while (!(await whileWanted(context, ready()))) {
    if (!context.supervised.pids.has(name) || monotonicMs() > deadline) {
      throw startError(context, name);
    }
    await sleep(50);
  }
}

/** What a formatted log directory needs to know. */
export interface KafkaFormat {
  /** Name of the service. */
  readonly name: string;
  readonly java: string;
  readonly libs: string;
  readonly clusterId: string;
  readonly propertiesFile: string;
  readonly users: Readonly<Record<string, Login>>;
  /** SCRAM mechanisms that each user gets credentials for. */
  readonly mechanisms: readonly string[];
}

/** Formats a broker's log directory and writes its SCRAM users into the metadata log. */
export async function formatKafka(context: ServiceContext, format: KafkaFormat): Promise<void> {
  // Java reads its arguments from this file (mode 600), so that no password stands in the process list.
  const users = Object.values(format.users)
    .filter(({ mechanism }) => mechanism === 'scram-sha-256')
    .flatMap(({ username, password }) =>
      format.mechanisms.flatMap((mechanism) => [
        '--add-scram',
        `"${mechanism}=[name=${username},password=${password}]"`,
      ]),
    );
  const lines = [
    ...javaOptions('-Xmx128m', format.libs),
    'kafka.tools.StorageTool',
    'format',
    '--cluster-id',
    format.clusterId,
    '--config',
    `"${format.propertiesFile}"`,
    ...users,
  ];
  const file = `${format.propertiesFile}.format`;
  await writeFile(file, lines.join('\n'), { mode: 0o600 });
  const log = await open(logFile(context, format.name), 'a', 0o600);
  const status = await new Promise<number | null>((resolve) => {
    const child = spawn(format.java, [`@${file}`], {
      stdio: ['ignore', log.fd, log.fd],
      ...(context.signal ? { signal: context.signal } : {}),
    });
    child.on('error', () => resolve(null));
    child.on('exit', resolve);
  });
  await log.close();
  await rm(file);
  if (status !== 0) throw startError(context, format.name);
}

function startError(context: ServiceContext, name: string): GauzeError {
  return new GauzeError('ERR_STACK_START', {
    setting: name,
    limit: READY_LIMIT_S,
    file: logFile(context, name),
  });
}

function javaOptions(heap: string, libs: string): string[] {
  return [heap, '-XX:+UseSerialGC', '-cp', `"${libs}/*"`];
}

/** Starts a broker whose directory is formatted; resolves when it answers Metadata to the super user. */
export async function startKafka(
  context: ServiceContext,
  name: string,
  options: {
    java: string;
    libs: string;
    propertiesFile: string;
    broker: string;
    superUser: Login;
    javaOptions: readonly string[];
  },
): Promise<void> {
  await context.supervised.start({
    name,
    command: options.java,
    args: [
      '-Xmx768m',
      '-Xms256m',
      '-XX:+UseG1GC',
      '-Dorg.apache.logging.log4j.level=WARN',
      ...options.javaOptions,
      '-cp',
      `${options.libs}/*`,
      'kafka.Kafka',
      options.propertiesFile,
    ],
    directory: context.directory,
    logFile: logFile(context, name),
  });
  await waitReady(context, name, async () => await kafkaAnswers(options.broker, options.superUser));
}

/** True when the broker at `broker` lets the super user in and knows itself to be up. */
async function kafkaAnswers(broker: string, superUser: Login): Promise<boolean> {
  if (!(await portAnswers(broker))) return false;
  const admin = new KafkaAdmin({ brokers: [broker], ssl: false, login: superUser, retries: 0 });
  try {
    await admin.connect();
    return (await admin.describeBrokers()).length > 0;
  } catch {
    return false;
  } finally {
    await admin.close();
  }
}

async function portAnswers(address: string): Promise<boolean> {
  const [host, port] = address.split(':');
  return await new Promise((resolve) => {
    const socket = connect({ host: host ?? '', port: Number(port) });
    socket.once('error', () => resolve(false));
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
  });
}

/** Starts the registry; resolves when it lists its subjects. */
export async function startRegistry(
  context: ServiceContext,
  options: { java: string; registry: string; port: number; managementPort: number; url: string },
): Promise<void> {
  await context.supervised.start({
    name: 'registry',
    command: options.java,
    args: [
      '-Xmx384m',
      '-XX:+UseSerialGC',
      '-Dquarkus.http.host=127.0.0.1',
      `-Dquarkus.http.port=${options.port}`,
      '-Dquarkus.management.host=127.0.0.1',
      `-Dquarkus.management.port=${options.managementPort}`,
      '-jar',
      join(options.registry, 'quarkus-run.jar'),
    ],
    directory: context.directory,
    logFile: logFile(context, 'registry'),
  });
  await waitReady(context, 'registry', async () => await answers200(`${options.url}/subjects`));
}

/** Does a GET of `url` give 200? */
export async function answers200(url: string): Promise<boolean> {
  try {
    const response = await fetch(url);
    await response.body?.cancel();
    return response.status === 200;
  } catch {
    return false;
  }
}

/** Starts Redis without persistence; resolves when it answers PING. */
export async function startRedis(
  context: ServiceContext,
  options: { redisServer: string; port: number },
): Promise<void> {
  await context.supervised.start({
    name: 'redis',
    command: options.redisServer,
    args: [
      ['--port', String(options.port)],
      ['--bind', '127.0.0.1'],
      ['--save', ''],
      ['--appendonly', 'no'],
      // What BullMQ asks for: a queue must not lose jobs to memory pressure.
      ['--maxmemory-policy', 'noeviction'],
    ].flat(),
    directory: context.directory,
    logFile: logFile(context, 'redis'),
  });
  await waitReady(context, 'redis', async () => await redisAnswers(options.port));
}

async function redisAnswers(port: number): Promise<boolean> {
  return await new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port }, () => socket.write('PING\r\n'));
    socket.once('error', () => resolve(false));
    // It may end in the middle of starting, without an answer and without an error.
    socket.once('close', () => resolve(false));
    socket.once('data', (data) => {
      resolve(data.toString('latin1').startsWith('+PONG'));
      socket.destroy();
    });
  });
}
