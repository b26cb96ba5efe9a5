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

interface TaggedLeaf {
  readonly path: string;
  readonly schema: AvroLeaf;
  readonly tags: readonly TagName[];
  readonly instruction: Instruction;
}

/** The known leaves of a plan with these leaves; null where none of them is scrubbed. */
export function knownLeaves(leaves: readonly TaggedLeaf[]): readonly KnownLeaf[] | null {
  if (!leaves.some(({ instruction }) => instruction.method === 'scrub')) return null;
  return leaves.flatMap(({ path, schema, tags, instruction }) => {
    const tag = (Object.keys(KINDS) as TagName[]).find((each) => tags.includes(each));
    const kind = tag && KINDS[tag];
    return kind && instruction.method !== 'scrub' && canBeKnown(schema) ? [{ path, kind }] : [];
  });
}
