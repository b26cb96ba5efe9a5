/**
 * Promises of identity: who logs in at the real provider is known with roles and without doubt, and every token that
 * is forged, foreign, stale or of another kind is refused with its code and without its text.
 */
import { createHash, createHmac, createPublicKey, generateKeyPairSync, sign } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Identity } from '../../approvals/identity.ts';
import type { IdentityOptions } from '../../approvals/identity.ts';
import { actorOf } from '../../approvals/token-claims.ts';
import { GauzeError } from '../../platform/errors.ts';
import { logIn, walkLogIn } from '../../stack/identity-log-in.ts';
import { HOSPITAL_ROLES, TestIdentity } from '../support/identity.ts';

const ROLES: Record<string, string[]> = Object.fromEntries(
  Object.entries(HOSPITAL_ROLES).map(([role, groups]) => [role, [...groups]]),
);
const OWNERS = { 'User:alice': 'alice', 'User:alice-notebook': 'alice', 'User:icu-app': 'carol' };

let provider: TestIdentity;
let identity: Identity;

beforeAll(async () => {
  provider = await TestIdentity.open();
  identity = new Identity(options());
});

afterAll(async () => await provider.close());

function options(change: Partial<IdentityOptions> = {}): IdentityOptions {
  return { oidc: provider.oidc, roles: ROLES, owners: OWNERS, ...change };
}

/** The code of the refusal; the token must not be in it. */
async function refusal(token: string, by: Identity = identity): Promise<string> {
  try {
    await by.person(`Bearer ${token}`);
  } catch (error) {
    if (!(error instanceof GauzeError)) throw error;
    const told = `${error.stack} ${JSON.stringify(error)}`;
    for (const part of token.split('.').filter((each) => each.length > 8)) expect(told).not.toContain(part);
    return error.code;
  }
  throw new Error('the token was accepted');
}

describe('people of the real provider', () => {
  test('are known by id, groups and roles', async () => {
    const person = await identity.person(`Bearer ${await provider.tokenFor('alice')}`);
    expect(person).toEqual({
      kind: 'HUMAN',
      id: 'alice',
      name: 'Alice Ames',
      groups: ['grp-clinicians'],
      roles: ['clinicians'],
      onBehalfOf: null,
      owner: null,
      tokenId: expect.stringMatching(/^[\w-]{20,}$/),
    });
    expect(actorOf(person)).toMatchObject({
      kind: 'HUMAN',
      id: 'alice',
      roles: ['clinicians'],
      on_behalf_of: null,
    });
  });

  test.each([
    ['carol', ['data-owners']],
    ['dan', ['privacy-officers']],
    ['erin', ['emergency-physicians', 'operators']],
    ['frank', ['auditors']],
  ])('%s has the roles %j', async (name, roles) => {
    expect((await identity.personOfToken(await provider.tokenFor(name))).roles).toEqual(roles);
  });

  test('come back to the pages at any port with a code that needs its verifier', async () => {
    const verifier = 'v'.repeat(50);
    const back = 'http://127.0.0.1:34567/callback';
    const asked = new URLSearchParams({
      client_id: 'gauze-pages',
      response_type: 'code',
      redirect_uri: back,
      scope: 'openid offline_access',
      code_challenge: createHash('sha256').update(verifier).digest('base64url'),
      code_challenge_method: 'S256',
      state: 'state-1',
    });
    const exchange = async (code_verifier: string): Promise<Response> => {
      const reached = await walkLogIn(
        provider.description,
        'carol',
        `${provider.issuer}/auth?${asked.toString()}`,
      );
      expect(`${reached?.origin}${reached?.pathname}`).toBe(back);
      expect(reached?.searchParams.get('state')).toBe('state-1');
      const code = reached?.searchParams.get('code') ?? '';
      const fields = { grant_type: 'authorization_code', client_id: 'gauze-pages', redirect_uri: back, code };
      const body = new URLSearchParams({ ...fields, code_verifier });
      return await fetch(`${provider.issuer}/token`, { method: 'POST', body });
    };
    expect((await exchange('w'.repeat(50))).status).toBe(400);
    const answer = (await (await exchange(verifier)).json()) as { access_token: string };
    expect((await identity.personOfToken(answer.access_token)).id).toBe('carol');
  });

  test('are not let in by a wrong password', async () => {
    const { people } = provider.description;
    const forgetful = {
      ...provider.description,
      people: { ...people, bob: { ...people['bob']!, password: 'x' } },
    };
    await expect(logIn(forgetful, 'bob')).rejects.toMatchObject({ code: 'ERR_STACK_LOG_IN' });
  });

  test('answer for their machine accounts, which are no humans', async () => {
    const machine = await identity.personOfToken(await provider.machineToken());
    expect(machine).toMatchObject({
      kind: 'SERVICE',
      id: 'User:icu-app',
      owner: 'carol',
      roles: [],
      groups: [],
    });
    expect(identity.owners.ownerOf('User:alice-notebook')).toBe('alice');
    expect(identity.owners.principalsOf('alice')).toEqual(['User:alice', 'User:alice-notebook']);
    expect(identity.owners.ownerOf('User:nobody')).toBeNull();
  });

  test('are found ready, and a provider that is not there is said to be unreachable', async () => {
    await identity.ready();
    const oidc = { ...provider.oidc, issuer: 'http://127.0.0.1:9' };
    await expect(new Identity(options({ oidc })).ready()).rejects.toMatchObject({
      code: 'ERR_HTTP_ISSUER_UNREACHABLE',
    });
  });
});

