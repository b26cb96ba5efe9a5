/**
 * The embedded local stack: a real Kafka, schema registry, Redis and identity provider on free loopback ports.
 * Everything lives in one temporary directory and ends with the process that started it (supervisor.ts).
 * For demo and tests: passwords are random at each start; this is no way to run gauze for real.
 */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Login } from '../kafka/login.ts';
import { GauzeError } from '../platform/errors.ts';
import { cachePaths, fetchKafka, fetchRegistry, missingDownloads } from './downloads.ts';
import { EmbeddedKafka } from './embedded-kafka.ts';
import { freePorts } from './free-ports.ts';
import { logIn } from './identity-log-in.ts';
import type { IdentityDescription } from './identity-people.ts';
import { startIdentityProvider } from './identity-service.ts';
import { findPrerequisites } from './prerequisites.ts';
import type { Prerequisites } from './prerequisites.ts';
import type { SecureOptions } from './secure-listener.ts';
import { startRedis, startRegistry } from './services.ts';
import type { ServiceContext } from './services.ts';
import { Supervised } from './supervised.ts';

/** Parts that run elsewhere already and are used as they are. */
export interface ExternalParts {
  readonly kafka?: { readonly brokers: readonly string[]; readonly logins: Readonly<Record<string, Login>> };
  /** Up to and including `/apis/ccompat/v7`. */
  readonly registryUrl?: string;
  readonly redisUrl?: string;
  readonly identity?: IdentityDescription;
}

export interface StackOptions {
  /** Told of each step as it begins. */
  readonly onProgress?: (step: string) => void;
  /** Number of brokers; default 1. */
  readonly brokers?: number;
  /** Settings for all brokers beside those of broker-settings.ts. */
  readonly brokerOverrides?: Readonly<Record<string, string>>;
  /** A second listener with TLS, SCRAM-SHA-512 and OAUTHBEARER; by default there is none. */
  readonly secure?: SecureOptions;
  readonly external?: ExternalParts;
  /** Aborted by a person who wants no stack any more: a start under way ends at once and leaves nothing, no logs. */
  readonly signal?: AbortSignal;
}

/** Where the stack is and how to log in, to Kafka and as whom: plain data that can be written as JSON. */
export interface StackDescription extends IdentityDescription {
  /** `host:port` each. */
  readonly brokers: readonly string[];
  /** The same with TLS; empty where nobody asked for it. */
  readonly secureBrokers: readonly string[];
  /** Authority of their certificate, PEM; empty where there is none. */
  readonly caFile: string;
  readonly registryUrl: string;
  readonly redisUrl: string;
  /** By username; SCRAM-SHA-256 but for `plain-app`. */
  readonly logins: Readonly<Record<string, Login>>;
  /** Directory of jars of Kafka, its tools and Java clients; empty where Kafka is external. */
  readonly kafkaLibs: string;
  /** `bin/java` of the JDK in use; empty where Kafka is external. */
  readonly java: string;
}

/** A running stack. */
export interface Stack extends StackDescription {
  /** Makes a SCRAM-SHA-256 user without any right, also usable at once. */
  addUser(name: string): Promise<Login>;
  /** An access token of one of `people`, from a log-in at the identity provider. */
  tokenFor(person: string): Promise<string>;
  /** Stops a broker in order (SIGTERM). Brokers count from 0. */
  stopBroker(broker?: number): Promise<void>;
  /** Kills a broker (SIGKILL). */
  killBroker(broker?: number): Promise<void>;
  /** Starts a stopped broker again, on its old port with its old data; resolves when it is ready. */
  startBroker(broker?: number): Promise<void>;
  /** Process ids of the services, by name: `kafka-0`, `registry`, `redis`, `identity`. */
  readonly pids: ReadonlyMap<string, number>;
  /** Directory of settings, data and logs; gone after the stop. Readable by its owner alone. */
  readonly directory: string;
  /** Ends everything and removes all data. Safe to call again. */
  stop(): Promise<void>;
}

/** The plain data of a stack, for a file or another process. It holds passwords. */
export function describeStack(stack: Stack): StackDescription {
  const { brokers, secureBrokers, caFile, registryUrl, redisUrl, logins, kafkaLibs, java } = stack;
  const { oidcIssuer, people, machineClient } = stack;
  const kafka = { brokers, secureBrokers, caFile, logins, kafkaLibs, java };
  return { ...kafka, registryUrl, redisUrl, oidcIssuer, people, machineClient };
}

/**
 * Starts what `options.external` does not give.
 * @throws GauzeError ERR_STACK_PREREQUISITE, ERR_STACK_DOWNLOAD, ERR_STACK_START
 */
