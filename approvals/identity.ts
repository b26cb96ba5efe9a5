/**
 * Who somebody is: checks the access token of the header `Authorization` and makes a person of it. Signature, issuer,
 * audience, algorithm, time and kind of token are checked, and whatever is missing or unknown refuses.
 * No token, no claim and no text of the identity provider gets into an error, a log or an answer.
 */
import { createRemoteJWKSet, decodeJwt, decodeProtectedHeader, errors, jwtVerify } from 'jose';
import type { JWTPayload, RemoteJWKSet } from 'jose';
import { monotonicMs, nowMs } from '../platform/clock.ts';
import type { Config } from '../platform/config.ts';
import { isOfThisMachine } from '../platform/config-contradictions.ts';
import { GauzeError, foreignName } from '../platform/errors.ts';
import { Owners } from './owners.ts';
import { assertAccessToken, assertHeader, personOf } from './token-claims.ts';
import type { ClaimRules, Person } from './token-claims.ts';

/** How far the clocks of the identity provider and of this machine may be apart. */
const CLOCK_TOLERANCE_S = 30;
/** No access token is as long; a longer one is not even parsed. */
const TOKEN_LENGTH_LIMIT = 16_384;
const REQUEST_TIMEOUT_MS = 5_000;
/** How long the provider's own description is taken as it was. Keys have their own, shorter time in jose. */
const DISCOVERY_AGE_MS = 3_600_000;

/**
 * Signatures that only the identity provider can make. None of them takes a secret that this side would know too,
 * so that a public key can never be used as one (HS256), and an unsigned token is none (RFC 8725, 3.1, 3.2).
 */
export const ALGORITHMS: readonly string[] = ['RS256', 'PS256', 'ES256', 'EdDSA'];

export interface IdentityOptions {
  readonly oidc: NonNullable<Config['oidc']>;
  /** Groups by role. */
  readonly roles: Config['roles'];
  readonly owners: Config['owners'];
  /** Milliseconds since the epoch; the clock's where left out. */
  readonly nowMs?: () => number;
}

interface Discovered {
  readonly keys: RemoteJWKSet;
  readonly atMs: number;
}

export class Identity {
  readonly owners: Owners;
  readonly #oidc: IdentityOptions['oidc'];
  readonly #claims: ClaimRules;
  readonly #nowMs: () => number;
  #discovered: Discovered | null = null;
  #discovering: Promise<Discovered> | null = null;

  constructor({ oidc, roles, owners, nowMs: clock }: IdentityOptions) {
    this.owners = new Owners(owners);
    this.#oidc = oidc;
    this.#claims = {
      idClaim: oidc.idClaim,
      groupsClaim: oidc.groupsClaim,
      rolesByGroup: rolesByGroup(roles),
      owners: this.owners,
      nowS: () => Math.floor(this.#nowMs() / 1000) + CLOCK_TOLERANCE_S,
    };
    this.#nowMs = clock ?? nowMs;
  }

  /**
   * Whom the header `Authorization: Bearer ...` speaks for.
   * @throws GauzeError ERR_HTTP_TOKEN_*, ERR_HTTP_ISSUER_UNREACHABLE
   */
  async person(authorization: string | undefined): Promise<Person> {
    const token = /^Bearer +([A-Za-z0-9._~+/=-]+)$/i.exec(authorization ?? '')?.[1];
    if (token === undefined) throw new GauzeError('ERR_HTTP_TOKEN_MISSING', {});
    return await this.personOfToken(token);
  }

