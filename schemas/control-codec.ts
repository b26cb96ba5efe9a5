/**
 * How values of gauze's own topics become bytes and back: Avro with the registry's 5-byte prefix.
 * avsc's own messages quote values, so none of them leaves this file.
 */
import { readFileSync } from 'node:fs';
import avsc from 'avsc';

/** Encodes and decodes one kind of value. */
export interface ControlCodec<T> {
  /** Schema as registered. */
  readonly schemaText: string;
  /** With the registry's prefix for `schemaId`. Throws RangeError where the value does not fit the schema. */
  encode(value: T, schemaId: number): Buffer;
  /** Throws RangeError where the bytes are no such value. */
  decode(bytes: Buffer): T;
}

/** Bytes of magic byte and schema id before each value. */
export const REGISTRY_PREFIX_BYTES = 5;

/** The text of a schema of schemas/control. */
export function schemaFile(name: string): string {
  return readFileSync(new URL(`control/${name}.avsc`, import.meta.url), 'utf8');
}

/** The codec of a schema. */
export function controlCodec<T>(schemaText: string): ControlCodec<T> {
  const type = avsc.Type.forSchema(JSON.parse(schemaText) as avsc.Schema, { noAnonymousTypes: false });
  return {
    schemaText,
    encode(value, schemaId) {
      // avsc's own message would quote the value that does not fit.
      const encoded = attempt(() => type.toBuffer(value));
      const bytes = Buffer.allocUnsafe(REGISTRY_PREFIX_BYTES + encoded.length);
      bytes[0] = 0;
      bytes.writeInt32BE(schemaId, 1);
      encoded.copy(bytes, REGISTRY_PREFIX_BYTES);
      return bytes;
    },
    decode(bytes) {
      if (bytes.length < REGISTRY_PREFIX_BYTES || bytes[0] !== 0) throw new RangeError('no registry prefix');
      return attempt(() => type.fromBuffer(bytes.subarray(REGISTRY_PREFIX_BYTES)) as T);
    },
  };
}

function attempt<T>(run: () => T): T {
  try {
    return run();
  } catch {
    throw new RangeError('value does not fit its schema');
  }
}
