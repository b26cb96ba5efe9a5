/**
 * Finds untagged fields whose names look like PHI: somebody forgot the tag.
 * It only ever adds a refusal: a name that looks harmless proves nothing, and a leaf without an instruction is
 * refused elsewhere whatever it is called.
 */
import { GauzeError } from '../platform/errors.ts';
import type { ErrorContext } from '../platform/errors.ts';
import type { AvroType } from '../schemas/avro-schema.ts';
import { pathSegments } from '../schemas/field-path.ts';
import { leavesOf } from '../schemas/tags.ts';
import type { Leaf, TagName, TagSources } from '../schemas/tags.ts';
import { PERSON_WORDS, PHRASES, THING_WORDS, WHOLE_NAMES } from './phi-words.ts';

/**
 * The problems of a schema by itself, for `gauze check file.avsc`.
 * @throws GauzeErrors of ERR_SCHEMA_TAG_UNKNOWN
 */
export function lintSchema(schema: AvroType, place: ErrorContext, sources: TagSources = {}): GauzeError[] {
  return lintLeaves(leavesOf(schema, sources), schema, place);
}

/**
 * ERR_POLICY_LOOKS_LIKE_PHI for each leaf that no tag reaches and whose name looks like PHI, and for each such name
 * that only PHI_NONE of a whole record reaches: a record's review does not cover the field that was added after it.
 */
export function lintLeaves(leaves: readonly Leaf[], schema: AvroType, place: ErrorContext): GauzeError[] {
  const record = 'fullName' in schema ? (schema.fullName.split('.').at(-1) ?? '') : '';
  return leaves.flatMap((leaf) => {
    const isReviewed = leaf.ownTags.size > 0 || [...leaf.tags].some((tag) => tag !== 'PHI_NONE');
    const tag = isReviewed ? null : suspectedTag(leaf.path, record);
    return tag === null
      ? []
      : [new GauzeError('ERR_POLICY_LOOKS_LIKE_PHI', { ...place, path: leaf.path, tag })];
  });
}

/** The tag that the name of a field speaks of; null where it looks harmless. `record`: name of the root record. */
export function suspectedTag(path: string, record = ''): TagName | null {
  const names = pathSegments(path).filter((segment) => !/^[[{<]/.test(segment));
  const name = names.at(-1) ?? '';
  const words = wordsOf(name);
  const text = ` ${words.join(' ')} `;
  const found = PHRASES.find(([, phrases]) => phrases.some((phrase) => text.includes(` ${phrase} `)));
  if (found) return found[0];
  const whole = words.join(' ');
  if (Object.hasOwn(WHOLE_NAMES, whole)) return WHOLE_NAMES[whole]!;
  const around = wordsOf(names.at(-2) ?? record);
  return personsWord(words, around);
}

/** `name`, `id`, `number` speak of a person beside a word of people, and `name` also where nothing says otherwise. */
function personsWord(words: readonly string[], around: readonly string[]): TagName | null {
  if (words.includes('name') || words.includes('names')) {
    if (namesPerson(words)) return 'PHI_NAME';
    if (words.length === 1) return namesThing(around) && !namesPerson(around) ? null : 'PHI_NAME';
    return null;
  }
  const isNumber = words.some((word) =>
    ['id', 'identifier', 'identifiers', 'number', 'no', 'uuid'].includes(word),
  );
  if (isNumber && (namesPerson(words) || (words.length === 1 && namesPerson(around)))) return 'PHI_ID';
  return null;
}

function namesPerson(words: readonly string[]): boolean {
  return words.some((word) => PERSON_WORDS.has(word));
}

function namesThing(words: readonly string[]): boolean {
  return words.some((word) => THING_WORDS.has(word));
}

/** The words of a name in camelCase, PascalCase, snake_case or CAPITALS, in lower case. */
export function wordsOf(name: string): string[] {
  const parts = name
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .replace(/([A-Z]+)([A-Z][a-z])/g, '$1 $2')
    .replace(/([a-zA-Z])([0-9])/g, '$1 $2')
    .split(/[^A-Za-z0-9]+/);
  return parts.filter((part) => part !== '').map((part) => part.toLowerCase());
}
