/**
 * Writes what each container of docker-compose.yml needs into a folder of its own: `node container-site.js FOLDER`,
 * with GAUZE_STACK_PASSWORD set. A folder has the passwords of its own part and of no other. What is there is kept:
 * a keyring made anew would break every pseudonym.
 */
import { access, chmod, copyFile, cp, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ROOT_KEY_FILE, TRUST_FILE, makeAuditTrust } from '../../audit/trust-maker.ts';
import { createKeyringFile, loadKeyring } from '../../keys/keyring.ts';
import { environment } from '../../platform/config.ts';
import { GauzeError } from '../../platform/errors.ts';
import { topicNames } from '../../schemas/topic-names.ts';
import { CONTAINER_PORTS, CONTAINER_ROLES, CONTAINER_ROLE_NAMES } from '../../stack/container-roles.ts';
import type { ContainerRole } from '../../stack/container-roles.ts';
import { HOSPITAL_PEOPLE, MACHINE_CLIENT } from '../../stack/identity-people.ts';
import type { ProviderSettings } from '../../stack/identity-provider.ts';
import { identitySecret, identitySigningKey } from '../../stack/identity-service.ts';

const AUDIENCES = ['research', 'analytics', 'billing'];
const ORIGIN = 'gauze.compose/hospital';
const ISSUER = `http://127.0.0.1:${CONTAINER_PORTS.identity}`;
const KEYRING = 'keyring.json';
const POLICIES = fileURLToPath(new URL('./policies/', import.meta.url));
const ACCESS = fileURLToPath(new URL('./access.yaml', import.meta.url));

/** Where the parts find what they stand on. */
export interface ContainerAddresses {
  readonly kafka: string;
  readonly registry: string;
  readonly redis: string;
}

/** In docker-compose.yml: everything of gauze shares the broker's network. */
const ADDRESSES: ContainerAddresses = {
  kafka: `127.0.0.1:${CONTAINER_PORTS.kafka}`,
  registry: 'http://registry:8080/apis/ccompat/v7',
  redis: 'redis://redis:6379',
};

/**
 * Makes what is missing below `root`.
 * @param passwordOf the password of a user of the stack
 * @throws GauzeError of keyring and trust file
 */
export async function makeContainerSites(
  root: string,
  passwordOf: (user: string) => string,
  addresses = ADDRESSES,
): Promise<void> {
  const admin = join(root, 'admin');
  for (const part of ['admin', 'identity', ...CONTAINER_ROLE_NAMES])
    await mkdir(join(root, part), { recursive: true, mode: 0o700 });
  const keyring = join(admin, KEYRING);
  await createKeyringFile(keyring, AUDIENCES);
  const trust = { keyring: await loadKeyring(keyring), origin: ORIGIN, names: topicNames('gauze') };
  // The key that signs the trust file stays with the administrator, and so do no other keys than the keyring's.
  const { rootVkey } = await makeAuditTrust(admin, trust);
  const context = { root, passwordOf, addresses, rootVkey };
  await makeSite(context, 'admin', ['admin'], null);
  for (const role of CONTAINER_ROLE_NAMES) {
    const { logins, statusPort } = CONTAINER_ROLES[role];
    await makeSite(context, role, logins, statusPort);
  }
  await makeIdentity(join(root, 'identity', 'identity.json'), passwordOf);
}

interface SiteContext {
  readonly root: string;
  readonly passwordOf: (user: string) => string;
  readonly addresses: ContainerAddresses;
  readonly rootVkey: string;
}

