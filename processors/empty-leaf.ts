/**
 * The empty value of each Avro type that carries one value: what `redact` writes. Apart from empty-value.ts, which has to
 * know all methods. It must never look at a value: the same type always gives the same.
 */
import { GauzeError } from '../platform/errors.ts';
import { typeWord } from '../schemas/avro-schema.ts';
import type { AvroLeaf } from '../schemas/avro-schema.ts';

/** RFC 9562, 5.9: a text that readers which convert UUIDs can read. */
const NIL_UUID = '00000000-0000-0000-0000-000000000000';

/** False for an enum and a fixed: each of their values means something. */
export function hasEmptyValue(leaf: AvroLeaf): boolean {
  return leaf.kind !== 'enum' && leaf.kind !== 'fixed';
}

/** The empty value of a leaf as decoded: longs as bigint, bytes as Buffer. Throws ERR_POLICY_METHOD_TYPE. */
export function emptyLeafValue(leaf: AvroLeaf): unknown {
  switch (leaf.kind) {
    case 'null':
      return null;
    case 'boolean':
      return false;
    case 'int':
    case 'float':
    case 'double':
      return 0;
    case 'long':
      return 0n;
    case 'string':
      return leaf.logical?.name === 'uuid' ? NIL_UUID : '';
    case 'bytes':
      // No bytes at all are no decimal: readers refuse them.
      return Buffer.alloc(leaf.logical?.name === 'decimal' ? 1 : 0);
    default:
      throw new GauzeError('ERR_POLICY_METHOD_TYPE', { method: 'redact', actual: typeWord(leaf) });
  }
}
