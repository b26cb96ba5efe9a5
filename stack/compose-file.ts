/**
 * The same stack for people with Docker, as the text of docker-compose.yml, made from broker-settings.ts.
 * The text holds no password: each user's is its name, a hyphen and GAUZE_STACK_PASSWORD, which the person sets.
 */
import { stringify } from 'yaml';
import {
  KAFKA_VERSION,
  PLAIN_USER,
  REDIS_VERSION,
  REGISTRY_VERSION,
  SCRAM_USERS,
  SUPER_USER,
  brokerSettings,
  environmentName,
  loginSettings,
} from './broker-settings.ts';
import { gauzeServices, gauzeVolumes } from './compose-gauze.ts';
import { CONTAINER_PORTS, CONTAINER_TOPICS } from './container-roles.ts';

/** Required at `docker compose up`; compose stops with this sentence where it is not set. */
const PASSWORD = '${GAUZE_STACK_PASSWORD:?set it in the file .env}';

/** Any 16 bytes in base64url: the id under which the volume is formatted. */
const CLUSTER_ID = 'Z2F1emUtbG9jYWwtc3RhYw';

const TOOLS = '/opt/kafka/bin';

/** Environment of the broker container: every setting of the table under the name that the image reads. */
export function composeEnvironment(): Record<string, string> {
  const settings = brokerSettings({
    nodeId: 1,
    roles: 'broker,controller',
    clientBind: '0.0.0.0:9092',
    clientAdvertised: '127.0.0.1:9092',
    controllerBind: '127.0.0.1:9093',
    quorumVoter: '1@127.0.0.1:9093',
    logDirectory: '/var/lib/kafka/data',
  });
  const logins = loginSettings({
    superUser: composePassword(SUPER_USER),
    plainUser: composePassword(PLAIN_USER),
  });
  const rows = [...settings, ...logins].map(([name, value]) => [environmentName(name), value] as const);
  return { CLUSTER_ID, KAFKA_HEAP_OPTS: '-Xmx768m -Xms256m', ...Object.fromEntries(rows) };
}

/** Password of a user of the Docker stack, as compose fills it in. */
function composePassword(user: string): string {
  return `${user}-${PASSWORD}`;
}

/** The text of docker-compose.yml. */
export function composeText(): string {
  const head = [
    '# Made by `node scripts/generate-compose.ts` from stack/broker-settings.ts; do not edit.',
    '# The embedded stack (`npm run stack`) for people with Docker: one broker with SASL and ACLs, registry, Redis,',
    '# identity provider; and gauze in its roles. `--profile watch` adds Prometheus and Grafana. See docs/container.md.',
    '# First: echo "GAUZE_STACK_PASSWORD=$(openssl rand -hex 16)" > .env',
    '# All ports are bound to 127.0.0.1. The password of user NAME is NAME-$GAUZE_STACK_PASSWORD.',
    '',
  ];
  return `${head.join('\n')}${stringify(composeFile(), { lineWidth: 0, singleQuote: true, aliasDuplicateObjects: false })}`;
}

function composeFile() {
  return {
    name: 'gauze',
    services: {
      kafka: broker(),
      users: users(),
      registry: registry(),
      redis: redis(),
      ...gauzeServices(PASSWORD),
    },
    volumes: { 'kafka-data': {}, 'registry-data': {}, 'redis-data': {}, ...gauzeVolumes() },
  };
}

/** Writes the super user's client settings to a file of the container, for the tools of the image. */
const CLIENT_SETTINGS = [
  'printf',
  `'security.protocol=SASL_PLAINTEXT\\nsasl.mechanism=PLAIN\\nsasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required username="${SUPER_USER}" password="%s";\\n'`,
  '"$$SUPER_USER_PASSWORD" > /tmp/client.properties',
].join(' ');