async function makeSite(
  context: SiteContext,
  part: 'admin' | ContainerRole,
  logins: readonly string[],
  statusPort: number | null,
): Promise<void> {
  const folder = join(context.root, part);
  const admin = join(context.root, 'admin');
  const config = join(folder, 'gauze.yaml');
  if (await isThere(config)) return;
  for (const login of logins)
    await writeSecret(join(folder, `gauze-${login}`), context.passwordOf(`gauze-${login}`));
  if (part !== 'admin') {
    await copyFile(join(admin, KEYRING), join(folder, KEYRING));
    await chmod(join(folder, KEYRING), 0o600);
    await copyFile(join(admin, TRUST_FILE), join(folder, TRUST_FILE));
  }
  await cp(POLICIES, join(folder, 'policies'), { recursive: true });
  await cp(ACCESS, join(folder, 'access.yaml'));
  // Last: a folder with a config is a whole one.
  await writeFile(config, configText(context, logins, statusPort));
}

async function makeIdentity(file: string, passwordOf: (user: string) => string): Promise<void> {
  if (await isThere(file)) return;
  const people = Object.entries(HOSPITAL_PEOPLE).map(
    ([id, person]) => [id, { id, ...person, password: passwordOf(id) }] as const,
  );
  const settings: ProviderSettings = {
    oidcIssuer: ISSUER,
    // The port is published to the loopback interface of the host alone.
    bindHost: '0.0.0.0',
    people: Object.fromEntries(people),
    machineClient: { id: MACHINE_CLIENT, secret: passwordOf(MACHINE_CLIENT) },
    signingKey: identitySigningKey(),
    cookieKeys: [identitySecret(32)],
  };
  await writeSecret(file, JSON.stringify(settings));
}

function configText(
  { addresses, rootVkey }: SiteContext,
  logins: readonly string[],
  statusPort: number | null,
): string {
  const roles = logins.map(
    (login) =>
      `    ${login}: { mechanism: scram-sha-256, username: gauze-${login}, passwordFile: gauze-${login} }`,
  );
  return [
    '# A part of gauze in a container; docs/reference/config.md describes every setting.',
    'kafka:',
    `  brokers: ['${addresses.kafka}']`,
    '  ssl: false',
    '  roles:',
    ...roles,
    `registry: { url: '${addresses.registry}' }`,
    `redis: { url: '${addresses.redis}' }`,
    `keys: { file: ${KEYRING} }`,
    // The site is read-only there, and so is all else but /tmp.
    `audit: { origin: '${ORIGIN}', trustFile: ${TRUST_FILE}, rootVkey: '${rootVkey}', folder: /tmp/audit-work }`,
    'policies: policies/',
    'access: access.yaml',
    `oidc: { issuer: '${ISSUER}', audience: gauze }`,
    `http: { host: 0.0.0.0, port: ${CONTAINER_PORTS.pages}, publicUrl: 'http://127.0.0.1:${CONTAINER_PORTS.pages}' }`,
    ...(statusPort === null ? [] : [`metrics: { host: 0.0.0.0, port: ${statusPort} }`]),
    'roles:',
    '  clinicians: [grp-clinicians]',
    '  emergency-physicians: [grp-emergency]',
    '  data-owners: [grp-ehr-owners]',
    '  privacy-officers: [grp-privacy]',
    '  operators: [grp-operators]',
    '  auditors: [grp-audit]',
    "owners: { 'User:icu-app': carol }",
    '',
  ].join('\n');
}

async function writeSecret(file: string, text: string): Promise<void> {
  await writeFile(file, text, { mode: 0o600 });
}

async function isThere(file: string): Promise<boolean> {
  return await access(file).then(
    () => true,
    () => false,
  );
}

/** Names of files in the administrator's folder that no other part gets. */
export const ADMIN_ONLY: readonly string[] = [ROOT_KEY_FILE, 'gauze-admin'];

const folder = process.argv[2];
if (import.meta.main && folder !== undefined) {
  const password = environment('GAUZE_STACK_PASSWORD');
  if (password === undefined)
    throw new GauzeError('ERR_USAGE_ARGUMENT', { setting: 'GAUZE_STACK_PASSWORD', expected: 'a password' });
  await makeContainerSites(folder, (user) => `${user}-${password}`);
}
