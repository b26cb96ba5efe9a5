/**
 * Tokens for log-ins with OAUTHBEARER: client credentials at the identity provider, asked for anew before the one at
 * hand ends. A token and the client's secret stay in this file and go to the provider and the brokers only.
 */
import { ClientSecretBasic, allowInsecureRequests, clientCredentialsGrant, discovery } from 'openid-client';
import type { Configuration } from 'openid-client';
import type { TokenLogin } from '../kafka/login.ts';
import { monotonicMs } from '../platform/clock.ts';
import type { OauthSettings } from '../platform/config.ts';
import { GauzeError, foreignName } from '../platform/errors.ts';

/** A token is used for this share of its life. */
const SHARE_USED = 0.8;
/** For how long a token counts whose life nobody tells. */
const UNTOLD_LIFE_S = 60;

/** A log-in whose tokens come from `settings`. Nothing is asked before the first token is needed. */
export function tokenLogin(username: string, settings: OauthSettings): TokenLogin {
  const source = new TokenSource(settings);
  return { mechanism: 'oauthbearer', username, token: async () => await source.token() };
}

class TokenSource {
  readonly #settings: OauthSettings;
  #client: Promise<Configuration> | null = null;
  #held: { readonly token: string; readonly untilMs: number } | null = null;
  #asking: Promise<string> | null = null;

  constructor(settings: OauthSettings) {
    this.#settings = settings;
  }

  /** Several connections ask at once and get the same. */
  async token(): Promise<string> {
    if (this.#held && monotonicMs() < this.#held.untilMs) return this.#held.token;
    this.#asking ??= this.#ask().finally(() => {
      this.#asking = null;
    });
    return await this.#asking;
  }

  async #ask(): Promise<string> {
    const { issuer, audience, scope } = this.#settings;
    try {
      this.#client ??= this.#discovered();
      const parameters = { ...(audience ? { resource: audience } : {}), ...(scope ? { scope } : {}) };
      const answer = await clientCredentialsGrant(await this.#client, parameters);
      const lifeMs = (answer.expires_in ?? UNTOLD_LIFE_S) * 1000;
      this.#held = { token: answer.access_token, untilMs: monotonicMs() + lifeMs * SHARE_USED };
      return answer.access_token;
    } catch (error) {
      this.#client = null;
      throw new GauzeError('ERR_KAFKA_TOKEN', { host: new URL(issuer).host, causeName: foreignName(error) });
    }
  }

  async #discovered(): Promise<Configuration> {
    const { issuer, clientId, clientSecret } = this.#settings;
    // The config allows http on this machine only.
    const execute = issuer.startsWith('http://') ? [allowInsecureRequests] : [];
    const secret = ClientSecretBasic(clientSecret);
    return await discovery(new URL(issuer), clientId, undefined, secret, { execute });
  }
}
