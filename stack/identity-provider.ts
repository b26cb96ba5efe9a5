/**
 * The identity provider of the local stack, as a process of its own: `node identity-provider.ts SETTINGS`. A real
 * OpenID provider (oidc-provider) that keeps everything in memory and listens on loopback, but in a container. Its
 * clients are all the hospital's own, so nobody is asked for consent. For demo and tests, never for real people.
 */
import { timingSafeEqual } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { interactionPolicy, Provider } from 'oidc-provider';
import type { ClientMetadata, Configuration, JWK, KoaContextWithOIDC } from 'oidc-provider';
import { PAGE_HEADERS, codePage, confirmPage, logInPage, page } from './identity-pages.ts';
import { CLI_CLIENT, PAGES_CLIENT, TOKEN_AUDIENCE } from './identity-people.ts';
import type { IdentityDescription, StackPerson } from './identity-people.ts';

/** The content of the settings file. */
export interface ProviderSettings extends IdentityDescription {
  /** The private key that signs tokens (EC, P-256). */
  readonly signingKey: JWK;
  /** Address to listen on; absent: loopback. Only a container, whose port is published to loopback alone, has another. */
  readonly bindHost?: string;
  /** Sign cookies. */
  readonly cookieKeys: readonly string[];
}

/** The protected resource as RFC 8707 names it; tokens name TOKEN_AUDIENCE. */
const RESOURCE = 'urn:gauze:api';
const RESOURCE_SCOPE = 'gauze';
const ALGORITHM = 'ES256';
const HOUR_S = 3_600;
const BODY_LIMIT = 4_096;
const INTERACTION = /^\/interaction\/[\w-]+$/;

const settings = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as ProviderSettings;
const people = new Map(Object.entries(settings.people));
const provider = new Provider(settings.oidcIssuer, configuration());
const answer = provider.callback();

const { port } = new URL(settings.oidcIssuer);
createServer((request, response) => {
  const { pathname } = new URL(request.url ?? '/', settings.oidcIssuer);
  if (INTERACTION.test(pathname)) void interact(request, response, pathname);
  else void answer(request, response);
}).listen({ host: settings.bindHost ?? '127.0.0.1', port: Number(port) });

function configuration(): Configuration {
  const policy = interactionPolicy.base();
  // Consent again at each log-in of a native client: the clients are ours.
  policy.get('consent')?.checks.remove('native_client_prompt');
  return {
    clients: clients(),
    jwks: { keys: [{ ...settings.signingKey, use: 'sig', alg: ALGORITHM, kid: 'local-stack' }] },
    cookies: { keys: [...settings.cookieKeys] },
    enabledJWA: { idTokenSigningAlgValues: [ALGORITHM] },
    claims: { openid: ['sub'], profile: ['name'] },
    interactions: { policy, url: (_, { uid }) => `/interaction/${uid}` },
    findAccount: (_, id) => account(id),
    extraTokenClaims: (_, token) =>
      'accountId' in token ? claimsOf(people.get(token.accountId ?? '')) : undefined,
    loadExistingGrant,
    // Whether or not `offline_access` was asked for: a log-in lasts.
    issueRefreshToken: (_, client) => client.grantTypeAllowed('refresh_token'),
    ttl: {
      AccessToken: HOUR_S,
      ClientCredentials: HOUR_S,
      DeviceCode: HOUR_S,
      IdToken: HOUR_S,
      Interaction: HOUR_S,
      Session: 24 * HOUR_S,
      Grant: 24 * HOUR_S,
      RefreshToken: 24 * HOUR_S,
    },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      revocation: { enabled: true },
      deviceFlow: {
        enabled: true,
        userCodeInputSource: (context, form, _, error) => show(context, codePage(form, error !== undefined)),
        userCodeConfirmSource: (context, form, client, _, code) =>
          show(context, confirmPage(form, client.clientName ?? client.clientId, code)),
        successSource: (context) =>
          show(context, page('You are logged in', '<p>Go back to your terminal.</p>')),
      },
      rpInitiatedLogout: {
        enabled: true,
        logoutSource: (context, form) =>
          show(
            context,
            page(
              'Log out?',
              `${form}<button type="submit" form="op.logoutForm" name="logout" value="yes">Log out</button>`,
            ),
          ),
        postLogoutSuccessSource: (context) => show(context, page('You are logged out', '')),
      },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => RESOURCE,
        useGrantedResource: () => true,
        getResourceServerInfo: () => ({
          scope: RESOURCE_SCOPE,
          audience: TOKEN_AUDIENCE,
          accessTokenFormat: 'jwt',
          accessTokenTTL: HOUR_S,
          jwt: { sign: { alg: ALGORITHM } },
        }),
      },
    },
    renderError: (context) =>
      show(context, page('That did not work', '<p>Begin again where you came from.</p>')),
  };
}

