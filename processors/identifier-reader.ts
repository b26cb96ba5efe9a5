/**
 * Normalisers on bytes: finds the part of an identifier that is hashed, in place or in a scratch buffer. ASCII, which is
 * nearly all of it, costs no allocation; other text goes the way of identifier-form.ts.
 * It keeps nothing of a text beyond the next call.
 */
import { FHIR_RESOURCE_TYPES } from './fhir-resource-types.ts';
import { identifierFormOf } from './identifier-form.ts';
import type { Normalizer } from './identifier-form.ts';
import { viewOf } from './record-state.ts';

const SCRATCH_BYTES = 256;
const UUID_TEXT_BYTES = 36;
const ID_BYTES_MAX = 64;
const BLANK = 0x20;
const DASH = 0x2d;
const DOT = 0x2e;
const SLASH = 0x2f;
const ZERO = 0x30;
const NOTHING = Buffer.alloc(0);
export const URN_UUID = Buffer.from('urn:uuid:');
export const URN_OID = Buffer.from('urn:oid:');
const HISTORY = Buffer.from('/_history/');
/** `Patient/` and the others, by their length. */
const REFERENCES: ReadonlyMap<number, readonly Buffer[]> = Map.groupBy(
  FHIR_RESOURCE_TYPES.map((type) => Buffer.from(`${type}/`)),
  ({ length }) => length,
);
const FRAMES = new Map<string, Buffer>(
  [NOTHING, URN_UUID, URN_OID, ...[...REFERENCES.values()].flat()].map((frame) => [
    frame.toString('latin1'),
    frame,
  ]),
);

/** One per masker: `read` says where the identifier stands until it is called again. */
export class IdentifierReader {
  /** What the identifier is wrapped in, one of few constants; empty for nothing. */
  frame: Buffer = NOTHING;
  bytes: Uint8Array;
  view: DataView;
  start = 0;
  end = 0;
  readonly #normalize: readonly Normalizer[];
  readonly #trims: boolean;
  readonly #urns: boolean;
  readonly #references: boolean;
  readonly #folds: boolean;
  readonly #strips: boolean;
  readonly #dropsZeros: boolean;
  readonly #scratch = Buffer.alloc(SCRATCH_BYTES);
  readonly #scratchView = viewOf(this.#scratch);

  constructor(normalize: readonly Normalizer[]) {
    this.#normalize = normalize;
    this.#trims = normalize.includes('trim');
    this.#urns = normalize.includes('urn');
    this.#references = normalize.includes('fhir-reference');
    this.#folds = normalize.includes('case');
    this.#strips = normalize.includes('separators');
    this.#dropsZeros = normalize.includes('leading-zeros');
    this.bytes = this.#scratch;
    this.view = this.#scratchView;
  }

  /** Reads the identifier in input[start, end), which `view` is a view of. */
  read(input: Uint8Array, view: DataView, start: number, end: number): void {
    for (let i = start; i < end; i += 1) if (input[i]! >= 0x80) return this.#readText(input, start, end);
    if (end - start > SCRATCH_BYTES) return this.#readText(input, start, end);
    this.bytes = input;
    this.view = view;
    this.start = start;
    this.end = end;
    this.frame = NOTHING;
    if (this.#trims) this.#trim();
    if (this.#urns) this.#takeUrn();
    if (this.#references && this.frame === NOTHING) this.#takeReference();
    const folds = this.#folds || this.frame === URN_UUID;
    if (folds || this.#strips) this.#copy(folds);
    if (this.#dropsZeros) this.#dropZeros();
  }

  /** The way of strings; allocates. */
  #readText(input: Uint8Array, start: number, end: number): void {
    const { frame, id } = identifierFormOf(
      Buffer.from(input.buffer, input.byteOffset + start, end - start),
      this.#normalize,
    );
    this.frame = FRAMES.get(frame) ?? NOTHING;
    this.bytes = id;
    this.view = viewOf(id);
    this.start = 0;
    this.end = id.length;
  }

  #trim(): void {
    const { bytes } = this;
    while (this.start < this.end && isBlank(bytes[this.start]!)) this.start += 1;
    while (this.start < this.end && isBlank(bytes[this.end - 1]!)) this.end -= 1;
  }

  #takeUrn(): void {
    const { bytes, start, end } = this;
    if (beginsWith(bytes, start, end, URN_UUID)) {
      const from = start + URN_UUID.length;
      if (end - from === UUID_TEXT_BYTES && isUuid(bytes, from)) this.#take(URN_UUID, end);
    } else if (beginsWith(bytes, start, end, URN_OID) && isOid(bytes, start + URN_OID.length, end))
      this.#take(URN_OID, end);
  }

  #takeReference(): void {
    const { bytes, start, end } = this;
    let slash = start;
    while (slash < end && bytes[slash] !== SLASH) slash += 1;
    if (slash === end) return;
    const frame = knownType(bytes, start, slash + 1);
    if (frame === null) return;
    const idEnd = endOfId(bytes, slash + 1, end);
    if (idEnd === slash + 1) return;
    if (idEnd === end) return this.#take(frame, end);
    const version = idEnd + HISTORY.length;
    if (!isAt(bytes, idEnd, end, HISTORY)) return;
    if (version < end && endOfId(bytes, version, end) === end) this.#take(frame, idEnd);
  }

  #take(frame: Buffer, end: number): void {
    this.frame = frame;
    this.start += frame.length;
    this.end = end;
  }

