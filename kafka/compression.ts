/**
 * Unpacks the records part of a compressed batch, never to more than a set number of bytes:
 * a small batch that unpacks to gigabytes must not take the instance down.
 */
import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import { unpackLz4 } from './lz4-frame.ts';
import { unpackSnappy } from './snappy-blocks.ts';

/** Codec numbers of the record batch attributes, bits 0-2. */
export const CODEC_NAMES = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const;

export type Unpacked =
  | { readonly ok: true; readonly bytes: Buffer }
  | { readonly ok: false; readonly fault: 'codec' | 'too-large' | 'corrupt' };

/** Unpacks `packed`; `bytesMax` bounds the result. Foreign error texts are dropped: they may quote data. */
export function unpack(codec: number, packed: Buffer, bytesMax: number): Unpacked {
  try {
    switch (CODEC_NAMES[codec]) {
      case 'none':
        return { ok: true, bytes: packed };
      case 'gzip':
        return { ok: true, bytes: gunzipSync(packed, { maxOutputLength: bytesMax }) };
      case 'snappy':
        return { ok: true, bytes: unpackSnappy(packed, bytesMax) };
      case 'lz4':
        return { ok: true, bytes: unpackLz4(packed, bytesMax) };
      case 'zstd':
        return { ok: true, bytes: zstdDecompressSync(packed, { maxOutputLength: bytesMax }) };
      default:
        return { ok: false, fault: 'codec' };
    }
  } catch (error) {
    return { ok: false, fault: isTooLarge(error) ? 'too-large' : 'corrupt' };
  }
}

function isTooLarge(error: unknown): boolean {
  const { code } = error as { code?: unknown };
  return code === 'ERR_BATCH_TOO_LARGE' || code === 'ERR_BUFFER_TOO_LARGE';
}
