/**
 * A hospital's site for `gauze demo`: raw topics and the feed's rights on the demo's own stack, and a directory with
 * everything that a site of one's own would have. The super user's rights are used here and for nothing that masks.
 */
import { chmod, cp, mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { makeAuditTrust } from '../audit/trust-maker.ts';
import { CLINICAL_TOPICS } from '../examples/hospital/clinical-values.ts';
import { allow } from '../kafka/acl.ts';
import { KafkaAdmin } from '../kafka/admin.ts';
import type { KafkaJsOptions } from '../kafka/kafkajs-client.ts';
import type { Login } from '../kafka/login.ts';
import { createKeyringFile, loadKeyring } from '../keys/keyring.ts';
import { GauzeError } from '../platform/errors.ts';
import { topicNames } from '../schemas/topic-names.ts';
import { freePorts } from '../stack/free-ports.ts';
import type { Stack } from '../stack/local-stack.ts';

/** Partitions of each raw topic: some, so that the work can be shared out. */
export const PARTITIONS = 3;
/** The audiences of examples/hospital/policies, each with the Kafka user that reads it. */
export const READERS = {
  research: 'research-app',
  analytics: 'analytics-app',
  billing: 'billing-app',
} as const;
export type DemoAudience = keyof typeof READERS;
/** In the order in which tables show them. */
export const AUDIENCES = ['research', 'analytics', 'billing'] as const satisfies readonly DemoAudience[];

const FEED = 'ehr-feed';
/** Name of the demo's log of seals. */
const ORIGIN = 'gauze.demo/hospital';
/** People of the hospital who have a Kafka user of their own too, without any right. */
const PEOPLE_AT_KAFKA = ['alice', 'bob'] as const;
const ROLES = ['admin', 'topology', 'approvals', 'provisioner', 'sealer', 'auditor'] as const;

/** Connection options that have a log-in. */
export type LoggedIn = KafkaJsOptions & { readonly login: Login };

export interface DemoSite {
  readonly directory: string;
  readonly config: string;
  /** Connection options of one of the stack's users. */
  as(username: string): LoggedIn;
}

/** An empty directory for the site, readable by its owner alone. */
export async function makeDirectory(): Promise<string> {
  return await mkdtemp(join(tmpdir(), 'gauze-demo-'));
}

/** Makes the raw topics and lets the hospital's feed write to them; writes the site into `directory`. */
export async function makeSite(stack: Stack, directory: string): Promise<DemoSite> {
  const people: Record<string, Login> = {};
  for (const name of PEOPLE_AT_KAFKA) people[name] = await stack.addUser(name);
  const logins = { ...stack.logins, ...people };
  const as = (username: string): LoggedIn => connection(stack.brokers, logins, username);
  await makeRawTopics(as('admin'));
  const secrets = join(directory, 'secrets');
  await mkdir(secrets, { mode: 0o700 });
  const usernames = [...ROLES.map((role) => `gauze-${role}`), ...Object.values(READERS), ...PEOPLE_AT_KAFKA];
  for (const username of usernames) {
    const { password } = as(username).login;
    await secret(join(secrets, username), password);
    await secret(join(secrets, `${username}.properties`), clientProperties(username, password));
  }
  const rootVkey = await makeKeys(secrets);
  const policies = fileURLToPath(new URL('../examples/hospital/policies/', import.meta.url));
  await cp(policies, join(directory, 'policies'), { recursive: true });
  const access = fileURLToPath(new URL('../examples/hospital/access.yaml', import.meta.url));
  await cp(access, join(directory, 'access.yaml'));
  const config = join(directory, 'gauze.yaml');
  const [port = 0] = await freePorts(1);
  await writeFile(config, configText(stack, port, rootVkey));
  return { directory, config, as };
}

/** Keyring, root key and trust file, as `gauze keys init` makes them; gives the key that checks the trust file. */
async function makeKeys(secrets: string): Promise<string> {
  const file = join(secrets, 'keyring.json');
  await createKeyringFile(file, AUDIENCES);
  const keyring = await loadKeyring(file);
  return (await makeAuditTrust(secrets, { keyring, origin: ORIGIN, names: topicNames('gauze') })).rootVkey;
}

async function makeRawTopics(options: KafkaJsOptions): Promise<void> {
  const admin = new KafkaAdmin(options);
  try {
    await admin.connect();
    for (const topic of CLINICAL_TOPICS) {
      await admin.createTopic({ topic, partitions: PARTITIONS });
      await admin.createAcls(allow(`User:${FEED}`, ['write', 'describe'], 'topic', topic));
    }
  } finally {
    await admin.close();
  }
}

function connection(
  brokers: readonly string[],
  logins: Readonly<Record<string, Login>>,
  username: string,
): LoggedIn {
  const login = logins[username];
  if (!login) throw new GauzeError('ERR_CONFIG_ROLE_MISSING', { role: username });
  return { brokers, ssl: false, login };
}

async function secret(file: string, text: string): Promise<void> {
  await writeFile(file, text, { mode: 0o600 });
  await chmod(file, 0o600);
}

function roleLine(role: string): string {
  return `    ${role}: { mechanism: scram-sha-256, username: gauze-${role}, passwordFile: secrets/gauze-${role} }`;
}

function configText(
  { brokers, registryUrl, redisUrl, oidcIssuer }: Stack,
  httpPort: number,
  rootVkey: string,
): string {
  return [
    '# A site of the demo; docs/reference/config.md describes every setting.',
    'kafka:',
    `  brokers: ${JSON.stringify(brokers)}`,
    '  ssl: false',
    '  roles:',
    ...ROLES.map(roleLine),
    `registry: { url: '${registryUrl}' }`,
    `redis: { url: '${redisUrl}' }`,
    'keys: { file: secrets/keyring.json }',
    `audit: { origin: '${ORIGIN}', trustFile: secrets/trust.note, rootVkey: '${rootVkey}', folder: audit-work }`,
    'policies: policies/',
    `oidc: { issuer: '${oidcIssuer}', audience: gauze }`,
    `http: { host: 127.0.0.1, port: ${httpPort} }`,
    'access: access.yaml',
    'roles:',
    '  clinicians: [grp-clinicians]',
    '  emergency-physicians: [grp-emergency]',
    '  data-owners: [grp-ehr-owners]',
    '  privacy-officers: [grp-privacy]',
    '  operators: [grp-operators]',
    '  auditors: [grp-audit]',
    "owners: { 'User:alice': alice, 'User:bob': bob, 'User:icu-app': carol }",
    '',
  ].join('\n');
}

/** Settings of any Java client, such as Kafka's console consumer. */
function clientProperties(username: string, password: string): string {
  const module = 'org.apache.kafka.common.security.scram.ScramLoginModule';
  return [
    'security.protocol=SASL_PLAINTEXT',
    'sasl.mechanism=SCRAM-SHA-256',
    `sasl.jaas.config=${module} required username="${username}" password="${password}";`,
    'isolation.level=read_committed',
    '',
  ].join('\n');
}