  /** Moves what stays into the scratch buffer, in small letters where it `folds`. */
  #copy(folds: boolean): void {
    const { bytes, end } = this;
    const scratch = this.#scratch;
    let to = 0;
    for (let i = this.start; i < end; i += 1) {
      const byte = bytes[i]!;
      if (this.#strips && isSeparator(byte)) continue;
      scratch[to] = folds && byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte;
      to += 1;
    }
    this.bytes = scratch;
    this.view = this.#scratchView;
    this.start = 0;
    this.end = to;
  }

  #dropZeros(): void {
    const { bytes, end } = this;
    for (let i = this.start; i < end; i += 1) if (!isDigit(bytes[i]!)) return;
    while (this.start < end - 1 && bytes[this.start] === ZERO) this.start += 1;
  }
}

function isBlank(byte: number): boolean {
  return byte === BLANK || (byte >= 9 && byte <= 13);
}

function isSeparator(byte: number): boolean {
  return byte === BLANK || byte === 9 || (byte >= DASH && byte <= SLASH) || byte === 0x3a || byte === 0x5f;
}

function isDigit(byte: number): boolean {
  return byte >= ZERO && byte <= 0x39;
}

/** `word` in small letters at `start`, whatever the letters there are. */
function beginsWith(bytes: Uint8Array, start: number, end: number, word: Buffer): boolean {
  if (end - start < word.length) return false;
  for (let i = 0; i < word.length; i += 1) {
    const byte = bytes[start + i]!;
    if ((byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte) !== word[i]) return false;
  }
  return true;
}

function isAt(bytes: Uint8Array, start: number, end: number, word: Buffer): boolean {
  if (end - start < word.length) return false;
  for (let i = 0; i < word.length; i += 1) if (bytes[start + i] !== word[i]) return false;
  return true;
}

function isUuid(bytes: Uint8Array, start: number): boolean {
  for (let i = 0; i < UUID_TEXT_BYTES; i += 1) {
    const byte = bytes[start + i]!;
    if (i === 8 || i === 13 || i === 18 || i === 23) {
      if (byte !== DASH) return false;
    } else if (!isDigit(byte) && ((byte | 0x20) < 0x61 || (byte | 0x20) > 0x66)) return false;
  }
  return true;
}

/** Numbers between dots, at least two; the first one is 0, 1 or 2, and none has a zero in front. */
function isOid(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start < 3 || bytes[start]! < ZERO || bytes[start]! > 0x32 || bytes[start + 1] !== DOT)
    return false;
  let digits = 0;
  for (let i = start + 2; i < end; i += 1) {
    const byte = bytes[i]!;
    if (byte === DOT) {
      if (digits === 0) return false;
      digits = 0;
    } else {
      if (!isDigit(byte) || (digits === 1 && bytes[i - 1] === ZERO)) return false;
      digits += 1;
    }
  }
  return digits > 0;
}

function knownType(bytes: Uint8Array, start: number, end: number): Buffer | null {
  const known = REFERENCES.get(end - start);
  if (known === undefined) return null;
  for (let i = 0; i < known.length; i += 1) if (isAt(bytes, start, end, known[i]!)) return known[i]!;
  return null;
}

/** End of a FHIR id of at most 64 characters that begins at `start`. */
function endOfId(bytes: Uint8Array, start: number, end: number): number {
  const limit = Math.min(end, start + ID_BYTES_MAX);
  let at = start;
  while (at < limit && isIdCharacter(bytes[at]!)) at += 1;
  return at;
}

function isIdCharacter(byte: number): boolean {
  const letter = byte | 0x20;
  return isDigit(byte) || (letter >= 0x61 && letter <= 0x7a) || byte === DASH || byte === DOT;
}
