/**
 * The contract of a sanitized topic: a derived schema goes under its subject only if it keeps what the subject demands
 * of compatibility, checked here before the registry is asked, because some registries check nothing until told to.
 * Never publish a record under a schema that has not come through here.
 */
import { GauzeError } from '../platform/errors.ts';
import { versionBreaks } from '../schemas/compatibility.ts';
import type { Compatibility } from '../schemas/compatibility.ts';
import { parseAvroSchema } from '../schemas/parse-avro.ts';
import type { RegistryClient } from '../schemas/registry-client.ts';
import { sanitizedTopic, valueSubject } from '../schemas/topic-names.ts';

/** What a new subject is held to, where the registry holds it to nothing. */
const DEFAULT: Compatibility = 'BACKWARD';

/** A subject of derived schemas as the registry has it. */
export interface Contract {
  readonly subject: string;
  readonly level: Compatibility;
  /** Texts of its versions, oldest first. */
  readonly versions: readonly string[];
}

/**
 * The contract of a subject. An owner who has set NONE on a subject that has versions means it; a subject without any is
 * held to BACKWARD. Throws the registry's errors.
 */
export async function contractOf(registry: RegistryClient, subject: string): Promise<Contract> {
  const versions = await registry.subjectVersions(subject, { includeDeleted: false });
  const set = await registry.compatibility(subject);
  const level = set === null || (set === 'NONE' && versions.length === 0) ? DEFAULT : set;
  return { subject, level, versions: versions.map(({ text }) => text) };
}

/** What is in the way of `text` as the next version; null where nothing is. */
export function contractBreak({ subject, level, versions }: Contract, text: string): GauzeError | null {
  const [first, ...others] = versionBreaks(
    level,
    parseAvroSchema(text),
    versions.map((version) => parseAvroSchema(version, [], { subject })),
  );
  if (!first) return null;
  const { path, what: actual } = first;
  return new GauzeError('ERR_SCHEMA_DERIVED_INCOMPATIBLE', {
    subject,
    path,
    actual,
    count: others.length + 1,
  });
}

/** A sanitized topic, and how it came to be. */
export interface TopicPlace {
  readonly audience: string;
  /** The raw topic. */
  readonly topic: string;
  readonly version: number;
  readonly from: 'earliest' | 'committed';
}

/** What `gauze apply` is to register for a topic, in this order, and what is in the way. */
export interface ContractStep {
  readonly schemas: readonly { readonly subject: string; readonly text: string }[];
  readonly broken: GauzeError | null;
}

/**
 * The derived schemas of all versions of a raw schema, oldest first, against the contract. The newest must keep it. An
 * older one that does not is left out: lanes hold if a record of it ever comes. A topic that is not filled from its
 * beginning promises nothing about what was before it. Throws the registry's errors.
 */
export async function contractStep(
  registry: RegistryClient,
  { audience, topic, version, from }: TopicPlace,
  derived: readonly string[],
): Promise<ContractStep> {
  const subject = valueSubject(sanitizedTopic(topic, audience, version));
  const { level, versions } = await contractOf(registry, subject);
  const isFirst = versions.length === 0 && version > 1 && from === 'committed';
  const schemas: { subject: string; text: string }[] = [];
  let broken: GauzeError | null = null;
  for (const text of new Set(isFirst ? derived.slice(-1) : derived)) {
    if (await registry.isRegistered(subject, text)) continue;
    const known = [...versions, ...schemas.map((each) => each.text)];
    const fault = contractBreak({ subject, level, versions: known }, text);
    if (!fault) schemas.push({ subject, text });
    else if (text === derived.at(-1))
      broken = new GauzeError(fault.code, { ...fault.context, audience, topic });
  }
  return { schemas, broken };
}

/**
 * Registers a derived schema; one that is there already gives its id. The first of a subject also fixes what the
 * subject is held to from then on, where the registry would hold it to nothing.
 * @throws GauzeError ERR_SCHEMA_DERIVED_INCOMPATIBLE, and the registry's errors
 */
export async function registerDerived(
  registry: RegistryClient,
  subject: string,
  text: string,
): Promise<number> {
  const known = await registry.registeredId(subject, text);
  if (known !== null) return known;
  const contract = await contractOf(registry, subject);
  const broken = contractBreak(contract, text);
  if (broken) throw broken;
  if (contract.versions.length === 0) {
    const set = (await registry.compatibility(subject)) ?? (await registry.compatibility());
    if (set === null || set === 'NONE') await registry.setCompatibility(subject, contract.level);
  }
  return await registry.register(subject, text);
}
