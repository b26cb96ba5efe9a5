/**
 * What the newest records of a raw topic say of each person: values by person, as scrub looks for them in texts.
 * Held in memory and nowhere else, in versions, so that transactions under way keep the one that they began with.
 * The content of a version has a hash that does not depend on how it came about. It must never be written anywhere.
 */
import { createHash } from 'node:crypto';
import { GauzeError } from '../platform/errors.ts';
import type { PersonValues } from '../processors/known-leaves.ts';
import type { KnownValue } from '../processors/text/known-values.ts';

/** What one record key says from a version on; `person` null: nothing any more. */
interface Entry {
  readonly version: number;
  readonly person: string | null;
  /** Known values as JSON; empty where there are none. */
  readonly values: string;
}

/** What a record changes. */
export interface DictionaryChange {
  /** Partition and record key: each says one thing at a time. */
  readonly key: string;
  /** null: the key says nothing any more. */
  readonly person: string | null;
  readonly values: readonly KnownValue[];
}

/** One version, for as long as it is held. */
export interface DictionaryVersion extends PersonValues {
  /** Where each partition had been read to. */
  readonly offsets: readonly number[];
  /** SHA-256 over the content, hex. */
  readonly sha256: string;
  /** The version is not needed any more. */
  release(): void;
}

/** Memory for one dictionary, counted as characters of all texts it holds twice over, and a fixed part for each entry. */
const BYTES_MAX = 256 * 1024 * 1024;
const ENTRY_BYTES = 300;
/** LtHash over SHAKE-256: sums of 1,024 numbers of 16 bits; entries come and go in any order. */
const LANES = 1024;

export class PersonDictionary {
  readonly #topic: string;
  readonly #entries = new Map<string, Entry[]>();
  readonly #keysOf = new Map<string, Set<string>>();
  readonly #sum = new Uint16Array(LANES);
  readonly #held = new Map<number, number>();
  #bytes = 0;
  #version = 0;
  #offsets: readonly number[];
  #sha256: string;

  constructor(topic: string, offsets: readonly number[]) {
    this.#topic = topic;
    this.#offsets = offsets;
    this.#sha256 = this.#contentHash();
  }

  /** Bytes counted against the bound. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Where each partition has been read to. */
  get offsets(): readonly number[] {
    return this.#offsets;
  }

  /** Takes in what was read up to `offsets`. Throws ERR_DICTIONARY_TOO_LARGE: then nothing of it is to be used again. */
  apply(changes: Iterable<DictionaryChange>, offsets: readonly number[]): void {
    this.#version += 1;
    for (const change of changes) this.#put(change);
    this.#offsets = offsets;
    this.#sha256 = this.#contentHash();
  }

  /** The newest version, held until it is released. */
  hold(): DictionaryVersion {
    const version = this.#version;
    this.#held.set(version, (this.#held.get(version) ?? 0) + 1);
    let isHeld = true;
    return {
      offsets: this.#offsets,
      sha256: this.#sha256,
      valuesOf: (person) => this.#valuesOf(person, version),
      release: () => {
        if (!isHeld) return;
        isHeld = false;
        const count = this.#held.get(version)! - 1;
        if (count === 0) this.#held.delete(version);
        else this.#held.set(version, count);
      },
    };
  }

  #valuesOf(person: string, version: number): readonly KnownValue[] {
    const values: KnownValue[] = [];
    for (const key of [...(this.#keysOf.get(person) ?? [])].toSorted()) {
      const entry = this.#entries.get(key)?.findLast((each) => each.version <= version);
      if (entry?.person === person) values.push(...(JSON.parse(entry.values) as KnownValue[]));
    }
    return values;
  }

  #put({ key, person, values }: DictionaryChange): void {
    const history = this.#entries.get(key) ?? [];
    const entry = { version: this.#version, person, values: person === null ? '' : JSON.stringify(values) };
    const before = history.at(-1);
    if (before) this.#count(key, before, -1);
    this.#count(key, entry, 1);
    const kept = this.#stillNeeded(history).filter(({ version }) => version !== entry.version);
    for (const each of history) if (!kept.includes(each)) this.#forget(key, each, [...kept, entry]);
    if (person === null && kept.length === 0) {
      this.#entries.delete(key);
      return;
    }
    this.#entries.set(key, [...kept, entry]);
    this.#bytes += sizeOf(key, entry);
    if (person !== null) this.#keysOf.set(person, (this.#keysOf.get(person) ?? new Set()).add(key));
    if (this.#bytes > BYTES_MAX) throw new GauzeError('ERR_DICTIONARY_TOO_LARGE', { topic: this.#topic });
  }

  /** What versions that are held may still ask for. */
  #stillNeeded(history: readonly Entry[]): Entry[] {
    const held = [...this.#held.keys()];
    return history.filter((entry, i) => {
      const until = history[i + 1]?.version ?? this.#version;
      return held.some((version) => version >= entry.version && version < until);
    });
  }

  #forget(key: string, entry: Entry, left: readonly Entry[]): void {
    this.#bytes -= sizeOf(key, entry);
    const { person } = entry;
    if (person === null || left.some((each) => each.person === person)) return;
    const keys = this.#keysOf.get(person);
    keys?.delete(key);
    if (keys?.size === 0) this.#keysOf.delete(person);
  }

  /** Adds an entry to the sum, or takes it away. */
  #count(key: string, { person, values }: Entry, sign: 1 | -1): void {
    if (person === null) return;
    const hash = createHash('shake256', { outputLength: LANES * 2 });
    const bytes = hash.update(JSON.stringify([key, person, values])).digest();
    for (let i = 0; i < LANES; i += 1)
      this.#sum[i] = (this.#sum[i]! + sign * bytes.readUInt16LE(i * 2)) & 0xffff;
  }

  #contentHash(): string {
    return createHash('sha256').update(new Uint8Array(this.#sum.buffer)).digest('hex');
  }
}

function sizeOf(key: string, { person, values }: Entry): number {
  return ENTRY_BYTES + 2 * (key.length + (person?.length ?? 0) + values.length);
}
