/**
 * `gauze login` and `gauze logout`: the device authorization grant (RFC 8628), so that no password is ever typed into
 * a terminal, and the access token for every other verb, renewed where it must be. No token is printed.
 */
import {
  None,
  ResponseBodyError,
  allowInsecureRequests,
  discovery,
  initiateDeviceAuthorization,
  pollDeviceAuthorizationGrant,
  refreshTokenGrant,
  tokenRevocation,
} from 'openid-client';
import type { Configuration, TokenEndpointResponse, TokenEndpointResponseHelpers } from 'openid-client';
import { nowMs } from '../platform/clock.ts';
import { environment } from '../platform/config.ts';
import type { Config } from '../platform/config.ts';
import { GauzeError, foreignName } from '../platform/errors.ts';
import { Site } from './site.ts';
import { EXIT, note, print } from './terminal.ts';
import { TokenStore } from './token-store.ts';
import type { StoredLogin } from './token-store.ts';

export interface LoginOptions {
  readonly config: string;
  readonly json: boolean;
}

type Oidc = NonNullable<Config['oidc']>;
type Tokens = TokenEndpointResponse & TokenEndpointResponseHelpers;

const REQUEST_TIMEOUT_S = 10;
/** A token that ends sooner is renewed first: the request still has to arrive. */
const LEAST_LEFT_MS = 60_000;
/** What a token without a word about its end is taken for. */
const UNKNOWN_LIFE_S = 60;

/** A token for a program that logs in by itself. */
export const TOKEN_VARIABLE = 'GAUZE_ACCESS_TOKEN';

/** Logs in; asks the person to open a page in a browser. */
export async function loginCommand(options: LoginOptions): Promise<number> {
  const oidc = oidcOf(await Site.load(options.config));
  const store = new TokenStore(oidc.issuer);
  const provider = await providerOf(oidc);
  const tokens = await told(async () => {
    const asked = await initiateDeviceAuthorization(provider, { scope: oidc.scope });
    const address = asked.verification_uri_complete ?? asked.verification_uri;
    if (options.json) print(JSON.stringify({ address, code: asked.user_code, expiresInS: asked.expires_in }));
    else {
      note(`Open  ${address}`);
      note(`and compare the code  ${asked.user_code}`);
    }
    return await pollDeviceAuthorizationGrant(provider, asked);
  });
  const login = storedLogin(oidc, tokens, null);
  await store.write(login);
  if (options.json) print(JSON.stringify({ subject: login.subject, file: store.file }));
  else print(`Logged in as ${login.subject}. Kept in ${store.file}; \`gauze logout\` ends it.`);
  return EXIT.ok;
}

/** Ends the log-in here and at the provider. */
export async function logoutCommand(options: LoginOptions): Promise<number> {
  const oidc = oidcOf(await Site.load(options.config));
  const store = new TokenStore(oidc.issuer);
  const login = await store.read(true);
  await store.remove();
  if (login?.refreshToken) {
    const { refreshToken } = login;
    try {
      await tokenRevocation(await providerOf(oidc), refreshToken);
    } catch {
      note('The identity provider did not end the log-in; here it is gone.');
    }
  }
  const said = login ? `Logged out ${login.subject}.` : 'Nobody was logged in.';
  print(options.json ? JSON.stringify({ subject: login?.subject ?? null }) : said);
  return EXIT.ok;
}

/**
 * An access token of whoever is logged in, good for the next minute.
 * @throws GauzeError ERR_LOGIN_NEEDED, ERR_LOGIN_UNCONFIGURED, ERR_LOGIN_FILE_PERMISSIONS
 */
export async function accessToken(site: Site): Promise<string> {
  const given = environment(TOKEN_VARIABLE);
  if (given !== undefined) return given;
  const oidc = oidcOf(site);
  const store = new TokenStore(oidc.issuer);
  const login = await store.read();
  if (login?.clientId !== oidc.cliClientId) throw new GauzeError('ERR_LOGIN_NEEDED', {});
  if (isGood(login)) return login.accessToken;
  return (await renewed(oidc, store, login)).accessToken;
}

/** Renews the log-in; another verb may have done so in the same moment, and its result is as good. */
async function renewed(oidc: Oidc, store: TokenStore, login: StoredLogin): Promise<StoredLogin> {
  if (login.refreshToken !== null) {
    const provider = await providerOf(oidc);
    try {
      const tokens = await refreshTokenGrant(provider, login.refreshToken);
      const next = storedLogin(oidc, tokens, login);
      await store.write(next);
      return next;
    } catch (error) {
      const other = await store.read();
      if (other && isGood(other)) return other;
      if (!(error instanceof ResponseBodyError)) throw failed(error);
    }
  }
  throw new GauzeError('ERR_LOGIN_NEEDED', {});
}

function isGood({ expiresAtMs }: StoredLogin): boolean {
  return nowMs() + LEAST_LEFT_MS < expiresAtMs;
}

function storedLogin(oidc: Oidc, tokens: Tokens, before: StoredLogin | null): StoredLogin {
  return {
    issuer: oidc.issuer,
    clientId: oidc.cliClientId,
    accessToken: tokens.access_token,
    expiresAtMs: nowMs() + (tokens.expiresIn() ?? UNKNOWN_LIFE_S) * 1_000,
    refreshToken: tokens.refresh_token ?? before?.refreshToken ?? null,
    subject: tokens.claims()?.sub ?? before?.subject ?? '',
  };
}

function oidcOf({ config }: Site): Oidc {
  if (!config.oidc) throw new GauzeError('ERR_LOGIN_UNCONFIGURED', {});
  return config.oidc;
}

async function providerOf({ issuer, cliClientId }: Oidc): Promise<Configuration> {
  // The config has it that only an issuer of this machine may be http.
  const isInsecure = issuer.startsWith('http://');
  return await told(
    async () =>
      await discovery(new URL(issuer), cliClientId, undefined, None(), {
        timeout: REQUEST_TIMEOUT_S,
        execute: isInsecure ? [allowInsecureRequests] : [],
      }),
  );
}

/** Runs `work`; what it throws is told in our words. */
async function told<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw failed(error);
  }
}

function failed(error: unknown): GauzeError {
  if (error instanceof GauzeError) return error;
  if (error instanceof ResponseBodyError) {
    if (error.error === 'access_denied') return new GauzeError('ERR_LOGIN_DENIED', {});
    if (error.error === 'expired_token') return new GauzeError('ERR_LOGIN_LATE', {});
  }
  return new GauzeError('ERR_LOGIN_FAILED', { causeName: foreignName(error) });
}
