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
  /**
   * With the registry's prefix for `schemaId`; where it fits into `room`, it is written there. Throws RangeError where
   * the value does not fit the schema.
   */
  encode(value: T, schemaId: number, room?: Buffer): Buffer;
  /** Throws RangeError where the bytes are no such value. */
  decode(bytes: Buffer): T;
}

/** Bytes of magic byte and schema id before each value. */
export const REGISTRY_PREFIX_BYTES = 5;

/** The text of a schema of schemas/control. */
export function schemaFile(name: string): string {
  return readFileSync(new URL(`control/${name}.avsc`, import.meta.url), 'utf8');
}

/**
 * The codec of a schema. `addedLater`: the last fields of the record, in order, which values written by earlier
 * versions end before; those are read with the fields' defaults. `earlierTexts`: whole schemas that earlier versions
 * wrote, newest first.
 */
export function controlCodec<T>(
  schemaText: string,
  addedLater: readonly string[] = [],
  earlierTexts: readonly string[] = [],
): ControlCodec<T> {
  const type = typeOf(JSON.parse(schemaText) as avsc.Schema);
  const texts = [
    ...addedLater.map((_, at) => withoutFields(schemaText, addedLater.slice(at))),
    ...earlierTexts,
  ];
  const earlier = texts.map((text) => type.createResolver(typeOf(JSON.parse(text) as avsc.Schema)));
  return {
    schemaText,
    encode(value, schemaId, room) {
      // avsc's own message would quote the value that does not fit.
      const end = room ? attempt(() => type.encode(value, room, REGISTRY_PREFIX_BYTES)) : -1;
      if (room && end >= 0) return withPrefix(room.subarray(0, end), schemaId);
      const encoded = attempt(() => type.toBuffer(value));
      const bytes = Buffer.allocUnsafe(REGISTRY_PREFIX_BYTES + encoded.length);
      encoded.copy(bytes, REGISTRY_PREFIX_BYTES);
      return withPrefix(bytes, schemaId);
    },
    decode(bytes) {
      if (bytes.length < REGISTRY_PREFIX_BYTES || bytes[0] !== 0) throw new RangeError('no registry prefix');
      const value = bytes.subarray(REGISTRY_PREFIX_BYTES);
      const attempts = [
        () => type.fromBuffer(value) as T,
        // Each field added at the end takes at least a byte, so no value can be read as two versions.
        ...earlier.map((resolver) => () => type.fromBuffer(value, resolver) as T),
      ];
      return firstThatFits(attempts);
    },
  };
}

/** `bytes`, of which the first are the registry's from now on. */
function withPrefix(bytes: Buffer, schemaId: number): Buffer {
  bytes[0] = 0;
  bytes.writeInt32BE(schemaId, 1);
  return bytes;
}

function typeOf(schema: avsc.Schema): avsc.Type {
  return avsc.Type.forSchema(schema, { noAnonymousTypes: false });
}

/** The text of a record's schema without some of its fields. */
export function withoutFields(schemaText: string, fields: readonly string[]): string {
  const schema = JSON.parse(schemaText) as { fields: { name: string }[] };
  return JSON.stringify({ ...schema, fields: schema.fields.filter(({ name }) => !fields.includes(name)) });
}

function firstThatFits<T>([first, ...others]: readonly (() => T)[]): T {
  try {
    return attempt(first!);
  } catch (error) {
    if (others.length === 0) throw error;
    return firstThatFits(others);
  }
}

function attempt<T>(run: () => T): T {
  try {
    return run();
  } catch {
    throw new RangeError('value does not fit its schema');
  }
}
