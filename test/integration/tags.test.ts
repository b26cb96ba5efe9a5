/**
 * A tag once seen stays in force: taken away in a later version of the schema, or with that version gone from the
 * registry, its field is masked as before.
 */
import { appendFile } from 'node:fs/promises';
import path from 'node:path';
import { afterEach, expect, test } from '@jest/globals';
import { clinicalSchema, clinicalType } from '../../examples/hospital/clinical-codecs.ts';
import { generateHospital } from '../../examples/hospital/hospital.ts';
import { ordinaryProducer } from '../../kafka/kafkajs-client.ts';
import { RegistryClient } from '../../schemas/registry-client.ts';
import { valueSubject } from '../../schemas/topic-names.ts';
import { connectionOf, testStack } from '../support/stack.ts';
import { TestSite } from '../support/test-site.ts';
import { dumpTopics } from '../support/topic-dump.ts';

const PATIENTS = 'clinical.patients';
let site: TestSite;

afterEach(async () => {
  await site.close();
});

/** The patient schema with `mrn` and `ssn` declared harmless. */
function untaggedSchema(): string {
  const schema = JSON.parse(clinicalSchema(PATIENTS)) as { fields: { name: string }[] };
  const fields = schema.fields.map((field) =>
    ['mrn', 'ssn'].includes(field.name) ? { ...field, 'confluent:tags': ['PHI_NONE'] } : field,
  );
  return JSON.stringify({ ...schema, fields });
}

test('a field whose tag a later version takes away is masked as before, also when the first version is gone', async () => {
  site = await TestSite.make({ topics: [PATIENTS] });
  const people = [...generateHospital({ patients: 3, seed: 51 })].filter(({ topic }) => topic === PATIENTS);
  await site.feed([]);
  await site.apply();
  const registry = new RegistryClient({ url: testStack().registryUrl });
  const subject = valueSubject(site.raw(PATIENTS));
  // Only the policy log remembers the tags from here on.
  await registry.deleteSubject(subject);
  const id = await registry.register(subject, untaggedSchema());
  const producer = ordinaryProducer(connectionOf('ehr-feed'));
  await producer.connect();
  const secrets = people.map(({ value }) => value as { mrn: string; ssn: string | null });
  for (const { key, value } of people) {
    const prefix = Buffer.alloc(5);
    prefix.writeInt32BE(id, 1);
    const bytes = Buffer.concat([prefix, clinicalType(PATIENTS).toBuffer(value)]);
    await producer.send({
      topic: site.raw(PATIENTS),
      acks: -1,
      messages: [{ key, value: bytes, partition: 0 }],
    });
  }
  await producer.disconnect();
  site.run();
  await site.caughtUp();
  const topics = (['research', 'analytics'] as const).map((audience) => site.sanitized(PATIENTS, audience));
  const dump = await dumpTopics(topics);
  expect(dump).toHaveLength(people.length * topics.length);
  const found = dump.filter(({ value }) =>
    secrets.some(({ mrn, ssn }) => value?.includes(mrn) || (ssn !== null && value?.includes(ssn))),
  );
  expect(found).toEqual([]);
});

test('a released tag lets go of the fields that no later version tags, from then on, and is on record', async () => {
  site = await TestSite.make({ topics: [PATIENTS] });
  const people = [...generateHospital({ patients: 2, seed: 52 })].filter(({ topic }) => topic === PATIENTS);
  await appendFile(
    path.join(site.directory, 'gauze.yaml'),
    '\nowners: { "User:gauze-admin": carol@example.org }\n',
  );
  await site.feed([]);
  await site.apply();
  const registry = new RegistryClient({ url: testStack().registryUrl });
  const id = await registry.register(valueSubject(site.raw(PATIENTS)), untaggedSchema());
  const release = (tag: string, place: string) =>
    site.gauze('tags', 'release', site.raw(PATIENTS), place, tag, '--reason', 'reviewed in March', '--json');
  const refused = await release('PHI_NAME', 'familyName');
  expect([refused.code, refused.stderr + refused.stdout]).toEqual([
    1,
    expect.stringContaining('ERR_TAGS_RELEASE'),
  ]);
  expect(await release('PHI_MRN', 'mrn')).toMatchObject({ stderr: '', code: 0 });
  const listed = JSON.parse((await site.gauze('tags', site.raw(PATIENTS), '--json')).stdout) as {
    readonly tags: readonly { readonly path: string; readonly tag: string }[];
    readonly releases: readonly object[];
  };
  expect(listed.releases).toMatchObject([
    { isInForce: true, release: { path: 'mrn', reason: 'reviewed in March' } },
  ]);
  expect(listed.tags.filter(({ path }) => path === 'mrn' || path === 'ssn').map(({ tag }) => tag)).toEqual([
    'PHI_NONE',
    'PHI_NONE',
    'PHI_SSN',
  ]);
  const secrets = people.map(({ value }) => value as { mrn: string; ssn: string | null });
  const producer = ordinaryProducer(connectionOf('ehr-feed'));
  await producer.connect();
  for (const { key, value } of people) {
    const prefix = Buffer.alloc(5);
    prefix.writeInt32BE(id, 1);
    const bytes = Buffer.concat([prefix, clinicalType(PATIENTS).toBuffer(value)]);
    await producer.send({
      topic: site.raw(PATIENTS),
      acks: -1,
      messages: [{ key, value: bytes, partition: 0 }],
    });
  }
  await producer.disconnect();
  site.run();
  // Analytics got no mrn before: a field that always was missing breaks its contract, so it is held until it agrees.
  await site.until((lanes) =>
    lanes.every(({ audience, state, lag }) => audience !== 'research' || (state === 'ok' && lag === 0)),
  );
  const dump = await dumpTopics([site.sanitized(PATIENTS, 'research')]);
  expect(dump).toHaveLength(people.length);
  for (const { value } of dump) {
    expect(secrets.some(({ mrn }) => value?.includes(mrn))).toBe(true);
    expect(secrets.some(({ ssn }) => ssn !== null && value?.includes(ssn))).toBe(false);
  }
});
