/**
 * Reading, checking and writing of Avro's binary encoding (Avro 1.12, "Binary Encoding"), as small functions
 * that the generated transcoder and the methods call. Readers return the position after what they read, or a
 * fault; results go into the record's state. They never read at or beyond `end`, allocate or throw.
 * Writers return the next position and may run past the end of `out`: such writes have no effect.
 */
import { FAULT_BOMB, FAULT_TRUNCATED, FAULT_VALUE } from './fault.ts';
import type { RecordState } from './record-state.ts';

/** Items without a byte of their own (nulls, empty records) that one record may declare. */
export const EMPTY_ITEM_LIMIT = 10_000;

/** From here on a call into the runtime copies faster than a loop. */
const COPY_CALL_BYTES = 96;

/** Steps over an int: at most 5 bytes and 32 bits. */
export function skipInt(input: Uint8Array, start: number, end: number): number {
  let position = start;
  for (let bytes = 1; bytes < 5; bytes += 1) {
    if (position >= end) return FAULT_TRUNCATED;
    if (input[position++]! < 0x80) return position;
  }
  if (position >= end) return FAULT_TRUNCATED;
  return input[position]! > 0x0f ? FAULT_VALUE : position + 1;
}

/** Steps over a long: at most 10 bytes and 64 bits. */
export function skipLong(input: Uint8Array, start: number, end: number): number {
  let position = start;
  for (let bytes = 1; bytes < 10; bytes += 1) {
    if (position >= end) return FAULT_TRUNCATED;
    if (input[position++]! < 0x80) return position;
  }
  if (position >= end) return FAULT_TRUNCATED;
  return input[position]! > 0x01 ? FAULT_VALUE : position + 1;
}

/** Reads a long into `state.value` and `state.exact`. */
export function readLong(input: Uint8Array, start: number, end: number, state: RecordState): number {
  const position = skipLong(input, start, end);
  if (position > 0) longAt(input, start, position, state);
  return position;
}

/** The long in input[start, end), whose encoding was checked before, into `state.value` and `state.exact`. */
export function longAt(input: Uint8Array, start: number, end: number, state: RecordState): void {
  // The zig-zag number in three parts of 28, 28 and 8 bits: shifts work on 32 bits only.
  let low = 0;
  let middle = 0;
  let high = 0;
  let position = start;
  for (let bits = 0; bits < 28 && position < end; bits += 7) low |= (input[position++]! & 0x7f) << bits;
  for (let bits = 0; bits < 28 && position < end; bits += 7) middle |= (input[position++]! & 0x7f) << bits;
  for (let bits = 0; bits < 14 && position < end; bits += 7) high |= (input[position++]! & 0x7f) << bits;
  // Half of it first, so that every value up to 2^53 is exact.
  const half = (low >>> 1) + middle * 0x8000000 + high * 0x80000000000000;
  const value = (low & 1) === 0 ? half : -half - 1;
  state.value = value;
  state.exact = Number.isSafeInteger(value);
}

/** Reads the length of a string or bytes into `state.count`; returns where its content begins. */
export function readLength(input: Uint8Array, start: number, end: number, state: RecordState): number {
  if (end - start >= 2 && (input[start]! & 0x81) === 0x80 && input[start + 1]! < 0x80) {
    // Two bytes and even: a length from 0 to 8,191.
    const short = ((input[start]! & 0x7f) | (input[start + 1]! << 7)) >> 1;
    if (short > end - start - 2) return FAULT_TRUNCATED;
    state.count = short;
    return start + 2;
  }
  const position = readLong(input, start, end, state);
  if (position < 0) return position;
  const length = state.value;
  if (length < 0) return FAULT_VALUE;
  if (length > end - position) return FAULT_TRUNCATED;
  state.count = length;
  return position;
}

/** Reads a union's branch or an enum's symbol into `state.count`; `size` is how many there are. */
export function readIndex(
  input: Uint8Array,
  start: number,
  end: number,
  size: number,
  state: RecordState,
): number {
  const checked = skipInt(input, start, end);
  if (checked < 0) return checked;
  const index = intAt(input, start);
  if (index < 0 || index >= size) return FAULT_VALUE;
  state.count = index;
  return checked;
}

/**
 * Reads the header of an array or map block into `state.count` and `state.blockEnd`.
 * `itemBytes` is the least an item takes; a count that cannot fit is a fault before the first item is walked.
 */
export function readBlock(
  input: Uint8Array,
  start: number,
  end: number,
  itemBytes: number,
  state: RecordState,
): number {
  let position = start + 1;
  let count = 0;
  state.blockEnd = -1;
  // One byte and even: a count from 0 to 63, without a size.
  if (start < end && (input[start]! & 0x81) === 0) {
    count = input[start]! >> 1;
  } else {
    position = readLong(input, start, end, state);
    if (position < 0) return position;
    count = state.value;
    if (count < 0) {
      count = -count;
      position = readLong(input, position, end, state);
      if (position < 0) return position;
      if (state.value < 0) return FAULT_VALUE;
      if (state.value > end - position) return FAULT_TRUNCATED;
      state.blockEnd = position + state.value;
    }
  }
  if (itemBytes > 0) {
    if (count * itemBytes > end - position) return FAULT_TRUNCATED;
  } else {
    if (count > EMPTY_ITEM_LIMIT - state.emptyItems) return FAULT_BOMB;
    state.emptyItems += count;
  }
  state.count = count;
  return position;
}

