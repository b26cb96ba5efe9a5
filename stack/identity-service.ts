/**
 * Starts the identity provider of the local stack as a supervised process and waits until it answers. Passwords,
 * secrets and the signing key are made anew at each start; they stand in one file that only its owner can read, and
 * never on a command line.
 */
import { generateKeyPairSync } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { random } from '../platform/clock.ts';
import { freePorts } from './free-ports.ts';
import { HOSPITAL_PEOPLE, MACHINE_CLIENT } from './identity-people.ts';
import type { IdentityDescription } from './identity-people.ts';
import type { ProviderSettings } from './identity-provider.ts';
import { answers200, logFile, waitReady } from './services.ts';
import type { ServiceContext } from './services.ts';

const SERVICE = 'identity';

/**
 * Starts it on a free port.
 * @throws GauzeError ERR_STACK_START
 */
export async function startIdentityProvider(context: ServiceContext): Promise<IdentityDescription> {
  const [port = 0] = await freePorts(1);
  const description: IdentityDescription = {
    oidcIssuer: `http://127.0.0.1:${port}`,
    people: Object.fromEntries(
      Object.entries(HOSPITAL_PEOPLE).map(([id, person]) => [
        id,
        { id, ...person, password: identitySecret(18) },
      ]),
    ),
    machineClient: { id: MACHINE_CLIENT, secret: identitySecret(32) },
  };
  const settings: ProviderSettings = {
    ...description,
    signingKey: identitySigningKey(),
    cookieKeys: [identitySecret(32)],
  };
  const folder = join(context.directory, 'settings');
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const file = join(folder, `${SERVICE}.json`);
  await writeFile(file, JSON.stringify(settings), { mode: 0o600 });
  // As TypeScript in the work tree, as JavaScript in a published package.
  const script = import.meta.url.endsWith('.ts') ? './identity-provider.ts' : './identity-provider.js';
  await context.supervised.start({
    name: SERVICE,
    command: process.execPath,
    args: [fileURLToPath(new URL(script, import.meta.url)), file],
    directory: context.directory,
    logFile: logFile(context, SERVICE),
  });
  const discovery = `${description.oidcIssuer}/.well-known/openid-configuration`;
  await waitReady(context, SERVICE, async () => await answers200(discovery));
  return description;
}

/** A random secret in base64url. */
export function identitySecret(bytes: number): string {
  return random(bytes).toString('base64url');
}

/** A new key to sign tokens with. */
export function identitySigningKey(): ProviderSettings['signingKey'] {
  const jwk = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' });
  return { kty: 'EC', crv: 'P-256', x: jwk.x ?? '', y: jwk.y ?? '', d: jwk.d ?? '' };
}
