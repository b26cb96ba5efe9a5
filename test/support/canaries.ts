/**
 * Canary records: records of a clinical topic in which every leaf, the key and every header hold a value that stands
 * nowhere else, so that whatever is found tells where it came from. Values are random; nobody is meant by them.
 */
import { randomBytes, randomInt, randomUUID } from 'node:crypto';
import { clinicalSchema } from '../../examples/hospital/clinical-codecs.ts';
import { CLINICAL_TOPICS } from '../../examples/hospital/clinical-values.ts';
import type { ClinicalTopic } from '../../examples/hospital/clinical-values.ts';
import { SOURCE_HEADER } from '../../examples/hospital/feed.ts';
import type { AvroLeaf, AvroType } from '../../schemas/avro-schema.ts';
import { ROOT_PATH, branchPath, fieldPath, itemsPath, valuesPath } from '../../schemas/field-path.ts';
import { AvroValues } from './avro-values.ts';

/** Where a canary was put in. */
export interface Canary {
  /** `clinical.patients good 0: address.city`. */
  readonly name: string;
  readonly topic: ClinicalTopic;
  readonly part: 'value' | 'key' | 'header' | 'schema';
  /** Path of the leaf, name of the header; for a schema every path at which its field stands. */
  readonly paths: readonly string[];
  readonly value: unknown;
  readonly leaf: AvroLeaf;
  /** Its record cannot be decoded, so it may stand nowhere. */
  readonly poisoned: boolean;
}

/** A record as it is sent. */
export interface CanaryRecord {
  readonly topic: ClinicalTopic;
  readonly key: string;
  readonly value: Buffer;
  readonly headers: Readonly<Record<string, string>>;
}

export interface CanaryFlock {
  readonly canaries: readonly Canary[];
  readonly records: readonly CanaryRecord[];
}

const TEXT: AvroLeaf = { kind: 'string', logical: null, tags: [] };
const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const DAY_MS = 86_400_000;

/** What is wrong with a poison record. */
const POISONS: Readonly<Record<string, (sound: Buffer) => Buffer>> = {
  truncated: (sound) => sound.subarray(0, sound.length - 7),
  trailing: (sound) => Buffer.concat([sound, Buffer.from([0, 0, 0])]),
  'of another magic byte': (sound) => Buffer.concat([Buffer.from([1]), sound.subarray(1)]),
};

/**
 * For each topic three sound records, which together take every branch of every union, and with `poison` one of each
 * kind that cannot be decoded. `schemaIds`: under which the values are written.
 */
export function canaryFlock(
  schemaIds: ReadonlyMap<ClinicalTopic, number>,
  options: { readonly name: string; readonly poison: boolean },
): CanaryFlock {
  const flock = new Flock();
  for (const topic of CLINICAL_TOPICS) {
    const values = new AvroValues(clinicalSchema(topic));
    const add = (kind: string, branch: number, spoil: ((sound: Buffer) => Buffer) | null): void =>
      flock.add(topic, `${topic} ${options.name} ${kind}`, spoil !== null, (make) => {
        const sound = values.encode(values.make(make, branch), schemaIds.get(topic)!);
        return spoil ? spoil(sound) : sound;
      });
    for (const branch of [0, 1, 2]) add(`sound ${branch}`, branch, null);
    if (options.poison) for (const [kind, spoil] of Object.entries(POISONS)) add(kind, 0, spoil);
  }
  return flock;
}

class Flock implements CanaryFlock {
  readonly canaries: Canary[] = [];
  readonly records: CanaryRecord[] = [];
  #days = 0;

