/**
 * An audience's keys, to whom the identifiers of one person are one: merged ones hash as the identifier that the person
 * goes by now, and dates shift by it however a record writes it. Encryption is left as it is: what can be opened again must give what went in.
 * It holds identifiers: it is never printed, and what it looks up is not kept.
 */
import { GauzeError } from '../platform/errors.ts';
import type {
  AudienceKeys,
  DeterministicCipher,
  FormatCipher,
  IdentifierText,
  KeyedHash,
  Sealer,
  TextFormat,
} from './audience-keys.ts';
import { Hidden } from './hidden.ts';
import type { PersonAliases } from './person-aliases.ts';

const AS_IT_IS: IdentifierText = { name: '', of: (text) => text };
/** FNV-1a, 32 bits. */
const HASH_START = 0x811c9dc5;
const HASH_PRIME = 0x01000193;

export class PersonKeys extends Hidden implements AudienceKeys {
  readonly audience: string;
  readonly epoch: number;
  readonly #keys: AudienceKeys;
  readonly #aliases: PersonAliases;
  readonly #domains: ReadonlySet<string>;
  readonly #text: IdentifierText;
  readonly #hashes = new Map<string, KeyedHash>();

  /**
   * `domains`: those of pseudonyms whose identifiers are persons', told as their callers write them. Date shifts are
   * always persons', written as `text` says.
   */
  constructor(
    keys: AudienceKeys,
    aliases: PersonAliases,
    domains: Iterable<string>,
    text: IdentifierText = AS_IT_IS,
  ) {
    super();
    this.audience = keys.audience;
    this.epoch = keys.epoch;
    this.#keys = keys;
    this.#aliases = aliases;
    this.#domains = new Set(domains);
    this.#text = text;
  }

  /** Throws ERR_PERSONS_AMBIGUOUS. */
  pseudonyms(domain: string, text: IdentifierText = AS_IT_IS): KeyedHash {
    const hash = this.#keys.pseudonyms(domain, text);
    return this.#domains.has(domain) ? this.#aliased(`pseudonym ${domain}`, hash, text) : hash;
  }

  /** Throws ERR_PERSONS_AMBIGUOUS. */
  dateShifts(personSpace: string): KeyedHash {
    return remembered(this.#hashes, `written ${personSpace}`, () => {
      const hash = this.#aliased(`date-shift ${personSpace}`, this.#keys.dateShifts(personSpace), this.#text);
      return this.#text.name === '' ? hash : new WrittenHash(hash, this.#text);
    });
  }

  sealer(): Sealer {
    return this.#keys.sealer();
  }

  deterministic(domain: string): DeterministicCipher {
    return this.#keys.deterministic(domain);
  }

  formatPreserving(domain: string, format: TextFormat): FormatCipher {
    return this.#keys.formatPreserving(domain, format);
  }

  #aliased(name: string, hash: KeyedHash, text: IdentifierText): KeyedHash {
    return remembered(this.#hashes, `${name} ${text.name}`, () => {
      const survivors = this.#survivors(text);
      return survivors.size === 0 ? hash : new AliasedHash(hash, survivors);
    });
  }

  /** Survivor by merged identifier, both as they are hashed. */
  #survivors(text: IdentifierText): ReadonlyMap<string, string> {
    const all = new Map<string, string>();
    for (const [id, survivor] of this.#aliases.survivorsOfIds()) {
      const [written, wanted] = [text.of(id), text.of(survivor)];
      const known = all.get(written);
      // Written alike, they are one identifier: then it must be one person's.
      if (known !== undefined && known !== wanted)
        throw new GauzeError('ERR_PERSONS_AMBIGUOUS', { audience: this.audience });
      all.set(written, wanted);
    }
    return new Map([...all].filter(([id, survivor]) => id !== survivor));
  }
}

function remembered(known: Map<string, KeyedHash>, name: string, make: () => KeyedHash): KeyedHash {
  const found = known.get(name) ?? make();
  known.set(name, found);
  return found;
}

/** A keyed hash of identifiers as they are to be written. It allocates: those who use it remember hashes by person. */
class WrittenHash extends Hidden implements KeyedHash {
  readonly #hash: KeyedHash;
  readonly #text: IdentifierText;

  constructor(hash: KeyedHash, text: IdentifierText) {
    super();
    this.#hash = hash;
    this.#text = text;
  }

  hashInto(input: Uint8Array, start: number, end: number, out: Uint8Array, at: number): void {
    const bytes = Buffer.from(input.subarray(start, end));
    const text = bytes.toString('utf8');
    // What is no UTF-8 is no text, and stays as it is.
    const written = Buffer.from(text, 'utf8').equals(bytes)
      ? Buffer.from(this.#text.of(text), 'utf8')
      : bytes;
    this.#hash.hashInto(written, 0, written.length, out, at);
  }
}

/** A keyed hash that takes merged identifiers for their survivors. Allocates nothing per call. */
class AliasedHash extends Hidden implements KeyedHash {
  readonly #hash: KeyedHash;
  readonly #merged: readonly Buffer[];
  readonly #survivors: readonly Buffer[];
  /** Index of a merged identifier and 1, by hash; 0 is free. Twice as many slots as needed, or more. */
  readonly #slots: Int32Array;

  constructor(hash: KeyedHash, survivors: ReadonlyMap<string, string>) {
    super();
    this.#hash = hash;
    this.#merged = [...survivors.keys()].map((id) => Buffer.from(id, 'utf8'));
    this.#survivors = [...survivors.values()].map((id) => Buffer.from(id, 'utf8'));
    this.#slots = new Int32Array(2 ** Math.ceil(Math.log2(2 * survivors.size + 2)));
    for (const [index, id] of this.#merged.entries()) {
      let slot = slotOf(id, 0, id.length, this.#slots.length);
      while (this.#slots[slot] !== 0) slot = (slot + 1) & (this.#slots.length - 1);
      this.#slots[slot] = index + 1;
    }
  }

  hashInto(input: Uint8Array, start: number, end: number, out: Uint8Array, at: number): void {
    const index = this.#indexOf(input, start, end);
    if (index < 0) return this.#hash.hashInto(input, start, end, out, at);
    const survivor = this.#survivors[index]!;
    this.#hash.hashInto(survivor, 0, survivor.length, out, at);
  }

  #indexOf(input: Uint8Array, start: number, end: number): number {
    const slots = this.#slots;
    let slot = slotOf(input, start, end, slots.length);
    for (let found = slots[slot]!; found !== 0; found = slots[slot]!) {
      if (isSame(this.#merged[found - 1]!, input, start, end)) return found - 1;
      slot = (slot + 1) & (slots.length - 1);
    }
    return -1;
  }
}

function slotOf(input: Uint8Array, start: number, end: number, slots: number): number {
  let hash = HASH_START;
  for (let i = start; i < end; i += 1) hash = Math.imul(hash ^ input[i]!, HASH_PRIME);
  return hash & (slots - 1);
}

function isSame(id: Buffer, input: Uint8Array, start: number, end: number): boolean {
  if (id.length !== end - start) return false;
  for (let i = 0; i < id.length; i += 1) if (id[i] !== input[start + i]) return false;
  return true;
}
