/**
 * Promises of `gauze login`: a real log-in by the device grant, kept where only its owner can read it, renewed when
 * it must be, and ended for good.
 */
import { spawn } from 'node:child_process';
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { Identity } from '../../approvals/identity.ts';
import { accessToken } from '../../cli/login-command.ts';
import { Site } from '../../cli/site.ts';
import { TokenStore } from '../../cli/token-store.ts';
import type { StoredLogin } from '../../cli/token-store.ts';
import { walkLogIn } from '../../stack/identity-log-in.ts';
import { HOSPITAL_ROLES, TestIdentity } from '../support/identity.ts';

const GAUZE = fileURLToPath(new URL('../../cli/gauze.ts', import.meta.url));

let provider: TestIdentity;
let folder: string;
let config: string;
let site: Site;
let store: TokenStore;
const before = process.env['XDG_CONFIG_HOME'];

beforeAll(async () => {
  provider = await TestIdentity.open();
});
afterAll(async () => await provider.close());

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gauze-login-'));
  config = join(folder, 'gauze.yaml');
  const lines = [
    "kafka: { brokers: ['127.0.0.1:1'], roles: {} }",
    "registry: { url: 'http://127.0.0.1:1' }",
    `oidc: { issuer: '${provider.issuer}', audience: gauze }`,
  ];
  await writeFile(config, `${lines.join('\n')}\n`);
  site = await Site.load(config);
  process.env['XDG_CONFIG_HOME'] = folder;
  store = new TokenStore(provider.issuer, folder);
});

afterEach(async () => {
  if (before === undefined) delete process.env['XDG_CONFIG_HOME'];
  else process.env['XDG_CONFIG_HOME'] = before;
  await rm(folder, { recursive: true });
});

interface Ended {
  readonly code: number | null;
  readonly output: string;
}

/** Runs a verb; `onLine` sees what it prints while it runs. */
async function verb(name: string, onOutput: (output: string) => void = () => {}): Promise<Ended> {
  const child = spawn(process.execPath, [GAUZE, name, '-c', config], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, XDG_CONFIG_HOME: folder },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      onOutput(output);
    });
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { code, output };
}

/** `gauze login`, with `name` at the browser. */
async function login(name: string): Promise<Ended> {
  const walks: Promise<unknown>[] = [];
  const ended = await verb('login', (output) => {
    const address = /Open {2}(\S+)\n/.exec(output)?.[1];
    if (address !== undefined && walks.length === 0)
      walks.push(walkLogIn(provider.description, name, address));
  });
  await Promise.all(walks);
  return ended;
}

/** A log-in as if made by `gauze login`. */
async function stored(change: Partial<StoredLogin> = {}): Promise<StoredLogin> {
  const { accessToken: token, refreshToken } = await provider.logIn('alice');
  const kept = {
    issuer: provider.issuer,
    clientId: 'gauze-cli',
    accessToken: token,
    expiresAtMs: Date.now() + 600_000,
    refreshToken,
    subject: 'alice',
    ...change,
  };
  await store.write(kept);
  return kept;
}

test('logs in by the device grant, keeps the tokens for their owner alone and prints none of them', async () => {
  const { code, output } = await login('bob');
  expect(output).toContain('Logged in as bob');
  expect(code).toBe(0);
  const { mode } = await stat(store.file);
  expect(mode & 0o777).toBe(0o600);
  expect((await stat(join(store.file, '..'))).mode & 0o777).toBe(0o700);
  const kept = JSON.parse(await readFile(store.file, 'utf8')) as StoredLogin;
  expect(kept.refreshToken).not.toBeNull();
  for (const secret of [kept.accessToken, kept.refreshToken!]) expect(output).not.toContain(secret);
  const roles = { clinicians: [...HOSPITAL_ROLES.clinicians] };
  const identity = new Identity({ oidc: provider.oidc, roles, owners: {} });
  expect(await identity.personOfToken(await accessToken(site))).toMatchObject({
    id: 'bob',
    roles: ['clinicians'],
  });
});

test('is needed where nobody has logged in', async () => {
  await expect(accessToken(site)).rejects.toMatchObject({ code: 'ERR_LOGIN_NEEDED' });
  await stored({ clientId: 'another-client' });
  await expect(accessToken(site)).rejects.toMatchObject({ code: 'ERR_LOGIN_NEEDED' });
});

test('is renewed before its token ends, and asked for again where it cannot be', async () => {
  const kept = await stored();
  expect(await accessToken(site)).toBe(kept.accessToken);
  await stored({ expiresAtMs: Date.now() + 30_000 });
  const first = (await store.read())!;
  const renewed = await accessToken(site);
  expect(renewed).not.toBe(first.accessToken);
  expect(await accessToken(site)).toBe(renewed);
  expect((await store.read())?.expiresAtMs).toBeGreaterThan(Date.now() + 600_000);
  await stored({ expiresAtMs: 0, refreshToken: 'no-such-token' });
  await expect(accessToken(site)).rejects.toMatchObject({ code: 'ERR_LOGIN_NEEDED' });
  await stored({ expiresAtMs: 0, refreshToken: null });
  await expect(accessToken(site)).rejects.toMatchObject({ code: 'ERR_LOGIN_NEEDED' });
});

test('is not used where others can read it', async () => {
  await stored();
  await chmod(store.file, 0o644);
  await expect(accessToken(site)).rejects.toMatchObject({ code: 'ERR_LOGIN_FILE_PERMISSIONS' });
});

test('is ended by logout, here and at the provider, also where others could read it', async () => {
  const { refreshToken } = await stored();
  await chmod(store.file, 0o644);
  const { code, output } = await verb('logout');
  expect(output).toBe('Logged out alice.\n');
  expect(code).toBe(0);
  await expect(stat(store.file)).rejects.toMatchObject({ code: 'ENOENT' });
  const body = new URLSearchParams({
    grant_type: 'refresh_token',
    client_id: 'gauze-cli',
    refresh_token: refreshToken!,
  });
  expect((await fetch(`${provider.issuer}/token`, { method: 'POST', body })).status).toBe(400);
  expect((await verb('logout')).output).toBe('Nobody was logged in.\n');
});
