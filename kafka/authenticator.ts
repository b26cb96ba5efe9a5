/**
 * SASL exchanges behind one interface. An authenticator sees challenges and gives answers;
 * it never logs or keeps either.
 */
import { GauzeError } from '../platform/errors.ts';
import type { AnyLogin, Login } from './login.ts';
import { OAuthBearerAuthenticator } from './oauthbearer.ts';
import { ScramAuthenticator } from './scram.ts';

/** One SASL mechanism. */
export interface Authenticator {
  /** The mechanism's registered name, as SaslHandshake sends it. */
  readonly mechanism: string;
  /**
   * Runs the exchange; `exchange` sends our bytes and gives the broker's.
   * Throws where the broker's side does not prove itself.
   */
  authenticate(exchange: (message: Buffer) => Promise<Buffer>): Promise<void>;
}

/** PLAIN (RFC 4616): the password itself, so only over TLS or on loopback. */
class PlainAuthenticator implements Authenticator {
  readonly mechanism = 'PLAIN';
  readonly #login: Login;

  constructor(login: Login) {
    this.#login = login;
  }

  async authenticate(exchange: (message: Buffer) => Promise<Buffer>): Promise<void> {
    await exchange(Buffer.from(`\0${this.#login.username}\0${this.#login.password}`));
  }
}

/** The authenticator for a log-in. */
export function authenticatorFor(login: AnyLogin): Authenticator {
  switch (login.mechanism) {
    case 'plain':
      return new PlainAuthenticator(login);
    case 'scram-sha-256':
      return new ScramAuthenticator('sha256', login);
    case 'scram-sha-512':
      return new ScramAuthenticator('sha512', login);
    case 'oauthbearer':
      return new OAuthBearerAuthenticator(login);
    default:
      throw new GauzeError('ERR_CONFIG_SETTING_WRONG', {
        setting: 'mechanism',
        expected: 'scram-sha-256, scram-sha-512, oauthbearer or plain',
      });
  }
}
