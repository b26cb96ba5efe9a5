import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { GauzeError } from '../../platform/errors.ts';
import { parseAvroSchema } from '../../schemas/parse-avro.ts';
import { RegistryClient } from '../../schemas/registry-client.ts';
import { leavesOf } from '../../schemas/tags.ts';
import { testStack, uniqueName } from '../support/stack.ts';

const client = () => new RegistryClient({ url: testStack().registryUrl, notFoundMs: 0 });
const record = (...fields: object[]): string =>
  JSON.stringify({ type: 'record', name: 'Canary', namespace: 'org.example', fields });
const tagged = { name: 'mrn', type: 'string', 'confluent:tags': ['PHI_MRN'] };
const optional = { name: 'extra', type: ['null', 'string'], default: null, 'confluent:tags': ['PHI_NAME'] };

describe('the real registry', () => {
  test('keeps the tags of each clinical schema from file to leaf', async () => {
    const file = new URL('../../schemas/clinical/patient.avsc', import.meta.url);
    const subject = `${uniqueName('clinical')}-value`;
    const id = await client().register(subject, readFileSync(file, 'utf8'));
    const { text, references } = await client().schemaText(id);
    const tags = leavesOf(parseAvroSchema(text, references)).map((leaf) => [...leaf.tags]);
    expect(tags).toEqual(leavesOf(parseAvroSchema(readFileSync(file, 'utf8'))).map((leaf) => [...leaf.tags]));
    await client().deleteSubject(subject);
  });

  test('gives the same id for the same text, lists versions, and knows ids of other subjects apart', async () => {
    const [subject, other] = [`${uniqueName('registry')}-value`, `${uniqueName('registry')}-value`];
    const registry = client();
    const first = await registry.register(subject, record(tagged));
    expect(await registry.register(subject, record(tagged))).toBe(first);
    const foreign = await registry.register(other, record({ ...tagged, name: 'other' }));
    expect(await registry.isVersionOf(first, subject)).toBe(true);
    expect(await registry.isVersionOf(foreign, subject)).toBe(false);
    const second = await registry.register(subject, record(tagged, optional));
    expect(await registry.isVersionOf(second, subject)).toBe(true);
    const versions = await registry.subjectVersions(subject);
    expect(versions.map(({ id }) => id)).toEqual([first, second]);
    await registry.deleteSubject(subject);
    await registry.deleteSubject(other);
  });

  test('an id that was never given is unknown, and so is a subject', async () => {
    const error = await client()
      .schemaText(2_000_000_000)
      .catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(GauzeError);
    expect((error as GauzeError).code).toBe('ERR_SCHEMA_UNKNOWN');
    expect(await client().subjectVersions(uniqueName('nothing'))).toEqual([]);
  });

  test('resolves references to other subjects', async () => {
    const [address, person] = [`${uniqueName('address')}-value`, `${uniqueName('person')}-value`];
    const url = testStack().registryUrl;
    const text = JSON.stringify({ type: 'record', name: 'Home', namespace: 'org.example', fields: [tagged] });
    await client().register(address, text);
    const response = await fetch(`${url}/subjects/${person}/versions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        schema: record({ name: 'home', type: 'org.example.Home' }),
        references: [{ name: 'org.example.Home', subject: address, version: 1 }],
      }),
    });
    const { id } = (await response.json()) as { id: number };
    const found = await client().schemaText(id);
    const leaves = leavesOf(parseAvroSchema(found.text, found.references));
    expect(leaves.map(({ path, tags }) => [path, ...tags])).toEqual([['home.mrn', 'PHI_MRN']]);
    await client().deleteSubject(person);
    await client().deleteSubject(address);
  });
});
