import { request as httpRequest } from 'node:http';
import { connect, createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { listen } from '../../approvals/http/listening.ts';
import { ANA, BEN, human } from './access-fixture.ts';
import { TestApi, bearer, questionOf } from './api-fixture.ts';
import type { ApiOptions } from './api-fixture.ts';

const CANARY = 'CANARY-900-12-3456';
let open: TestApi[] = [];

async function api(options: ApiOptions = {}): Promise<TestApi> {
  const made = await TestApi.make(options);
  open.push(made);
  return made;
}

afterEach(async () => {
  for (const each of open) await each.server.close();
  open = [];
});

interface Document {
  readonly openapi: string;
  readonly paths: Record<string, Record<string, Operation>>;
  readonly components: { readonly schemas: Record<string, unknown>; readonly securitySchemes: object };
}
interface Operation {
  readonly operationId: string;
  readonly security?: object[];
  readonly responses: Record<string, { readonly content: Record<string, { readonly schema: object }> }>;
}

describe('every answer', () => {
  test('is a problem of RFC 9457 with our code wherever it is no success', async () => {
    const a = await api();
    const id = '0123456789abcdef';
    const cases: readonly [
      string,
      'GET' | 'POST' | 'PUT',
      string,
      string | undefined,
      string | undefined,
      number,
      string,
    ][] = [
      ['a path that is not there', 'GET', '/v1/nothing', undefined, undefined, 404, 'ERR_HTTP_NOT_FOUND'],
      [
        'a method that the path does not take',
        'PUT',
        '/v1/requests',
        '{}',
        'application/json',
        405,
        'ERR_HTTP_METHOD',
      ],
      [
        'a body that is no JSON',
        'POST',
        '/v1/requests',
        `{"${CANARY}`,
        'application/json',
        400,
        'ERR_HTTP_BODY_SYNTAX',
      ],
      [
        'a prototype in the body',
        'POST',
        '/v1/requests',
        '{"__proto__":{}}',
        'application/json',
        400,
        'ERR_HTTP_BODY_SYNTAX',
      ],
      ['another media type', 'POST', '/v1/requests', CANARY, 'text/plain', 415, 'ERR_HTTP_MEDIA_TYPE'],
      [
        'a form',
        'POST',
        '/v1/requests',
        'a=1',
        'application/x-www-form-urlencoded',
        415,
        'ERR_HTTP_MEDIA_TYPE',
      ],
      ['no body', 'POST', '/v1/requests', undefined, undefined, 400, 'ERR_HTTP_INVALID'],
      [
        'a member that nobody reads',
        'POST',
        '/v1/requests',
        JSON.stringify(questionOf({ [CANARY]: 1 })),
        'application/json',
        400,
        'ERR_HTTP_INVALID',
      ],
      [
        'a value of another form',
        'POST',
        '/v1/requests',
        JSON.stringify(questionOf({ topic: `${CANARY} *` })),
        'application/json',
        400,
        'ERR_HTTP_INVALID',
      ],
      [
        'too much',
        'POST',
        '/v1/requests',
        JSON.stringify(questionOf({ reason: 'x'.repeat(70_000) })),
        'application/json',
        413,
        'ERR_HTTP_TOO_LARGE',
      ],
      [
        'an id of another form',
        'GET',
        `/v1/requests/${CANARY}`,
        undefined,
        undefined,
        400,
        'ERR_HTTP_INVALID',
      ],
      [
        'a request that is not there',
        'GET',
        `/v1/requests/${id}`,
        undefined,
        undefined,
        404,
        'ERR_ACCESS_NOT_VISIBLE',
      ],
      [
        'a query that nobody reads',
        'GET',
        `/v1/requests?${CANARY}=1`,
        undefined,
        undefined,
        400,
        'ERR_HTTP_INVALID',
      ],
      [
        'a path that cannot be decoded',
        'GET',
        '/v1/requests/%E0%A4%A',
        undefined,
        undefined,
        404,
        'ERR_HTTP_NOT_FOUND',
      ],
    ];
    for (const [what, method, url, payload, type, status, code] of cases) {
      const answer = await a.inject({
        method,
        url,
        headers: { ...bearer(ANA), ...(type ? { 'content-type': type } : {}) },
        ...(payload === undefined ? {} : { payload }),
      });
      expect([what, answer.status, answer.body['code']]).toEqual([what, status, code]);
      expect(answer.headers['content-type']).toContain('application/problem+json');
      expect(answer.body).toMatchObject({ status, type: `urn:gauze:error:${code}` });
      expect(answer.text).not.toContain('CANARY');
    }
    expect(a.logged.join('\n')).not.toContain('CANARY');
    expect(JSON.stringify(a.events)).not.toContain('CANARY');
  });

  test('names the places of a body that do not fit, and not what stood there', async () => {
    const a = await api();
    const body = questionOf({ maxRecords: 0, fields: [], reason: 'short', [CANARY]: CANARY, from: CANARY });
    const { status, body: problem } = await a.send(ANA, 'POST', '/v1/requests', body);
    expect(status).toBe(400);
    const places = (problem['errors'] as { at: string }[]).map(({ at }) => at);
    expect(places.toSorted()).toEqual(['body', 'body/fields', 'body/from', 'body/maxRecords', 'body/reason']);
    expect(JSON.stringify(problem)).not.toContain('CANARY');
  });

  test('bears headers that forbid keeping, framing and guessing, and an id that is not the caller’s', async () => {
    const a = await api();
    const { headers } = await a.inject({
      method: 'GET',
      url: '/v1/me',
      headers: { ...bearer(ANA), 'request-id': CANARY, 'x-request-id': CANARY },
    });
    expect(headers).toMatchObject({
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'referrer-policy': 'no-referrer',
    });
    expect(headers['content-security-policy']).toContain("default-src 'none'");
    expect(headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
  });

  test('lists the methods that a path takes', async () => {
    const a = await api();
    const { headers } = await a.send(ANA, 'DELETE', '/v1/requests');
    expect(String(headers['allow']).split(', ').toSorted()).toEqual(['GET', 'HEAD', 'POST']);
  });

  test('is never a fault of the server, whatever a body holds', async () => {
    const a = await api();
    const { id, scopeHash } = await a.asked();
    const urls = [
      '/v1/requests',
      '/v1/break-glass',
      `/v1/requests/${id}/decisions`,
      `/v1/requests/${id}/withdraw`,
    ];
    urls.push(
      `/v1/requests/${id}/preview`,
      `/v1/grants/${id}/revoke`,
      `/v1/grants/${id}/review`,
      '/v1/locks',
    );
    const right = {
      ...questionOf(),
      decision: 'approve',
      scopeHash,
      justified: true,
      target: 'TOPIC',
      value: 'x',
    };
    const member = fc.constantFrom(
      ...Object.keys(right),
      'from',
      'to',
      'persons',
      'narrow',
      'ticket',
      'maxPersons',
    );
    const nearly = fc.dictionary(member, fc.oneof(fc.jsonValue(), fc.string({ unit: 'grapheme' })));
    const bodies = fc.oneof(
      fc.jsonValue(),
      nearly,
      nearly.map((odd) => ({ ...right, ...odd })),
    );
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...urls), bodies, async (url, body) => {
        const payload = JSON.stringify(body);
        const headers = { ...bearer(human('dora', 'privacy-officers')), 'content-type': 'application/json' };
        const { status } = await a.inject({ method: 'POST', url, headers, payload });
        expect(status).toBeLessThan(500);
      }),
      { numRuns: 400 },
    );
  });

  test('comes for bytes that are no HTTP, too', async () => {
    const a = await api();
    await a.server.listen({ port: 0, host: '127.0.0.1' });
    const { port } = a.server.server.address() as AddressInfo;
    const answer = await new Promise<string>((resolve, reject) => {
      const socket = connect(port, '127.0.0.1', () => socket.write(`${CANARY}\r\n\r\n`));
      let text = '';
      socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
      socket.on('end', () => resolve(text));
      socket.on('error', reject);
    });
    expect(answer).toMatch(/^HTTP\/1.1 400 /);
    expect(answer).toContain('ERR_HTTP_BAD_REQUEST');
    expect(answer).not.toContain('CANARY');
  });

  test('waits for requests under way when the server ends, and refuses new ones', async () => {
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    let arrived = (): void => undefined;
    const there = new Promise<void>((resolve) => (arrived = resolve));
    const a = await api({
      parts: [
        async (app) =>
          void app.get('/slow', async () => {
            arrived();
            await held;
            return 'done';
          }),
      ],
    });
    await a.server.listen({ port: 0, host: '127.0.0.1' });
    const { port } = a.server.server.address() as AddressInfo;
    const slow = statusOf(port, '/slow');
    await there;
    const closing = a.server.close();
    release();
    expect(await slow).toBe(200);
    await closing;
    await expect(statusOf(port, '/healthz')).rejects.toThrow();
  });
});

