/**
 * What goes under the subject of a sanitized topic: held against a small registry that, like some, checks nothing.
 */
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { contractStep, registerDerived } from '../../policy/derived-contract.ts';
import { RegistryClient } from '../../schemas/registry-client.ts';

const SUBJECT = 'raw.for-research-value';
const PLACE = { audience: 'research', topic: 'raw', version: 1, from: 'earliest' } as const;
let server: Server;
let registry: RegistryClient;
/** Versions by subject, and settings: of a subject, or of all under the empty name. */
let versions: Map<string, string[]>;
let settings: Map<string, string>;

beforeEach(async () => {
  versions = new Map();
  settings = new Map([['', 'NONE']]);
  server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const [status, body] = answer(request.method!, request.url!, Buffer.concat(chunks).toString());
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(JSON.stringify(body));
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  registry = new RegistryClient({ url, attempts: 1 });
});

afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => {
    server.close(resolve);
  });
});

function answer(method: string, url: string, text: string): readonly [number, unknown] {
  const [, what, subject = '', , version] = url.split('?')[0]!.split('/');
  const body = (text === '' ? {} : JSON.parse(text)) as { schema?: string; compatibility?: string };
  const missing = [404, { error_code: 40401, message: 'no' }] as const;
  if (what === 'config' && method === 'PUT') {
    settings.set(subject, body.compatibility!);
    return [200, { compatibility: body.compatibility }];
  }
  if (what === 'config') {
    const level = settings.get(subject);
    return level === undefined ? missing : [200, { compatibilityLevel: level }];
  }
  const known = versions.get(subject) ?? [];
  if (method === 'GET' && version !== undefined)
    return [200, { id: Number(version), schema: known[Number(version) - 1] }];
  if (method === 'GET') return known.length > 0 ? [200, known.map((_, at) => at + 1)] : missing;
  const at = known.indexOf(body.schema!);
  if (at >= 0) return [200, { id: at + 1 }];
  if (!url.endsWith('/versions')) return missing;
  versions.set(subject, [...known, body.schema!]);
  return [200, { id: known.length + 1 }];
}

/** A derived schema with these fields; a type with `?` may be null. */
function derived(fields: Readonly<Record<string, string>>): string {
  const all = Object.entries(fields).map(([name, type]) =>
    type.endsWith('?') ? { name, type: ['null', type.slice(0, -1)], default: null } : { name, type },
  );
  return JSON.stringify({ type: 'record', name: 'V', namespace: 'org.for_research', fields: all });
}

const FIRST = derived({ a: 'int' });
const WIDER = derived({ a: 'long' });
const MORE = derived({ a: 'int', b: 'string?' });
const REQUIRED = derived({ a: 'int', b: 'string' });

describe('a derived schema', () => {
  test('that is the first holds its subject to BACKWARD, where the registry would to nothing', async () => {
    expect(await registerDerived(registry, SUBJECT, FIRST)).toBe(1);
    expect(settings.get(SUBJECT)).toBe('BACKWARD');
  });

  test('that is the first leaves what is set alone, for the subject or for all', async () => {
    settings.set('', 'FULL');
    await registerDerived(registry, SUBJECT, FIRST);
    expect(settings.get(SUBJECT)).toBeUndefined();
    settings.set('other', 'FORWARD');
    await registerDerived(registry, 'other', FIRST);
    expect(settings.get('other')).toBe('FORWARD');
  });

  test('that breaks the contract is not registered, and the error says where and what', async () => {
    await registerDerived(registry, SUBJECT, FIRST);
    await expect(registerDerived(registry, SUBJECT, REQUIRED)).rejects.toMatchObject({
      code: 'ERR_SCHEMA_DERIVED_INCOMPATIBLE',
      context: {
        subject: SUBJECT,
        path: 'b',
        actual: 'a field without a default, which is not always written',
      },
    });
    expect(versions.get(SUBJECT)).toEqual([FIRST]);
    expect(await registerDerived(registry, SUBJECT, MORE)).toBe(2);
  });

  test('passes whatever it is once the owner has set NONE', async () => {
    await registerDerived(registry, SUBJECT, FIRST);
    settings.set(SUBJECT, 'NONE');
    expect(await registerDerived(registry, SUBJECT, REQUIRED)).toBe(2);
    expect(settings.get(SUBJECT)).toBe('NONE');
  });

  test('that is a version already is used as it is', async () => {
    for (const text of [FIRST, WIDER]) await registerDerived(registry, SUBJECT, text);
    expect(await registerDerived(registry, SUBJECT, FIRST)).toBe(1);
  });

  test.each([
    ['FULL', WIDER],
    ['FORWARD', WIDER],
    ['FULL', REQUIRED],
    ['BACKWARD_TRANSITIVE', REQUIRED],
  ])('is held to %s where the owner has set that', async (level, text) => {
    await registerDerived(registry, SUBJECT, FIRST);
    settings.set(SUBJECT, level);
    await expect(registerDerived(registry, SUBJECT, text)).rejects.toMatchObject({
      code: 'ERR_SCHEMA_DERIVED_INCOMPATIBLE',
    });
  });

  test('is held to all versions, not the last alone, where the level is a transitive one', async () => {
    settings.set('', 'BACKWARD');
    for (const text of [FIRST, MORE]) await registerDerived(registry, SUBJECT, text);
    // Reads the last version, and nothing of the first.
    await registerDerived(registry, SUBJECT, REQUIRED.replace('"string"', '["null","string"]'));
    settings.set('t', 'BACKWARD_TRANSITIVE');
    for (const text of [FIRST, MORE]) await registerDerived(registry, 't', text);
    const late = REQUIRED.replace('"string"', '["null","string"]');
    await expect(registerDerived(registry, 't', late)).rejects.toMatchObject({ context: { path: 'b' } });
  });
});

describe('what `gauze apply` registers for a topic', () => {
  const texts = (step: Awaited<ReturnType<typeof contractStep>>): readonly string[] =>
    step.schemas.map(({ text }) => text);

  test('is the derived schema of every version of the raw schema, in their order', async () => {
    const step = await contractStep(registry, PLACE, [FIRST, MORE, FIRST]);
    expect([texts(step), step.broken]).toEqual([[FIRST, MORE], null]);
    expect(step.schemas.map(({ subject }) => subject)).toEqual([SUBJECT, SUBJECT]);
  });

  test('leaves out an older one that no longer fits, so that it blocks nothing', async () => {
    for (const text of [FIRST, WIDER]) await registerDerived(registry, SUBJECT, text);
    // The policy drops nothing and adds a field: both versions come out otherwise.
    const [older, newest] = [MORE, derived({ a: 'long', b: 'string?' })];
    const step = await contractStep(registry, PLACE, [older, newest]);
    expect([texts(step), step.broken]).toEqual([[newest], null]);
  });

  test('is refused where the newest does not fit', async () => {
    await registerDerived(registry, SUBJECT, FIRST);
    const { broken } = await contractStep(registry, PLACE, [REQUIRED]);
    expect(broken).toMatchObject({ context: { audience: 'research', topic: 'raw', path: 'b' } });
  });

  test('begins with the newest where a new version of the topic promises nothing of what was before', async () => {
    const second = { ...PLACE, version: 2 };
    expect((await contractStep(registry, second, [FIRST, REQUIRED])).broken).not.toBeNull();
    const step = await contractStep(registry, { ...second, from: 'committed' }, [FIRST, REQUIRED]);
    expect([step.schemas, step.broken]).toEqual([
      [{ subject: 'raw.for-research.v2-value', text: REQUIRED }],
      null,
    ]);
  });
});
