/**
 * The brokers of the local stack: their settings files, users, start and stop.
 * Their log-ins are made here and stand in files that only this user may read.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { allow } from '../kafka/acl.ts';
import type { Acl } from '../kafka/acl.ts';
import { KafkaAdmin } from '../kafka/admin.ts';
import { Connection } from '../kafka/connection.ts';
import { parseAddress } from '../kafka/login.ts';
import type { Login } from '../kafka/login.ts';
import { random, sleep } from '../platform/clock.ts';
import {
  PLAIN_USER,
  SCRAM_USERS,
  SUPER_USER,
  brokerSettings,
  loginSettings,
  propertiesText,
} from './broker-settings.ts';
import { freePorts } from './free-ports.ts';
import { formatKafka, startKafka, whileWanted } from './services.ts';
import type { ServiceContext } from './services.ts';
import { makeCertificate, secureJavaOptions, secureSettings } from './secure-listener.ts';
import type { SecureOptions, ServerCertificate } from './secure-listener.ts';

const LOG_IN_ATTEMPTS = 300;
const LOG_IN_WAIT_MS = 50;

/** Our own brokers. Node ids count from 1; the first one is also the controller. */
export class EmbeddedKafka {
  readonly brokers: readonly string[];
  readonly logins: Record<string, Login>;
  readonly libs: string;
  readonly java: string;
  /** Addresses with TLS; none where nobody asked for them. */
  readonly secureBrokers: readonly string[];
  /** The authority of their certificate, PEM; empty where there is none. */
  readonly caFile: string;
  readonly #context: ServiceContext;
  readonly #secure: SecureListener | null;

  private constructor(
    context: ServiceContext,
    java: string,
    libs: string,
    ports: readonly number[],
    secure: SecureListener | null,
  ) {
    this.#context = context;
    this.java = java;
    this.libs = libs;
    this.brokers = ports.map((port) => `127.0.0.1:${port}`);
    this.#secure = secure;
    this.secureBrokers = secure?.addresses ?? [];
    this.caFile = secure?.certificate.caFile ?? '';
    this.logins = Object.fromEntries([
      ...[SUPER_USER, ...SCRAM_USERS].map((name) => [name, newLogin(name, 'scram-sha-256')] as const),
      [PLAIN_USER, newLogin(PLAIN_USER, 'plain')],
    ]);
  }