async function statusOf(port: number, path: string): Promise<number> {
  return await new Promise((resolve, reject) => {
    const sent = httpRequest({ port, host: '127.0.0.1', path, agent: false }, (answer) => {
      answer.resume();
      resolve(answer.statusCode ?? 0);
    });
    sent.on('error', reject);
    sent.end();
  });
}

describe('who asks', () => {
  test('must say so, and each attempt without a right token is on record', async () => {
    const a = await api();
    for (const authorization of [undefined, 'Basic YTpi', 'Bearer !!!', `Bearer ${CANARY}`]) {
      const answer = await a.inject({
        method: 'GET',
        url: '/v1/requests',
        headers: authorization === undefined ? {} : { authorization },
      });
      expect(answer.status).toBe(401);
      expect(answer.headers['www-authenticate']).toBe('Bearer');
    }
    expect(a.types()).toEqual(Array(4).fill('auth.failed'));
    expect(a.events[0]).toMatchObject({
      outcome: 'MINOR_FAILURE',
      outcomeReason: 'ERR_HTTP_TOKEN_MISSING',
      actor: { id: 'unknown' },
      ext: { route: 'GET /v1/requests', address: '127.0.0.1' },
    });
    expect(JSON.stringify(a.events)).not.toContain('CANARY');
  });

  test('is asked before the body is looked at', async () => {
    const a = await api();
    const answer = await a.inject({
      method: 'POST',
      url: '/v1/requests',
      headers: { 'content-type': 'application/json' },
      payload: '{',
    });
    expect(answer.status).toBe(401);
  });

  test('gets no refusal that could not be put on record', async () => {
    const a = await api();
    a.isAuditGone = true;
    const answer = await a.send(null, 'GET', '/v1/requests');
    expect([answer.status, answer.body['code']]).toEqual([503, 'ERR_ACCESS_LOG_UNAVAILABLE']);
  });

  test('has a number of requests in a minute; a flood is one event that counts the rest', async () => {
    const a = await api({ perPerson: 3 });
    const statuses = [];
    for (let i = 0; i < 6; i++) statuses.push((await a.send(ANA, 'GET', '/v1/me')).status);
    expect(statuses).toEqual([200, 200, 200, 429, 429, 429]);
    expect((await a.send(BEN, 'GET', '/v1/me')).status).toBe(200);
    const refused = await a.send(ANA, 'GET', '/v1/me');
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
    expect(a.types()).toEqual(['http.flood']);
    expect(a.events[0]).toMatchObject({ actor: { id: 'ana' }, outcomeReason: 'ERR_HTTP_RATE' });
  });

  test('shares the number of an address with all who come from there, before any token is checked', async () => {
    const a = await api({ perAddress: 2 });
    await a.send(ANA, 'GET', '/v1/me');
    await a.send(BEN, 'GET', '/v1/me');
    const answer = await a.send(null, 'GET', '/v1/me');
    expect([answer.status, answer.body['code']]).toEqual([429, 'ERR_HTTP_RATE']);
  });

  test('is told who they are here', async () => {
    const a = await api();
    const { body } = await a.send(ANA, 'GET', '/v1/me');
    expect(body).toEqual({ id: 'ana', kind: 'HUMAN', roles: ['clinicians'], principals: ['User:ana'] });
  });
});

