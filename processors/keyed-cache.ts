/**
 * Remembers keyed hashes of identifiers, so that a person seen again costs no hash, in the rows of a flat table
 * (identifier-table.ts). One per keyed hash, thus per audience and domain.
 * Those that are asked about persons share a table, so that a record finds all of them in one place
 * (docs/adr/0017-one-look-at-a-person.md); any other has a table of its own. A row takes 68 bytes, a shared one 132 where
 * identifiers are longer than 32 bytes. A table begins with 16,384 rows (1.1 or 2.1 MiB) and grows while identifiers
 * come again, to 524,288 (34 or 66 MiB); all tables of a process together take 256 MiB at most, and then grow no more. Where identifiers hardly ever come again, as those of encounters do, most are
 * hashed without being kept: keeping them would cost more than it saves. Whether they do is told by a sample of them
 * (recurrence-watch.ts), not by the table, which may be too small to see it.
 * It holds identifiers: it must never be printed.
 */
import type { KeyedHash } from '../keys/audience-keys.ts';
import { Hidden } from '../keys/hidden.ts';
import {
  IdentifierTable,
  ROW_BITS,
  ROWS_MAX,
  WAYS,
  mixedWith,
  rowAt,
  scrambled,
  tagOf,
} from './identifier-table.ts';
import { RecurrenceWatch } from './recurrence-watch.ts';

/** 32-bit words of a whole hash. */
const HASH_WORDS = 4;
/** Words of a shared row for hashes: a pseudonym, a shift and a token. What is left of a line takes 32 bytes of identifier. */
const SHARED_HASH_WORDS = 7;
const SHARED_LINES_MAX = 2;
/** Identifiers come again often enough where at least this share of them does. */
const KNOWN_SHARE_MIN = 1 / 16;
/** How many are hashed without being kept before it is looked again whether they come again: some 500 of them are watched. */
const UNKEPT = 32_768;

/** A hash of which not all is kept is computed here: one call runs at a time. */
const wholeHash = Buffer.alloc(HASH_WORDS * 4);

export class KeyedCache extends Hidden {
  readonly #hash: KeyedHash;
  readonly #watch = new RecurrenceWatch(ROWS_MAX);
  #table: IdentifierTable;
  /** Where the hash begins among those of a row, and how many of its words are kept. */
  #word = 0;
  #words = HASH_WORDS;
  /** Keeps the table known to those who come later. */
  #shared: SharedTable | null = null;
  /** How many are still to be hashed without being kept. */
  #unkept = 0;

  /** `personWords`: as of `sharePersons`, from the beginning. */
  constructor(hash: KeyedHash, personWords?: number) {
    super();
    this.#hash = hash;
    if (personWords === undefined) this.#table = new IdentifierTable(HASH_WORDS, 1);
    else this.#table = this.#share(personWords);
  }

  /** A hash stands here at the position that `find` returned last. Another buffer after each `find`. */
  get bytes(): Buffer {
    return this.#table.bytes;
  }

  /** As `bytes`, in 32-bit words. */
  get words(): Int32Array {
    return this.#table.rows;
  }

  /**
   * From now on it stands beside other hashes of persons, and `bytes` holds the first `words` 32-bit words of a hash only;
   * what it remembers is forgotten where it did not before.
   */
  sharePersons(words: number): void {
    if (!this.#shared) this.#table = this.#share(words);
  }

  #share(words: number): IdentifierTable {
    const { shared, word } = sharedPlace(this, words);
    this.#shared = shared;
    this.#word = word;
    this.#words = words;
    return shared.table;
  }

