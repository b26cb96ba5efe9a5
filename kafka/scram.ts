/**
 * SCRAM (RFC 5802, RFC 7677): proves the password without sending it, and makes the broker prove that it
 * knows it too. A broker that cannot is refused.
 */
import { createHash, createHmac, pbkdf2, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import { random } from '../platform/clock.ts';
import { GauzeError } from '../platform/errors.ts';
import type { Authenticator } from './authenticator.ts';
import type { Login } from './login.ts';

const deriveKey = promisify(pbkdf2);
/** RFC 7677 asks for at least 4096. */
const ITERATIONS_MIN = 4096;
/** A hostile broker must not be able to keep us busy for ever. */
const ITERATIONS_MAX = 1_000_000;

export class ScramAuthenticator implements Authenticator {
  readonly mechanism: string;
  readonly #hash: 'sha256' | 'sha512';
  readonly #login: Login;

  constructor(hash: 'sha256' | 'sha512', login: Login) {
    this.#hash = hash;
    this.#login = login;
    this.mechanism = hash === 'sha256' ? 'SCRAM-SHA-256' : 'SCRAM-SHA-512';
  }

  async authenticate(exchange: (message: Buffer) => Promise<Buffer>): Promise<void> {
    const nonce = random(24).toString('base64');
    const name = this.#login.username.replaceAll('=', '=3D').replaceAll(',', '=2C');
    const clientFirst = `n=${name},r=${nonce}`;
    const serverFirst = (await exchange(Buffer.from(`n,,${clientFirst}`))).toString();
    const challenge = attributes(serverFirst);
    const iterations = Number(challenge.get('i'));
    const serverNonce = challenge.get('r') ?? '';
    const salt = Buffer.from(challenge.get('s') ?? '', 'base64');
    const sound = serverNonce.startsWith(nonce) && serverNonce.length > nonce.length && salt.length > 0;
    if (!sound || !(iterations >= ITERATIONS_MIN && iterations <= ITERATIONS_MAX)) throw refused();

    const size = this.#hash === 'sha256' ? 32 : 64;
    const salted = await deriveKey(
      this.#login.password.normalize('NFKC'),
      salt,
      iterations,
      size,
      this.#hash,
    );
    const clientKey = this.mac(salted, 'Client Key');
    const storedKey = createHash(this.#hash).update(clientKey).digest();
    const withoutProof = `c=biws,r=${serverNonce}`;
    const authMessage = `${clientFirst},${serverFirst},${withoutProof}`;
    const signature = this.mac(storedKey, authMessage);
    const proof = Buffer.from(clientKey.map((byte, i) => byte ^ signature[i]!));
    const answer = await exchange(Buffer.from(`${withoutProof},p=${proof.toString('base64')}`));
    const verifier = Buffer.from(attributes(answer.toString()).get('v') ?? '', 'base64');
    const expected = this.mac(this.mac(salted, 'Server Key'), authMessage);
    if (verifier.length !== expected.length || !timingSafeEqual(verifier, expected)) throw refused();
  }

  private mac(key: Buffer, message: string): Buffer {
    return createHmac(this.#hash, key).update(message).digest();
  }
}

function attributes(message: string): Map<string, string> {
  return new Map(message.split(',').map((part) => [part.slice(0, 1), part.slice(2)]));
}

function refused(): GauzeError {
  return new GauzeError('ERR_KAFKA_AUTHENTICATION', {});
}
