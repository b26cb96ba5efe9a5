/**
 * The folders that the containers of docker-compose.yml are given: each role reads its config and its keyring, and has
 * no password but its own.
 */
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { ADMIN_ONLY, makeContainerSites } from '../../examples/hospital/container-site.ts';
import { loadKeyring } from '../../keys/keyring.ts';
import { loadConfig, login } from '../../platform/config.ts';
import { CONTAINER_ROLES, CONTAINER_ROLE_NAMES } from '../../stack/container-roles.ts';

let root = '';
const passwordOf = (user: string): string => `${user}-pw`;

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'gauze-sites-'));
  await makeContainerSites(root, passwordOf);
});
afterAll(() => rmSync(root, { recursive: true }));

function texts(part: string): readonly (readonly [string, string])[] {
  const files = readdirSync(join(root, part), { withFileTypes: true }).filter((entry) => entry.isFile());
  return files.map(({ name }) => [name, readFileSync(join(root, part, name), 'utf8')]);
}

describe('the sites of the containers', () => {
  test.each(CONTAINER_ROLE_NAMES)(
    'give %s a config that is right, its log-in and a keyring',
    async (role) => {
      const config = await loadConfig(join(root, role, 'gauze.yaml'));
      expect(config.metrics).toEqual({ host: '0.0.0.0', port: CONTAINER_ROLES[role].statusPort });
      expect(Object.keys(config.kafka.roles)).toEqual(CONTAINER_ROLES[role].logins);
      expect(await login(config, role)).toMatchObject({ password: `gauze-${role}-pw` });
      await loadKeyring(config.keys!.file);
      // All that is written at run time goes to the one place that can be written to.
      expect(config.audit.folder).toMatch(/^\/tmp\//);
    },
  );

  test.each(CONTAINER_ROLE_NAMES)('give %s no password of another part and not the root key', (role) => {
    const own = CONTAINER_ROLES[role].logins.map((name) => `gauze-${name}-pw`);
    const passwords = texts(role).flatMap(([, text]) => text.match(/[\w-]+-pw/g) ?? []);
    expect(passwords.toSorted()).toEqual(own.toSorted());
    const names = texts(role).map(([name]) => name);
    for (const name of ADMIN_ONLY) expect(names).not.toContain(name);
  });

  test('keep what is there when they are made again', async () => {
    const parts = ['admin', 'identity', ...CONTAINER_ROLE_NAMES];
    const before = parts.map(texts);
    await makeContainerSites(root, () => 'another-pw');
    expect(parts.map(texts)).toEqual(before);
  });
});
