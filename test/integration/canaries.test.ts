/**
 * The value of a tagged leaf is in exactly those topics whose plan keeps it, and nowhere else (guarantee G1): a value
 * of its own in every leaf, key and header, looked for in everything that gauze writes.
 */
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { CLINICAL_TOPICS } from '../../examples/hospital/clinical-values.ts';
import type { ClinicalTopic } from '../../examples/hospital/clinical-values.ts';
import type { Policy } from '../../policy/policy.ts';
import type { AvroLeaf } from '../../schemas/avro-schema.ts';
import { withheldCodec } from '../../schemas/control-codecs.ts';
import { RegistryClient } from '../../schemas/registry-client.ts';
import { valueSubject } from '../../schemas/topic-names.ts';
import { canaryFlock, canarySchema } from '../support/canaries.ts';
import type { Canary, CanaryFlock } from '../support/canaries.ts';
import { allowedSightings, policiesOf, sightings, sightingsIn } from '../support/canary-sweep.ts';
import type { Place } from '../support/canary-sweep.ts';
import { zigzag } from '../support/needles.ts';
import { sendRaw } from '../support/raw-feed.ts';
import { testStack } from '../support/stack.ts';
import { AUDIENCES, TestSite } from '../support/test-site.ts';
import type { Audience, RunningInstance } from '../support/test-site.ts';
import { dumpTopics } from '../support/topic-dump.ts';

const leaf = (kind: 'string' | 'int' | 'long' | 'double', logical?: string): AvroLeaf => ({
  kind,
  logical: logical === undefined ? null : { name: logical },
  tags: [],
});
const sees = (value: unknown, type: AvroLeaf, bytes: Buffer): boolean => {
  const canary: Canary = {
    name: 'it',
    topic: 'clinical.patients',
    part: 'value',
    paths: ['x'],
    value,
    leaf: type,
    poisoned: false,
  };
  const around = Buffer.concat([Buffer.from('before'), bytes, Buffer.from('after')]);
  return sightingsIn([canary], [{ place: 'here', bytes: around }]).length === 1;
};

describe('the search for a canary', () => {
  const text = 'Canary7bQx2LmZr5TnWk8Pd3';

  test.each([
    ['as it is', Buffer.from(text)],
    ['by its first half', Buffer.from(text.slice(0, 12))],
    ['by its second half', Buffer.from(text.slice(12))],
    ['in capitals', Buffer.from(text.toUpperCase())],
    ['in hex', Buffer.from(Buffer.from(text).toString('hex'))],
    ['in base64', Buffer.from(Buffer.from(text).toString('base64'))],
    ['in base64 of something longer', Buffer.from(Buffer.from(`x${text}y`).toString('base64'))],
    ['in base64 of something longer still', Buffer.from(Buffer.from(`xy${text}`).toString('base64'))],
    ['as SHA-256', createHash('sha256').update(text).digest()],
  ])('finds a text %s', (_how, bytes) => {
    expect(sees(text, leaf('string'), bytes)).toBe(true);
  });

  test('finds numbers as varint, big-endian, text and hex, and dates as ISO text', () => {
    const big = Buffer.alloc(8);
    big.writeBigInt64BE(81_234_567_890_123n);
    for (const bytes of [
      zigzag(81_234_567_890_123),
      big,
      Buffer.from('81234567890123'),
      Buffer.from(big.toString('hex')),
    ]) {
      expect(sees(81_234_567_890_123, leaf('long'), bytes)).toBe(true);
    }
    expect(sees(-9_000, leaf('int', 'date'), Buffer.from('1945-05-12'))).toBe(true);
    expect(sees(1_300_000, leaf('int', 'date'), zigzag(1_300_000))).toBe(true);
    expect(sees(1_000_000_000_123, leaf('long', 'timestamp-millis'), Buffer.from('2001-09-09'))).toBe(true);
  });

  test('finds nothing where there is nothing', () => {
    expect(sees(text, leaf('string'), Buffer.from('Canary7bQx2'))).toBe(false);
    expect(sees(81_234_567_890_123, leaf('long'), zigzag(81_234_567_890_124))).toBe(false);
  });
});