  /** Formats and starts all brokers, and gives `gauze-admin` its rights. @throws GauzeError ERR_STACK_START */
  static async start(
    context: ServiceContext,
    java: string,
    libs: string,
    options: {
      readonly brokers?: number;
      readonly brokerOverrides?: Readonly<Record<string, string>>;
      readonly secure?: SecureOptions & { readonly issuer: string };
    },
  ): Promise<EmbeddedKafka> {
    const count = options.brokers ?? 1;
    const [controllerPort = 0, ...ports] = await freePorts(count + 1 + (options.secure ? count : 0));
    const secure = options.secure
      ? await secureListener(context, java, ports.splice(count), options.secure)
      : null;
    const kafka = new EmbeddedKafka(context, java, libs, ports, secure);
    await kafka.#prepare(controllerPort, options.brokerOverrides ?? {});
    // The others need the controller that runs in the first one; its readiness needs none of them.
    for (const broker of kafka.brokers.keys()) await kafka.startBroker(broker);
    await kafka.#asSuperUser(async (admin) => {
      await admin.createAcls(adminRights());
      // The topic of group offsets is made at the first request for it; until then groups are refused.
      await admin.fetchGroupOffsets('gauze.stack', []);
    });
    return kafka;
  }

  /** A SCRAM-SHA-256 user without any right. */
  async addUser(name: string): Promise<Login> {
    const login = newLogin(name, 'scram-sha-256');
    await this.#asSuperUser(async (admin) => await admin.upsertScramUser(name, login.password));
    for (const broker of this.brokers) await logInSoon(broker, login);
    this.logins[name] = login;
    return login;
  }

  /** Starts a formatted broker; resolves when it answers. */
  async startBroker(broker: number): Promise<void> {
    await startKafka(this.#context, serviceName(broker), {
      java: this.java,
      libs: this.libs,
      propertiesFile: this.#propertiesFile(broker),
      broker: this.brokers[broker] ?? '',
      superUser: this.logins[SUPER_USER]!,
      javaOptions: this.#secure?.javaOptions ?? [],
    });
  }

  /** Ends a broker with `signal`; resolves when its process is gone. */
  async endBroker(broker: number, signal: NodeJS.Signals): Promise<void> {
    await this.#context.supervised.end(serviceName(broker), signal);
  }

  #propertiesFile(broker: number): string {
    return join(this.#context.directory, 'settings', `${serviceName(broker)}.properties`);
  }

  /** Writes the settings and formats the log directory of each broker. */
  async #prepare(controllerPort: number, overrides: Readonly<Record<string, string>>): Promise<void> {
    await mkdir(join(this.#context.directory, 'settings'), { recursive: true, mode: 0o700 });
    const clusterId = newClusterId();
    const passwords = {
      superUser: this.logins[SUPER_USER]!.password,
      plainUser: this.logins[PLAIN_USER]!.password,
    };
    for (const [broker, address] of this.brokers.entries()) {
      const settings = brokerSettings({
        nodeId: broker + 1,
        roles: broker === 0 ? 'broker,controller' : 'broker',
        clientBind: address,
        clientAdvertised: address,
        ...(this.#secure ? { secure: this.#secure.addresses[broker]! } : {}),
        controllerBind: broker === 0 ? `127.0.0.1:${controllerPort}` : null,
        quorumVoter: `1@127.0.0.1:${controllerPort}`,
        logDirectory: join(this.#context.directory, 'data', serviceName(broker)),
        overrides,
      });
      const text = propertiesText(settings, loginSettings(passwords), this.#secure?.settings ?? new Map());
      await writeFile(this.#propertiesFile(broker), text, { mode: 0o600 });
      await formatKafka(this.#context, {
        name: serviceName(broker),
        java: this.java,
        libs: this.libs,
        clusterId,
        propertiesFile: this.#propertiesFile(broker),
        users: broker === 0 ? this.logins : {},
        mechanisms: this.#secure ? ['SCRAM-SHA-256', 'SCRAM-SHA-512'] : ['SCRAM-SHA-256'],
      });
    }
  }

  async #asSuperUser(work: (admin: KafkaAdmin) => Promise<void>): Promise<void> {
    const admin = new KafkaAdmin({ brokers: this.brokers, ssl: false, login: this.logins[SUPER_USER]! });
    const asking = (async (): Promise<void> => {
      try {
        await admin.connect();
        await work(admin);
      } finally {
        await admin.close();
      }
    })();
    await whileWanted(this.#context, asking);
  }
}

/** The second listener, on each broker. */
interface SecureListener {
  readonly addresses: readonly string[];
  readonly certificate: ServerCertificate;
  readonly settings: ReadonlyMap<string, string>;
  readonly javaOptions: readonly string[];
}

async function secureListener(
  { directory }: ServiceContext,
  java: string,
  ports: readonly number[],
  options: SecureOptions & { readonly issuer: string },
): Promise<SecureListener> {
  const folder = join(directory, 'settings');
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const certificate = await makeCertificate(java, folder);
  return {
    addresses: ports.map((port) => `127.0.0.1:${port}`),
    certificate,
    settings: secureSettings(certificate, options.issuer, options),
    javaOptions: secureJavaOptions(options.issuer),
  };
}

/** As Kafka makes them: never with a dash in front, which its tools would take for an option. */
function newClusterId(): string {
  for (;;) {
    const id = random(16).toString('base64url');
    if (!id.startsWith('-')) return id;
  }
}

function serviceName(broker: number): string {
  return `kafka-${broker}`;
}

/** A log-in with a password of 24 random bytes. */
function newLogin(username: string, mechanism: Login['mechanism']): Login {
  return { mechanism, username, password: random(24).toString('base64url') };
}

/** What `gauze-admin` may do (design: identity, rights): enough for `gauze apply`, and no READ of anything. */
function adminRights(): Acl[] {
  const principal = 'User:gauze-admin';
  return [
    ...allow(principal, ['create', 'describe', 'alter', 'alter-configs', 'describe-configs'], 'topic', '*'),
    ...allow(principal, ['alter', 'describe'], 'cluster'),
  ];
}

/** The controller has the user; each broker takes it up a moment later. */
async function logInSoon(broker: string, login: Login): Promise<void> {
  const address = parseAddress(broker);
  if (!address) return;
  for (let attempt = 1; ; attempt++) {
    try {
      const connection = await Connection.open(address, {
        brokers: [address],
        ssl: false,
        login,
        role: login.username,
      });
      return connection.close();
    } catch (error) {
      if (attempt === LOG_IN_ATTEMPTS) throw error;
      await sleep(LOG_IN_WAIT_MS);
    }
  }
}
