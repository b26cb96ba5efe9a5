/**
 * Normalisers: what of an identifier's text says who is meant, so that ` mrn-1 ` and `MRN-1` are one identifier.
 * This file is their meaning, on strings; identifier-reader.ts does the same on bytes and is held against it.
 * Nothing of a text may be let out but a frame, and frames are of closed lists.
 */
import { FHIR_RESOURCE_TYPES } from './fhir-resource-types.ts';

/** In the order in which they are carried out, whatever the order in a policy. */
export const NORMALIZERS = [
  'nfc',
  'trim',
  'urn',
  'fhir-reference',
  'case',
  'separators',
  'leading-zeros',
] as const;

export type Normalizer = (typeof NORMALIZERS)[number];

/** What each does, for the docs. */
export const NORMALIZER_DOCS: Readonly<Record<Normalizer, string>> = {
  nfc: 'Unicode NFC: one way to write a letter with its accents.',
  trim: 'Blanks before and after go.',
  urn: '`urn:uuid:<uuid>` and `urn:oid:<oid>`: what follows is the identifier, a UUID in lower case. What comes out is such a URN again; the pseudonym of an OID stands below 2.25 (ITU-T X.667).',
  'fhir-reference':
    '`Patient/123` and `Patient/123/_history/2`: `123` is the identifier, and `Patient/<pseudonym>` comes out. Only resource types of FHIR R4 and R5 are let through; anything else, absolute addresses too, is an identifier as a whole.',
  case: 'Capital letters become small ones.',
  separators: 'Blanks, tabs, `-` `.` `_` `/` `:` and other dashes go, wherever they stand.',
  'leading-zeros': 'Of an identifier of digits only, zeros at its beginning go: `000123` and `123` are one.',
};

/** What an identifier is wrapped in, and comes out in again. */
export type Frame = 'urn:uuid:' | 'urn:oid:' | `${string}/` | '';

export interface IdentifierForm {
  readonly frame: Frame;
  /** What is hashed. */
  readonly id: string;
}

const URN_UUID = /^urn:uuid:([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/i;
const URN_OID = /^urn:oid:([0-2](?:\.(?:0|[1-9][0-9]*))+)$/i;
const REFERENCE = /^([A-Z][A-Za-z]+)\/([A-Za-z0-9.-]{1,64})(?:\/_history\/[A-Za-z0-9.-]{1,64})?$/;
const SEPARATORS = /[\t\-._/:\p{Zs}\p{Pd}]/gu;
const TYPES: ReadonlySet<string> = new Set(FHIR_RESOURCE_TYPES);

/** An identifier's text as it is hashed. */
export function identifierForm(text: string, normalize: readonly Normalizer[]): IdentifierForm {
  const by = (name: Normalizer): boolean => normalize.includes(name);
  const composed = by('nfc') ? text.normalize('NFC') : text;
  const { frame, id } = framed(by('trim') ? composed.trim() : composed, by('urn'), by('fhir-reference'));
  let bare = id;
  // Capitals first, so that letters with two small forms, or a capital of two letters, have one form.
  if (by('case')) bare = bare.toUpperCase().toLowerCase();
  if (by('separators')) bare = bare.replaceAll(SEPARATORS, '');
  if (by('leading-zeros') && /^[0-9]+$/.test(bare)) bare = bare.replace(/^0+(?=[0-9])/, '');
  return { frame, id: by('nfc') ? bare.normalize('NFC') : bare };
}

function framed(text: string, urn: boolean, reference: boolean): IdentifierForm {
  const uuid = urn ? URN_UUID.exec(text) : null;
  if (uuid) return { frame: 'urn:uuid:', id: uuid[1]!.toLowerCase() };
  const oid = urn ? URN_OID.exec(text) : null;
  if (oid) return { frame: 'urn:oid:', id: oid[1]! };
  const [, type, id] = (reference ? REFERENCE.exec(text) : null) ?? [];
  return type !== undefined && TYPES.has(type) ? { frame: `${type}/`, id: id! } : { frame: '', id: text };
}

/** The same of bytes; what is not UTF-8 is no text, and stays as it is. */
export function identifierFormOf(
  bytes: Buffer,
  normalize: readonly Normalizer[],
): { readonly frame: Frame; readonly id: Buffer } {
  const text = bytes.toString('utf8');
  if (normalize.length === 0 || !Buffer.from(text, 'utf8').equals(bytes)) return { frame: '', id: bytes };
  const { frame, id } = identifierForm(text, normalize);
  return { frame, id: Buffer.from(id, 'utf8') };
}