  /**
   * Position in `bytes` of the 16-byte hash of input[start, end), or of what is kept of it; good until the next call of
   * any cache. `view` is a view of the whole `input`.
   */
  find(input: Uint8Array, view: DataView, start: number, end: number): number {
    const table = this.#table;
    const length = end - start;
    if (length > table.longest && !table.widen(length))
      return this.#hashAt(table.rowCount, input, start, end);
    // Load and mix in one pass. The last word overlaps the one before where the length is no multiple of four: with
    // the length beside them, the words are still those of one identifier only.
    const last = end - 4;
    const lastWord = last >= start ? view.getInt32(last, true) : shortWord(view, start, end);
    // A record asks for its person several times.
    const { lastRow } = table;
    if (lastRow >= 0 && table.holds(lastRow, view, start, last, length, lastWord))
      return this.#known(lastRow, input, start, end);
    let mixed = length;
    for (let position = start; position < last; position += 4)
      mixed = mixedWith(mixed, view.getInt32(position, true));
    mixed = scrambled(mixedWith(mixed, lastWord));
    this.#watch.see(mixed);
    if (this.#unkept > 0) {
      this.#unkept -= 1;
      if (this.#unkept === 0) this.#keepOrNot();
      return this.#hashAt(table.rowCount, input, start, end);
    }
    const home = mixed & (table.rowCount - WAYS);
    const tag = tagOf(mixed);
    const { places } = table;
    // Where all ways are taken, the one that the tag points at is taken over.
    let target = home + (tag & (WAYS - 1));
    for (let at = home; at < home + WAYS; at += 1) {
      const place = places[at]!;
      if (place === 0) {
        target = at;
        break;
      }
      if (place >> ROW_BITS !== tag) continue;
      const row = rowAt(place);
      if (!table.holds(row, view, start, last, length, lastWord)) continue;
      table.lastRow = row;
      return this.#known(row, input, start, end);
    }
    if (table.room === 0 && this.#lookAgain()) return this.find(input, view, start, end);
    const row = table.put(target, tag, view, start, last, length, lastWord);
    table.lastRow = row;
    return this.#known(row, input, start, end);
  }

  /** In the identifier's own row. */
  #known(row: number, input: Uint8Array, start: number, end: number): number {
    const table = this.#table;
    if (table.has(row, this.#word)) return table.hashAt(row, this.#word);
    const at = this.#hashAt(row, input, start, end);
    table.mark(row, this.#word);
    return at;
  }

  #hashAt(row: number, input: Uint8Array, start: number, end: number): number {
    const table = this.#table;
    const at = table.hashAt(row, this.#word);
    const { bytes } = table;
    if (this.#words === HASH_WORDS) {
      this.#hash.hashInto(input, start, end, bytes, at);
      return at;
    }
    this.#hash.hashInto(input, start, end, wholeHash, 0);
    for (let i = 0; i < this.#words * 4; i += 1) bytes[at + i] = wholeHash[i]!;
    return at;
  }

  /** As many identifiers as half of the rows have been put in: what now? True where the table is another one. */
  #lookAgain(): boolean {
    this.#table.makeRoom();
    return this.#keepOrNot() && this.#table.grow();
  }

  /** Do identifiers come again often enough to be kept? */
  #keepOrNot(): boolean {
    const comeAgain = this.#watch.takeShare() >= KNOWN_SHARE_MIN;
    this.#unkept = comeAgain ? 0 : UNKEPT;
    return comeAgain;
  }
}

/** One to three bytes as a word. */
function shortWord(view: DataView, start: number, end: number): number {
  let word = 0;
  for (let position = start; position < end; position += 1) word = (word << 8) | view.getUint8(position);
  return word;
}

/** A table that several share; for each word of hashes whose it is. */
interface SharedTable {
  readonly table: IdentifierTable;
  readonly owners: (WeakRef<KeyedCache> | null)[];
}

/** They last as long as those who share them. */
let sharedTables: WeakRef<SharedTable>[] = [];

/** Words for the hashes of `owner`: new ones, or those of somebody who is gone, of whom nothing is left in them. */
function sharedPlace(
  owner: KeyedCache,
  words: number,
): { readonly shared: SharedTable; readonly word: number } {
  const tables = sharedTables.flatMap((each) => each.deref() ?? []);
  let shared = tables.find(({ owners }) => freeWord(owners, words) >= 0);
  if (!shared) {
    const table = new IdentifierTable(SHARED_HASH_WORDS, SHARED_LINES_MAX);
    shared = { table, owners: Array.from({ length: SHARED_HASH_WORDS }, () => null) };
    sharedTables = [...tables, shared].map((each) => new WeakRef(each));
  }
  const word = freeWord(shared.owners, words);
  if (shared.owners.slice(word, word + words).some((before) => before !== null))
    shared.table.forget(word, words);
  const mine = new WeakRef(owner);
  for (let each = word; each < word + words; each += 1) shared.owners[each] = mine;
  return { shared, word };
}

/** The first of so many words in a row that are nobody's any more; -1 where there are none. */
function freeWord(owners: SharedTable['owners'], words: number): number {
  const isFree = owners.map((owner) => (owner?.deref() ?? null) === null);
  for (let from = 0; from + words <= isFree.length; from += 1)
    if (isFree.slice(from, from + words).every(Boolean)) return from;
  return -1;
}

const caches = new WeakMap<KeyedHash, KeyedCache>();

/** The cache of a keyed hash: the same at each call, so that all plans of an audience share it. */
export function keyedCache(hash: KeyedHash): KeyedCache {
  return caches.get(hash) ?? remembered(hash, new KeyedCache(hash));
}

/**
 * The cache of a keyed hash that is asked about persons, beside others that are: each record asks all of them about the
 * same one. Of each hash it keeps the first `words` 32-bit words, which is the same at each call.
 */
export function personCache(hash: KeyedHash, words = HASH_WORDS): KeyedCache {
  const known = caches.get(hash);
  known?.sharePersons(words);
  return known ?? remembered(hash, new KeyedCache(hash, words));
}

function remembered(hash: KeyedHash, cache: KeyedCache): KeyedCache {
  caches.set(hash, cache);
  return cache;
}
