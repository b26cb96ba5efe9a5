/**
 * The hash that approvers sign: SHA-256 over the Avro bytes of a scope, so that nothing in it can change unnoticed.
 * One scope has one hash: a scope that is not written in canonical order has none.
 */
import { createHash } from 'node:crypto';
import { GauzeError } from '../platform/errors.ts';
import { REGISTRY_PREFIX_BYTES } from '../schemas/control-codec.ts';
import { scopeCodec } from '../schemas/access-codecs.ts';
import type { Scope } from '../schemas/access-codecs.ts';

/**
 * The hash of `scope`, 32 bytes. Throws ERR_ACCESS_SCOPE_ORDER unless schemas (by id), fields (by path), tags of each
 * field, partitions (by number), persons (bytewise) and the days of the window all rise strictly, and
 * ERR_ACCESS_SCOPE_INVALID where the scope does not fit its schema.
 */
export function scopeHash(scope: Scope): Buffer {
  if (!isCanonical(scope)) throw new GauzeError('ERR_ACCESS_SCOPE_ORDER', {});
  try {
    const bytes = scopeCodec.encode(scope, 0).subarray(REGISTRY_PREFIX_BYTES);
    // The last field of the schema came later: where it says nothing, the hash is the one that was signed before.
    const signed = scope.replay ? bytes : bytes.subarray(0, -1);
    return createHash('sha256').update(signed).digest();
  } catch {
    throw new GauzeError('ERR_ACCESS_SCOPE_INVALID', {});
  }
}

function isCanonical(scope: Scope): boolean {
  return (
    rises(scope.schemas, (a, b) => a.schema_id - b.schema_id) &&
    rises(scope.fields, (a, b) => compareText(a.path, b.path)) &&
    scope.fields.every(({ tags }) => rises(tags, compareText)) &&
    rises(scope.partitions, (a, b) => a.partition - b.partition) &&
    rises(scope.persons ?? [], (a, b) => Buffer.compare(a, b)) &&
    rises(scope.window?.days ?? [], (a, b) => a - b)
  );
}

function rises<T>(items: readonly T[], compare: (a: T, b: T) => number): boolean {
  for (let i = 1; i < items.length; i++) if (compare(items[i - 1]!, items[i]!) >= 0) return false;
  return true;
}

/** By UTF-16 code units, as `sort()` without an argument does. */
function compareText(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1;
}
