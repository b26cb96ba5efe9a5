/**
 * Looks for canaries everywhere gauze writes to, and says where the plans allow each to be. A sighting is a text
 * `<canary> in <place>`: sets of them are compared, and none tells a value.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CLINICAL_TOPICS } from '../../examples/hospital/clinical-values.ts';
import type { ClinicalTopic } from '../../examples/hospital/clinical-values.ts';
import { compilePlan, leafInstructions } from '../../policy/compile-plan.ts';
import type { PlanLeaf } from '../../policy/plan-leaf.ts';
import { keyInstruction } from '../../policy/key-instruction.ts';
import { parsePolicy } from '../../policy/policy-file.ts';
import type { Policy } from '../../policy/policy.ts';
import { isAtOrBelow } from '../../schemas/field-path.ts';
import { parseAvroSchema } from '../../schemas/parse-avro.ts';
import { RegistryClient } from '../../schemas/registry-client.ts';
import { pathTags } from '../../schemas/tags.ts';
import { sanitizedTopic, valueSubject } from '../../schemas/topic-names.ts';
import { AvroValues } from './avro-values.ts';
import type { Canary } from './canaries.ts';
import { NeedleSearch, isSearchable, needlesOf } from './needles.ts';
import { logBytes } from './raw-log.ts';
import { testStack, withAdmin } from './stack.ts';
import { AUDIENCES } from './test-site.ts';
import type { Audience, TestSite } from './test-site.ts';
import { dumpTopics } from './topic-dump.ts';
import type { DumpedRecord } from './topic-dump.ts';

/** Bytes that were found in one place. */
export interface Place {
  readonly place: string;
  readonly bytes: Buffer;
}

/** Policies of a site as its files have them now. */
export async function policiesOf(site: TestSite): Promise<ReadonlyMap<Audience, Policy>> {
  const read = AUDIENCES.map(async (audience) => {
    const file = join(site.directory, 'policies', `${audience}.yaml`);
    return [audience, parsePolicy(await readFile(file, 'utf8'), file)] as const;
  });
  return new Map(await Promise.all(read));
}

/** Where the plans that follow from `policies` let each canary be; nothing is allowed anywhere else. */
export function allowedSightings(
  site: TestSite,
  canaries: readonly Canary[],
  policies: ReadonlyMap<Audience, Policy>,
  schemas: ReadonlyMap<ClinicalTopic, string>,
): readonly string[] {
  const allowed: string[] = [];
  for (const [audience, policy] of policies) {
    for (const topic of site.topics) {
      const leaves = planLeaves(policy, site.raw(topic), schemas.get(topic)!);
      const keepsKeys = keyInstruction(policy, site.raw(topic)).method === 'keep';
      const headers = policy.topics.get(site.raw(topic))!.headers;
      const target = sanitizedTopic(topic, audience);
      for (const canary of canaries) {
        if (canary.topic !== topic || canary.poisoned) continue;
        for (const place of placesOf(canary, { leaves, keepsKeys, headers, target }))
          allowed.push(`${canary.name} in ${place}`);
      }
    }
  }
  return allowed.toSorted();
}

function planLeaves(policy: Policy, topic: string, schemaText: string): readonly PlanLeaf[] {
  const schema = parseAvroSchema(schemaText);
  const plan = compilePlan({
    policy,
    policyVersion: 1,
    asOfDay: 20_000,
    topic,
    schemaId: 1,
    schema,
    tagsInForce: pathTags(schema),
  });
  if (Array.isArray(plan)) throw new Error(plan.map(({ message }) => message).join('\n'));
  return leafInstructions(plan);
}

function placesOf(
  { part, paths, value, leaf }: Canary,
  rules: {
    readonly leaves: readonly PlanLeaf[];
    readonly keepsKeys: boolean;
    readonly headers: ReadonlyMap<string, string>;
    readonly target: string;
  },
): readonly string[] {
  const { leaves, keepsKeys, headers, target } = rules;
  const isKept = (path: string): boolean => {
    const below = leaves.filter((leaf) => isAtOrBelow(leaf.path, path));
    return below.length > 0 && below.every(({ instruction }) => instruction.method === 'keep');
  };
  const [path] = paths as readonly [string];
  switch (part) {
    case 'value':
      if (!isKept(path)) return [];
      return [
        `${path} of ${target}`,
        ...(isSearchable(value, leaf) ? [`values of ${target}`, `log of ${target}`] : []),
      ];
    case 'key':
      return keepsKeys ? [`keys of ${target}`, `log of ${target}`] : [];
    case 'header':
      return headers.has(path) ? [`headers of ${target}`, `log of ${target}`] : [];
    default:
      // Named types are written once: what one place keeps is in the derived schema.
      return paths.some(isKept) ? [`schema of ${target}`] : [];
  }
}

