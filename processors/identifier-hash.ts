/**
 * The keyed hash of an instruction's identifiers: by domain, told how the texts are normalised, so that merged
 * identifiers are found however a record writes them. It holds no value.
 */
import type { AudienceKeys, IdentifierText, KeyedHash } from '../keys/audience-keys.ts';
import { NORMALIZERS, identifierForm } from './identifier-form.ts';
import type { Normalizer } from './identifier-form.ts';

const AS_IT_IS: IdentifierText = { name: '', of: (text) => text };

/** How identifiers are written before they are hashed. */
export function identifierTextBy(normalize: readonly Normalizer[] = []): IdentifierText {
  if (normalize.length === 0) return AS_IT_IS;
  const name = NORMALIZERS.filter((each) => normalize.includes(each)).join(' ');
  return { name, of: (text) => identifierForm(text, normalize).id };
}

/** The same object for the same keys, domain and normalisers. */
export function identifierHash(
  keys: AudienceKeys,
  { domain, normalize }: { readonly domain: string; readonly normalize?: readonly Normalizer[] | undefined },
): KeyedHash {
  return keys.pseudonyms(domain, identifierTextBy(normalize));
}
