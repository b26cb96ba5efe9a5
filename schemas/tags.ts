/**
 * The tags: which identifier a field is, after 45 CFR 164.514(b)(2)(i), and how they reach the leaves of a schema.
 * A tag on a record, field, array, map or union reaches every leaf below, map keys too; one that reaches a record
 * inside itself reaches all leaves of that record.
 * A word that is no tag must never be passed over: it is an error.
 */
import { GauzeError, GauzeErrors } from '../platform/errors.ts';
import { nearestOf } from '../platform/suggestion.ts';
import type { AvroField, AvroLeaf, AvroRecord, AvroType } from './avro-schema.ts';
import {
  ROOT_PATH,
  againPath,
  branchPath,
  fieldPath,
  isAtOrBelow,
  isNameSegment,
  itemsPath,
  keyPath,
  pathSegments,
  reaches,
  valuesPath,
} from './field-path.ts';
import { placesAgain, waysInto } from './recursion.ts';
import { renamedPlaces, underPresentNames } from './former-names.ts';
import { matchesWildcard } from './wildcard.ts';

interface TagRow {
  /** Letter of 45 CFR 164.514(b)(2)(i), or null where the list has none. */
  readonly letter: string | null;
  readonly doc: string;
}

/** All tags of gauze; docs/reference/tags.md is made from this table. */
export const TAGS = {
  PHI_NAME: { letter: 'A', doc: 'Name of a person, or a part of it: given, family, maiden name, initials.' },
  PHI_GEO: {
    letter: 'B',
    doc: 'Place smaller than a State: street, city, county, precinct, latitude and longitude.',
  },
  PHI_ZIP: { letter: 'B', doc: 'ZIP code.' },
  PHI_DATE: { letter: 'C', doc: 'Date or time related to a person: admission, service, discharge.' },
  PHI_BIRTH_DATE: { letter: 'C', doc: 'Date of birth.' },
  PHI_DEATH_DATE: { letter: 'C', doc: 'Date of death.' },
  PHI_AGE: { letter: 'C', doc: 'Age in years.' },
  PHI_PHONE: { letter: 'D', doc: 'Telephone number.' },
  PHI_FAX: { letter: 'E', doc: 'Fax number.' },
  PHI_EMAIL: { letter: 'F', doc: 'Electronic mail address.' },
  PHI_SSN: { letter: 'G', doc: 'Social security number, or a part of it.' },
  PHI_MRN: { letter: 'H', doc: 'Medical record number.' },
  PHI_MEMBER_ID: { letter: 'I', doc: 'Health plan beneficiary number.' },
  PHI_ACCOUNT: { letter: 'J', doc: 'Account number.' },
  PHI_LICENSE: { letter: 'K', doc: 'Certificate or license number, passport too.' },
  PHI_VEHICLE: { letter: 'L', doc: 'Vehicle identifier or serial number, license plate.' },
  PHI_DEVICE: { letter: 'M', doc: 'Device identifier or serial number, UDI.' },
  PHI_URL: { letter: 'N', doc: 'Web address.' },
  PHI_IP: { letter: 'O', doc: 'Internet Protocol address.' },
  PHI_BIOMETRIC: { letter: 'P', doc: 'Biometric identifier: finger print, voice print.' },
  PHI_PHOTO: { letter: 'Q', doc: 'Full face photograph or comparable image.' },
  PHI_ID: {
    letter: 'R',
    doc: 'Any other unique number, characteristic or code: patient, encounter, order id.',
  },
  PHI_FREE_TEXT: { letter: null, doc: 'Text written by people, which may hold any identifier.' },
  PROVIDER_NAME: { letter: null, doc: 'Name of a person who gives care.' },
  PROVIDER_ID: { letter: null, doc: 'Number of a person or organisation that gives care, such as an NPI.' },
  SENSITIVE_SUD: { letter: null, doc: 'Substance use disorder record (42 CFR Part 2).' },
  SENSITIVE_MENTAL: { letter: null, doc: 'Mental health, psychotherapy notes.' },
  SENSITIVE_HIV: { letter: null, doc: 'HIV status or treatment.' },
  SENSITIVE_REPRODUCTIVE: { letter: null, doc: 'Reproductive health.' },
  SENSITIVE_GENETIC: { letter: null, doc: 'Genetic information.' },
  PHI_NONE: { letter: null, doc: 'Reviewed, and not PHI.' },
} as const satisfies Record<string, TagRow>;

export type TagName = keyof typeof TAGS;

