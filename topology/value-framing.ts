/**
 * How the value of a raw record says which schema wrote it: by the registry's prefix, and by nothing else. A record
 * that names its schema in a header (a GUID, as newer serializers write it) has no prefix: its first bytes are data,
 * and must never be taken for one, whatever they look like.
 */
import type { RecordCursor } from '../kafka/record-cursor.ts';
import { REGISTRY_PREFIX_BYTES } from '../schemas/control-codec.ts';

const IN_HEADER = Buffer.from('__value_schema_id');

/** The schema id of the present record, which has a value; -1 where it is not framed as it must be. */
export function schemaIdOf(cursor: RecordCursor): number {
  const { bytes, valueStart, valueEnd } = cursor;
  if (valueEnd - valueStart < REGISTRY_PREFIX_BYTES || bytes[valueStart] !== 0) return -1;
  if (cursor.headerCount > 0 && namesSchema(cursor)) return -1;
  // An id is never negative: such a one is unknown to the registry, and said to be no framing at all.
  return Math.max(-1, bytes.readInt32BE(valueStart + 1));
}

function namesSchema(cursor: RecordCursor): boolean {
  let isFound = false;
  cursor.headers((start, end) => {
    isFound ||=
      end - start === IN_HEADER.length && cursor.bytes.compare(IN_HEADER, 0, undefined, start, end) === 0;
  });
  return isFound;
}