/** The int at `start`, whose encoding was checked before. */
export function intAt(input: Uint8Array, start: number): number {
  let position = start;
  let byte = input[position]!;
  let raw = byte & 0x7f;
  for (let bits = 7; byte >= 0x80; bits += 7) {
    position += 1;
    byte = input[position]!;
    raw |= (byte & 0x7f) << bits;
  }
  return (raw >>> 1) ^ -(raw & 1);
}

/** The long at `start`, whose encoding was checked before, whatever its size. Allocates. */
export function bigLongAt(input: Uint8Array, start: number): bigint {
  let raw = 0n;
  let position = start;
  for (let bits = 0n; ; bits += 7n) {
    const byte = input[position++]!;
    raw |= BigInt(byte & 0x7f) << bits;
    if (byte < 0x80) break;
  }
  return (raw >> 1n) ^ -(raw & 1n);
}

export function writeInt(out: Uint8Array, at: number, value: number): number {
  let raw = ((value << 1) ^ (value >> 31)) >>> 0;
  let position = at;
  for (; raw > 0x7f; raw >>>= 7) out[position++] = (raw & 0x7f) | 0x80;
  out[position] = raw;
  return position + 1;
}

/** Writes a long within +-(2^53 - 1). */
export function writeLong(out: Uint8Array, at: number, value: number): number {
  const sign = value < 0 ? 1 : 0;
  const half = value < 0 ? -(value + 1) : value;
  // The zig-zag number is twice `half`, plus the sign. Its lowest 28 bits make four bytes, the rest at most four more.
  const high = Math.floor(half / 0x8000000);
  let low = ((half - high * 0x8000000) << 1) | sign;
  let position = at;
  if (high > 0) {
    out[position] = (low & 0x7f) | 0x80;
    out[position + 1] = ((low >>> 7) & 0x7f) | 0x80;
    out[position + 2] = ((low >>> 14) & 0x7f) | 0x80;
    out[position + 3] = (low >>> 21) | 0x80;
    position += 4;
    low = high;
  }
  for (; low > 0x7f; low >>>= 7) out[position++] = (low & 0x7f) | 0x80;
  out[position] = low;
  return position + 1;
}

/** Writes a long of any size. Allocates. */
export function writeBigLong(out: Uint8Array, at: number, value: bigint): number {
  let raw = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n));
  let position = at;
  for (; raw > 0x7fn; raw >>= 7n) out[position++] = Number(raw & 0x7fn) | 0x80;
  out[position] = Number(raw);
  return position + 1;
}

/** Copies the few bytes of input[start, end) to out[at]; returns where they end. */
export function copyBytes(
  input: Uint8Array,
  start: number,
  end: number,
  out: Uint8Array,
  at: number,
): number {
  const distance = at - start;
  for (let from = start; from < end; from += 1) out[from + distance] = input[from]!;
  return end + distance;
}

/** Copies input[start, end) to out[at] where it fits; returns where it ends. */
export function copySpan(input: Buffer, start: number, end: number, out: Uint8Array, at: number): number {
  input.copy(out, at, start, end);
  return at + end - start;
}

/** Copies a kept span of the record: as `copySpan`, by the views of `state`. */
export function copyKept(
  input: Buffer,
  start: number,
  end: number,
  out: Uint8Array,
  at: number,
  state: RecordState,
): number {
  const length = end - start;
  const next = at + length;
  // A view throws beyond its end, where an array does nothing.
  if (next > out.length) return next;
  if (length >= COPY_CALL_BYTES) {
    input.copy(out, at, start, end);
    return next;
  }
  const { inputView, outView } = state;
  const distance = at - start;
  if (length < 8) {
    for (let from = start; from < end; from += 1) out[from + distance] = input[from]!;
    return next;
  }
  // The last eight bytes overlap those before where the length is no multiple of eight.
  const last = end - 8;
  for (let from = start; from < last; from += 8) {
    outView.setBigUint64(from + distance, inputView.getBigUint64(from, true), true);
  }
  outView.setBigUint64(last + distance, inputView.getBigUint64(last, true), true);
  return next;
}

const MINUS = 0x2d;
const ZERO = 0x30;

/**
 * Writes the long encoded in input[start, end) as decimal text at out[0]; returns the text's length (at most 20).
 * Allocates only for values beyond +-(2^53 - 1).
 */
export function writeLongText(
  input: Uint8Array,
  start: number,
  end: number,
  out: Buffer,
  state: RecordState,
): number {
  longAt(input, start, end, state);
  if (!state.exact) return out.write(bigLongAt(input, start).toString(), 0, 'latin1');
  let rest = Math.abs(state.value);
  let length = state.value < 0 ? 2 : 1;
  for (let power = 10; power <= rest; power *= 10) length += 1;
  if (state.value < 0) out[0] = MINUS;
  let position = length;
  do {
    position -= 1;
    out[position] = ZERO + (rest % 10);
    rest = Math.floor(rest / 10);
  } while (rest > 0);
  return length;
}

/** Notes the int or long in input[start, end) as the record's person: its decimal text, as for pseudonyms. */
export function notePersonLong(input: Uint8Array, start: number, end: number, state: RecordState): void {
  const length = writeLongText(input, start, end, state.personText, state);
  state.personInput = state.personText;
  state.personView = state.personTextView;
  state.personStart = 0;
  state.personEnd = length;
}