describe('tokens of the real provider', () => {
  test('are refused after their time and before it, with half a minute of tolerance', async () => {
    const token = await provider.tokenFor('alice');
    const { iat = 0, exp = 0 } = claimsOf(token);
    const at = (seconds: number): Identity => new Identity(options({ nowMs: () => seconds * 1000 }));
    expect(await refusal(token, at(exp + 31))).toBe('ERR_HTTP_TOKEN_EXPIRED');
    expect((await at(exp + 29).personOfToken(token)).id).toBe('alice');
    expect(await refusal(token, at(iat - 31))).toBe('ERR_HTTP_TOKEN_NOT_YET');
    expect((await at(iat - 29).personOfToken(token)).id).toBe('alice');
  });

  test('are refused where they are ID tokens, even where the audience is the client', async () => {
    const { idToken } = await provider.logIn('alice');
    expect(await refusal(idToken!)).toBe('ERR_HTTP_TOKEN_AUDIENCE');
    const asClient = new Identity(options({ oidc: { ...provider.oidc, audience: 'gauze-cli' } }));
    expect(await refusal(idToken!, asClient)).toBe('ERR_HTTP_TOKEN_TYPE');
  });

  test('are refused for another audience', async () => {
    const other = new Identity(options({ oidc: { ...provider.oidc, audience: 'gauze-2' } }));
    expect(await refusal(await provider.tokenFor('alice'), other)).toBe('ERR_HTTP_TOKEN_AUDIENCE');
  });

  test('are refused where no group of the person has a role, and where groups are not told', async () => {
    const token = await provider.tokenFor('alice');
    const roles = { clinicians: ['grp-others'] };
    expect(await refusal(token, new Identity(options({ roles })))).toBe('ERR_HTTP_TOKEN_ROLES');
    const oidc = { ...provider.oidc, groupsClaim: 'memberOf' };
    expect(await refusal(token, new Identity(options({ oidc })))).toBe('ERR_HTTP_TOKEN_GROUPS');
  });

  test('are refused for machines that nobody answers for', async () => {
    const nobody = new Identity(options({ owners: { 'User:alice': 'alice' } }));
    expect(await refusal(await provider.machineToken(), nobody)).toBe('ERR_HTTP_TOKEN_OWNER');
  });

  test('are refused after any change', async () => {
    const [header, , signature] = (await provider.tokenFor('alice')).split('.');
    const claims = { ...claimsOf(await provider.tokenFor('alice')), groups: ['grp-privacy'] };
    expect(await refusal(`${header}.${encoded(claims)}.${signature}`)).toBe('ERR_HTTP_TOKEN_SIGNATURE');
  });

  test('are refused where they are made unsigned', async () => {
    const claims = encoded(claimsOf(await provider.tokenFor('alice')));
    for (const alg of ['none', 'None', 'nOnE', ''])
      expect(await refusal(`${encoded({ alg, typ: 'at+jwt' })}.${claims}.`)).toBe('ERR_HTTP_TOKEN_ALGORITHM');
  });

  test("are refused where they are signed with the provider's public key as a secret", async () => {
    const { keys } = (await (await fetch(`${provider.issuer}/jwks`)).json()) as {
      keys: Record<string, string>[];
    };
    const jwk = keys[0]!;
    const publicKey = createPublicKey({ key: jwk, format: 'jwk' });
    const claims = encoded(claimsOf(await provider.tokenFor('dan')));
    const secrets = [
      publicKey.export({ type: 'spki', format: 'pem' }),
      publicKey.export({ type: 'spki', format: 'der' }),
      JSON.stringify(jwk),
    ];
    for (const secret of secrets) {
      const text = `${encoded({ alg: 'HS256', typ: 'at+jwt', kid: 'local-stack' })}.${claims}`;
      const signature = createHmac('sha256', secret).update(text).digest('base64url');
      expect(await refusal(`${text}.${signature}`)).toBe('ERR_HTTP_TOKEN_ALGORITHM');
    }
  });

  test.each([
    ['nothing', undefined, 'ERR_HTTP_TOKEN_MISSING'],
    ['another scheme', 'Basic YWxpY2U6eA==', 'ERR_HTTP_TOKEN_MISSING'],
    ['an empty token', 'Bearer ', 'ERR_HTTP_TOKEN_MISSING'],
    ['two tokens', 'Bearer aaaa bbbb', 'ERR_HTTP_TOKEN_MISSING'],
    ['no JWT', 'Bearer abcdef', 'ERR_HTTP_TOKEN_MALFORMED'],
    ['no JSON', 'Bearer abcd.efgh.ijkl', 'ERR_HTTP_TOKEN_MALFORMED'],
    ['a very long token', `Bearer ${'a'.repeat(20_000)}`, 'ERR_HTTP_TOKEN_MALFORMED'],
  ])('are missed where there is %s', async (_, header, code) => {
    await expect(identity.person(header)).rejects.toMatchObject({ code });
  });
});

