/**
 * gauze's own containers in docker-compose.yml, and what is watched with. No image can be pulled in tests, so this is
 * about what the files say; what Docker makes of them is not tried.
 */
import { readFileSync, readdirSync, statSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { z } from 'zod';
import { CLINICAL_TOPICS } from '../../examples/hospital/clinical-values.ts';
import { METRICS } from '../../platform/metric-table.ts';
import type { MetricRow } from '../../platform/metric-table.ts';
import { CONTAINER_ROLES, CONTAINER_ROLE_NAMES, CONTAINER_TOPICS } from '../../stack/container-roles.ts';

const ROOT = new URL('../../', import.meta.url);

const composeShape = z.object({
  services: z.record(
    z.string(),
    z.object({
      image: z.string(),
      network_mode: z.string().optional(),
      profiles: z.array(z.string()).default([]),
      read_only: z.boolean().default(false),
      cap_drop: z.array(z.string()).default([]),
      security_opt: z.array(z.string()).default([]),
      tmpfs: z.array(z.string()).default([]),
      volumes: z.array(z.string()).default([]),
      environment: z.record(z.string(), z.string()).default({}),
      depends_on: z.record(z.string(), z.object({ condition: z.string() })).default({}),
      healthcheck: z
        .object({ test: z.array(z.string()).optional(), disable: z.boolean().optional() })
        .optional(),
      restart: z.string(),
    }),
  ),
  volumes: z.record(z.string(), z.object({})),
});
const { services, volumes } = composeShape.parse(parse(read('docker-compose.yml')));
const ours = Object.entries(services).filter(([, { image }]) => image.startsWith('gauze:'));
const watching = Object.entries(services).filter(([, { profiles }]) => profiles.includes('watch'));

function read(path: string): string {
  return readFileSync(new URL(path, ROOT), 'utf8');
}

describe('the containers of gauze', () => {
  test('are the identity provider, two steps that end, and every role', () => {
    expect(ours.map(([name]) => name)).toEqual(['sites', 'identity', 'apply', ...CONTAINER_ROLE_NAMES]);
  });

  test('can write to /tmp alone, have no capability and get no new one', () => {
    for (const [name, { read_only, cap_drop, security_opt, tmpfs }] of [...ours, ...watching]) {
      const locked = { read_only: true, cap_drop: ['ALL'], security_opt: ['no-new-privileges:true'] };
      expect({ name, read_only, cap_drop, security_opt, tmpfs }).toEqual({
        name,
        ...locked,
        tmpfs: ['/tmp'],
      });
    }
  });

  test('see the secrets of their own part, read-only; only the step that makes them writes them', () => {
    for (const [name, service] of ours) {
      if (name === 'sites') continue;
      const part = name === 'apply' ? 'admin' : name;
      expect({ name, volumes: service.volumes }).toEqual({ name, volumes: [`site-${part}:/site:ro`] });
    }
    const made = services['sites']!.volumes.map((volume) => volume.split(':')[0]);
    expect(made).toEqual(Object.keys(volumes).filter((name) => name.startsWith('site-')));
    expect(services['sites']!.network_mode).toBe('none');
  });

  test('name volumes that there are, and wait for services that can become what is waited for', () => {
    for (const [name, { volumes: mounted, depends_on }] of Object.entries(services)) {
      const named = mounted
        .map((volume) => volume.split(':')[0]!)
        .filter((source) => !source.startsWith('.'));
      for (const volume of named)
        expect([name, Object.keys(volumes)]).toEqual([name, expect.arrayContaining([volume])]);
      for (const [other, { condition }] of Object.entries(depends_on)) {
        const ends = services[other]!.restart === 'no';
        const expected = ends ? 'service_completed_successfully' : 'service_healthy';
        expect([name, other, condition]).toEqual([name, other, expected]);
      }
    }
  });

  test('begin only when the policies are applied, and are asked at the port of their role', () => {
    const ports = CONTAINER_ROLE_NAMES.map((name) => CONTAINER_ROLES[name].statusPort);
    expect(new Set(ports).size).toBe(ports.length);
    for (const name of CONTAINER_ROLE_NAMES) {
      const { depends_on, healthcheck, environment } = services[name]!;
      const port = CONTAINER_ROLES[name].statusPort;
      expect(Object.keys(depends_on)).toContain('apply');
      expect(healthcheck?.test?.join(' ')).toContain(`http://127.0.0.1:${port}/healthz`);
      expect(environment['GAUZE_STATUS_PORT']).toBe(String(port));
    }
  });

  test('begin with the raw topics of the example hospital', () => {
    expect(CONTAINER_TOPICS).toEqual(CLINICAL_TOPICS);
    expect(read('docker-compose.yml')).toContain(`for topic in ${CLINICAL_TOPICS.join(' ')}; do`);
  });
});

describe('the Dockerfile', () => {
  const text = read('Dockerfile');
  const lines = text.split('\n');

  test('names one exact Node.js 24 for both stages', () => {
    const images = [...text.matchAll(/^FROM (\S+)/gm)].map((match) => match[1]);
    expect(images).toHaveLength(2);
    expect(new Set(images).size).toBe(1);
    expect(images[0]).toMatch(/^node:24\.\d+\.\d+-\w+-slim$/);
  });

  test('runs as a user that is not root, without what only development needs', () => {
    const run = lines.slice(lines.findLastIndex((line) => line.startsWith('FROM ')));
    expect(run.findLast((line) => line.startsWith('USER '))).toBe('USER 1000:1000');
    expect(run.join('\n')).toContain('npm ci --omit=dev');
    expect(run.filter((line) => line.startsWith('COPY'))).toEqual([
      'COPY package.json package-lock.json LICENSE ./',
      'COPY --from=build /src/dist ./dist',
    ]);
  });

  test('gets every source folder that is built, and no secret', () => {
    const ignored = read('.dockerignore').split('\n');
    const { include } = z
      .object({ include: z.array(z.string()) })
      .parse(JSON.parse(read('tsconfig.build.json')));
    expect(ignored).toContain('*');
    for (const folder of include) expect(ignored).toContain(`!${folder}`);
    expect(ignored).toContain('**/.env');
  });
});

describe('what is watched with', () => {
  const scrape = z
    .object({
      scrape_configs: z.array(
        z.object({
          static_configs: z.array(
            z.object({ targets: z.array(z.string()), labels: z.object({ part: z.string() }) }),
          ),
        }),
      ),
    })
    .parse(parse(read('stack/watch/prometheus.yml')));

  test('Prometheus asks every role at its port', () => {
    const asked = scrape.scrape_configs.flatMap((config) =>
      config.static_configs.map(({ targets, labels }) => [labels.part, ...targets]),
    );
    expect(asked).toEqual(
      CONTAINER_ROLE_NAMES.map((name) => [name, `kafka:${CONTAINER_ROLES[name].statusPort}`]),
    );
  });

  test('the dashboard names only metrics of the table, and by labels that they have', () => {
    const { expressions, sources } = dashboard();
    expect(expressions.length).toBeGreaterThan(10);
    for (const expression of expressions) {
      const names = metricNames(expression).filter((name) => name !== 'up');
      for (const name of names)
        expect([expression, METRICS]).toEqual([
          expression,
          expect.objectContaining({ [name]: expect.anything() }),
        ]);
      const labels = new Set<string>(names.flatMap((name) => rowOf(name).labels));
      const grouped = [...expression.matchAll(/by \(([^)]*)\)/g)].flatMap((match) => match[1]!.split(', '));
      for (const label of grouped)
        if (label !== 'le' && label !== 'part')
          expect([expression, [...labels]]).toEqual([expression, expect.arrayContaining([label])]);
    }
    const known = read('stack/watch/grafana/provisioning/datasources/prometheus.yaml');
    for (const uid of sources) expect(known).toContain(`uid: ${uid}`);
  });

  test('every file that a container mounts is there', () => {
    const mounted = watching
      .flatMap(([, service]) => service.volumes)
      .filter((volume) => volume.startsWith('./'));
    expect(mounted).toHaveLength(3);
    for (const volume of mounted) {
      const path = new URL(volume.split(':')[0]!, ROOT);
      const status = statSync(path);
      expect(status.isFile() || readdirSync(path).length > 0).toBe(true);
    }
  });
});

/** Names with the endings of a histogram taken off. */
function metricNames(expression: string): readonly string[] {
  return [...expression.matchAll(/\b(?:up|(?:phi|gauze)_\w+)/g)].map((match) =>
    match[0].replace(/_(bucket|sum|count)$/, ''),
  );
}

function rowOf(name: string): MetricRow {
  return METRICS[name as keyof typeof METRICS];
}

function dashboard() {
  const shape = z.object({
    panels: z.array(
      z.object({
        targets: z.array(z.object({ expr: z.string(), datasource: z.object({ uid: z.string() }) })),
      }),
    ),
  });
  const { panels } = shape.parse(JSON.parse(read('stack/watch/grafana/dashboards/gauze.json')));
  const targets = panels.flatMap((panel) => panel.targets);
  return {
    expressions: targets.map(({ expr }) => expr),
    sources: new Set(targets.map(({ datasource }) => datasource.uid)),
  };
}
