/**
 * HMAC-SHA-256 truncated to 16 bytes, with the inner and outer pad states computed once, so that a short
 * identifier costs two compressions and no allocation (why no library: docs/adr/0003-own-hmac-inner-loop.md).
 * Holds derived pad states, never the key itself, and must never print or return them.
 */
import { createHash } from 'node:crypto';
import { compress, INITIAL_STATE } from './sha256-compression.ts';
import type { KeyedHash } from './audience-keys.ts';
import { Hidden } from './hidden.ts';

const BLOCK_BYTES = 64;
/** Longest tail that fits into the last block beside 0x80 and the 8 bytes of length. */
const LAST_TAIL_BYTES = 55;

// One call runs at a time and leaves nothing behind that the next one reads, so scratch is shared.
const block = new Int32Array(16);
const chain = new Int32Array(8);

/** HMAC (RFC 2104) with SHA-256, truncated to its first 16 bytes. */
export class HmacSha256 extends Hidden implements KeyedHash {
  readonly #inner = new Int32Array(8);
  readonly #outer = new Int32Array(8);

  /** Reads `key` and keeps only the two pad states; the caller wipes `key`. */
  constructor(key: Uint8Array) {
    super();
    // RFC 2104, 2: a key longer than one block is replaced by its hash.
    const short = key.length > BLOCK_BYTES ? createHash('sha256').update(key).digest() : key;
    padState(short, 0x36, this.#inner);
    padState(short, 0x5c, this.#outer);
  }

  hashInto(input: Uint8Array, start: number, end: number, out: Uint8Array, at: number): void {
    hashInner(this.#inner, input, start, end);
    for (let i = 0; i < 8; i += 1) block[i] = chain[i]!;
    block[8] = 0x80000000;
    for (let i = 9; i < 15; i += 1) block[i] = 0;
    block[15] = (BLOCK_BYTES + 32) * 8;
    compress(this.#outer, block, chain);
    for (let i = 0; i < 4; i += 1) {
      const word = chain[i]!;
      out[at + 4 * i] = word >>> 24;
      out[at + 4 * i + 1] = word >>> 16;
      out[at + 4 * i + 2] = word >>> 8;
      out[at + 4 * i + 3] = word;
    }
  }
}

function padState(key: Uint8Array, pad: number, into: Int32Array): void {
  const padded = new Uint8Array(BLOCK_BYTES).fill(pad);
  for (let i = 0; i < key.length; i += 1) padded[i]! ^= key[i]!;
  loadBlock(padded, 0);
  compress(INITIAL_STATE, block, into);
  padded.fill(0);
  block.fill(0);
}

/** Leaves the inner hash of input[start, end) in `chain`. */
function hashInner(inner: Int32Array, input: Uint8Array, start: number, end: number): void {
  let state = inner;
  let position = start;
  while (end - position >= BLOCK_BYTES) {
    loadBlock(input, position);
    compress(state, block, chain);
    state = chain;
    position += BLOCK_BYTES;
  }
  loadTail(input, position, end);
  if (end - position > LAST_TAIL_BYTES) {
    compress(state, block, chain);
    state = chain;
    block.fill(0);
  }
  const lengthBytes = BLOCK_BYTES + end - start;
  block[14] = Math.floor(lengthBytes / 0x20000000);
  block[15] = lengthBytes << 3;
  compress(state, block, chain);
}

function loadBlock(input: Uint8Array, start: number): void {
  for (let i = 0, p = start; i < 16; i += 1, p += 4) {
    block[i] = (input[p]! << 24) | (input[p + 1]! << 16) | (input[p + 2]! << 8) | input[p + 3]!;
  }
}

/** The last bytes of the input, then the bit that ends them (FIPS 180-4, 5.1.1), then zeros. */
function loadTail(input: Uint8Array, start: number, end: number): void {
  let word = 0;
  let position = start;
  for (; end - position >= 4; position += 4, word += 1) {
    block[word] =
      (input[position]! << 24) |
      (input[position + 1]! << 16) |
      (input[position + 2]! << 8) |
      input[position + 3]!;
  }
  let last = 0x80 << (24 - 8 * (end - position));
  let shift = 24;
  for (; position < end; position += 1, shift -= 8) last |= input[position]! << shift;
  block[word] = last;
  for (word += 1; word < 16; word += 1) block[word] = 0;
}
