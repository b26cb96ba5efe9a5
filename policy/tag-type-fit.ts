/**
 * Which identifiers a type of Avro can hold at all: a name of a person is no boolean. Types of the schema only.
 */
import type { AvroLeaf } from '../schemas/avro-schema.ts';
import type { TagName } from '../schemas/tags.ts';

const IN_NUMBERS: ReadonlySet<TagName> = new Set<TagName>([
  'PHI_GEO',
  'PHI_AGE',
  'PHI_DATE',
  'PHI_BIRTH_DATE',
  'PHI_DEATH_DATE',
]);
const IN_TEXT_ONLY: ReadonlySet<TagName> = new Set<TagName>([
  'PHI_NAME',
  'PHI_EMAIL',
  'PHI_URL',
  'PHI_FREE_TEXT',
  'PROVIDER_NAME',
  'PHI_PHOTO',
]);

/** The tag that a name speaks of, as far as the type can hold it; null where it cannot. A date with another name is a date. */
export function fittingTag(tag: TagName, type: AvroLeaf | null): TagName | null {
  if (type === null) return tag;
  if (type.kind === 'boolean') return null;
  // What an enum can say stands in the schema, for everybody to read; a place stays a place.
  if (type.kind === 'enum') return tag === 'PHI_GEO' || tag === 'PHI_ZIP' ? tag : null;
  if (isMoment(type)) return tag.endsWith('_DATE') ? tag : 'PHI_DATE';
  if (type.kind === 'float' || type.kind === 'double') return IN_NUMBERS.has(tag) ? tag : null;
  if (type.kind === 'int' || type.kind === 'long') return IN_TEXT_ONLY.has(tag) ? null : tag;
  return tag;
}

/** A date or a point in time by its logical type. */
export function isMoment(type: AvroLeaf): boolean {
  return type.logical !== null && /^date$|timestamp-/.test(type.logical.name);
}
