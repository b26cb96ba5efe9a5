/**
 * The fewest bytes that a value of a type can take: what a declared number of items is held against.
 * It must never be too high: that would refuse good records.
 */
import type { AvroType } from '../schemas/avro-schema.ts';

export function leastBytes(type: AvroType): number {
  switch (type.kind) {
    case 'null':
      return 0;
    case 'float':
      return 4;
    case 'double':
      return 8;
    case 'fixed':
      return type.size;
    case 'record':
      return type.fields.reduce((sum, field) => sum + leastBytes(field.type), 0);
    // A record inside itself is held by an array, a map or a union, and those take a byte.
    case 'reference':
      return 1;
    case 'union':
      return 1 + Math.min(...type.branches.map(leastBytes));
    default:
      return 1;
  }
}
