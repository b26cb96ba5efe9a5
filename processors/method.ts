/**
 * What a masking method is. One file per method in methods/, all listed in method-table.ts.
 * A method never reads a clock, draws random numbers or keeps a value beyond one record
 * (bounded caches of keyed results aside): same input, same bytes.
 */
import type { z } from 'zod';
import type { AvroLeaf } from '../schemas/avro-schema.ts';
import type { Instruction, MethodName } from './plan.ts';
import type { AudienceKeys } from '../keys/audience-keys.ts';
import type { PathCounts } from './path-counts.ts';
import type { RecordState } from './record-state.ts';
import type { KnownValues } from './text/known-values.ts';

/** One row of the generated table "method x type". */
export interface MethodTypeRow {
  /** Avro type in words: `string`, `int (date)`, `T in a union with null`. */
  readonly type: string;
  readonly comesOut: string;
  readonly derivedSchema: string;
}

/** The coordinates of a raw record: what makes a nonce unique, and the same again on replay. */
export interface RecordPlace {
  /** Kafka's id of the raw topic, 32 hex digits. */
  readonly topicId: string;
  readonly partition: number;
  /** Overwritten from record to record: nobody may keep it. */
  offset: number;
}

/** Where a leaf stands. */
export interface LeafWhere {
  /** Path from the root of the value, as in the plan; that of a map's keys for its keys. */
  readonly path: string;
  /** The view that the plan is for: an audience, or `grant-<id>`. */
  readonly audience: string;
}

/** Where a leaf stands that is compiled. */
export interface CompiledLeafWhere extends LeafWhere {
  /** Is it the identifier of the person whom the record is about? */
  readonly isPerson: boolean;
}

/** One case of a method, for the docs; run by a test. Keys are of the test: only what does not depend on them is shown. */
export interface MethodExample {
  /** Avro type as JSON. */
  readonly type: unknown;
  /** As in a policy file, with `method`. */
  readonly instruction: Readonly<Record<string, unknown>>;
  readonly given: string | number | boolean;
  /** What comes out, or a pattern that its text matches; null: nothing does. */
  readonly gives: string | number | boolean | RegExp | null;
}

/** What a value-level method may know of the record around the value. */
export interface ValueContext extends LeafWhere {
  readonly keys: AudienceKeys;
  readonly place: RecordPlace;
  /** Text of the person's identifier, or null where the record has none. */
  readonly person: string | null;
  /** Days since 1970-01-01 at which ages are told. */
  readonly asOfDay: number;
  /** What the record says of its person, for scrub; absent or null: nothing. */
  readonly known?: KnownValues | null;
  /** Numbers of the values of the record that are encrypted under a nonce. */
  readonly sealed: PathCounts;
}

/**
 * A method on the bytes of one leaf. input[start, end) is the content of a string or bytes without its length,
 * or else the whole encoding, and has been checked. Writes the masked leaf with its length at out[at] and returns
 * the position after it, or a fault. Allocates nothing, never throws, and may run past the end of `out`.
 */
export type LeafMasker = (
  input: Uint8Array,
  start: number,
  end: number,
  out: Uint8Array,
  at: number,
  state: RecordState,
) => number;

export interface MaskingMethod<N extends MethodName = MethodName> {
  readonly name: N;
  /** One sentence: what a reader of the sanitized topic can rely on. */
  readonly promise: string;
  /** Parameters as written in a policy file (without `method`), with defaults. */
  readonly parameters: z.ZodType;
  /** Distinct inputs give distinct outputs (up to collisions of 2^-64 and less). */
  readonly oneToOne: boolean;
  readonly keepsJoins: boolean;
  readonly reversible: 'no' | 'with the key';
  /** Rank of strictness where several tags meet: 0 is strictest (drop); equal ranks of different methods cannot be ordered. */
  readonly strictness: number;
  readonly rows: readonly MethodTypeRow[];
  readonly examples: readonly MethodExample[];
  /** SHA-256 in hex of the table that it masks by; part of the plan's hash. Absent where it has none. */
  readonly tableSha256?: string;
  /** Of two instructions of this method: does `a` tell no more than `b`, whatever the value? Absent: only if equal. */
  isAsStrict?(a: Extract<Instruction, { method: N }>, b: Extract<Instruction, { method: N }>): boolean;
  /** The type that comes out, where it is another one: never a named one. Absent: the type as it is. */
  derived?(leaf: AvroLeaf, instruction: Extract<Instruction, { method: N }>): AvroLeaf;
  /** Can it take this type, with these parameters? Without an instruction: with any. */
  accepts(leaf: AvroLeaf, instruction?: Extract<Instruction, { method: N }>): boolean;
  /**
   * The method on a decoded value, written for clearness: the oracle of the transcoder, and what policy examples run.
   * Longs come as bigint, bytes and fixed as Buffer, enums as symbol.
   * Throws GauzeError with a `withhold` code.
   */
  maskValue(
    value: unknown,
    leaf: AvroLeaf,
    instruction: Extract<Instruction, { method: N }>,
    context: ValueContext,
  ): unknown;
  /** Whether the result depends on whom the record is about. */
  readonly needsPerson: boolean;
  /** The method on bytes, for one leaf type; null where the walk itself carries it out (keep, drop, redact). */
  readonly compile:
    | ((
        leaf: AvroLeaf,
        instruction: Extract<Instruction, { method: N }>,
        keys: AudienceKeys,
        where: CompiledLeafWhere,
      ) => LeafMasker)
    | null;
}
