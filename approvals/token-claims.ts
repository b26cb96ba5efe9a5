/**
 * What the header and the claims of a verified token say: is it an access token at all, who is it about, is that a
 * human or a machine, and does somebody act for somebody else. Pure; signature and times of the token are checked
 * before. A claim that is not as expected refuses: nobody is guessed.
 */
import type { JWTPayload } from 'jose';
import { GauzeError } from '../platform/errors.ts';
import type { AccessActor } from '../schemas/access-codecs.ts';
import type { Owners } from './owners.ts';

/** Whom a token speaks for. */
export interface Person {
  readonly kind: 'HUMAN' | 'SERVICE';
  /** Of a human what the identity provider says; of a machine its Kafka principal `User:...`. */
  readonly id: string;
  /** Sorted. */
  readonly roles: readonly string[];
  /** As the token lists them. */
  readonly groups: readonly string[];
  /** The human in whose place somebody else acts; null: nobody stands between. Delegates decide nothing. */
  readonly onBehalfOf: string | null;
  /** The token's `jti`, never the token. */
  readonly tokenId: string | null;
  /** The human who answers for a machine; null for a human. */
  readonly owner: string | null;
  /** A name to greet with; of no meaning for any right. */
  readonly name: string | null;
}

export interface ClaimRules {
  readonly idClaim: string;
  readonly groupsClaim: string;
  readonly rolesByGroup: ReadonlyMap<string, readonly string[]>;
  readonly owners: Owners;
  /** The latest second, since the epoch, at which a token may say that it was issued. */
  readonly nowS: () => number;
}

/** The person as the access log writes who did something. */
export function actorOf({ kind, id, roles, onBehalfOf, tokenId }: Person): AccessActor {
  return { kind, id, roles, on_behalf_of: onBehalfOf, token_id: tokenId };
}

/** RFC 9068, 2.1: the type of an access token; "application/" may be left out. */
const ACCESS_TOKEN_TYPES: readonly unknown[] = ['at+jwt', 'application/at+jwt'];
/** What providers write that do not follow RFC 9068; ID tokens have it too. */
const VAGUE_TYPES: readonly unknown[] = [undefined, 'JWT', 'jwt'];
/** Claims of an ID token (OpenID Connect Core 1.0, 2, 3.1.3.6, 3.3.2.11) that no access token has. */
const ID_TOKEN_CLAIMS = ['nonce', 'at_hash', 'c_hash', 's_hash'] as const;

/** Throws ERR_HTTP_TOKEN_ALGORITHM for what is unsigned or signed with a shared secret, ERR_HTTP_TOKEN_TYPE. */
export function assertHeader(header: Readonly<Record<string, unknown>>, algorithms: readonly string[]): void {
  if (!algorithms.includes(String(header['alg']))) throw new GauzeError('ERR_HTTP_TOKEN_ALGORITHM', {});
  const type = header['typ'];
  if (!ACCESS_TOKEN_TYPES.includes(type) && !VAGUE_TYPES.includes(type))
    throw new GauzeError('ERR_HTTP_TOKEN_TYPE', {});
}

/**
 * Refuses an ID token as bearer: it says to a client who logged in, and any client that got one could act as that
 * person here. Of a token with the type of RFC 9068 only the claims that mark an ID token are looked for. Of one
 * without, three things more: it must have a scope, which ID tokens lack; it must name the client it was issued to;
 * and its audience must not be that client, which is what makes an ID token's.
 * @throws GauzeError ERR_HTTP_TOKEN_TYPE
 */
export function assertAccessToken(header: Readonly<Record<string, unknown>>, payload: JWTPayload): void {
  const refused = new GauzeError('ERR_HTTP_TOKEN_TYPE', {});
  if (ID_TOKEN_CLAIMS.some((claim) => claim in payload) || payload['typ'] === 'ID') throw refused;
  if (ACCESS_TOKEN_TYPES.includes(header['typ'])) return;
  const client = clientOf(payload);
  const scope = payload['scope'] ?? payload['scp'];
  const hasScope = (typeof scope === 'string' && scope !== '') || (Array.isArray(scope) && scope.length > 0);
  if (client === null || !hasScope || audiencesOf(payload).includes(client)) throw refused;
}

/**
 * The person of a verified access token.
 * @throws GauzeError ERR_HTTP_TOKEN_CLAIM, ERR_HTTP_TOKEN_NOT_YET, ERR_HTTP_TOKEN_GROUPS, ERR_HTTP_TOKEN_ROLES,
 *   ERR_HTTP_TOKEN_OWNER
 */