  add(
    topic: ClinicalTopic,
    record: string,
    poisoned: boolean,
    encode: (make: (path: string, leaf: AvroLeaf) => unknown) => Buffer,
  ): void {
    const put = (part: Canary['part'], path: string, leaf: AvroLeaf, value: unknown): void => {
      this.canaries.push({
        name: `${record}: ${part} ${path}`,
        topic,
        part,
        paths: [path],
        value,
        leaf,
        poisoned,
      });
    };
    const text = (part: Canary['part'], path: string): string => {
      const value = canaryText();
      put(part, path, TEXT, value);
      return value;
    };
    const value = encode((path, leaf) => {
      const isDay = leaf.kind === 'int' && leaf.logical?.name === 'date';
      const made = isDay ? canaryDay(this.#days++) : canaryValue(path, leaf, this.canaries.length);
      if (leaf.kind !== 'boolean' && leaf.kind !== 'enum') put('value', path, leaf, made);
      return made;
    });
    const headers = Object.fromEntries(
      [SOURCE_HEADER, 'trace-id', `x-${text('header', 'name of a header')}`].map((name) => [
        name,
        text('header', name),
      ]),
    );
    this.records.push({ topic, key: text('key', 'key'), value, headers });
  }
}

/** Text that no other text holds. */
export function canaryText(): string {
  return (
    LETTERS[randomInt(LETTERS.length)]! +
    randomBytes(32)
      .toString('base64')
      .replace(/[^A-Za-z0-9]/g, '')
      .slice(0, 25)
  );
}

/** So many possible values that none occurs by chance. */
function canaryValue(path: string, leaf: AvroLeaf, serial: number): unknown {
  switch (leaf.kind) {
    case 'boolean':
      return serial % 2 === 0;
    case 'enum':
      return leaf.symbols[serial % leaf.symbols.length];
    case 'int':
      return randomInt(2 ** 28, 2 ** 31 - 1);
    case 'long':
      return leaf.logical
        ? randomInt(-8 * 365, 50 * 365) * DAY_MS + randomInt(DAY_MS)
        : randomInt(2 ** 41, 2 ** 48);
    case 'float':
      return Math.fround(randomInt(1, 2 ** 24) / 2 ** 24 + 1);
    case 'double':
      return randomInt(1, 2 ** 47) / 2 ** 20;
    case 'bytes':
      return leaf.logical
        ? Buffer.concat([Buffer.from([randomInt(1, 127)]), randomBytes(6)])
        : randomBytes(16);
    case 'fixed':
      return randomBytes(leaf.size);
    default:
      if (leaf.logical?.name === 'uuid') return randomUUID();
      return path.endsWith('.zip') ? `021${randomInt(10, 99)}-${randomInt(1_000, 9_999)}` : canaryText();
  }
}

/**
 * Every other date lies so far ahead that its varint has four bytes and can be looked for; the others are dates as
 * people have them. Years apart, and not on January 1: no shift and no truncation turns one into another.
 */
function canaryDay(serial: number): number {
  const year = (serial % 2 === 0 ? 5_000 : 1_941) + ((serial >> 1) % 20) * 4;
  return Date.UTC(year, randomInt(1, 12), randomInt(2, 28)) / DAY_MS;
}

/** The schema of a topic with a canary beside each field: as its doc, an alias and an attribute nobody knows. */
export function canarySchema(topic: ClinicalTopic): {
  readonly text: string;
  readonly canaries: readonly Canary[];
} {
  const noted: unknown = JSON.parse(clinicalSchema(topic), (_key, json: unknown) => {
    if (!isField(json)) return json;
    const note = canaryText();
    return { ...json, doc: note, aliases: [note], 'x-note': note };
  });
  const text = JSON.stringify(noted);
  return { text, canaries: schemaCanaries(topic, new AvroValues(text).schema) };
}

function isField(json: unknown): json is object {
  return (
    typeof json === 'object' &&
    json !== null &&
    'name' in json &&
    'type' in json &&
    !('fields' in json || 'symbols' in json || 'size' in json)
  );
}

function schemaCanaries(topic: ClinicalTopic, schema: AvroType): Canary[] {
  const paths = new Map<string, string[]>();
  const visit = (type: AvroType, path: string): void => {
    if (type.kind === 'record')
      for (const field of type.fields) {
        const at = fieldPath(path, field.name);
        paths.set(field.doc!, [...(paths.get(field.doc!) ?? []), at]);
        visit(field.type, at);
      }
    else if (type.kind === 'array') visit(type.items, itemsPath(path));
    else if (type.kind === 'map') visit(type.values, valuesPath(path));
    else if (type.kind === 'union')
      for (const branch of type.branches) visit(branch, branchPath(path, type, branch));
  };
  visit(schema, ROOT_PATH);
  return [...paths].map(([value, at]) => ({
    name: `${topic}: schema of ${at[0]}`,
    topic,
    part: 'schema',
    paths: at,
    value,
    leaf: TEXT,
    poisoned: false,
  }));
}