function broker() {
  return {
    image: `apache/kafka:${KAFKA_VERSION}`,
    // Also of what shares its network: identity provider, and API and pages of approvals.
    ports: [CONTAINER_PORTS.kafka, CONTAINER_PORTS.identity, CONTAINER_PORTS.pages].map(
      (port) => `127.0.0.1:${port}:${port}`,
    ),
    environment: { SUPER_USER_PASSWORD: composePassword(SUPER_USER), ...composeEnvironment() },
    volumes: ['kafka-data:/var/lib/kafka/data'],
    healthcheck: {
      // Ready is: the super user is let in and the broker answers ApiVersions.
      test: [
        'CMD-SHELL',
        `umask 077 && ${CLIENT_SETTINGS} && ${TOOLS}/kafka-broker-api-versions.sh --bootstrap-server 127.0.0.1:9092 --command-config /tmp/client.properties > /dev/null`,
      ],
      interval: '10s',
      timeout: '20s',
      retries: 12,
      start_period: '20s',
    },
    restart: 'unless-stopped',
  };
}

/** A tool of the image, logged in as the super user. */
function tool(name: string): string {
  return `${TOOLS}/${name} --bootstrap-server 127.0.0.1:9092 --command-config /tmp/client.properties`;
}

/**
 * Runs once: makes the SCRAM users and gives `gauze-admin` its rights, as the embedded stack does; then the raw topics of
 * the example hospital, as its demo does.
 */
function users() {
  const acls = tool('kafka-acls.sh');
  const script = [
    'set -eu',
    'umask 077',
    CLIENT_SETTINGS,
    `for user in ${[SUPER_USER, ...SCRAM_USERS].join(' ')}; do`,
    `  ${tool('kafka-configs.sh')} --alter --entity-type users --entity-name "$$user" --add-config "SCRAM-SHA-256=[password=$$user-$$STACK_PASSWORD]"`,
    'done',
    `${acls} --add --allow-principal User:gauze-admin --topic '*' --operation Create --operation Describe --operation Alter --operation AlterConfigs --operation DescribeConfigs`,
    `${acls} --add --allow-principal User:gauze-admin --cluster --operation Alter --operation Describe`,
    `for topic in ${CONTAINER_TOPICS.join(' ')}; do`,
    `  ${tool('kafka-topics.sh')} --create --if-not-exists --topic "$$topic" --partitions 3`,
    `  ${acls} --add --allow-principal User:ehr-feed --topic "$$topic" --operation Write --operation Describe`,
    'done',
  ];
  return {
    image: `apache/kafka:${KAFKA_VERSION}`,
    // In the broker's network, so that 127.0.0.1:9092, the address the broker tells, is the broker.
    network_mode: 'service:kafka',
    depends_on: { kafka: { condition: 'service_healthy' } },
    environment: { SUPER_USER_PASSWORD: composePassword(SUPER_USER), STACK_PASSWORD: PASSWORD },
    entrypoint: ['/bin/bash', '-c', script.join('\n')],
    restart: 'no',
  };
}

function registry() {
  return {
    image: `apicurio/apicurio-registry:${REGISTRY_VERSION}`,
    ports: [`127.0.0.1:${CONTAINER_PORTS.registry}:8080`],
    environment: {
      // A registry that forgets its schemas while Kafka keeps the records would hold every lane.
      APICURIO_DATASOURCE_URL: 'jdbc:h2:file:/var/lib/registry/registry',
      JAVA_OPTS_APPEND: '-Xmx384m -XX:+UseSerialGC',
    },
    // Docker makes a new volume for root alone; the image's own user could not write to it.
    user: '0',
    volumes: ['registry-data:/var/lib/registry'],
    healthcheck: {
      test: ['CMD-SHELL', 'curl -sf http://127.0.0.1:8080/apis/ccompat/v7/subjects > /dev/null'],
      interval: '5s',
      timeout: '5s',
      retries: 24,
      start_period: '20s',
    },
    restart: 'unless-stopped',
  };
}

function redis() {
  return {
    image: `redis:${REDIS_VERSION}`,
    command: ['redis-server', '--appendonly', 'yes', '--maxmemory-policy', 'noeviction'],
    ports: ['127.0.0.1:6379:6379'],
    volumes: ['redis-data:/data'],
    healthcheck: { test: ['CMD', 'redis-cli', 'ping'], interval: '5s', timeout: '3s', retries: 12 },
    restart: 'unless-stopped',
  };
}
