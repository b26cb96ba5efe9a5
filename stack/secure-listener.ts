/**
 * A second listener of the embedded brokers: TLS, with SCRAM-SHA-256, SCRAM-SHA-512 and OAUTHBEARER, whose tokens come
 * from the stack's identity provider. The certificate is made anew at each start, for the loopback addresses only.
 */
import { execFile } from 'node:child_process';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { random } from '../platform/clock.ts';
import { TOKEN_AUDIENCE } from './identity-people.ts';
import { writeFile } from 'node:fs/promises';

const run = promisify(execFile);
const OAUTH = 'org.apache.kafka.common.security.oauthbearer';
const SCRAM = 'org.apache.kafka.common.security.scram.ScramLoginModule required;';
const DAYS_VALID = '2';

/** How the secure listener is asked for. */
export interface SecureOptions {
  /** Sessions last this long, and are to be authenticated anew before (KIP-368). */
  readonly sessionMs: number;
}

/** A key with its certificate, as the brokers take it and as clients trust it. */
export interface ServerCertificate {
  readonly keystoreFile: string;
  readonly password: string;
  /** PEM. */
  readonly caFile: string;
}

/** Makes a self-signed certificate with the JDK's keytool. Passwords stand in a file, never on a command line. */
export async function makeCertificate(java: string, directory: string): Promise<ServerCertificate> {
  const keytool = java.includes('/') ? join(dirname(java), 'keytool') : 'keytool';
  const keystoreFile = join(directory, 'secure.p12');
  const caFile = join(directory, 'secure-ca.pem');
  const passwordFile = join(directory, 'secure.password');
  const password = random(24).toString('base64url');
  await writeFile(passwordFile, password, { mode: 0o600 });
  const store = ['-alias', 'broker', '-keystore', keystoreFile, '-storepass:file', passwordFile];
  await run(keytool, [
    '-genkeypair',
    ...store,
    ...'-storetype PKCS12 -keyalg EC -groupname secp256r1 -validity'.split(' '),
    DAYS_VALID,
    '-dname',
    'CN=gauze local stack',
    '-ext',
    'san=ip:127.0.0.1,dns:localhost',
  ]);
  await run(keytool, ['-exportcert', '-rfc', ...store, '-file', caFile]);
  return { keystoreFile, password, caFile };
}

/** The settings of the listener, beside its address. They hold the keystore's password. */
export function secureSettings(
  { keystoreFile, password }: ServerCertificate,
  issuer: string,
  { sessionMs }: SecureOptions,
): ReadonlyMap<string, string> {
  const listener = 'listener.name.secure';
  return new Map([
    [`${listener}.ssl.keystore.type`, 'PKCS12'],
    [`${listener}.ssl.keystore.location`, keystoreFile],
    [`${listener}.ssl.keystore.password`, password],
    [`${listener}.ssl.key.password`, password],
    [`${listener}.sasl.enabled.mechanisms`, 'SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER'],
    [`${listener}.scram-sha-256.sasl.jaas.config`, SCRAM],
    [`${listener}.scram-sha-512.sasl.jaas.config`, SCRAM],
    [`${listener}.oauthbearer.sasl.jaas.config`, `${OAUTH}.OAuthBearerLoginModule required;`],
    [
      `${listener}.oauthbearer.sasl.server.callback.handler.class`,
      `${OAUTH}.OAuthBearerValidatorCallbackHandler`,
    ],
    [`${listener}.oauthbearer.connections.max.reauth.ms`, String(sessionMs)],
    [`${listener}.scram-sha-512.connections.max.reauth.ms`, String(sessionMs)],
    ['sasl.oauthbearer.jwks.endpoint.url', jwksUrl(issuer)],
    ['sasl.oauthbearer.expected.issuer', issuer],
    ['sasl.oauthbearer.expected.audience', TOKEN_AUDIENCE],
  ]);
}

/** What the broker's Java must be told: from where keys may be fetched (KIP-1139). */
export function secureJavaOptions(issuer: string): readonly string[] {
  return [`-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls=${jwksUrl(issuer)}`];
}

function jwksUrl(issuer: string): string {
  return `${issuer}/jwks`;
}
