/**
 * The one table of broker settings of the local stack, written as server.properties for the embedded broker
 * (kafka-broker.ts) and as environment for docker-compose.yml (scripts/generate-compose.ts).
 * It never holds a password: log-ins come from the caller and go only where they are asked for.
 */

/** Apache Kafka version of both stacks. */
export const KAFKA_VERSION = '4.3.1';
/** Apicurio Registry version of both stacks. */
export const REGISTRY_VERSION = '3.3.3';
/** Redis major version of both stacks. */
export const REDIS_VERSION = '7';

/** The only super user: makes the stack's users and gives `gauze-admin` its rights; nothing of gauze logs in as it. */
export const SUPER_USER = 'admin';
/** The one user beside the super user that logs in with PLAIN, for tests of that mechanism. */
export const PLAIN_USER = 'plain-app';

/** SCRAM-SHA-256 users made before the first start, beside the super user (design: identity, rights). */
export const SCRAM_USERS = [
  'gauze-admin',
  'gauze-topology',
  'gauze-approvals',
  'gauze-provisioner',
  'gauze-sealer',
  'gauze-auditor',
  'research-app',
  'analytics-app',
  'billing-app',
  'ehr-feed',
] as const;

/** Settings that are the same for every broker of either stack. */
const COMMON_SETTINGS = {
  'controller.listener.names': 'CONTROLLER',
  'inter.broker.listener.name': 'CLIENT',
  'listener.security.protocol.map': 'CLIENT:SASL_PLAINTEXT,SECURE:SASL_SSL,CONTROLLER:SASL_PLAINTEXT',
  'sasl.enabled.mechanisms': 'SCRAM-SHA-256,PLAIN',
  // The broker logs in to itself with PLAIN: SCRAM users may not exist yet at a first start (docker-compose).
  'sasl.mechanism.inter.broker.protocol': 'PLAIN',
  'sasl.mechanism.controller.protocol': 'PLAIN',
  'listener.name.controller.sasl.enabled.mechanisms': 'PLAIN',
  // Default deny: a principal may do what an ACL says, and nothing where there is none.
  'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
  'super.users': `User:${SUPER_USER}`,
  'allow.everyone.if.no.acl.found': 'false',
  'auto.create.topics.enable': 'false',
  // One replica of everything: this stack is for trying and testing, not for keeping.
  'default.replication.factor': '1',
  'min.insync.replicas': '1',
  'offsets.topic.replication.factor': '1',
  'offsets.topic.num.partitions': '4',
  'transaction.state.log.replication.factor': '1',
  'transaction.state.log.min.isr': '1',
  'transaction.state.log.num.partitions': '4',
  'share.coordinator.state.topic.replication.factor': '1',
  'share.coordinator.state.topic.min.isr': '1',
  // Join at once: nobody waits for a second member here.
  'group.initial.rebalance.delay.ms': '0',
  // The default of 20 makes every other small transaction take 25 ms.
  'add.partitions.to.txn.retry.backoff.ms': '1',
  // Short retention must show within a test: look for old segments each minute.
  'log.retention.check.interval.ms': '60000',
} as const;

/** What differs from broker to broker. */
export interface BrokerPlace {
  readonly nodeId: number;
  readonly roles: 'broker,controller' | 'broker';
  /** Address to bind the client listener to, and the one clients are told. */
  readonly clientBind: string;
  readonly clientAdvertised: string;
  /** Address of a second listener with TLS; absent: there is none. */
  readonly secure?: string;
  /** Address that the controller binds; null on a node that is only a broker. */
  readonly controllerBind: string | null;
  /** `id@host:port` of the controller. */
  readonly quorumVoter: string;
  readonly logDirectory: string;
  /** More settings, for tests of one setting. */
  readonly overrides?: Readonly<Record<string, string>>;
}

/** All settings of one broker but the log-ins, in the order in which they are written. */
export function brokerSettings(place: BrokerPlace): ReadonlyMap<string, string> {
  const controller = place.controllerBind === null ? [] : [`CONTROLLER://${place.controllerBind}`];
  const secure = place.secure === undefined ? [] : [`SECURE://${place.secure}`];
  return new Map<string, string>([
    ['process.roles', place.roles],
    ['node.id', String(place.nodeId)],
    ['controller.quorum.voters', place.quorumVoter],
    ['listeners', [`CLIENT://${place.clientBind}`, ...secure, ...controller].join(',')],
    ['advertised.listeners', [`CLIENT://${place.clientAdvertised}`, ...secure].join(',')],
    ['log.dirs', place.logDirectory],
    ...Object.entries(COMMON_SETTINGS),
    ...Object.entries(place.overrides ?? {}),
  ]);
}

/** Passwords that the broker itself must know. */
export interface BrokerPasswords {
  readonly superUser: string;
  readonly plainUser: string;
}

/** The settings that hold log-ins (JAAS entries); the SCRAM users stand in the metadata log and not here. */
export function loginSettings(passwords: BrokerPasswords): ReadonlyMap<string, string> {
  const plain = 'org.apache.kafka.common.security.plain.PlainLoginModule required';
  const scram = 'org.apache.kafka.common.security.scram.ScramLoginModule required';
  const own = `username="${SUPER_USER}" password="${passwords.superUser}"`;
  const superUser = `user_${SUPER_USER}="${passwords.superUser}"`;
  const plainUser = `user_${PLAIN_USER}="${passwords.plainUser}"`;
  return new Map([
    ['listener.name.client.scram-sha-256.sasl.jaas.config', `${scram};`],
    ['listener.name.client.plain.sasl.jaas.config', `${plain} ${own} ${superUser} ${plainUser};`],
    ['listener.name.controller.plain.sasl.jaas.config', `${plain} ${own} ${superUser};`],
  ]);
}

/** The settings as the text of a server.properties file. */
export function propertiesText(...tables: readonly ReadonlyMap<string, string>[]): string {
  const lines = tables.flatMap((table) => [...table].map(([name, value]) => `${name}=${value}`));
  return `${lines.join('\n')}\n`;
}

/** The name under which the apache/kafka image takes a setting: `.` is `_`, `_` is `__`, `-` is `___`. */
export function environmentName(setting: string): string {
  const name = setting.replaceAll('_', '__').replaceAll('-', '___').replaceAll('.', '_');
  return `KAFKA_${name.toUpperCase()}`;
}
