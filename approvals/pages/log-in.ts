/**
 * Logs people in for the pages: authorization code with PKCE at the identity provider (OpenID Connect). State, nonce
 * and code are checked by the library; the access token then counts exactly as a bearer token of the API does. No
 * token is kept, shown or logged.
 */
import { decodeJwt } from 'jose';
import {
  AuthorizationResponseError,
  ClientSecretBasic,
  None,
  ResponseBodyError,
  allowInsecureRequests,
  authorizationCodeGrant,
  buildAuthorizationUrl,
  buildEndSessionUrl,
  calculatePKCECodeChallenge,
  discovery,
  randomNonce,
  randomPKCECodeVerifier,
  randomState,
} from 'openid-client';
import type { Configuration, TokenEndpointResponse, TokenEndpointResponseHelpers } from 'openid-client';
import { nowMs } from '../../platform/clock.ts';
import { GauzeError, foreignName } from '../../platform/errors.ts';
import type { Identity } from '../identity.ts';
import { actorOf } from '../token-claims.ts';
import type { PendingLogIn, SessionPerson } from './session-store.ts';

/** The client that the pages are at the identity provider. */
export interface PagesClient {
  readonly issuer: string;
  readonly clientId: string;
  /** null: a public client. */
  readonly secret: string | null;
  /** What makes the provider issue tokens for us. */
  readonly scope: string;
}

const REQUEST_TIMEOUT_S = 5;

export class LogIn {
  private readonly client: PagesClient;
  private readonly identity: Identity;
  private provider: Promise<Configuration> | null = null;

  constructor(client: PagesClient, identity: Identity) {
    this.client = client;
    this.identity = identity;
  }

  /**
   * Begins a log-in: what the session has to keep of it, and where the browser goes.
   * @param base address of the pages, without a slash at its end
   * @throws GauzeError ERR_HTTP_ISSUER_UNREACHABLE
   */
  async begin(base: string, returnTo: string): Promise<{ pending: PendingLogIn; address: string }> {
    const provider = await this.providerOf();
    const [state, nonce, verifier] = [randomState(), randomNonce(), randomPKCECodeVerifier()];
    const address = buildAuthorizationUrl(provider, {
      redirect_uri: `${base}/callback`,
      scope: scopeOf(this.client.scope),
      state,
      nonce,
      code_challenge: await calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
    });
    return {
      pending: { state, nonce, verifier, returnTo, startedMs: nowMs() },
      address: address.href,
    };
  }

  /**
   * Ends a log-in: who it was.
   * @param current the address that the browser came back to
   * @throws GauzeError ERR_HTTP_LOG_IN, ERR_HTTP_ISSUER_UNREACHABLE, ERR_HTTP_TOKEN_*
   */
  async finish(current: URL, pending: PendingLogIn): Promise<SessionPerson> {
    const provider = await this.providerOf();
    const tokens = await exchanged(provider, current, pending);
    const person = await this.identity.personOfToken(tokens.access_token);
    const { sub, exp } = decodeJwt(tokens.access_token);
    // Both tokens must speak of one person; and pages are for people.
    if (sub === undefined || sub !== tokens.claims()?.sub || person.kind !== 'HUMAN' || exp === undefined)
      throw new GauzeError('ERR_HTTP_LOG_IN', { causeName: 'OtherPerson' });
    const { id, roles, on_behalf_of, token_id } = actorOf(person);
    return {
      actor: { kind: 'HUMAN', id, roles: [...roles], on_behalf_of, token_id },
      name: person.name,
      expiresMs: exp * 1_000,
    };
  }

  /** Where people log out at the provider itself; null where it has no such page, or does not answer. */
  async endAddress(base: string): Promise<string | null> {
    try {
      const provider = await this.providerOf();
      return buildEndSessionUrl(provider, { post_logout_redirect_uri: `${base}/` }).href;
    } catch {
      return null;
    }
  }

  private async providerOf(): Promise<Configuration> {
    this.provider ??= this.discovered();
    try {
      return await this.provider;
    } catch (error) {
      this.provider = null;
      throw new GauzeError('ERR_HTTP_ISSUER_UNREACHABLE', { causeName: foreignName(error) });
    }
  }

  private async discovered(): Promise<Configuration> {
    const { issuer, clientId, secret } = this.client;
    const authentication = secret === null ? None() : ClientSecretBasic(secret);
    return await discovery(new URL(issuer), clientId, undefined, authentication, {
      timeout: REQUEST_TIMEOUT_S,
      // The config has it that only an issuer of this machine may be http.
      execute: issuer.startsWith('http://') ? [allowInsecureRequests] : [],
    });
  }
}

async function exchanged(
  provider: Configuration,
  current: URL,
  { state, nonce, verifier }: PendingLogIn,
): Promise<TokenEndpointResponse & TokenEndpointResponseHelpers> {
  try {
    return await authorizationCodeGrant(provider, current, {
      expectedState: state,
      expectedNonce: nonce,
      pkceCodeVerifier: verifier,
      idTokenExpected: true,
    });
  } catch (error) {
    const isOutage = error instanceof TypeError || (error instanceof Error && error.name === 'TimeoutError');
    const isAnswer = error instanceof AuthorizationResponseError || error instanceof ResponseBodyError;
    if (isOutage && !isAnswer)
      throw new GauzeError('ERR_HTTP_ISSUER_UNREACHABLE', { causeName: foreignName(error) });
    throw new GauzeError('ERR_HTTP_LOG_IN', { causeName: foreignName(error) });
  }
}

/** Without the wish for a refresh token: a session ends with its access token. */
function scopeOf(scope: string): string {
  const words = scope.split(/\s+/).filter((word) => word !== '' && word !== 'offline_access');
  return [...new Set(['openid', ...words])].join(' ');
}
