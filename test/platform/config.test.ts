/**
 * Promises of the config file: every mistake is told at once with its line and without its value, nothing
 * is corrected silently, and what is loaded cannot be changed.
 */
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { loadConfig, login, readSecret } from '../../platform/config.ts';
import type { Config } from '../../platform/config.ts';
import { settingRows } from '../../platform/config-rows.ts';
import { GauzeErrors } from '../../platform/errors.ts';

const SMALLEST = `kafka:
  brokers: ["127.0.0.1:9092"]
  roles: {}
registry: { url: "http://127.0.0.1:8081/apis/ccompat/v7" }
`;

let folder = '';
let file = '';
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'gauze-config-'));
  file = path.join(folder, 'gauze.yaml');
});
afterEach(() => rm(folder, { recursive: true }));

async function load(text: string, variables: Readonly<Record<string, string>> = {}) {
  await writeFile(file, text);
  return loadConfig(file, (name) => variables[name]);
}

interface Told {
  readonly code: string;
  readonly line: number | undefined;
  readonly setting: string | undefined;
}

/** What is wrong with `text`, as code, line and setting; the values in `secrets` must not be repeated. */
async function mistakes(
  text: string,
  secrets: readonly string[] = [],
  variables: Readonly<Record<string, string>> = {},
): Promise<Told[]> {
  const failure: unknown = await load(text, variables).then(
    () => undefined,
    (error: unknown) => error,
  );
  if (!(failure instanceof GauzeErrors)) throw new Error('the config was accepted');
  const shown = JSON.stringify(failure.errors) + failure.message;
  for (const secret of secrets) expect(shown).not.toContain(secret);
  return failure.errors.map(({ code, context }) => ({ code, line: context.line, setting: context.setting }));
}

describe('a good file', () => {
  test('gets every default, and paths relative to the file', async () => {
    const config = await load(SMALLEST);
    expect(config.limits).toEqual({
      sessionTimeoutMs: 10_000,
      transactionsPerSecond: 200,
      batchBytes: 4_194_304,
      lingerMs: 100,
      fetchBytes: 1_048_576,
      decompressedBytes: 67_108_864,
      grantRetentionMs: 3_600_000,
    });
    expect(config.kafka.ssl).toBe(false);
    expect(config.http).toEqual({
      host: '127.0.0.1',
      port: 8088,
      requestsPerPerson: 300,
      requestsPerAddress: 1_200,
      trustedProxies: [],
    });
    expect(config.topics.prefix).toBe('gauze');
    expect(config.policies).toBe(path.join(folder, 'policies'));
  });

  test('keeps everything of the full form', async () => {
    const config = await load(`kafka:
  brokers: ["a.example:9092", "[::1]:9093"]
  ssl: { caFile: tls/ca.pem }
  roles:
    topology: { mechanism: scram-sha-512, username: gauze-topology, passwordFile: secrets/topology }
registry: { url: "https://registry.example", username: gauze, passwordFile: /run/secrets/registry }
redis: { url: "redis://127.0.0.1:6379" }
oidc: { issuer: "https://id.example.org", audience: gauze, groupsClaim: roles, pagesClientSecretFile: secrets/pages }
http:
  { host: 0.0.0.0, port: 80, publicUrl: "https://gauze.example.org", tls: { certFile: c.pem, keyFile: tls/k.pem } }
notifications:
  webhook: { url: "https://hooks.example.org/gauze", secretFile: secrets/hook }
  mail: { smtp: "smtps://mail.example.org", from: gauze@example.org, addresses: { data-owners: [o@example.org] } }
keys: { file: secrets/keyring.json }
policies: rules/
access: access.yaml
tags: { PII: PHI_ID }
topics: { prefix: gz }
limits: { lingerMs: 5 }
roles: { data-owners: [grp-a, grp-b] }
owners: { "User:alice": alice@example.org }
`);
    expect(config.kafka.ssl).toEqual({ caFile: path.join(folder, 'tls/ca.pem') });
    expect(config.kafka.roles.topology?.passwordFile).toBe(path.join(folder, 'secrets/topology'));
    expect(config.registry.passwordFile).toBe('/run/secrets/registry');
    expect(config.keys?.file).toBe(path.join(folder, 'secrets/keyring.json'));
    expect(config.access).toBe(path.join(folder, 'access.yaml'));
    expect(config.limits).toMatchObject({ lingerMs: 5, batchBytes: 4_194_304 });
    expect(config.roles).toEqual({ 'data-owners': ['grp-a', 'grp-b'] });
    expect(config.owners).toEqual({ 'User:alice': 'alice@example.org' });
    expect(config.oidc).toMatchObject({
      groupsClaim: 'roles',
      idClaim: 'sub',
      cliClientId: 'gauze-cli',
      pagesClientSecretFile: path.join(folder, 'secrets/pages'),
    });
    expect(config.http.tls?.keyFile).toBe(path.join(folder, 'tls/k.pem'));
    expect(config.notifications.webhook?.secretFile).toBe(path.join(folder, 'secrets/hook'));
    expect(config.notifications.mail).toMatchObject({
      addresses: { 'data-owners': ['o@example.org'] },
      people: {},
    });
  });

  test('is frozen all the way down', async () => {
    const config = await load(SMALLEST);
    const frozen = (value: unknown): boolean =>
      typeof value !== 'object' ||
      value === null ||
      (Object.isFrozen(value) && Object.values(value).every((child) => frozen(child)));
    expect(frozen(config)).toBe(true);
  });

  test('takes variables in any value, a port too', async () => {
    const text = `${SMALLEST}http: { port: "\${PORT}" }\nkeys: { file: "\${DIR}/ring.json" }\n`;
    const config = await load(text, { PORT: '9000', DIR: 'sub' });
    expect(config.http.port).toBe(9000);
    expect(config.keys?.file).toBe(path.join(folder, 'sub/ring.json'));
  });

  test('leaves names alone: a variable in one is just a name', async () => {
    const config = await load(`${SMALLEST}tags: { "\${WORD}": "\${TAG}" }\n`, { WORD: 'x', TAG: 'PHI_ID' });
    expect(config.tags).toEqual({ '${WORD}': 'PHI_ID' });
  });

  test('takes a Redis password from a variable', async () => {
    const text = `${SMALLEST}redis: { url: "redis://:\${PW}@127.0.0.1:6379" }\n`;
    expect((await load(text, { PW: 'x' })).redis?.url).toBe('redis://:x@127.0.0.1:6379');
  });

  test('of the example hospital loads', async () => {
    const example = path.resolve(import.meta.dirname, '../../examples/hospital/gauze.yaml');
    const variables: Readonly<Record<string, string>> = {
      GAUZE_KAFKA: '127.0.0.1:9092',
      GAUZE_REGISTRY: 'http://127.0.0.1:8081/apis/ccompat/v7',
      GAUZE_REDIS: 'redis://127.0.0.1:6379',
      GAUZE_SECRETS: '/run/gauze',
    };
    const config = await loadConfig(example, (name) => variables[name]);
    expect(config.keys?.file).toBe('/run/gauze/keyring.json');
  });
});

