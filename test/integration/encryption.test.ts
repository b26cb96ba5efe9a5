/**
 * Encrypted values on their way through real topics: the bytes are those of the slow reference, whoever holds the keyring
 * reads them by `gauze keys decrypt` with what Kafka tells about the raw topic, and nobody reads them elsewhere.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import avsc from 'avsc';
import { clinicalType } from '../../examples/hospital/clinical-codecs.ts';
import { generateHospital } from '../../examples/hospital/hospital.ts';
import { loadKeyring } from '../../keys/keyring.ts';
import { RegistryClient } from '../../schemas/registry-client.ts';
import { topicIdOf } from '../support/sanitized-oracle.ts';
import { testStack } from '../support/stack.ts';
import { TestSite } from '../support/test-site.ts';
import type { Audience } from '../support/test-site.ts';
import { dumpTopics } from '../support/topic-dump.ts';
import type { DumpedRecord } from '../support/topic-dump.ts';
import { siteTruth } from '../support/verify-site.ts';
import type { SiteTruth } from '../support/verify-site.ts';

const PATIENTS = 'clinical.patients';
const GAUZE = fileURLToPath(new URL('../../cli/gauze.ts', import.meta.url));

interface Patient {
  readonly patientId: string;
  readonly mrn: string;
  readonly ssn: { readonly string: string } | string | null;
  readonly name: { readonly given: string; readonly family: string };
}

let site: TestSite;
let truth: SiteTruth;
let dump: ReadonlyMap<string, readonly DumpedRecord[]>;

beforeAll(async () => {
  site = await TestSite.make({ topics: [PATIENTS], partitions: 2 });
  await site.editPolicy('research', (policy) => {
    policy.methods['PHI_ID'] = { method: 'encrypt-deterministic', domain: 'patient' };
    policy.methods['PHI_MRN'] = { method: 'encrypt-deterministic', domain: 'mrn' };
    policy.methods['PHI_NAME'] = 'encrypt';
  });
  await site.editPolicy('billing', (policy) => {
    policy.methods['PHI_SSN'] = { method: 'format-preserving', domain: 'ssn', separators: '-' };
  });
  await site.feed(generateHospital({ patients: 40, seed: 9 }));
  await site.apply();
  site.run();
  truth = await siteTruth(site, await site.caughtUp());
  const topics = [
    site.raw(PATIENTS),
    site.sanitized(PATIENTS, 'research'),
    site.sanitized(PATIENTS, 'billing'),
  ];
  dump = Map.groupBy(await dumpTopics(topics), ({ topic }) => topic);
}, 120_000);

afterAll(async () => {
  await site.close();
});

/** Records of one partition of a topic. */
const partition = (topic: string, index: number): readonly DumpedRecord[] =>
  dump.get(topic)!.filter((record) => record.partition === index);

const rawPatients = (index: number): readonly Patient[] =>
  partition(site.raw(PATIENTS), index).map(
    ({ value }) => clinicalType(PATIENTS).fromBuffer(value!.subarray(5)) as Patient,
  );

/** As an audience's own consumer decodes them: the derived schema comes from the registry. */
async function patientsOf(audience: Audience, index: number): Promise<readonly Patient[]> {
  const records = partition(site.sanitized(PATIENTS, audience), index);
  const registry = new RegistryClient({ url: testStack().registryUrl });
  const { text } = await registry.schemaText(records[0]!.value!.readInt32BE(1));
  const type = avsc.Type.forSchema(JSON.parse(text) as avsc.Schema);
  return records.map(({ value }) => type.fromBuffer(value!.subarray(5)) as Patient);
}

function decrypted(audience: Audience, texts: readonly string[], ...options: string[]): unknown[] {
  const args = [GAUZE, 'keys', 'decrypt', audience, ...options, '--keyring', site.keyringFile];
  const { stdout } = spawnSync(process.execPath, args, { encoding: 'utf8', input: texts.join('\n') });
  return stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown);
}

describe('encrypted values in sanitized topics', () => {
  test('are the bytes that the slow reference gives, keys too', () => {
    expect(truth.sequenceFaults).toEqual([]);
    expect(truth.compared).toBeGreaterThan(100);
  });

  test('open for who holds the keyring, by topic id, partition and path, and nowhere else', async () => {
    const topicId = await topicIdOf(site.raw(PATIENTS));
    const keyring = await loadKeyring(site.keyringFile);
    for (const index of [0, 1]) {
      const texts = (await patientsOf('research', index)).map(({ name }) => name.family);
      const families = rawPatients(index).map(({ name }) => name.family);
      expect(new Set(texts).size).toBe(texts.length);
      const place = { topicId, partition: index, path: 'name.family' };
      const opened = (audience: Audience, at: typeof place): (string | undefined)[] =>
        texts.map((text) =>
          keyring.opener(audience).openSealed(Buffer.from(text, 'base64url'), at)?.content.toString(),
        );
      expect(opened('research', place)).toEqual(families);
      const none = texts.map(() => undefined);
      expect(opened('research', { ...place, partition: 1 - index })).toEqual(none);
      expect(opened('research', { ...place, path: 'name.given' })).toEqual(none);
      expect(opened('research', { ...place, topicId: '0'.repeat(32) })).toEqual(none);
      expect(opened('billing', place)).toEqual(none);
      const options = ['--topic-id', topicId, '--partition', String(index), '--path', 'name.family'];
      if (index === 0)
        expect(decrypted('research', texts, '--method', 'encrypt', ...options)).toEqual(families);
    }
  });

  test('join by deterministic texts, in keys as in fields, and give the identifier back', async () => {
    const records = partition(site.sanitized(PATIENTS, 'research'), 0);
    const patients = await patientsOf('research', 0);
    expect(records.map(({ key }) => String(key))).toEqual(patients.map(({ patientId }) => patientId));
    const texts = patients.map(({ patientId }) => patientId);
    const ids = rawPatients(0).map(({ patientId }) => patientId);
    expect(new Set(texts).size).toBe(new Set(ids).size);
    const options = ['--method', 'encrypt-deterministic', '--domain'];
    expect(decrypted('research', texts, ...options, 'patient')).toEqual(ids);
    expect(decrypted('research', texts, ...options, 'mrn')).toEqual(texts.map(() => null));
  });

  test('keep the format of a Social Security number, and give it back', async () => {
    const [shown, raw] = [await patientsOf('billing', 0), rawPatients(0)].map((patients) =>
      patients.flatMap(({ ssn }) => (ssn === null ? [] : [typeof ssn === 'string' ? ssn : ssn.string])),
    );
    expect(shown!.length).toBeGreaterThan(5);
    for (const each of shown!) expect(each).toMatch(/^\d{3}-\d{2}-\d{4}$/);
    expect(shown!.filter((each) => raw!.includes(each))).toEqual([]);
    const options = ['--method', 'format-preserving', '--domain', 'ssn', '--separators', '-'];
    expect(decrypted('billing', shown!, ...options)).toEqual(raw);
  });
});