describe('health', () => {
  test('is told to anybody, and which part is missing', async () => {
    const readiness = {
      kafka: 'ok',
      log: 'missing',
      registry: 'degraded',
      identityProvider: 'ok',
      redis: 'degraded',
    } as const;
    const a = await api({ readiness });
    expect((await a.send(null, 'GET', '/healthz')).body).toEqual({ alive: true });
    const answer = await a.send(null, 'GET', '/readyz');
    expect([answer.status, answer.body]).toEqual([503, { ready: false, parts: readiness }]);
  });

  test('is ready with a part that only makes it late', async () => {
    const readiness = {
      kafka: 'ok',
      log: 'ok',
      registry: 'degraded',
      identityProvider: 'ok',
      redis: 'degraded',
    } as const;
    const a = await api({ readiness });
    expect((await a.send(null, 'GET', '/readyz')).status).toBe(200);
  });
});

describe('the OpenAPI document', () => {
  test('describes every route with every answer, problems too, and asks for a token where there is one needed', async () => {
    const a = await api();
    const { body } = await a.send(null, 'GET', '/openapi.json');
    const { openapi, paths, components } = body as object as Document;
    expect(openapi).toBe('3.1.0');
    const operations = Object.entries(paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
    );
    expect(operations.map(({ method, path }) => `${method} ${path}`).toSorted()).toEqual([
      'delete /v1/locks/{id}',
      'get /healthz',
      'get /readyz',
      'get /v1/audit/status',
      'get /v1/grants',
      'get /v1/grants/{id}',
      'get /v1/locks',
      'get /v1/me',
      'get /v1/requests',
      'get /v1/requests/{id}',
      'post /v1/audit/cutoffs',
      'post /v1/audit/disclosures',
      'post /v1/audit/double-approvals',
      'post /v1/audit/event',
      'post /v1/audit/exports',
      'post /v1/audit/grant',
      'post /v1/audit/overdue-grants',
      'post /v1/audit/principal',
      'post /v1/audit/who-saw',
      'post /v1/break-glass',
      'post /v1/grants/{id}/resume',
      'post /v1/grants/{id}/review',
      'post /v1/grants/{id}/revoke',
      'post /v1/locks',
      'post /v1/replays',
      'post /v1/requests',
      'post /v1/requests/{id}/decisions',
      'post /v1/requests/{id}/preview',
      'post /v1/requests/{id}/withdraw',
    ]);
    for (const { path, operation } of operations) {
      expect(operation.operationId).toMatch(/^[a-z][A-Za-z]+$/);
      expect([path, operation.security]).toEqual([
        path,
        path.startsWith('/v1/') ? [{ bearer: [] }] : undefined,
      ]);
      const problems = Object.entries(operation.responses).filter(([status]) => Number(status) >= 400);
      for (const needed of [
        '400',
        '429',
        '500',
        '503',
        ...(path.startsWith('/v1/') ? ['401', '404', '422'] : []),
      ])
        expect(Object.keys(operation.responses)).toContain(needed);
      for (const [status, { content }] of problems) {
        if (path === '/readyz' && status === '503') continue;
        expect(content['application/problem+json']?.schema).toEqual({ $ref: '#/components/schemas/Problem' });
      }
    }
    expect(Object.keys(components.schemas)).toEqual(expect.arrayContaining(['Problem', 'Request', 'Grant']));
    expect(components.securitySchemes).toHaveProperty('bearer');
  });
});

describe('the port', () => {
  test('says which address is taken, and listens there once it is free', async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    const { port } = taken.address() as AddressInfo;
    const there = { host: '127.0.0.1', port };
    await expect(listen((await api()).server, there)).rejects.toMatchObject({
      code: 'ERR_HTTP_LISTEN',
      context: there,
    });
    await new Promise((resolve) => taken.close(resolve));
    expect(await listen((await api()).server, there)).toBe(`http://127.0.0.1:${port}`);
  });
});
