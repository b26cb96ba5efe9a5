import { createServer } from 'node:http';
import type { IncomingMessage, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { GauzeError } from '../../platform/errors.ts';
import { RegistryClient } from '../../schemas/registry-client.ts';
import type { RegistryOptions } from '../../schemas/registry-client.ts';

type Reply = { status: number; body: unknown } | 'hang up';
let server: Server;
let url: string;
/** What was asked for, in order: method, path with query. */
let asked: string[];
/** What the registry's settings say: nothing, unless a test says otherwise. */
let config: (line: string) => Reply;
let replies: (request: IncomingMessage, line: string) => Reply | Promise<Reply>;

const NOT_FOUND: Reply = { status: 404, body: { error_code: 40403, message: 'Schema not found' } };
const ok = (body: unknown): Reply => ({ status: 200, body });

beforeEach(async () => {
  asked = [];
  config = () => NOT_FOUND;
  server = createServer((request, response) => {
    const line = `${request.method} ${request.url}`;
    const isConfig = line.startsWith('GET /config');
    if (!isConfig) asked.push(line);
    void Promise.resolve(isConfig ? config(line) : replies(request, line)).then((reply) => {
      if (reply === 'hang up') return request.socket.destroy();
      response.writeHead(reply.status, { 'content-type': 'application/json' });
      return response.end(typeof reply.body === 'string' ? reply.body : JSON.stringify(reply.body));
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => {
    server.close(resolve);
  });
});

const client = (options: Partial<RegistryOptions> = {}): RegistryClient =>
  new RegistryClient({ url, retryDelayMs: 1, attempts: 3, ...options });

async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    if (error instanceof GauzeError) return error.code;
    throw error;
  }
  return 'no error';
}

const refer = (...subjects: string[]) => subjects.map((subject) => ({ name: subject, subject, version: 1 }));

describe('schema text by id', () => {
  test('is the raw text, asked for once by callers at the same time and after', async () => {
    replies = () => ok({ schema: '{"type":"string","confluent:tags":["PHI_ID"]}' });
    const registry = client();
    const texts = await Promise.all([registry.schemaText(7), registry.schemaText(7)]);
    texts.push(await registry.schemaText(7));
    expect(texts.map(({ text }) => text)).toEqual(
      Array(3).fill('{"type":"string","confluent:tags":["PHI_ID"]}'),
    );
    expect(asked).toEqual(['GET /schemas/ids/7']);
  });

  test('comes with the schemas it refers to, dependencies first and each once', async () => {
    replies = (_, line) => {
      if (line.includes('/ids/')) return ok({ schema: 'root', references: refer('b', 'a') });
      if (line.includes('/subjects/b/')) return ok({ id: 2, schema: 'text b', references: refer('a') });
      return ok({ id: 1, schema: 'text a' });
    };
    expect((await client().schemaText(7)).references).toEqual(['text a', 'text b']);
  });

  test('comes with metadata tags where the registry keeps them', async () => {
    replies = () => ok({ schema: '"int"', metadata: { tags: { '**.ssn': ['PII'] } } });
    expect((await client().schemaText(7)).metadata).toEqual(new Map([['**.ssn', ['PII']]]));
  });

  test('that does not exist is not asked for again within the time it is believed, and then is', async () => {
    replies = () => NOT_FOUND;
    const registry = client({ notFoundMs: 60_000 });
    expect(await codeOf(registry.schemaText(9))).toBe('ERR_SCHEMA_UNKNOWN');
    expect(await codeOf(registry.schemaText(9))).toBe('ERR_SCHEMA_UNKNOWN');
    expect(asked).toHaveLength(1);
    const forgetful = client({ notFoundMs: 0 });
    expect(await codeOf(forgetful.schemaText(9))).toBe('ERR_SCHEMA_UNKNOWN');
    replies = () => ok({ schema: '"int"' });
    expect((await forgetful.schemaText(9)).text).toBe('"int"');
  });

  test('a 404 of something that is no registry is not taken for an unknown schema', async () => {
    replies = () => ({ status: 404, body: '<html>Not Found</html>' });
    expect(await codeOf(client().schemaText(9))).toBe('ERR_REGISTRY_ANSWER');
  });

  test('refuses a schema of another format', async () => {
    replies = () => ok({ schema: 'syntax = "proto3";', schemaType: 'PROTOBUF' });
    expect(await codeOf(client().schemaText(9))).toBe('ERR_SCHEMA_SYNTAX');
  });

  test('an abort ends the wait of that caller only', async () => {
    const gate = Promise.withResolvers<Reply>();
    replies = () => gate.promise;
    const registry = client();
    const abort = new AbortController();
    const impatient = registry.schemaText(7, abort.signal);
    const patient = registry.schemaText(7);
    abort.abort();
    await expect(impatient).rejects.toThrow('abort');
    gate.resolve(ok({ schema: '"int"' }));
    expect((await patient).text).toBe('"int"');
    expect(asked).toHaveLength(1);
  });
});

describe('outages', () => {
  test('are retried, and a later answer is taken', async () => {
    replies = () =>
      asked.length < 3
        ? asked.length === 1
          ? 'hang up'
          : { status: 503, body: {} }
        : ok({ schema: '"int"' });
    expect((await client().schemaText(7)).text).toBe('"int"');
    expect(asked).toHaveLength(3);
  });

  test('are reported after the bound, and asked about anew by the next caller', async () => {
    replies = () => ({ status: 503, body: { message: 'secret text' } });
    const registry = client();
    expect(await codeOf(registry.schemaText(7))).toBe('ERR_REGISTRY_ANSWER');
    expect(asked).toHaveLength(3);
    replies = () => 'hang up';
    expect(await codeOf(registry.schemaText(7))).toBe('ERR_REGISTRY_UNREACHABLE');
    replies = () => ok({ schema: '"int"' });
    expect((await registry.schemaText(7)).text).toBe('"int"');
  });

  test('an answer that cannot be understood is no schema', async () => {
    replies = () => ok({ schema: 5 });
    expect(await codeOf(client().schemaText(7))).toBe('ERR_REGISTRY_ANSWER');
    expect(asked).toHaveLength(1);
  });
});

const versions =
  (...ids: number[]) =>
  (_: IncomingMessage, line: string): Reply => {
    const version = /versions\/(\d+)/.exec(line)?.[1];
    if (version === undefined) return ok(ids.map((_, at) => at + 1));
    return ok({ id: ids[Number(version) - 1], schema: `"text ${version}"` });
  };

describe('versions of a subject', () => {
  test('are all read, with the soft-deleted ones', async () => {
    replies = versions(11, 12);
    const found = await client().subjectVersions('clinical.a/b-value');
    expect(found.map(({ version, id }) => [version, id])).toEqual([
      [1, 11],
      [2, 12],
    ]);
    expect(asked[0]).toBe('GET /subjects/clinical.a%2Fb-value/versions?deleted=true');
  });

  test('carry the tags that settings of the registry put on schemas, beside their own', async () => {
    const own = { metadata: { tags: { '**.ssn': ['PHI_SSN'], 'a.b': ['PHI_MRN'] } } };
    replies = (_, line) => (line.includes('/versions/') ? ok({ id: 11, schema: '"int"', ...own }) : ok([1]));
    config = (line) =>
      line.endsWith('/config')
        ? ok({ compatibilityLevel: 'NONE', defaultMetadata: { tags: { '**.zip': ['PHI_ZIP'] } } })
        : ok({ overrideMetadata: { tags: { '**.ssn': ['PHI_NONE'] } } });
    const [version] = await client().subjectVersions('clinical.a-value');
    // An override replaces what the schema says of a pattern: here both hold, and PHI_NONE never wins.
    expect(version!.metadata).toEqual(
      new Map([
        ['**.ssn', ['PHI_SSN', 'PHI_NONE']],
        ['a.b', ['PHI_MRN']],
        ['**.zip', ['PHI_ZIP']],
      ]),
    );
  });

  test.each([[{ status: 403, body: { error_code: 40301 } }], [ok({ overrideMetadata: { tags: 'none' } })]])(
    'are not read where those settings cannot be: %j',
    async (refusal) => {
      replies = versions(11);
      config = () => refusal;
      expect(await codeOf(client().subjectVersions('clinical.a-value'))).toBe('ERR_REGISTRY_ANSWER');
    },
  );

  test('are read without the parameter where the registry does not know it', async () => {
    const plain = versions(11);
    replies = (request, line) =>
      line.includes('deleted=') ? { status: 400, body: { error_code: 400 } } : plain(request, line);
    expect(await client().subjectVersions('s')).toHaveLength(1);
  });

  test('of a subject that does not exist are none', async () => {
    replies = () => ({ status: 404, body: { error_code: 40401 } });
    expect(await client().subjectVersions('s')).toEqual([]);
    expect(await client().isVersionOf(7, 's')).toBe(false);
  });

  test('that are listed but cannot be read are an error, not fewer tags', async () => {
    replies = (_, line) => (line.includes('/versions/') ? NOT_FOUND : ok([1, 2]));
    expect(await codeOf(client().subjectVersions('s'))).toBe('ERR_REGISTRY_ANSWER');
  });

  test('an id is looked for again when it is new, and a foreign one is not asked about at each record', async () => {
    replies = versions(11);
    const registry = client({ notFoundMs: 60_000 });
    expect(await registry.isVersionOf(11, 's')).toBe(true);
    const before = asked.length;
    expect(await registry.isVersionOf(11, 's')).toBe(true);
    expect(asked).toHaveLength(before);
    replies = versions(11, 12);
    expect(await registry.isVersionOf(12, 's')).toBe(true);
    expect(await registry.isVersionOf(99, 's')).toBe(false);
    const after = asked.length;
    expect(await registry.isVersionOf(99, 's')).toBe(false);
    expect(asked).toHaveLength(after);
  });
});

describe('registering', () => {
  test('gives the id; an incompatible schema and an invalid one are told apart', async () => {
    const registry = client();
    replies = () => ok({ id: 42 });
    expect(await registry.register('s', '"int"')).toBe(42);
    replies = () => ({ status: 409, body: { error_code: 409 } });
    expect(await codeOf(registry.register('s', '"int"'))).toBe('ERR_SCHEMA_DERIVED_INCOMPATIBLE');
    replies = () => ({ status: 422, body: { error_code: 42201 } });
    expect(await codeOf(registry.register('s', '"int"'))).toBe('ERR_SCHEMA_SYNTAX');
  });

  test('a subject is deleted for good, and one that is gone is no error', async () => {
    replies = () => (asked.length === 1 ? ok([1]) : NOT_FOUND);
    await client().deleteSubject('s');
    expect(asked).toEqual(['DELETE /subjects/s', 'DELETE /subjects/s?permanent=true']);
    replies = () => ({ status: 403, body: {} });
    expect(await codeOf(client().deleteSubject('s'))).toBe('ERR_REGISTRY_ANSWER');
  });

  test('logs in, and shows the password to nobody', async () => {
    const secret = 'correct horse';
    let header: string | undefined;
    replies = (request) => {
      header = request.headers.authorization;
      return { status: 401, body: { message: secret } };
    };
    const registry = client({ username: 'gauze', password: secret });
    const error = await registry.schemaText(1).catch((thrown: unknown) => thrown);
    expect(header).toBe(`Basic ${Buffer.from(`gauze:${secret}`).toString('base64')}`);
    expect(inspect([registry, error], { depth: 9, showHidden: true })).not.toContain(secret);
    expect(JSON.stringify([registry, error])).not.toContain(secret);
  });
});