function clients(): ClientMetadata[] {
  const common = { token_endpoint_auth_method: 'none', id_token_signed_response_alg: ALGORITHM } as const;
  return [
    {
      ...common,
      client_id: CLI_CLIENT,
      client_name: 'gauze login',
      application_type: 'native',
      grant_types: ['urn:ietf:params:oauth:grant-type:device_code', 'refresh_token'],
      response_types: [],
      redirect_uris: [],
    },
    {
      ...common,
      client_id: PAGES_CLIENT,
      client_name: 'gauze',
      // Of a native client the port of a loopback address is not compared (RFC 8252, 7.3).
      application_type: 'native',
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      redirect_uris: ['http://127.0.0.1/callback'],
      post_logout_redirect_uris: ['http://127.0.0.1/'],
    },
    {
      client_id: settings.machineClient.id,
      client_secret: settings.machineClient.secret,
      client_name: 'Intensive care unit',
      grant_types: ['client_credentials'],
      response_types: [],
      redirect_uris: [],
      id_token_signed_response_alg: ALGORITHM,
    },
  ];
}

function account(id: string) {
  const person = people.get(id);
  return person ? { accountId: id, claims: () => ({ sub: id, name: person.name }) } : undefined;
}

/** What access tokens say beside the subject. */
function claimsOf(person: StackPerson | undefined): { name: string; groups: string[] } | undefined {
  return person && { name: person.name, groups: [...person.groups] };
}

/** The consent that all clients have, made at the first log-in of a session. */
async function loadExistingGrant(context: KoaContextWithOIDC) {
  const { session, client, result } = context.oidc;
  if (!session?.accountId || !client) return undefined;
  const id = result?.consent?.grantId ?? session.grantIdFor(client.clientId);
  const known = id === undefined ? undefined : await provider.Grant.find(id);
  if (known) return known;
  const grant = new provider.Grant({ clientId: client.clientId, accountId: session.accountId });
  grant.addOIDCScope('openid offline_access profile');
  grant.addResourceScope(RESOURCE, RESOURCE_SCOPE);
  await grant.save();
  return grant;
}

function show(context: KoaContextWithOIDC, html: string): void {
  context.set(PAGE_HEADERS);
  context.body = html;
}

/** The log-in page, and what is sent from it. */
async function interact(request: IncomingMessage, response: ServerResponse, action: string): Promise<void> {
  try {
    await provider.interactionDetails(request, response);
    const person = request.method === 'POST' ? personOf(await bodyOf(request)) : undefined;
    if (person) await provider.interactionFinished(request, response, { login: { accountId: person.id } });
    else send(response, 200, logInPage(action, request.method === 'POST'));
  } catch {
    send(response, 400, page('That did not work', '<p>Begin again where you came from.</p>'));
  }
}

async function bodyOf(request: IncomingMessage): Promise<URLSearchParams> {
  let body = '';
  for await (const chunk of request) {
    body += String(chunk);
    if (body.length > BODY_LIMIT) break;
  }
  return new URLSearchParams(body.slice(0, BODY_LIMIT));
}

function personOf(form: URLSearchParams): StackPerson | undefined {
  const person = people.get(form.get('login') ?? '');
  const given = Buffer.from(form.get('password') ?? '');
  const wanted = Buffer.from(person?.password ?? '');
  return person && given.length === wanted.length && timingSafeEqual(given, wanted) ? person : undefined;
}

function send(response: ServerResponse, status: number, html: string): void {
  response.writeHead(status, PAGE_HEADERS);
  response.end(html);
}
