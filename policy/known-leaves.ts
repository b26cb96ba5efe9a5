/**
 * Which leaves of a record tell who its person is: scrub looks for their values in the texts of the same record.
 * Every leaf with an identifier's tag counts, whatever the policy does with the leaf itself.
 */
import { canBeKnown } from '../processors/known-leaves.ts';
import type { Instruction, KnownLeaf } from '../processors/plan.ts';
import type { AvroLeaf } from '../schemas/avro-schema.ts';
import type { TagName } from '../schemas/tags.ts';

/** How the values of a tag are looked for, the more telling ones first: a leaf with several tags has one. */
const KINDS: Partial<Record<TagName, KnownLeaf['kind']>> = {
  PHI_NAME: 'name',
  PROVIDER_NAME: 'name',
  PHI_BIRTH_DATE: 'date',
  PHI_DEATH_DATE: 'date',
  PHI_DATE: 'date',
  PHI_PHONE: 'phone',
  PHI_FAX: 'phone',
  PHI_EMAIL: 'EMAIL',
  PHI_SSN: 'SSN',
  PHI_ZIP: 'ZIP',
  PHI_GEO: 'address',
  PHI_MRN: 'ID',
  PHI_MEMBER_ID: 'ACCOUNT',
  PHI_ACCOUNT: 'ACCOUNT',
  PHI_LICENSE: 'LICENSE',
  PHI_VEHICLE: 'VEHICLE',
  PHI_DEVICE: 'DEVICE',
  PHI_URL: 'URL',
  PHI_IP: 'IP',
  PHI_ID: 'ID',
  PROVIDER_ID: 'ID',
};

/** A leaf with an identifier's tag or without. */
interface TaggedLeaf {
  readonly path: string;
  readonly schema: AvroLeaf;
  readonly tags: readonly TagName[];
  readonly instruction: Instruction;
}

/** The known leaves of a plan with these leaves; null where none of them is scrubbed. */
export function knownLeaves(leaves: readonly TaggedLeaf[]): readonly KnownLeaf[] | null {
  if (!leaves.some(({ instruction }) => instruction.method === 'scrub')) return null;
  return leaves.flatMap(({ path, schema, tags, instruction }) =>
    instruction.method === 'scrub' ? [] : knownLeaf(path, schema, tags),
  );
}

/** How a leaf with these tags is known; nothing where it tells of nobody, or is no value that a text could hold. */
export function knownLeaf(path: string, type: AvroLeaf, tags: readonly TagName[]): readonly KnownLeaf[] {
  const tag = (Object.keys(KINDS) as TagName[]).find((each) => tags.includes(each));
  const kind = tag && KINDS[tag];
  return kind && canBeKnown(type) ? [{ path, kind }] : [];
}

/** The person dictionary of a plan with these leaves; null where none has one. */
export function dictionaryOf(leaves: readonly Pick<TaggedLeaf, 'instruction'>[]): string | null {
  for (const { instruction } of leaves)
    if (instruction.method === 'scrub' && instruction.dictionary !== undefined) return instruction.dictionary;
  return null;
}

/** Leaves whose dictionary cannot be used: no topic of the policy, another one than that of other leaves, nobody to look up. */
export function dictionaryProblems(
  decisions: ReadonlyMap<string, Pick<TaggedLeaf, 'instruction'>>,
  topics: ReadonlyMap<string, unknown>,
  personPath: readonly string[] | null,
): readonly { readonly path: string; readonly dictionary: string }[] {
  const only = dictionaryOf([...decisions.values()]);
  return [...decisions].flatMap(([path, { instruction }]) => {
    if (instruction.method !== 'scrub' || instruction.dictionary === undefined) return [];
    const { dictionary } = instruction;
    const isUsable = dictionary === only && topics.has(dictionary) && personPath !== null;
    return isUsable ? [] : [{ path, dictionary }];
  });
}