describe('canaries in every leaf, key and header', () => {
  let site: TestSite;
  let instance: RunningInstance;
  let output = '';
  let policies: ReadonlyMap<Audience, Policy>;
  const schemas = new Map<ClinicalTopic, string>();
  const schemaIds = new Map<ClinicalTopic, number>();
  const schemaCanaries: Canary[] = [];

  beforeAll(async () => {
    site = await TestSite.make({ partitions: 1 });
    const registry = new RegistryClient({ url: testStack().registryUrl });
    for (const topic of CLINICAL_TOPICS) {
      const { text, canaries } = canarySchema(topic);
      schemas.set(topic, text);
      schemaIds.set(topic, await registry.register(valueSubject(site.raw(topic)), text));
      schemaCanaries.push(...canaries);
    }
    policies = await policiesOf(site);
    await verb('apply');
    instance = site.run();
    instance.process.stdout!.on('data', (chunk: Buffer) => (output += chunk.toString()));
  }, 120_000);

  afterAll(async () => {
    await site.close();
  });

  async function verb(...args: readonly string[]): Promise<void> {
    const { stdout, stderr, code } = await site.gauze(...args);
    output += stdout + stderr;
    expect(code).toBe(0);
  }

  /** Sends a flock, lets the lanes catch up, and gives what is seen and what may be seen. */
  async function sweep(flock: CanaryFlock): Promise<{ seen: readonly string[]; allowed: readonly string[] }> {
    await sendRaw(flock.records.map((record) => ({ ...record, topic: site.raw(record.topic) })));
    await site.caughtUp();
    await Promise.all([verb('status'), verb('plan'), verb('check')]);
    const canaries = [...flock.canaries, ...schemaCanaries];
    const places: Place[] = [
      { place: 'log of the instance', bytes: Buffer.from(instance.log) },
      { place: 'output of verbs', bytes: Buffer.from(output) },
    ];
    expect(instance.log.length).toBeGreaterThan(1_000);
    const seen = await sightings(site, canaries, places);
    return { seen, allowed: allowedSightings(site, canaries, policies, schemas) };
  }

  test('are seen exactly where the plans keep them; those of records that cannot be decoded nowhere', async () => {
    const flock = canaryFlock(schemaIds, { name: 'first', poison: true });
    const { seen, allowed } = await sweep(flock);
    expect(seen.filter((each) => !allowed.includes(each))).toEqual([]);
    expect(allowed.filter((each) => !seen.includes(each))).toEqual([]);
    // Enough to mean something: some of each part are kept, and most are not.
    for (const part of [': value ', ': key ', ': header ', ': schema of ']) {
      expect(allowed.some((each) => each.includes(part))).toBe(true);
    }
    const withheld = (await dumpTopics([site.names.withheld])).map(({ value }) =>
      withheldCodec.decode(value!),
    );
    expect(withheld.length).toBe(CLINICAL_TOPICS.length * 3 * AUDIENCES.length);
    expect(new Set(withheld.map(({ code }) => code))).toEqual(
      new Set(['ERR_DECODE_TRUNCATED', 'ERR_DECODE_TRAILING', 'ERR_DECODE_MAGIC']),
    );
  }, 120_000);

  test('are seen where they should not be as soon as a policy lets one tag through', async () => {
    await site.editPolicy('billing', (policy) => (policy.methods['PHI_SSN'] = 'keep'));
    await verb('apply');
    const { seen, allowed } = await sweep(canaryFlock(schemaIds, { name: 'second', poison: false }));
    const leaks = seen.filter((each) => !allowed.includes(each));
    expect(allowed.filter((each) => !seen.includes(each))).toEqual([]);
    const target = 'clinical.patients.for-billing';
    const ofRecords = [0, 1, 2].flatMap((record) =>
      ['log of', 'ssn of', 'values of'].map(
        (place) => `clinical.patients second sound ${record}: value ssn in ${place} ${target}`,
      ),
    );
    expect(leaks).toEqual(
      [...ofRecords, `clinical.patients: schema of ssn in schema of ${target}`].toSorted(),
    );
  }, 120_000);
});