/** Tags by path, for every place of a schema: leaves, and what holds them. */
export type PathTags = ReadonlyMap<string, ReadonlySet<TagName>>;

/** A site's own words for tags. */
export type SiteTags = ReadonlyMap<string, TagName>;

/** What decides the tags of a schema besides the schema's own text. */
export interface TagSources {
  readonly site?: SiteTags;
  /** `metadata.tags` of a registry: patterns over full field names (record full name, dot, field), and words. */
  readonly metadata?: ReadonlyMap<string, readonly string[]>;
  readonly subject?: string;
}

/** One value of a record: what gets exactly one instruction. The null type carries no value and is none. */
export interface Leaf {
  readonly path: string;
  readonly type: AvroLeaf;
  /** All tags that reach it. */
  readonly tags: ReadonlySet<TagName>;
  /** Those written nearer to it than any record: on its own field or type. */
  readonly ownTags: ReadonlySet<TagName>;
  readonly mapKey: boolean;
}

/** Is `word` a tag of gauze? */
export function isTagName(word: string): word is TagName {
  return Object.hasOwn(TAGS, word);
}

/**
 * All leaves of a schema in the order of their bytes, with the tags that reach them.
 * @throws GauzeErrors of ERR_SCHEMA_TAG_UNKNOWN, one for each unknown word
 */
export function leavesOf(schema: AvroType, sources: TagSources = {}): Leaf[] {
  return new TagWalk(sources).walk(schema).leaves;
}

/**
 * The tags of one version of a schema by path, for all its places; an untagged place has an empty set.
 * @throws GauzeErrors of ERR_SCHEMA_TAG_UNKNOWN
 */
export function pathTags(schema: AvroType, sources: TagSources = {}): PathTags {
  return new TagWalk(sources).walk(schema).places;
}

/** The union over versions: a tag that any of them has is in force. */
export function unionTags(versions: readonly PathTags[]): PathTags {
  const union = new Map<string, Set<TagName>>();
  for (const version of versions) for (const [path, tags] of version) addTags(union, path, tags);
  return union;
}

/**
 * Tags in force on each leaf of `schema`: its own, and those that any version of the subject had there.
 * A tag of another version also reaches what the place has become since (a record, an array, a branch), also under
 * another name of which it is an alias.
 * PHI_NONE does not: what was reviewed is that very path, not what came below it later.
 * @throws GauzeErrors of ERR_SCHEMA_TAG_UNKNOWN
 */
export function tagsInForce(schema: AvroType, versions: PathTags, sources: TagSources = {}): Leaf[] {
  const byFirstSegment = new Map<
    string,
    { path: string; segments: readonly string[]; tags: ReadonlySet<TagName> }[]
  >();
  const again = placesAgain(schema);
  const renamed = renamedPlaces(schema);
  for (const [path, tags] of versions) {
    if (tags.size === 0) continue;
    const ways = waysInto(pathSegments(path), again);
    for (const segments of [...ways, ...ways.flatMap((way) => underPresentNames(way, renamed))]) {
      const first = firstName(segments);
      const entries = byFirstSegment.get(first);
      if (entries) entries.push({ path, segments, tags });
      else byFirstSegment.set(first, [{ path, segments, tags }]);
    }
  }
  return leavesOf(schema, sources).map((leaf) => {
    const segments = pathSegments(leaf.path);
    const tags = new Set(leaf.tags);
    const near = new Set([firstName(segments), '']);
    for (const entry of [...near].flatMap((first) => byFirstSegment.get(first) ?? [])) {
      if (!reaches(entry.segments, segments)) continue;
      for (const tag of entry.tags) if (tag !== 'PHI_NONE' || entry.path === leaf.path) tags.add(tag);
    }
    return { ...leaf, tags };
  });
}

/** First field name of a path; empty where it has none. */
function firstName(segments: readonly string[]): string {
  return segments.find(isNameSegment) ?? '';
}

function addTags(into: Map<string, Set<TagName>>, path: string, tags: Iterable<TagName>): void {
  const known = into.get(path) ?? new Set();
  for (const tag of tags) known.add(tag);
  into.set(path, known);
}

/** What reaches a place from above. */
interface Reach {
  readonly path: string;
  readonly all: ReadonlySet<TagName>;
  readonly own: ReadonlySet<TagName>;
}

class TagWalk {
  readonly leaves: Leaf[] = [];
  readonly places = new Map<string, Set<TagName>>();
  /** Records around the place that is looked at, by full name. */
  readonly #around = new Map<string, Reach>();
  /** What reaches a record inside itself, by the path of that record; found walking, and walked with again. */
  readonly #fromInside = new Map<string, Set<TagName>>();
  /** Places of records inside themselves, with the path of the record. */
  readonly #again = new Map<string, string>();
  #isSettled = true;
  readonly #sources: TagSources;
  readonly #problems: GauzeError[] = [];