describe('a wrong file', () => {
  test('is told all its problems at once, in the order of its lines', async () => {
    const text = `kafka:
  brokers: ["nowhere"]
  roles:
    topology: { mechanism: magic, username: t }
registry: { url: "\${REGISTRY}" }
topicz: {}
limits:
  lingerMs: soon
`;
    expect(await mistakes(text)).toEqual([
      { code: 'ERR_CONFIG_SETTING_WRONG', line: 2, setting: 'kafka.brokers.0' },
      { code: 'ERR_CONFIG_SETTING_WRONG', line: 4, setting: 'kafka.roles.topology.mechanism' },
      { code: 'ERR_CONFIG_VARIABLE_MISSING', line: 5, setting: 'REGISTRY' },
      { code: 'ERR_CONFIG_SETTING_UNKNOWN', line: 6, setting: 'topicz' },
      { code: 'ERR_CONFIG_SETTING_WRONG', line: 8, setting: 'limits.lingerMs' },
    ]);
  });

  test('a list with a variable that is not set is one mistake, not two', async () => {
    const text = `kafka:
  brokers: ["\${BROKER}"]
  roles: {}
registry: { url: http://127.0.0.1:1 }
`;
    const told = await mistakes(text);
    expect(told.filter(({ line }) => line === 2)).toEqual([
      { code: 'ERR_CONFIG_VARIABLE_MISSING', line: 2, setting: 'BROKER' },
    ]);
  });

  test.each([
    ['kafka.roles.topology.password', 'topology: { mechanism: plain, username: t, password: hunter2 }'],
    ['kafka.roles.topology.secret', 'topology: { mechanism: plain, username: t, secret: hunter2 }'],
  ])('with %s written out is refused without repeating it', async (setting, line) => {
    const text = SMALLEST.replace('roles: {}', `roles:\n    ${line}`);
    expect(await mistakes(text, ['hunter2'])).toContainEqual({
      code: 'ERR_CONFIG_SECRET_INLINE',
      line: 4,
      setting,
    });
  });

  test('with a password in an address is refused without repeating it', async () => {
    expect(await mistakes(`${SMALLEST}redis: { url: "redis://:hunter2@127.0.0.1" }\n`, ['hunter2'])).toEqual([
      { code: 'ERR_CONFIG_SECRET_INLINE', line: 5, setting: 'redis.url' },
    ]);
  });

  test('with unknown settings inside a choice says which', async () => {
    const text = SMALLEST.replace('  roles', '  ssl: { caFil: x }\n  roles');
    expect(await mistakes(text)).toEqual([
      { code: 'ERR_CONFIG_SETTING_UNKNOWN', line: 3, setting: 'kafka.ssl.caFil' },
    ]);
  });

  test('with a wrong value in a map names the key', async () => {
    expect(await mistakes(`${SMALLEST}roles:\n  data-owners: grp-a\n`)).toEqual([
      { code: 'ERR_CONFIG_SETTING_WRONG', line: 6, setting: 'roles.data-owners' },
    ]);
  });

  test('with a principal that is none is told so', async () => {
    expect(await mistakes(`${SMALLEST}owners: { alice: a@example.org }\n`)).toMatchObject([
      { code: 'ERR_CONFIG_SETTING_WRONG', line: 5 },
    ]);
  });

  test.each([
    ['two values for one setting', `${SMALLEST}registry: { url: "http://x" }\n`, 5],
    ['a broken bracket', 'kafka: { brokers: [\n', 2],
    ['no settings at all', 'just words\n', 1],
    ['nothing', '', 1],
  ])('that has %s is no YAML config, with the line', async (_, text, line) => {
    const found = await mistakes(text, ['just words']);
    expect(found[0]).toMatchObject({ code: 'ERR_CONFIG_SYNTAX', line });
  });

  test.each([
    [
      'kafka.roles.topology.mechanism',
      SMALLEST.replace('{}', '{ topology: { mechanism: plain, username: t, passwordFile: f } }'),
    ],
    [
      'kafka.roles.admin.username',
      SMALLEST.replace(
        '{}',
        '{ topology: { mechanism: scram-sha-256, username: t, passwordFile: f }, admin: { mechanism: scram-sha-256, username: t, passwordFile: g } }',
      ),
    ],
    ['kafka.ssl', SMALLEST.replace('  roles', '  ssl: { certFile: c.pem }\n  roles')],
    [
      'kafka.roles.topology',
      SMALLEST.replace('{}', '{ topology: { mechanism: scram-sha-512, username: t } }').replace(
        '  roles',
        '  ssl: true\n  roles',
      ),
    ],
    [
      'kafka.roles.topology',
      SMALLEST.replace(
        '{}',
        '{ topology: { mechanism: oauthbearer, username: t, passwordFile: f } }',
      ).replace('  roles', '  ssl: true\n  roles'),
    ],
    [
      'kafka.roles.topology',
      SMALLEST.replace(
        '{}',
        '{ topology: { mechanism: scram-sha-256, username: t, passwordFile: f, oauth: { issuer: "https://id.example.org", clientId: c, clientSecretFile: s } } }',
      ).replace('  roles', '  ssl: true\n  roles'),
    ],
    [
      'kafka.roles.topology.mechanism',
      SMALLEST.replace(
        '{}',
        '{ topology: { mechanism: oauthbearer, username: t, oauth: { issuer: "https://id.example.org", clientId: c, clientSecretFile: s } } }',
      ),
    ],
    [
      'kafka.roles.topology.oauth.issuer',
      SMALLEST.replace(
        '{}',
        '{ topology: { mechanism: oauthbearer, username: t, oauth: { issuer: "http://id.example.org", clientId: c, clientSecretFile: s } } }',
      ).replace('  roles', '  ssl: true\n  roles'),
    ],
    ['registry', SMALLEST.replace('v7" }', 'v7", username: u }')],
    ['limits.fetchBytes', `${SMALLEST}limits: { fetchBytes: 4096, decompressedBytes: 2048 }\n`],
    ['oidc.issuer', `${SMALLEST}oidc: { issuer: "http://id.example.org", audience: gauze }\n`],
    ['http.publicUrl', `${SMALLEST}http: { publicUrl: "http://gauze.example.org" }\n`],
    [
      'notifications.webhook.url',
      `${SMALLEST}notifications: { webhook: { url: "http://hooks.example.org", secretFile: s } }\n`,
    ],
    [
      'notifications.mail',
      `${SMALLEST}notifications: { mail: { smtp: "smtp://mail.example.org", from: a@example.org, username: u } }\n`,
    ],
    ['redis.passwordFile', `${SMALLEST}redis: { url: "redis://:\${PW}@127.0.0.1", passwordFile: s }\n`],
  ])('whose %s contradicts another setting is refused', async (setting, text) => {
    const told = await mistakes(text, [], { PW: 'x' });
    expect(told).toMatchObject([{ code: 'ERR_CONFIG_CONTRADICTION' }]);
    // Of two users that are one, either may be named.
    expect([setting, 'kafka.roles.topology.username']).toContain(told[0]?.setting);
  });

  test('that is not there is named', async () => {
    await expect(loadConfig(path.join(folder, 'absent.yaml'))).rejects.toMatchObject({
      code: 'ERR_CONFIG_FILE_ABSENT',
    });
  });
});

