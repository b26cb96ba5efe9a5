/**
 * docker-compose.yml against the table of broker settings. The images cannot be pulled in tests: what they do with
 * these settings is checked in test/integration/compose-settings.test.ts, by the start-up program of the Kafka image.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { z } from 'zod';
import { brokerSettings, environmentName, KAFKA_VERSION } from '../../stack/broker-settings.ts';
import { composeText } from '../../stack/compose-file.ts';

const text = readFileSync(new URL('../../docker-compose.yml', import.meta.url), 'utf8');

const composeShape = z.object({
  services: z.record(
    z.string(),
    z.object({
      image: z.string(),
      ports: z.array(z.string()).default([]),
      environment: z.record(z.string(), z.string()).default({}),
      healthcheck: z.object({ test: z.array(z.string()).optional() }).optional(),
      restart: z.string(),
    }),
  ),
});
const { services } = composeShape.parse(parse(text));

describe('docker-compose.yml', () => {
  test('is what scripts/generate-compose.ts writes', () => {
    expect(text).toBe(composeText());
  });

  test('gives the broker every common setting of the table with the same value', () => {
    const environment = services['kafka']!.environment;
    const places = { clientBind: '', clientAdvertised: '', controllerBind: null, quorumVoter: '' };
    const table = brokerSettings({ nodeId: 1, roles: 'broker', logDirectory: '', ...places });
    const ownPlace = /^(process\.roles|node\.id|controller\.quorum|listeners|advertised|log\.dirs)/;
    const common = [...table].filter(([name]) => !ownPlace.test(name));
    expect(common.length).toBeGreaterThan(15);
    for (const [name, value] of common) {
      expect({ name, value: environment[environmentName(name)] }).toEqual({ name, value });
    }
  });

  test('denies by default and has one super user', () => {
    const environment = services['kafka']!.environment;
    expect(environment['KAFKA_ALLOW_EVERYONE_IF_NO_ACL_FOUND']).toBe('false');
    expect(environment['KAFKA_SUPER_USERS']).toBe('User:admin');
  });

  test('binds every port to the loopback interface', () => {
    const ports = Object.values(services).flatMap((service) => service.ports);
    expect(ports).toHaveLength(7);
    for (const port of ports) expect(port).toMatch(/^127\.0\.0\.1:\d+:\d+$/);
  });

  test('checks the health of every service that stays up', () => {
    const staying = Object.entries(services).filter(([, { restart }]) => restart === 'unless-stopped');
    expect(staying).toHaveLength(10);
    for (const [name, service] of staying)
      expect([name, service.healthcheck?.test === undefined]).toEqual([name, false]);
  });

  test('holds no password: each comes from a variable that has no default', () => {
    const passwords = [...text.matchAll(/password="([^"]*)"|PASSWORD: (.*)/g)].map(
      (match) => match[1] ?? match[2]!,
    );
    expect(passwords.length).toBeGreaterThan(3);
    for (const password of passwords) expect(password).toMatch(/\$\{GAUZE_STACK_PASSWORD:\?|^%s$/);
  });

  test('names exact versions', () => {
    expect(services['kafka']!.image).toBe(`apache/kafka:${KAFKA_VERSION}`);
    for (const { image } of Object.values(services)) expect(image).toMatch(/:v?\d/);
  });
});