  constructor(sources: TagSources) {
    this.#sources = sources;
  }

  walk(schema: AvroType): this {
    do {
      this.#isSettled = true;
      this.leaves.length = 0;
      this.places.clear();
      this.#problems.length = 0;
      this.#visit(schema, { path: ROOT_PATH, all: new Set(), own: new Set() });
    } while (!this.#isSettled);
    if (this.#problems.length > 0) throw new GauzeErrors(this.#problems);
    for (const [path, record] of this.#again) this.#noteAgain(path, record);
    return this;
  }

  /** For versions in which the record is not inside itself any more: there, all its tags hold below. */
  #noteAgain(path: string, record: string): void {
    const below = this.leaves.filter((leaf) => isAtOrBelow(leaf.path, record));
    const tags = below.flatMap((leaf) => [...leaf.tags]).filter((tag) => tag !== 'PHI_NONE');
    addTags(this.places, againPath(path), tags);
  }

  #visit(type: AvroType, from: Reach): void {
    const here = this.#join(from, from.path, type.tags);
    if (type.kind === 'null') return;
    addTags(this.places, here.path, here.all);
    switch (type.kind) {
      case 'record':
        return this.#record(type, here);
      case 'reference':
        return this.#comesAgain(this.#around.get(type.fullName)!, here);
      case 'array':
        return this.#visit(type.items, { ...here, path: itemsPath(here.path) });
      case 'map':
        this.#leaf({ kind: 'string', logical: null, tags: [] }, { ...here, path: keyPath(here.path) }, true);
        return this.#visit(type.values, { ...here, path: valuesPath(here.path) });
      case 'union':
        for (const branch of type.branches)
          this.#visit(branch, { ...here, path: branchPath(here.path, type, branch) });
        return;
      default:
        this.#leaf(type, here, false);
    }
  }

  #record(type: AvroRecord, from: Reach): void {
    const inside = this.#fromInside.get(from.path);
    const here = inside ? { ...from, all: new Set([...from.all, ...inside]) } : from;
    this.#around.set(type.fullName, here);
    for (const field of type.fields) this.#visit(field.type, this.#field(type, field, here));
    this.#around.delete(type.fullName);
  }

  /** PHI_NONE stays out: who reviewed a place inside has not reviewed the record around it. */
  #comesAgain(record: Reach, here: Reach): void {
    this.#again.set(here.path, record.path);
    const more = [...here.all].filter((tag) => tag !== 'PHI_NONE' && !record.all.has(tag));
    if (more.length === 0) return;
    addTags(this.#fromInside, record.path, more);
    this.#isSettled = false;
  }

  #leaf(type: AvroLeaf, { path, all, own }: Reach, mapKey: boolean): void {
    addTags(this.places, path, all);
    this.leaves.push({ path, type, tags: all, ownTags: own, mapKey });
  }

  /** Tags of the record reach its fields, but are not their own. */
  #field(record: AvroRecord, field: AvroField, above: Reach): Reach {
    const path = fieldPath(above.path, field.name);
    const words = [...field.tags, ...this.#metadataWords(record.fullName, field.name)];
    return this.#join({ ...above, own: new Set() }, path, words);
  }

  #metadataWords(record: string, field: string): string[] {
    const patterns = [...(this.#sources.metadata ?? [])];
    return patterns
      .filter(
        ([pattern]) => matchesWildcard(`${record}.${field}`, pattern) || matchesWildcard(record, pattern),
      )
      .flatMap(([, words]) => words);
  }

  #join(from: Reach, path: string, words: readonly string[]): Reach {
    if (words.length === 0) return { ...from, path };
    const tags = words.flatMap((word) => this.#resolve(word, path));
    return { path, all: new Set([...from.all, ...tags]), own: new Set([...from.own, ...tags]) };
  }

  #resolve(word: string, path: string): TagName[] {
    const tag = isTagName(word) ? word : this.#sources.site?.get(word);
    if (tag) return [tag];
    const { subject = '', site } = this.#sources;
    const nearest = nearestOf(word, [...Object.keys(TAGS), ...(site?.keys() ?? [])]);
    this.#problems.push(new GauzeError('ERR_SCHEMA_TAG_UNKNOWN', { tag: word, path, subject, ...nearest }));
    return [];
  }
}
