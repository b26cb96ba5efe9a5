/**
 * Sealing with AES-256-GCM-SIV (RFC 8452): each value under a nonce of its own, made from where it stands, so that the
 * same record gives the same bytes again and a text moved to another place does not open.
 * Key bytes stay in this object: it must never print them, and never give back what did not pass its tag.
 *
 * Format, bytes: 1 version (0x01) | 4 key epoch | 12 nonce | sealed(8 offset | 4 ordinal | content) | 16 tag.
 * Offset and ordinal are sealed too: who holds the key need not know them, and who does not learns nothing from them.
 * Associated data: version, epoch, view, topic id, partition, path. Nonce: first 96 bits of HMAC-SHA-256 over these with
 * offset and ordinal. Two places that met in 96 bits would still tell nothing: what is sealed differs, and GCM-SIV then
 * only tells whether two contents are the same.
 */
import type { PlaceSealer, RecordCoordinates, Sealer } from './audience-keys.ts';
import { Hidden } from './hidden.ts';
import type { HmacSha256 } from './keyed-hash.ts';
import { gcmSivDecrypt, gcmSivEncrypt } from './siv-modes.ts';

const SEALED_VERSION = 0x01;
/** Version and epoch, in front of whatever is encrypted here. */
export const PREFIX_BYTES = 5;
const NONCE_BYTES = 12;
/** Offset and ordinal. */
const HEAD_BYTES = 12;
const TAG_BYTES = 16;
const CONTENT_START = PREFIX_BYTES + NONCE_BYTES;
const LEAST_BYTES = CONTENT_START + HEAD_BYTES + TAG_BYTES;

/** Where a sealed value stands, as far as whoever opens it has to know. */
export interface SealedPlace {
  /** Kafka's id of the raw topic, 32 hex digits. */
  readonly topicId: string;
  readonly partition: number;
  readonly path: string;
  /** Where it is known: a text of another record does not open then. */
  readonly offset?: number | undefined;
}

/** An opened value, and where in the raw partition it comes from. */
export interface Opened {
  readonly offset: number;
  /** Number of the value among those of its path in the record, from 0. */
  readonly ordinal: number;
  readonly content: Buffer;
}

export class GcmSivSealer extends Hidden implements Sealer {
  readonly #key: Uint8Array;
  readonly #nonces: HmacSha256;
  readonly #view: string;
  readonly #epoch: number;

  /** Keeps `key` (32 bytes); `view` is the audience, or `grant-<id>`. */
  constructor(key: Uint8Array, nonces: HmacSha256, view: string, epoch: number) {
    super();
    this.#key = key;
    this.#nonces = nonces;
    this.#view = view;
    this.#epoch = epoch;
  }

  at(path: string): PlaceSealer {
    const place = new Place(this.#view, this.#epoch, path);
    return {
      seal: (coordinates, ordinal, content) => {
        place.moveTo(coordinates, ordinal);
        return this.#seal(place, content);
      },
    };
  }

  /** The content of a sealed value; null unless it was sealed by these keys for this place. */
  open(sealed: Uint8Array, { topicId, partition, path, offset: expected }: SealedPlace): Opened | null {
    if (sealed.length < LEAST_BYTES || sealed[0] !== SEALED_VERSION) return null;
    const place = new Place(this.#view, this.#epoch, path);
    place.moveTo({ topicId, partition, offset: 0 }, 0);
    const nonce = sealed.subarray(PREFIX_BYTES, CONTENT_START);
    const head = gcmSivDecrypt(this.#key, nonce, place.associated, sealed.subarray(CONTENT_START));
    if (head === null) return null;
    const offset = Number(head.readBigUInt64BE(0));
    const ordinal = head.readUInt32BE(8);
    if (expected !== undefined && expected !== offset) return null;
    place.moveTo({ topicId, partition, offset }, ordinal);
    // The nonce says the same as what is sealed, or the text was not made here.
    if (!this.#nonce(place).equals(nonce)) return null;
    return { offset, ordinal, content: head.subarray(HEAD_BYTES) };
  }

  #seal(place: Place, content: Uint8Array): Uint8Array {
    const nonce = this.#nonce(place);
    const plain = new Uint8Array(HEAD_BYTES + content.length);
    plain.set(place.head);
    plain.set(content, HEAD_BYTES);
    const out = new Uint8Array(CONTENT_START + plain.length + TAG_BYTES);
    writePrefix(out, SEALED_VERSION, this.#epoch);
    out.set(nonce, PREFIX_BYTES);
    out.set(gcmSivEncrypt(this.#key, nonce, place.associated, plain), CONTENT_START);
    plain.fill(0);
    return out;
  }

  #nonce({ all }: Place): Buffer {
    const hash = Buffer.alloc(16);
    this.#nonces.hashInto(all, 0, all.length, hash, 0);
    return hash.subarray(0, NONCE_BYTES);
  }
}

/** One path of one view as bytes: the associated data, then the head. Overwritten from value to value. */
class Place {
  readonly all: Buffer;
  readonly associated: Buffer;
  readonly head: Buffer;
  readonly #topicAt: number;
  #topicId = '';

  constructor(view: string, epoch: number, path: string) {
    const viewBytes = Buffer.from(view, 'utf8');
    const pathBytes = Buffer.from(path, 'utf8');
    this.#topicAt = PREFIX_BYTES + 4 + viewBytes.length;
    const associatedBytes = this.#topicAt + 20 + pathBytes.length;
    this.all = Buffer.alloc(associatedBytes + HEAD_BYTES);
    writePrefix(this.all, SEALED_VERSION, epoch);
    // The view with its length in front, the rest of fixed length but the path, which is last: no two places meet.
    this.all.writeUInt32BE(viewBytes.length, PREFIX_BYTES);
    viewBytes.copy(this.all, PREFIX_BYTES + 4);
    pathBytes.copy(this.all, this.#topicAt + 20);
    this.associated = this.all.subarray(0, associatedBytes);
    this.head = this.all.subarray(associatedBytes);
  }

  moveTo({ topicId, partition, offset }: RecordCoordinates, ordinal: number): void {
    if (topicId !== this.#topicId) {
      this.all.write(topicId, this.#topicAt, 16, 'hex');
      this.#topicId = topicId;
    }
    this.all.writeInt32BE(partition, this.#topicAt + 16);
    this.head.writeUInt32BE(Math.floor(offset / 0x1_0000_0000), 0);
    this.head.writeUInt32BE(offset % 0x1_0000_0000, 4);
    this.head.writeUInt32BE(ordinal, 8);
  }
}

/** Writes the version of a format and the key epoch at the front of `out`. */
export function writePrefix(out: Uint8Array, version: number, epoch: number): void {
  out[0] = version;
  out[1] = epoch >>> 24;
  out[2] = epoch >>> 16;
  out[3] = epoch >>> 8;
  out[4] = epoch;
}

/** The key epoch that a text of this room's formats names; null where it is too short to name one. */
export function epochOf(sealed: Uint8Array): number | null {
  if (sealed.length < PREFIX_BYTES) return null;
  return Buffer.from(sealed.buffer, sealed.byteOffset, sealed.length).readUInt32BE(1);
}
