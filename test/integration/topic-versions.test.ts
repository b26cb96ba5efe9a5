/**
 * The contract of sanitized topics on a real cluster and registry: a raw schema that would break one audience holds that
 * audience alone; a policy that would break its readers is refused, and gets a new version of the topic instead.
 */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { clinicalSchema, clinicalType } from '../../examples/hospital/clinical-codecs.ts';
import { generateHospital } from '../../examples/hospital/hospital.ts';
import { ordinaryProducer } from '../../kafka/kafkajs-client.ts';
import { RegistryClient } from '../../schemas/registry-client.ts';
import { sanitizedTopic, valueSubject } from '../../schemas/topic-names.ts';
import type { AuditReport } from '../../audit/verify/report.ts';
import { auditFaults, auditedEvents } from '../support/audit-oracle.ts';
import type { AuditedEvent } from '../support/audit-oracle.ts';
import { readWithJava, javaAvroMissing } from '../support/java-avro.ts';
import { connectionOf, testStack } from '../support/stack.ts';
import { TestSite } from '../support/test-site.ts';
import type { Audience } from '../support/test-site.ts';
import { dumpTopics } from '../support/topic-dump.ts';
import type { DumpedRecord } from '../support/topic-dump.ts';
import { siteTruth } from '../support/verify-site.ts';

const PATIENTS = 'clinical.patients';
let site: TestSite;
let registry: RegistryClient;

beforeAll(async () => {
  registry = new RegistryClient({ url: testStack().registryUrl });
  site = await TestSite.make({ topics: [PATIENTS] });
  await site.feed(generateHospital({ patients: 40, seed: 61 }));
  await site.apply();
  site.run();
  await site.caughtUp();
}, 120_000);

afterAll(async () => {
  await site?.close();
});

/** One record under a version of the schema with a required telephone number, which one audience keeps. */
async function sendWithNewField(): Promise<void> {
  const raw = site.raw(PATIENTS);
  const schema = JSON.parse(clinicalSchema(PATIENTS)) as { fields: object[] };
  schema.fields.push({ name: 'pager', type: 'string', 'confluent:tags': ['PHI_PHONE'] });
  // The feed's owner lets it pass for their own readers.
  await registry.setCompatibility(valueSubject(raw), 'NONE');
  const id = await registry.register(valueSubject(raw), JSON.stringify(schema));
  await registry.setCompatibility(valueSubject(raw), 'BACKWARD');
  const [patient] = generateHospital({ patients: 1, seed: 62 });
  const pager = Buffer.from('\u0006555');
  const body = clinicalType(PATIENTS).toBuffer(patient!.value);
  const value = Buffer.concat([Buffer.alloc(5), body, pager]);
  value.writeInt32BE(id, 1);
  const producer = ordinaryProducer(connectionOf('ehr-feed'));
  await producer.connect();
  await producer.send({ topic: raw, acks: -1, messages: [{ key: patient!.key, value, partition: 0 }] });
  await producer.disconnect();
}

test('a raw schema that would break one audience holds that audience, says where, and ends when its owner lets it pass', async () => {
  const subject = valueSubject(site.sanitized(PATIENTS, 'billing'));
  // The local registry holds nothing to anything by itself.
  expect(await registry.compatibility(subject)).toBe('BACKWARD');
  await sendWithNewField();
  const lanes = await site.until(
    (all) =>
      all.some(({ code }) => code === 'ERR_SCHEMA_DERIVED_INCOMPATIBLE') &&
      all.filter(({ lag, state }) => lag === 0 && state === 'ok').length === all.length - 1,
  );
  const held = lanes.filter(({ state }) => state === 'held');
  expect(held).toMatchObject([{ audience: 'billing', partition: 0, path: 'pager', lag: 1 }]);
  const told = site.logLines(/ERR_SCHEMA_DERIVED_INCOMPATIBLE/).join('\n');
  expect(told).toContain('a field without a default');
  expect(await registry.subjectVersions(subject)).toHaveLength(1);

  await registry.setCompatibility(subject, 'NONE');
  const truth = await siteTruth(site, await site.caughtUp());
  expect(truth.auditFaults).toEqual([]);
  expect(truth.indexFaults).toEqual([]);
}, 120_000);