export async function startStack(options: StackOptions = {}): Promise<Stack> {
  const progress = options.onProgress ?? (() => {});
  const external = options.external ?? {};
  const paths = cachePaths();
  const missing = missingDownloads(paths);
  const needs = {
    kafka: !external.kafka,
    registry: external.registryUrl === undefined,
    redis: external.redisUrl === undefined,
  };
  const download = { kafka: needs.kafka && missing.kafka, registry: needs.registry && missing.registry };
  const found = findPrerequisites({ ...needs, maven: download.kafka || download.registry });
  if (download.kafka) progress('Downloading Apache Kafka');
  if (download.kafka) await fetchKafka(paths);
  if (download.registry) progress('Downloading Apicurio Registry');
  if (download.registry) await fetchRegistry(paths);
  options.signal?.throwIfAborted();

  const directory = await mkdtemp(join(tmpdir(), 'gauze-stack-'));
  const context: ServiceContext = { supervised: new Supervised(), directory, signal: options.signal };
  context.supervised.removeAtEnd([directory]);
  // Whoever waits for a service sees that it has ended, and gives up.
  const stopEarly = (): void => void context.supervised.close();
  options.signal?.addEventListener('abort', stopEarly, { once: true });
  try {
    await mkdir(join(directory, 'logs'), { mode: 0o700 });
    progress('Starting Kafka, registry, Redis and identity provider');
    const identity = external.identity ?? startIdentityProvider(context);
    const parts: Parts = await allOrFirstError<KafkaPart, string, string, IdentityDescription>([
      external.kafka
        ? new ExternalKafka(external.kafka)
        : embeddedKafka(context, found, paths.kafkaLibs, options, identity),
      external.registryUrl ?? embeddedRegistry(context, found, paths.registry),
      external.redisUrl ?? embeddedRedis(context, found),
      identity,
    ]);
    progress('Ready');
    return assemble(context, parts);
  } catch (thrown) {
    // Keep the logs, whose path the error names; data and passwords go.
    const given = ['data', 'settings'].map((part) => join(directory, part));
    const isUnwanted = options.signal?.aborted === true;
    if (!isUnwanted) context.supervised.removeAtEnd(given);
    await context.supervised.close();
    // What was being made just then may have been made after the supervisor had looked.
    if (isUnwanted) await rm(directory, { recursive: true, force: true });
    throw thrown;
  } finally {
    options.signal?.removeEventListener('abort', stopEarly);
  }
}

type Parts = [kafka: KafkaPart, registryUrl: string, redisUrl: string, identity: IdentityDescription];

/** Waits for all, so that none is still starting when the first error is thrown. */
async function allOrFirstError<A, B, C, D>(
  parts: readonly [A | Promise<A>, B | Promise<B>, C | Promise<C>, D | Promise<D>],
): Promise<[A, B, C, D]> {
  const results = await Promise.allSettled(parts);
  for (const result of results) if (result.status === 'rejected') throw result.reason;
  return await Promise.all(parts);
}

function assemble(context: ServiceContext, [kafka, registryUrl, redisUrl, identity]: Parts): Stack {
  let stopped: Promise<void> | null = null;
  return {
    ...identity,
    brokers: kafka.brokers,
    secureBrokers: kafka.secureBrokers,
    caFile: kafka.caFile,
    registryUrl,
    redisUrl,
    logins: kafka.logins,
    kafkaLibs: kafka.libs,
    java: kafka.java,
    pids: context.supervised.pids,
    directory: context.directory,
    addUser: async (name) => await kafka.addUser(name),
    tokenFor: async (person) => (await logIn(identity, person)).accessToken,
    stopBroker: async (broker = 0) => await kafka.endBroker(broker, 'SIGTERM'),
    killBroker: async (broker = 0) => await kafka.endBroker(broker, 'SIGKILL'),
    startBroker: async (broker = 0) => await kafka.startBroker(broker),
    stop: async () => {
      stopped ??= context.supervised.close();
      await stopped;
    },
  };
}

type KafkaPart = EmbeddedKafka | ExternalKafka;

/** A Kafka that somebody else runs: it is used, never stopped or changed. */
class ExternalKafka {
  readonly brokers: readonly string[];
  readonly logins: Readonly<Record<string, Login>>;
  readonly libs = '';
  readonly java = '';
  readonly secureBrokers: readonly string[] = [];
  readonly caFile = '';

  constructor(given: NonNullable<ExternalParts['kafka']>) {
    this.brokers = given.brokers;
    this.logins = given.logins;
  }

  async addUser(name: string): Promise<Login> {
    const login = this.logins[name];
    if (login) return await Promise.resolve(login);
    throw new GauzeError('ERR_CONFIG_ROLE_MISSING', { role: name });
  }

  async endBroker(_broker: number, _signal: NodeJS.Signals): Promise<void> {
    return await Promise.reject(notOurs());
  }

  async startBroker(_broker: number): Promise<void> {
    return await Promise.reject(notOurs());
  }
}

function notOurs(): GauzeError {
  return new GauzeError('ERR_INTERNAL', { causeName: 'ExternalKafka' });
}

/** With a secure listener the brokers must know who issues tokens. */
async function embeddedKafka(
  context: ServiceContext,
  found: Prerequisites,
  libs: string,
  { brokers, brokerOverrides, secure }: StackOptions,
  identity: IdentityDescription | Promise<IdentityDescription>,
): Promise<EmbeddedKafka> {
  return await EmbeddedKafka.start(context, found.kafkaJava, libs, {
    ...(brokers === undefined ? {} : { brokers }),
    ...(brokerOverrides ? { brokerOverrides } : {}),
    ...(secure ? { secure: { ...secure, issuer: (await identity).oidcIssuer } } : {}),
  });
}

async function embeddedRegistry(
  context: ServiceContext,
  found: Prerequisites,
  registry: string,
): Promise<string> {
  const [port = 0, managementPort = 0] = await freePorts(2);
  const url = `http://127.0.0.1:${port}/apis/ccompat/v7`;
  await startRegistry(context, { java: found.registryJava, registry, port, managementPort, url });
  return url;
}

async function embeddedRedis(context: ServiceContext, found: Prerequisites): Promise<string> {
  const [port = 0] = await freePorts(1);
  await startRedis(context, { redisServer: found.redisServer, port });
  return `redis://127.0.0.1:${port}`;
}
