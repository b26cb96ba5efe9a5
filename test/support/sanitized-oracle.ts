/**
 * What sanitized topics must hold, told by the slow way: Java consumer, avsc, value-level methods. Shares the plan
 * compiler with gauze, and nothing of lanes, record batches or transcoder.
 */
import { Cluster } from '../../kafka/cluster.ts';
import type { AudienceKeys } from '../../keys/audience-keys.ts';
import { loadKeyring } from '../../keys/keyring.ts';
import { compilePlan } from '../../policy/compile-plan.ts';
import type { CompiledPlan } from '../../policy/compile-plan.ts';
import { keyInstruction } from '../../policy/key-instruction.ts';
import { parsePolicy } from '../../policy/policy-file.ts';
import type { Policy } from '../../policy/policy.ts';
import { maskLeafValue } from '../../processors/method-table.ts';
import { avscTypes, maskDecoded } from '../../processors/value-oracle.ts';
import { parseAvroSchema } from '../../schemas/parse-avro.ts';
import { RegistryClient } from '../../schemas/registry-client.ts';
import { pathTags, unionTags } from '../../schemas/tags.ts';
import { valueSubject } from '../../schemas/topic-names.ts';
import { AT } from './plan-builder.ts';
import { endpointOf } from './kafka-plane.ts';
import { testStack } from './stack.ts';
import type { AppliedPolicies } from './applied-policies.ts';
import type { DumpedRecord } from './topic-dump.ts';
import type { Audience, TestSite } from './test-site.ts';

export interface Expected {
  readonly key: Buffer | null;
  readonly value: Buffer;
}

/** Masks raw records of `rawTopic` for `audience`, one by one. */
export async function expectedRecords(
  site: TestSite,
  applied: AppliedPolicies,
  audience: Audience,
  rawTopic: string,
  raw: readonly DumpedRecord[],
): Promise<readonly Expected[]> {
  const registry = new RegistryClient({ url: testStack().registryUrl });
  const keys = (await loadKeyring(site.keyringFile)).audience(audience);
  const { text, version, asOfDay } = applied.get(audience)!;
  const policy = parsePolicy(text, `${audience}.yaml`);
  const topicId = await topicIdOf(rawTopic);
  const plans = new Map<number, { plan: CompiledPlan; prefix: Buffer }>();
  for (const { value } of raw) {
    const id = value!.readInt32BE(1);
    if (!plans.has(id))
      plans.set(id, await planFor(registry, policy, { rawTopic, id, version, asOfDay, site, audience }));
  }
  return raw.map((record) => {
    const { plan, prefix } = plans.get(record.value!.readInt32BE(1))!;
    const { writer, derived } = avscTypes(plan);
    const decoded = writer.fromBuffer(record.value!.subarray(5)) as unknown;
    const masked = maskDecoded(plan, decoded, keys, record.timestampMs, { ...record, topicId });
    return {
      key: expectedKey(policy, rawTopic, record.key, keys),
      value: Buffer.concat([prefix, derived.toBuffer(masked)]),
    };
  });
}

/** Kafka's id of a topic, 32 hex digits: values are encrypted for the place where they stand. */
export async function topicIdOf(topic: string): Promise<string> {
  const cluster = new Cluster(endpointOf());
  try {
    await cluster.start();
    return (await cluster.topic(topic))!.id;
  } finally {
    await cluster.close();
  }
}

function expectedKey(policy: Policy, topic: string, key: Buffer | null, keys: AudienceKeys): Buffer | null {
  const instruction = keyInstruction(policy, topic);
  if (key === null || instruction.method === 'drop') return null;
  if (instruction.method === 'keep') return key;
  const leaf = { kind: 'string', logical: null, tags: [] } as const;
  const context = { ...AT, keys, person: null, asOfDay: 0 };
  return Buffer.from(maskLeafValue(key.toString(), leaf, instruction, context) as string);
}

async function planFor(
  registry: RegistryClient,
  policy: Policy,
  at: { rawTopic: string; id: number; version: number; asOfDay: number; site: TestSite; audience: Audience },
): Promise<{ plan: CompiledPlan; prefix: Buffer }> {
  const subject = valueSubject(at.rawTopic);
  const versions = await registry.subjectVersions(subject);
  const schema = versions.find(({ id }) => id === at.id)!;
  const plan = compilePlan({
    policy,
    policyVersion: at.version,
    asOfDay: at.asOfDay,
    topic: at.rawTopic,
    schemaId: at.id,
    schema: parseAvroSchema(schema.text, schema.references, { subject }),
    tagsInForce: unionTags(versions.map((v) => pathTags(parseAvroSchema(v.text, v.references), { subject }))),
  });
  if (Array.isArray(plan)) throw new Error(plan.map(({ message }) => message).join('\n'));
  const derivedId = await registry.register(
    valueSubject(`${at.rawTopic}.for-${at.audience}`),
    plan.derivedSchema,
  );
  const prefix = Buffer.alloc(5);
  prefix.writeInt32BE(derivedId, 1);
  return { plan, prefix };
}
