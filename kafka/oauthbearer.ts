/**
 * SASL OAUTHBEARER (RFC 7628): a bearer token of the identity provider in place of a password, asked for anew at each
 * authentication. The token goes to the broker and nowhere else: it is never kept, logged or put into an error.
 */
import { GauzeError } from '../platform/errors.ts';
import type { Authenticator } from './authenticator.ts';
import type { TokenLogin } from './login.ts';

const SEPARATOR = '\x01';
/** Characters of a bearer token (RFC 6750, 2.1): what holds others could end the message early. */
const BEARER = /^[A-Za-z0-9\-._~+/]+=*$/;

export class OAuthBearerAuthenticator implements Authenticator {
  readonly mechanism = 'OAUTHBEARER';
  readonly #login: TokenLogin;

  constructor(login: TokenLogin) {
    this.#login = login;
  }

  async authenticate(exchange: (message: Buffer) => Promise<Buffer>): Promise<void> {
    const token = await this.#login.token();
    if (!BEARER.test(token)) throw new GauzeError('ERR_KAFKA_AUTHENTICATION', {});
    const answer = await exchange(Buffer.from(`n,,${SEPARATOR}auth=Bearer ${token}${SEPARATOR}${SEPARATOR}`));
    if (answer.length === 0) return;
    // RFC 7628, 3.2.3: an answer says what was wrong, and waits for this byte before it fails.
    await exchange(Buffer.from(SEPARATOR));
    throw new GauzeError('ERR_KAFKA_AUTHENTICATION', {});
  }
}