/** Everything that was found of the canaries, sorted; `more` are places beside the site's topics, groups and schemas. */
export async function sightings(
  site: TestSite,
  canaries: readonly Canary[],
  more: readonly Place[],
): Promise<readonly string[]> {
  const targets = CLINICAL_TOPICS.flatMap((topic) =>
    AUDIENCES.map((audience) => site.sanitized(topic, audience)),
  );
  const { withheld, auditEvents, auditSubjects, policies } = site.names;
  const control = [withheld, auditEvents, auditSubjects, policies];
  const dump = await dumpTopics([...targets, ...control]);
  const places = [
    ...topicPlaces(dump),
    ...(await logPlaces([...targets, ...control])),
    ...(await groupPlaces(site)),
    ...(await schemaPlaces([...targets, ...control])),
    ...more,
  ];
  const found = new Set(sightingsIn(canaries, places));
  const registry = new RegistryClient({ url: testStack().registryUrl });
  for (const sighting of await decodedSightings(dump, new Set(targets), canaries, registry))
    found.add(sighting);
  return [...found]
    .map((text) => text.replaceAll(`${site.namespace}-`, '').replaceAll(`${site.namespace}.`, 'gauze.'))
    .toSorted();
}

/** The same for any bytes. */
export function sightingsIn(canaries: readonly Canary[], places: readonly Place[]): readonly string[] {
  const search = new NeedleSearch<string>();
  for (const { name, value, leaf } of canaries)
    for (const { bytes } of needlesOf(value, leaf)) search.add(bytes, name);
  return places.flatMap(({ place, bytes }) => [...search.find(bytes)].map((name) => `${name} in ${place}`));
}

/** Keeps the end of one part and the start of the next from making up a value. */
const GAP = Buffer.alloc(8, 0xfe);

function together(place: string, parts: readonly (Buffer | null)[]): Place {
  return { place, bytes: Buffer.concat(parts.flatMap((part) => (part ? [part, GAP] : [GAP]))) };
}

function topicPlaces(dump: readonly DumpedRecord[]): readonly Place[] {
  return [...Map.groupBy(dump, ({ topic }) => topic)].flatMap(([topic, records]) => [
    together(
      `values of ${topic}`,
      records.map(({ value }) => value),
    ),
    together(
      `keys of ${topic}`,
      records.map(({ key }) => key),
    ),
    together(
      `headers of ${topic}`,
      records.flatMap(({ headers }) => headers.flatMap(([name, value]) => [Buffer.from(name), value])),
    ),
  ]);
}

/** The logs as they lie on the broker: what stands between records, and what was aborted. */
async function logPlaces(topics: readonly string[]): Promise<readonly Place[]> {
  return [...(await logBytes(topics))].map(([topic, parts]) => together(`log of ${topic}`, parts));
}

async function groupPlaces(site: TestSite): Promise<readonly Place[]> {
  const raw = CLINICAL_TOPICS.map((topic) => site.raw(topic));
  return await withAdmin(async (admin) => {
    const places: Place[] = [];
    for (const group of [
      ...AUDIENCES.map((audience) => site.names.audienceGroup(audience)),
      site.names.topologyGroup,
    ]) {
      const offsets = await admin.fetchGroupOffsets(group, raw);
      places.push(
        together(
          `metadata of ${group}`,
          offsets.map(({ metadata }) => Buffer.from(metadata ?? '')),
        ),
      );
    }
    return places;
  });
}

async function schemaPlaces(topics: readonly string[]): Promise<readonly Place[]> {
  const registry = new RegistryClient({ url: testStack().registryUrl });
  const places: Place[] = [];
  for (const topic of topics) {
    const versions = await registry.subjectVersions(valueSubject(topic));
    places.push(
      together(
        `schema of ${topic}`,
        versions.map(({ text }) => Buffer.from(text)),
      ),
    );
  }
  return places;
}

/** Canaries as decoded values, by the path they stand at: this way short ones such as dates are found too. */
async function decodedSightings(
  dump: readonly DumpedRecord[],
  targets: ReadonlySet<string>,
  canaries: readonly Canary[],
  registry: RegistryClient,
): Promise<readonly string[]> {
  const names = new Map(canaries.map((canary) => [comparable(canary.value), canary.name]));
  const codecs = new Map<number, AvroValues>();
  const found: string[] = [];
  for (const { topic, value } of dump) {
    if (!targets.has(topic) || !value) continue;
    const id = value.readInt32BE(1);
    if (!codecs.has(id)) codecs.set(id, new AvroValues((await registry.schemaText(id)).text));
    for (const scalar of codecs.get(id)!.scalars(value)) {
      const name = names.get(comparable(scalar.value));
      if (name !== undefined) found.push(`${name} in ${scalar.path} of ${topic}`);
    }
  }
  return found;
}

function comparable(value: unknown): string {
  return Buffer.isBuffer(value) ? `bytes ${value.toString('hex')}` : `${typeof value} ${String(value)}`;
}