describe('a config that nothing connects with', () => {
  const addresses = [
    "kafka: { brokers: ['${UNSET_HOST}:9092', '${UNSET}'], roles: {} }",
    "registry: { url: 'http://${UNSET_HOST}:8081' }",
    "redis: { url: '${UNSET}' }",
    "oidc: { issuer: '${UNSET}', audience: gauze }",
    "http: { publicUrl: 'https://${UNSET}' }",
    "keys: { file: '${UNSET}/keyring.json' }",
  ];

  async function offline(lines: readonly string[], variables: Record<string, string> = {}): Promise<Config> {
    const file = path.join(folder, 'gauze.yaml');
    await writeFile(file, lines.join('\n'));
    return await loadConfig(file, (name) => variables[name], 'offline');
  }

  test('needs no variable of an address, and leads nowhere without', async () => {
    const { kafka, registry, redis, oidc, http } = await offline(addresses);
    for (const address of [...kafka.brokers, registry.url, redis?.url, oidc?.issuer, http.publicUrl])
      expect(address).toMatch(/^([a-z]+:\/\/)?unset\.invalid(:9092)?$/);
  });

  test('takes the variable where it is set', async () => {
    const { registry } = await offline(addresses, { UNSET_HOST: 'registry.example.org' });
    expect(registry.url).toBe('http://registry.example.org:8081');
  });

  test('needs every other variable: what says where the policies are above all', async () => {
    const told = await offline([...addresses, 'policies: ${UNSET}', 'access: ${UNSET}']).catch(
      (error: unknown) => error,
    );
    expect(told).toMatchObject({
      errors: [7, 8].map((line): unknown =>
        expect.objectContaining({
          code: 'ERR_CONFIG_VARIABLE_MISSING',
          context: expect.objectContaining({ line }),
        }),
      ),
    });
  });

  test('is the only one without its addresses', async () => {
    expect(await mistakes(addresses.join('\n'))).toHaveLength(7);
  });
});

