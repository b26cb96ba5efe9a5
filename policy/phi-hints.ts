/**
 * Says of a leaf whose name alone is no reason to refuse what else makes it worth a look: its doc, its logical type,
 * words of free text, classes of diagnoses that the law protects. Hints warn in `gauze check` and stop nothing.
 */
import type { TagName } from '../schemas/tags.ts';
import { plainWords } from './name-words.ts';
import { HARMLESS_HEADS, HARMLESS_TAILS, SENSITIVE_WORDS, TEXT_WORDS, TIME_WORDS } from './phi-words.ts';
import { anySuspicion, nameSuspicion, phraseSuspicion } from './phi-suspicion.ts';
import type { Suspicion } from './phi-suspicion.ts';
import type { LeafPlace } from './schema-places.ts';
import { isMoment } from './tag-type-fit.ts';

/** Longer docs explain much besides the field: only their beginning is read, up to the first stop. */
const DOC_WORDS_LIMIT = 12;
const DOC_LIMIT = 400;
/** What a doc says of fields that are none of these themselves. */
const UNSURE_IN_DOCS: ReadonlySet<TagName> = new Set<TagName>([
  'PHI_FREE_TEXT',
  'PHI_URL',
  'PHI_DATE',
  'PHI_AGE',
  'PHI_PHOTO',
]);

/** What speaks for a look at a leaf that `nameSuspicion` lets pass; null where nothing does. */
export function hintOf(place: LeafPlace): Suspicion | null {
  const { type } = place;
  if (type?.kind === 'boolean' || nameSuspicion(place) !== null) return null;
  return ofOrganization(place) ?? inDoc(place) ?? sensitive(place) ?? moment(place) ?? text(place);
}

function ofOrganization(place: LeafPlace): Suspicion | null {
  return anySuspicion(place);
}

function inDoc({ name, doc, type }: LeafPlace): Suspicion | null {
  const own = plainWords(name);
  if ((own.length > 1 && HARMLESS_TAILS.has(own.at(-1)!)) || HARMLESS_HEADS.has(own[0] ?? '')) return null;
  if (doc === null || type?.kind === 'enum' || type?.kind === 'float' || type?.kind === 'double') return null;
  const opening = doc.slice(0, DOC_LIMIT).split(/[.;:(\n]/, 1)[0]!;
  if (plainWords(opening).length > DOC_WORDS_LIMIT) return null;
  const found = phraseSuspicion(opening);
  if (!found || UNSURE_IN_DOCS.has(found.tag)) return null;
  return { ...found, words: `${found.words} in its doc` };
}

function sensitive({ name, type }: LeafPlace): Suspicion | null {
  const words = ` ${plainWords(name).join(' ')} `;
  if (type === null) return null;
  for (const { tag, phrase } of SENSITIVE)
    if (words.includes(` ${phrase} `)) return { tag, words: `"${phrase}"`, source: '' };
  return null;
}

const SENSITIVE = Object.entries(SENSITIVE_WORDS).flatMap(([tag, phrases]) =>
  phrases.split(', ').map((phrase) => ({ tag: tag as TagName, phrase: plainWords(phrase).join(' ') })),
);

function moment({ name, type }: LeafPlace): Suspicion | null {
  if (type === null) return null;
  if (isMoment(type)) return { tag: 'PHI_DATE', words: `its type ${type.logical?.name}`, source: '' };
  const words = plainWords(name);
  const isDate =
    type.kind === 'string' && !HARMLESS_HEADS.has(words[0] ?? '') && TIME_WORDS.has(words.at(-1) ?? '');
  return isDate ? { tag: 'PHI_DATE', words: `"${words.join(' ')}"`, source: '' } : null;
}

function text({ name, type, mapKey }: LeafPlace): Suspicion | null {
  const last = plainWords(name).at(-1) ?? '';
  if (type?.kind !== 'string' || mapKey || !TEXT_WORDS.has(last)) return null;
  return { tag: 'PHI_FREE_TEXT', words: `"${last}"`, source: '' };
}
