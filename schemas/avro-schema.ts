/**
 * Avro schemas as a tree that keeps what avsc drops: tags, the person mark and unknown attributes.
 * Only the shape of types lives here; parse-avro.ts builds it. Never holds a value of a record.
 */

/** The primitive types of Avro 1.12, "Primitive Types". */
export type PrimitiveName = 'null' | 'boolean' | 'int' | 'long' | 'float' | 'double' | 'bytes' | 'string';

/** Logical type as written, with the attributes that belong to it. */
export interface LogicalType {
  readonly name: string;
  readonly precision?: number;
  readonly scale?: number;
}

/** What a named type may have been called before, as full names; absent where the schema says nothing. */
interface WithAliases {
  readonly typeAliases?: readonly string[];
}

interface TypeCommon {
  /** null where there is none, or where it does not fit its base type (Avro says: then ignore it). */
  readonly logical: LogicalType | null;
  /** `confluent:tags` found on the type object itself. */
  readonly tags: readonly string[];
}

export interface AvroPrimitive extends TypeCommon {
  readonly kind: PrimitiveName;
}
export interface AvroEnum extends TypeCommon, WithAliases {
  readonly kind: 'enum';
  readonly fullName: string;
  readonly symbols: readonly string[];
  /** What a reader takes for a symbol it does not know; absent where the schema names none. */
  readonly defaultSymbol?: string;
}
export interface AvroFixed extends TypeCommon, WithAliases {
  readonly kind: 'fixed';
  readonly fullName: string;
  /** Bytes. */
  readonly size: number;
}
export interface AvroArray extends TypeCommon {
  readonly kind: 'array';
  readonly items: AvroType;
}
export interface AvroMap extends TypeCommon {
  readonly kind: 'map';
  readonly values: AvroType;
}
export interface AvroUnion extends TypeCommon {
  readonly kind: 'union';
  readonly branches: readonly AvroType[];
}
export interface AvroRecord extends TypeCommon, WithAliases {
  readonly kind: 'record';
  readonly fullName: string;
  readonly doc: string | null;
  readonly fields: readonly AvroField[];
}

export interface AvroField {
  readonly name: string;
  readonly type: AvroType;
  readonly tags: readonly string[];
  /** `"gauze:person": true`: this field says whom the record is about. */
  readonly person: boolean;
  readonly doc: string | null;
  readonly hasDefault: boolean;
  readonly default: unknown;
  readonly aliases: readonly string[];
  /** Everything else written on the field, as parsed JSON. */
  readonly attributes: Readonly<Record<string, unknown>>;
}

/** A record inside itself: the nearest record of that name around it. Stands only below one. */
export interface AvroReference extends TypeCommon {
  readonly kind: 'reference';
  readonly fullName: string;
}

/** Types whose bytes are one value: what an instruction acts on. `null` carries no value and is none. */
export type AvroLeaf = AvroPrimitive | AvroEnum | AvroFixed;
export type AvroType = AvroLeaf | AvroArray | AvroMap | AvroUnion | AvroRecord | AvroReference;

/** True for types that carry one value. */
export function isLeaf(type: AvroType): type is AvroLeaf {
  switch (type.kind) {
    case 'array':
    case 'map':
    case 'union':
    case 'record':
    case 'reference':
      return false;
    default:
      return true;
  }
}

/** The type as a person would say it: `string`, `int (date)`, `enum Gender`. Names of the schema only. */
export function typeWord(type: AvroType): string {
  const kind = type.kind === 'reference' ? 'record' : type.kind;
  const base = 'fullName' in type ? `${kind} ${type.fullName}` : kind;
  return type.logical ? `${base} (${type.logical.name})` : base;
}