export function personOf(payload: JWTPayload, rules: ClaimRules): Person {
  if (typeof payload.iat !== 'number' || payload.iat > rules.nowS())
    throw new GauzeError('ERR_HTTP_TOKEN_NOT_YET', {});
  const tokenId = typeof payload.jti === 'string' && isPlain(payload.jti) ? payload.jti : null;
  const client = clientOf(payload);
  return client !== null && isOfMachine(payload, client)
    ? serviceOf(client, payload, tokenId, rules)
    : humanOf(payload, tokenId, rules);
}

/** Client credentials: the token is about the client itself (RFC 9068, 2.2; and how Auth0 and Keycloak say it). */
function isOfMachine(payload: JWTPayload, client: string): boolean {
  return (
    payload.sub === client ||
    payload['gty'] === 'client-credentials' ||
    payload['preferred_username'] === `service-account-${client}`
  );
}

function serviceOf(client: string, payload: JWTPayload, tokenId: string | null, rules: ClaimRules): Person {
  const id = `User:${client}`;
  const owner = rules.owners.ownerOf(id);
  if (owner === null) throw new GauzeError('ERR_HTTP_TOKEN_OWNER', {});
  const groups = payload[rules.groupsClaim] === undefined ? [] : groupsOf(payload, rules);
  return {
    kind: 'SERVICE',
    id,
    roles: rolesOf(groups, rules),
    groups,
    onBehalfOf: null,
    tokenId,
    owner,
    name: null,
  };
}

function humanOf(payload: JWTPayload, tokenId: string | null, rules: ClaimRules): Person {
  const subject = idOf(payload, rules.idClaim);
  const groups = groupsOf(payload, rules);
  const roles = rolesOf(groups, rules);
  if (roles.length === 0) throw new GauzeError('ERR_HTTP_TOKEN_ROLES', {});
  const name = payload['name'];
  return {
    kind: 'HUMAN',
    ...delegationOf(payload, subject),
    roles,
    groups,
    tokenId,
    owner: null,
    name: typeof name === 'string' && isPlain(name) ? name : null,
  };
}

/**
 * RFC 8693: with `act` somebody else acts, and the token's subject is who it is for. With `may_act` the token was
 * made to be handed on, so who holds it is not known. In both cases somebody may stand between.
 */
function delegationOf(payload: JWTPayload, subject: string): Pick<Person, 'id' | 'onBehalfOf'> {
  if (payload['act'] !== undefined) {
    const actor = payload['act'];
    if (typeof actor !== 'object' || actor === null) throw wrongClaim('act');
    return { id: idOf(actor as JWTPayload, 'sub', 'act'), onBehalfOf: subject };
  }
  return { id: subject, onBehalfOf: payload['may_act'] === undefined ? null : subject };
}

function idOf(payload: JWTPayload, claim: string, told = claim): string {
  const id = payload[claim];
  // An address that nobody has verified is anybody's.
  const isUnverified = claim === 'email' && payload['email_verified'] === false;
  if (typeof id !== 'string' || !isPlain(id) || id.startsWith('User:') || isUnverified)
    throw wrongClaim(told);
  return id;
}

function groupsOf(payload: JWTPayload, { groupsClaim }: ClaimRules): readonly string[] {
  const groups = payload[groupsClaim];
  if (!Array.isArray(groups) || !groups.every((group) => typeof group === 'string'))
    throw new GauzeError('ERR_HTTP_TOKEN_GROUPS', { setting: groupsClaim });
  return groups;
}

function rolesOf(groups: readonly string[], { rolesByGroup }: ClaimRules): readonly string[] {
  return [...new Set(groups.flatMap((group) => rolesByGroup.get(group) ?? []))].sort();
}

/** The client that the token was issued to (RFC 9068, 2.2); `azp` where a provider says it so. */
function clientOf(payload: JWTPayload): string | null {
  const client = payload['client_id'] ?? payload['azp'];
  return typeof client === 'string' && isPlain(client) ? client : null;
}

function audiencesOf({ aud }: JWTPayload): readonly string[] {
  return typeof aud === 'string' ? [aud] : (aud ?? []);
}

/** One line that can be shown and logged. */
function isPlain(text: string): boolean {
  return /^[^\p{C}\p{Zl}\p{Zp}]{1,255}$/u.test(text);
}

function wrongClaim(setting: string): GauzeError {
  return new GauzeError('ERR_HTTP_TOKEN_CLAIM', { setting });
}