/** Of the issuer below; what a provider might say that is not the stack's. */
const GOOD = {
  sub: 'alice',
  aud: 'gauze',
  client_id: 'gauze-cli',
  scope: 'openid',
  groups: ['grp-clinicians'],
  jti: 'token-1',
};

describe('another provider', () => {
  const key = generateKeyPairSync('ed25519');
  const strange = generateKeyPairSync('ed25519');
  let server: Server;
  let issuer: string;
  let other: Identity;

  beforeAll(async () => {
    server = createServer((request, response) => {
      response.setHeader('content-type', 'application/json');
      const isKeys = request.url === '/keys';
      const jwk = { ...key.publicKey.export({ format: 'jwk' }), kid: 'one', use: 'sig' };
      response.end(JSON.stringify(isKeys ? { keys: [jwk] } : { issuer, jwks_uri: `${issuer}/keys` }));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    other = new Identity(options({ oidc: { ...provider.oidc, issuer } }));
  });

  afterAll(async () => await new Promise((resolve) => server.close(resolve)));

  function token(change: object, header: object = {}, by: KeyObject = key.privateKey): string {
    const now = Math.floor(Date.now() / 1000);
    const claims = { iss: issuer, iat: now, exp: now + 300, ...GOOD, ...change };
    const text = `${encoded({ alg: 'EdDSA', typ: 'at+jwt', kid: 'one', ...header })}.${encoded(claims)}`;
    return `${text}.${sign(null, Buffer.from(text), by).toString('base64url')}`;
  }

  test('is taken at its word where the config names it, and nowhere else', async () => {
    expect((await other.personOfToken(token({}))).id).toBe('alice');
    expect(await refusal(token({}))).toBe('ERR_HTTP_TOKEN_ISSUER');
    expect(await refusal(token({ iss: provider.issuer }))).toBe('ERR_HTTP_TOKEN_SIGNATURE');
  });

  test.each<[string, object, object, string]>([
    ['of no key of the provider', {}, { kid: 'two' }, 'ERR_HTTP_TOKEN_SIGNATURE'],
    ['expired', { exp: 1_700_000_000 }, {}, 'ERR_HTTP_TOKEN_EXPIRED'],
    ['without an end', { exp: undefined }, {}, 'ERR_HTTP_TOKEN_CLAIM'],
    ['without a beginning', { iat: undefined }, {}, 'ERR_HTTP_TOKEN_CLAIM'],
    ['not valid yet', { nbf: 4_000_000_000 }, {}, 'ERR_HTTP_TOKEN_NOT_YET'],
    ['issued in the future', { iat: 4_000_000_000, exp: 4_000_000_100 }, {}, 'ERR_HTTP_TOKEN_NOT_YET'],
    ['about nobody', { sub: undefined }, {}, 'ERR_HTTP_TOKEN_CLAIM'],
    ['about an empty name', { sub: '' }, {}, 'ERR_HTTP_TOKEN_CLAIM'],
    ['about a line break', { sub: 'alice\nbob' }, {}, 'ERR_HTTP_TOKEN_CLAIM'],
    ['about a human with the name of a principal', { sub: 'User:alice' }, {}, 'ERR_HTTP_TOKEN_CLAIM'],
    ['for others', { aud: ['payroll', 'wiki'] }, {}, 'ERR_HTTP_TOKEN_AUDIENCE'],
    ['for nobody', { aud: undefined }, {}, 'ERR_HTTP_TOKEN_AUDIENCE'],
    ['with a group that is no text', { groups: [7] }, {}, 'ERR_HTTP_TOKEN_GROUPS'],
    ['with groups that are one text', { groups: 'grp-clinicians' }, {}, 'ERR_HTTP_TOKEN_GROUPS'],
    ['without groups', { groups: undefined }, {}, 'ERR_HTTP_TOKEN_GROUPS'],
    ['with no group', { groups: [] }, {}, 'ERR_HTTP_TOKEN_ROLES'],
    ['of a type of its own', {}, { typ: 'dpop+jwt' }, 'ERR_HTTP_TOKEN_TYPE'],
    ['with a nonce', { nonce: 'n' }, {}, 'ERR_HTTP_TOKEN_TYPE'],
    ['with the hash of an access token', { at_hash: 'h' }, {}, 'ERR_HTTP_TOKEN_TYPE'],
    ['that calls itself an ID token', { typ: 'ID' }, { typ: 'JWT' }, 'ERR_HTTP_TOKEN_TYPE'],
    ['without type and scope', { scope: undefined }, { typ: undefined }, 'ERR_HTTP_TOKEN_TYPE'],
    ['without type and client', { client_id: undefined }, { typ: undefined }, 'ERR_HTTP_TOKEN_TYPE'],
    [
      'without type, for its own client',
      { aud: ['gauze', 'gauze-cli'] },
      { typ: 'JWT' },
      'ERR_HTTP_TOKEN_TYPE',
    ],
    ['that asks for what nobody knows', {}, { crit: ['exp'] }, 'ERR_HTTP_TOKEN_MALFORMED'],
  ])('gets a token refused that is %s', async (_, claims, header, code) => {
    expect(await refusal(token(claims, header), other)).toBe(code);
  });

  test('gets a token refused that somebody else has signed', async () => {
    expect(await refusal(token({}, {}, strange.privateKey), other)).toBe('ERR_HTTP_TOKEN_SIGNATURE');
  });

  test('may leave out the type where scope and client are there, as many do', async () => {
    for (const typ of [undefined, 'JWT'])
      expect((await other.personOfToken(token({}, { typ }))).id).toBe('alice');
    const azp = token({ client_id: undefined, azp: 'portal' }, { typ: 'JWT' });
    expect((await other.personOfToken(azp)).id).toBe('alice');
  });

  test('lets delegates be told from who they stand for', async () => {
    expect(await other.personOfToken(token({ act: { sub: 'bob' } }))).toMatchObject({
      id: 'bob',
      onBehalfOf: 'alice',
    });
    expect(await other.personOfToken(token({ may_act: { sub: 'bob' } }))).toMatchObject({
      id: 'alice',
      onBehalfOf: 'alice',
    });
    for (const act of ['bob', null, {}, { sub: 5 }])
      expect(await refusal(token({ act }), other)).toBe('ERR_HTTP_TOKEN_CLAIM');
  });

  test.each([
    ['by its subject', { sub: 'icu-app', client_id: 'icu-app' }],
    [
      'by its grant',
      { sub: 'icu-app@clients', azp: 'icu-app', client_id: undefined, gty: 'client-credentials' },
    ],
    ['by its user name', { client_id: 'icu-app', preferred_username: 'service-account-icu-app' }],
  ])('has machines known %s, whatever groups they have', async (_, claims) => {
    expect(await other.personOfToken(token(claims))).toMatchObject({ kind: 'SERVICE', owner: 'carol' });
  });

  test('may tell people apart by another claim, but not by an address that nobody has verified', async () => {
    const byMail = new Identity(options({ oidc: { ...provider.oidc, issuer, idClaim: 'email' } }));
    expect((await byMail.personOfToken(token({ email: 'a@example.org' }))).id).toBe('a@example.org');
    expect(await refusal(token({ email: 'a@example.org', email_verified: false }), byMail)).toBe(
      'ERR_HTTP_TOKEN_CLAIM',
    );
    expect(await refusal(token({}), byMail)).toBe('ERR_HTTP_TOKEN_CLAIM');
  });

  test('that names another issuer in its description is not believed', async () => {
    const alias = issuer.replace('127.0.0.1', 'localhost');
    const fooled = new Identity(options({ oidc: { ...provider.oidc, issuer: alias } }));
    expect(await refusal(token({ iss: alias }), fooled)).toBe('ERR_HTTP_ISSUER_UNREACHABLE');
  });
});

function encoded(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

function claimsOf(token: string): { iat?: number; exp?: number } {
  return JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString()) as object;
}