describe('a log-in', () => {
  const role = '{ topology: { mechanism: scram-sha-256, username: t, passwordFile: secrets/t } }';

  test('reads the password file, without the line break at its end', async () => {
    await mkdir(path.join(folder, 'secrets'));
    await writeFile(path.join(folder, 'secrets/t'), ' pass word \n');
    await chmod(path.join(folder, 'secrets/t'), 0o600);
    const config = await load(SMALLEST.replace('{}', role));
    expect(await login(config, 'topology')).toEqual({
      mechanism: 'scram-sha-256',
      username: 't',
      password: ' pass word ',
    });
  });

  test('of a role that is not in the file is an error that names it', async () => {
    const config = await load(SMALLEST);
    await expect(login(config, 'sealer')).rejects.toMatchObject({
      code: 'ERR_CONFIG_ROLE_MISSING',
      context: { role: 'sealer' },
    });
  });

  test('is refused where the password file is absent or empty', async () => {
    const config = await load(SMALLEST.replace('{}', role));
    await expect(login(config, 'topology')).rejects.toMatchObject({ code: 'ERR_CONFIG_FILE_UNREADABLE' });
    await writeFile(path.join(folder, 'empty'), '\n');
    await expect(readSecret(path.join(folder, 'empty'))).rejects.toMatchObject({
      code: 'ERR_CONFIG_FILE_UNREADABLE',
    });
  });
});

test('every setting says what it means and what type it has', () => {
  const rows = settingRows();
  expect(rows.length).toBeGreaterThan(50);
  for (const row of rows) {
    expect(row.doc).toMatch(/[.)]$/);
    expect(row.type).not.toBe('');
  }
  expect(rows.find((row) => row.name === 'limits.lingerMs')).toEqual({
    name: 'limits.lingerMs',
    type: 'whole number',
    default: '100',
    unit: 'ms',
    doc: expect.any(String),
  });
  expect(rows.find((row) => row.name === 'registry.url')?.default).toBeNull();
  expect(rows.find((row) => row.name === 'kafka.ssl.caFile')?.type).toBe('path');
});
