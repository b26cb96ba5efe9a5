/**
 * gauze's part of docker-compose.yml: identity provider, the one-time steps, the roles, and the profile `watch`.
 * Each role sees the folder with its own secrets and no other, runs with no capability, and can write to /tmp alone.
 */
import { CONTAINER_PORTS, CONTAINER_ROLES, CONTAINER_ROLE_NAMES, GAUZE_IMAGE } from './container-roles.ts';
import type { ContainerRole } from './container-roles.ts';

/** Versions of the images of the profile `watch`. */
const PROMETHEUS_VERSION = 'v3.5.0';
const GRAFANA_VERSION = '12.1.1';

const WATCH = './stack/watch';
/** What every container of ours is held to. */
const LOCKED = {
  read_only: true,
  tmpfs: ['/tmp'],
  cap_drop: ['ALL'],
  security_opt: ['no-new-privileges:true'],
};
/** In the broker's network, so that 127.0.0.1:9092, the address the broker tells, is the broker. */
const OURS = { image: GAUZE_IMAGE, network_mode: 'service:kafka', ...LOCKED };
const HEALTHY = { condition: 'service_healthy' };
const DONE = { condition: 'service_completed_successfully' };

/** Services by name. */
export function gauzeServices(password: string): Record<string, object> {
  const roles = CONTAINER_ROLE_NAMES.map((name) => [name, role(name)] as const);
  return {
    sites: sites(password),
    identity: identity(),
    apply: apply(),
    ...Object.fromEntries(roles),
    prometheus: prometheus(),
    grafana: grafana(password),
  };
}

/** Volumes by name: one with secrets for each part, and what is watched. */
export function gauzeVolumes(): Record<string, object> {
  const names = [...parts().map(siteVolume), 'prometheus-data', 'grafana-data'];
  return Object.fromEntries(names.map((name) => [name, {}]));
}

function parts(): readonly string[] {
  return ['admin', 'identity', ...CONTAINER_ROLE_NAMES];
}

function siteVolume(part: string): string {
  return `site-${part}`;
}

/** Runs once: secrets, keyring and config of each part, each in a volume of its own. */
function sites(password: string) {
  return {
    image: GAUZE_IMAGE,
    build: '.',
    network_mode: 'none',
    ...LOCKED,
    environment: { GAUZE_STACK_PASSWORD: password },
    entrypoint: ['node', '/app/dist/examples/hospital/container-site.js', '/sites'],
    volumes: parts().map((part) => `${siteVolume(part)}:/sites/${part}`),
    healthcheck: { disable: true },
    restart: 'no',
  };
}

function identity() {
  const url = `http://127.0.0.1:${CONTAINER_PORTS.identity}/.well-known/openid-configuration`;
  return {
    ...OURS,
    depends_on: { kafka: HEALTHY, sites: DONE },
    entrypoint: ['node', '/app/dist/stack/identity-provider.js', '/site/identity.json'],
    volumes: [`${siteVolume('identity')}:/site:ro`],
    healthcheck: healthOf(url),
    restart: 'unless-stopped',
  };
}

/** Runs once at each start: topics and rights as the policies say. */
function apply() {
  return {
    ...OURS,
    depends_on: { users: DONE, sites: DONE, registry: HEALTHY },
    command: ['apply', '--config', '/site/gauze.yaml'],
    volumes: [`${siteVolume('admin')}:/site:ro`],
    healthcheck: { disable: true },
    restart: 'no',
  };
}

function role(name: ContainerRole) {
  const { statusPort } = CONTAINER_ROLES[name];
  const needs = { kafka: HEALTHY, registry: HEALTHY, apply: DONE, sites: DONE };
  const more = name === 'approvals' ? { redis: HEALTHY, identity: HEALTHY } : {};
  return {
    ...OURS,
    init: true,
    depends_on: { ...needs, ...more },
    command: ['run', '--role', name, '--config', '/site/gauze.yaml'],
    environment: { GAUZE_STATUS_PORT: String(statusPort) },
    volumes: [`${siteVolume(name)}:/site:ro`],
    healthcheck: healthOf(`http://127.0.0.1:${statusPort}/healthz`),
    // Lanes have 8 s to finish their transactions.
    stop_grace_period: '20s',
    restart: 'unless-stopped',
  };
}

/** Healthy is: the address answers 2xx. The image has no curl, so Node.js asks. */
function healthOf(url: string) {
  const script = `fetch('${url}').then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))`;
  return {
    test: ['CMD', 'node', '-e', script],
    interval: '10s',
    timeout: '5s',
    retries: 6,
    start_period: '30s',
  };
}

function prometheus() {
  return {
    image: `prom/prometheus:${PROMETHEUS_VERSION}`,
    profiles: ['watch'],
    ...LOCKED,
    depends_on: { kafka: HEALTHY },
    ports: ['127.0.0.1:9090:9090'],
    volumes: [`${WATCH}/prometheus.yml:/etc/prometheus/prometheus.yml:ro`, 'prometheus-data:/prometheus'],
    healthcheck: webHealth('http://127.0.0.1:9090/-/healthy'),
    restart: 'unless-stopped',
  };
}

function grafana(password: string) {
  return {
    image: `grafana/grafana:${GRAFANA_VERSION}`,
    profiles: ['watch'],
    ...LOCKED,
    depends_on: { prometheus: HEALTHY },
    ports: ['127.0.0.1:3000:3000'],
    environment: {
      GF_SECURITY_ADMIN_PASSWORD: `grafana-${password}`,
      GF_ANALYTICS_REPORTING_ENABLED: 'false',
      GF_ANALYTICS_CHECK_FOR_UPDATES: 'false',
      GF_LOG_MODE: 'console',
    },
    volumes: [
      `${WATCH}/grafana/provisioning:/etc/grafana/provisioning:ro`,
      `${WATCH}/grafana/dashboards:/etc/grafana/dashboards:ro`,
      'grafana-data:/var/lib/grafana',
    ],
    healthcheck: webHealth('http://127.0.0.1:3000/api/health'),
    restart: 'unless-stopped',
  };
}

function webHealth(url: string) {
  return {
    test: ['CMD', 'wget', '-q', '-O', '/dev/null', url],
    interval: '10s',
    timeout: '5s',
    retries: 6,
    start_period: '20s',
  };
}