test('a policy that would break its readers is refused; with a new version of the topic both are whole', async () => {
  const first = site.sanitized(PATIENTS, 'analytics');
  const second = sanitizedTopic(site.raw(PATIENTS), 'analytics', 2);
  const before = await recordsOf(first);
  await editAnalytics({});
  const refused = await site.gauze('plan');
  expect(refused.code).not.toBe(0);
  expect(refused.stderr).toMatch(/ERR_SCHEMA_DERIVED_INCOMPATIBLE.*at mrn: a field without a default/);
  expect(refused.stderr).toContain('`version:`');

  await editAnalytics({ version: 2 });
  expect((await site.gauze('plan')).stdout).toContain(`version ${second} is filled from earliest`);
  await site.apply();
  await site.caughtUp();
  await site.feed(generateHospital({ patients: 10, seed: 63 }));
  const lanes = await site.caughtUp();
  const raw = await recordsOf(site.raw(PATIENTS));
  const filled = await recordsOf(second);
  // Nothing has happened to the readers of the first version, and all of raw is in the second, in its place.
  expect(await recordsOf(first)).toEqual(before);
  expect(filled.map(({ partition }) => partition)).toEqual(raw.map(({ partition }) => partition));
  expect(filled.length).toBeGreaterThan(before.length);
  const ids = new Set(filled.map(({ value }) => value!.readInt32BE(1)));
  const known = await registry.subjectVersions(valueSubject(second));
  expect([...ids].every((id) => known.some((version) => version.id === id))).toBe(true);
  if (javaAvroMissing() === null) {
    const [schema] = known;
    const bytes = filled[0]!.value!.subarray(5);
    const [read] = readWithJava([{ reader: schema!.text, writer: schema!.text, bytes }]);
    expect(read!.record).toContain('"mrn": ""');
  }
  const events = auditedEvents(await recordsOf(site.names.auditEvents));
  const positions = lanes.map(
    (lane) => [`${lane.audience}/${lane.topic}/${lane.partition}`, lane.position!] as const,
  );
  expect(auditFaults(events, new Map(positions))).toEqual([]);
  expect(goneBack(events)).toEqual([]);
  const seeks = events.filter(({ event }) => event.type === 'session.seek');
  expect(seeks.map(({ event }) => event.recipient?.id)).toEqual(['analytics', 'analytics']);

  // Readers of the audience may read it, and an older version of the topic is not taken back.
  expect((await dumpTopics([second], 'analytics-app')).length).toBe(filled.length);
  await editAnalytics({ version: 1 });
  const back = await site.gauze('apply');
  expect([back.code === 0, back.stderr]).toEqual([
    false,
    expect.stringContaining('ERR_POLICY_TOPIC_VERSION_BACK'),
  ]);
}, 120_000);

test('the auditor finds the move in order: declared, and covered from end to end', async () => {
  const { stdout } = await site.gauze('audit', 'verify', '--json');
  const report = JSON.parse(stdout.split('\n').find((line) => line.startsWith('{'))!) as AuditReport;
  expect(report.findings.map(({ name }) => name).sort()).toEqual([
    'DECLARED_JUMP',
    'DECLARED_JUMP',
    'NO_SEALS',
  ]);
}, 60_000);

/** Lanes that worked by an older policy, or knew less of the policy log, than they had before. */
function goneBack(events: readonly AuditedEvent[]): readonly string[] {
  const lanes = Map.groupBy(
    events.filter(({ event }) => event.range !== null && event.plan !== null && event.grant === null),
    ({ event }) => `${event.policy.id}/${event.range!.topic}/${event.range!.partition}`,
  );
  return [...lanes].flatMap(([lane, all]) =>
    all.some(({ event }, at) => {
      const before = all[at - 1]?.event;
      if (!before) return false;
      const isOlder = event.policy.version < before.policy.version;
      return isOlder || event.plan!.policy_log_offset < before.plan!.policy_log_offset;
    })
      ? [
          `${lane}: ${all.map(({ event }) => `${event.type} ${event.policy.version}@${event.plan!.policy_log_offset}`).join(', ')}`,
        ]
      : [],
  );
}

async function recordsOf(topic: string): Promise<readonly DumpedRecord[]> {
  const records = await dumpTopics([topic]);
  return [...records].sort((a, b) => a.partition - b.partition || a.offset - b.offset);
}

/** `mrn` comes out empty from now on: a field that readers of the topic never had, and that has no default. */
async function editAnalytics(settings: object): Promise<void> {
  const audience: Audience = 'analytics';
  const raw = site.raw(PATIENTS);
  await site.editPolicy(audience, (policy) => {
    policy.topics[raw] = { ...(policy.topics[raw] as object), ...settings };
    policy.fields = {
      ...policy.fields,
      [raw]: { mrn: { method: 'redact', reason: 'loaders ask for a column' } },
    };
    // Examples say what was expected before.
    policy.examples = [];
  });
}