  /** The same for the token by itself. */
  async personOfToken(token: string): Promise<Person> {
    const { header, claimed } = decoded(token);
    assertHeader(header, ALGORITHMS);
    // Before any key is asked for: another issuer's token is not this provider's to verify.
    if (claimed.iss !== this.#oidc.issuer) throw new GauzeError('ERR_HTTP_TOKEN_ISSUER', {});
    const payload = await this.#verified(token);
    assertAccessToken(header, payload);
    return personOf(payload, this.#claims);
  }

  /** Resolves when the provider's keys are known. Throws ERR_HTTP_ISSUER_UNREACHABLE. For readiness. */
  async ready(): Promise<void> {
    const { keys } = await this.#discover();
    if (keys.fresh) return;
    try {
      await keys.reload();
    } catch (error) {
      throw unreachable(error);
    }
  }

  async #verified(token: string): Promise<JWTPayload> {
    const { keys } = await this.#discover();
    try {
      const { payload } = await jwtVerify(token, keys, {
        issuer: this.#oidc.issuer,
        audience: this.#oidc.audience,
        algorithms: [...ALGORITHMS],
        clockTolerance: CLOCK_TOLERANCE_S,
        currentDate: new Date(this.#nowMs()),
        requiredClaims: ['exp', 'iat', 'sub'],
      });
      return payload;
    } catch (error) {
      throw refusal(error);
    }
  }

  /** The keys of the provider, by its own description (OpenID Connect Discovery 1.0, 4). */
  async #discover(): Promise<Discovered> {
    const known = this.#discovered;
    if (known && monotonicMs() - known.atMs < DISCOVERY_AGE_MS) return known;
    this.#discovering ??= this.#fetchDescription().finally(() => {
      this.#discovering = null;
    });
    try {
      this.#discovered = await this.#discovering;
    } catch (error) {
      // The keys that are known go on being asked for where they were.
      if (!known) throw error;
      return known;
    }
    return this.#discovered;
  }

  async #fetchDescription(): Promise<Discovered> {
    const { issuer } = this.#oidc;
    const address = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
    const description = await fetchJson(address);
    const { issuer: named, jwks_uri: keysAt } = description;
    if (named !== issuer || typeof keysAt !== 'string') throw unreachable(null);
    if (!keysAt.startsWith('https://') && !isOfThisMachine(keysAt)) throw unreachable(null);
    return {
      keys: createRemoteJWKSet(new URL(keysAt), { timeoutDuration: REQUEST_TIMEOUT_MS }),
      atMs: monotonicMs(),
    };
  }
}

function decoded(token: string): { header: Readonly<Record<string, unknown>>; claimed: JWTPayload } {
  try {
    if (token.length <= TOKEN_LENGTH_LIMIT)
      return { header: decodeProtectedHeader(token), claimed: decodeJwt(token) };
  } catch {
    // What cannot be read is no access token of ours, whatever else it may be.
  }
  throw new GauzeError('ERR_HTTP_TOKEN_MALFORMED', {});
}

async function fetchJson(address: string): Promise<Readonly<Record<string, unknown>>> {
  try {
    const signal = AbortSignal.timeout(REQUEST_TIMEOUT_MS);
    const response = await fetch(address, { signal, redirect: 'error' });
    if (response.status !== 200) throw unreachable(null);
    const body: unknown = await response.json();
    if (typeof body === 'object' && body !== null) return body as Readonly<Record<string, unknown>>;
  } catch (error) {
    throw unreachable(error);
  }
  throw unreachable(null);
}

/** What jose says, in our words: its texts repeat claims. */
function refusal(error: unknown): GauzeError {
  if (error instanceof errors.JWTExpired) return new GauzeError('ERR_HTTP_TOKEN_EXPIRED', {});
  if (error instanceof errors.JWTClaimValidationFailed) return claimRefusal(error.claim);
  const isForged =
    error instanceof errors.JWSSignatureVerificationFailed ||
    error instanceof errors.JWKSNoMatchingKey ||
    error instanceof errors.JWKSMultipleMatchingKeys;
  if (isForged) return new GauzeError('ERR_HTTP_TOKEN_SIGNATURE', {});
  if (error instanceof errors.JOSEAlgNotAllowed) return new GauzeError('ERR_HTTP_TOKEN_ALGORITHM', {});
  const isUnreadable =
    error instanceof errors.JWSInvalid ||
    error instanceof errors.JWTInvalid ||
    error instanceof errors.JOSENotSupported;
  if (isUnreadable) return new GauzeError('ERR_HTTP_TOKEN_MALFORMED', {});
  return unreachable(error);
}

function claimRefusal(claim: string): GauzeError {
  switch (claim) {
    case 'aud':
      return new GauzeError('ERR_HTTP_TOKEN_AUDIENCE', {});
    case 'iss':
      return new GauzeError('ERR_HTTP_TOKEN_ISSUER', {});
    case 'nbf':
      return new GauzeError('ERR_HTTP_TOKEN_NOT_YET', {});
    default:
      return new GauzeError('ERR_HTTP_TOKEN_CLAIM', { setting: claim });
  }
}

function unreachable(error: unknown): GauzeError {
  return error instanceof GauzeError
    ? error
    : new GauzeError('ERR_HTTP_ISSUER_UNREACHABLE', {
        causeName: error === null ? 'answer' : foreignName(error),
      });
}

function rolesByGroup(roles: Config['roles']): ReadonlyMap<string, readonly string[]> {
  const byGroup = new Map<string, string[]>();
  for (const [role, groups] of Object.entries(roles))
    for (const group of groups) byGroup.set(group, [...(byGroup.get(group) ?? []), role]);
  return byGroup;
}
