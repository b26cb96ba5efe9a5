/**
 * A plan: what one audience gets of records of one writer schema; exactly one instruction for each leaf.
 * Immutable data, made by policy/compile-plan.ts and carried out by processors/transcoder.ts.
 * It holds names of schemas and methods, never keys or values.
 */
import type {
  AvroArray,
  AvroLeaf,
  AvroMap,
  AvroRecord,
  AvroReference,
  AvroType,
  AvroUnion,
} from '../schemas/avro-schema.ts';
import type { Normalizer } from './identifier-form.ts';
import type { KnownKind } from './text/known-values.ts';

/** What to do to a value, with its parameters already checked and defaulted by the method. */
export type Instruction =
  | { readonly method: 'keep' }
  | { readonly method: 'drop' }
  | { readonly method: 'redact' }
  /** One value for all. */
  | { readonly method: 'fixed'; readonly value: string | number | boolean }
  /** All characters but those of `ignore` and the ends that are kept; or `count` of them from one end. */
  | {
      readonly method: 'mask';
      readonly character: string;
      readonly keepFirst: number;
      readonly keepLast: number;
      readonly count?: number | undefined;
      readonly from?: 'start' | 'end' | undefined;
      readonly ignore: string;
    }
  /** Bound to the place of the value, so different each time. */
  | { readonly method: 'encrypt' }
  /** The same for the same value of a `domain`. */
  | { readonly method: 'encrypt-deterministic'; readonly domain: string }
  /** As long and of the same characters as the value: `alphabet` by name or in full, `separators` stay. */
  | {
      readonly method: 'format-preserving';
      readonly domain: string;
      readonly alphabet: string;
      readonly separators: string;
    }
  /** Keyed stand-in; `domain` says which identifiers share one, across all topics of the audience. */
  | {
      readonly method: 'pseudonym';
      readonly domain: string;
      /** Before pseudonyms in strings. */
      readonly prefix?: string | undefined;
      readonly encoding?: 'hex' | 'base32' | undefined;
      /** What is taken off an identifier's text before it is hashed. */
      readonly normalize?: readonly Normalizer[] | undefined;
    }
  /** Shift by a keyed number of days per person in [-maxDays, maxDays], never 0. */
  | { readonly method: 'date-shift'; readonly maxDays: number }
  /** First day of the unit. `over89: 'cap'`: a year that tells an age over 89 becomes the year of "90 or older". */
  | {
      readonly method: 'date-truncate';
      readonly unit: 'year' | 'quarter' | 'month';
      readonly over89: 'cap' | 'keep';
      /** Numbers that are marked as nothing else are years. */
      readonly numbers?: 'year' | undefined;
    }
  /** Ages over `over` become `over + 1`. */
  | { readonly method: 'age-cap'; readonly over: number }
  /** The least number of the range of `size` counted from `lower` (or 0), or between two `edges`; or its text. */
  | {
      readonly method: 'bucket';
      readonly size?: number | undefined;
      readonly lower?: number | undefined;
      readonly upper?: number | undefined;
      readonly edges?: readonly number[] | undefined;
      readonly as: 'range' | 'number';
    }
  /** To a multiple of `step`, or to so many digits after the point. */
  | { readonly method: 'round'; readonly step?: number | undefined; readonly digits?: number | undefined }
  | { readonly method: 'zip3' }
  /** A text without what is known of the person and what recognisers find. */
  | {
      readonly method: 'scrub';
      /** A raw topic whose newest records say more of each person. */
      readonly dictionary?: string | undefined;
    };

export type MethodName = Instruction['method'];

/**
 * The instruction tree over the writer's schema.
 * `keep`: the whole subtree is copied. `drop`: the subtree is skipped and is not in the derived schema.
 * `empty`: the subtree is skipped and written as null (`null` branch of the union) or as the type's empty value.
 * The others are mixed: their parts say what happens.
 * `guarded`: `node`, but emptied in a record that meets one of the sensitive rules whose bits `rules` has.
 * `again`: a record inside itself, treated as the nearest `record` node of that name around it.
 */
export type PlanNode =
  | { readonly kind: 'keep'; readonly schema: AvroType }
  | { readonly kind: 'drop'; readonly schema: AvroType }
  | { readonly kind: 'empty'; readonly schema: AvroType }
  | {
      readonly kind: 'leaf';
      readonly schema: AvroLeaf;
      readonly path: string;
      readonly instruction: Instruction;
    }
  | { readonly kind: 'record'; readonly schema: AvroRecord; readonly fields: readonly PlanNode[] }
  | { readonly kind: 'array'; readonly schema: AvroArray; readonly items: PlanNode }
  | {
      readonly kind: 'map';
      readonly schema: AvroMap;
      readonly key: Instruction;
      /** Path of its keys; absent where their instruction does not ask where they stand. */
      readonly keyPath?: string;
      readonly values: PlanNode;
    }
  | { readonly kind: 'union'; readonly schema: AvroUnion; readonly branches: readonly PlanNode[] }
  | {
      readonly kind: 'guarded';
      readonly schema: AvroType;
      readonly rules: number;
      readonly node: PlanNode;
    }
  | { readonly kind: 'again'; readonly schema: AvroReference };

/** A record that holds one of these codes at one of these places carries the tag. */
export interface SensitiveRule {
  readonly tag: string;
  /** Paths of leaves. */
  readonly where: readonly string[];
  /** Codes as they are compared (sensitive-codes.ts): whole ones, and beginnings. */
  readonly codes: readonly string[];
  readonly startsWith: readonly string[];
  /** `redact`: the nodes guarded by this rule are emptied. */
  readonly effect: 'withhold' | 'redact';
}

/** A leaf whose values scrub looks for in the texts of the same record. */
export interface KnownLeaf {
  readonly path: string;
  /** In which forms it is looked for, and what stands in its place. */
  readonly kind: KnownKind | 'date';
}

/** What happens to a record key that has no schema of its own. */
export type KeyInstruction =
  | { readonly method: 'keep' }
  | { readonly method: 'drop' }
  | Extract<Instruction, { readonly method: 'pseudonym' | 'encrypt-deterministic' }>;

export interface Plan {
  readonly audience: string;
  readonly topic: string;
  /** Registry id of the writer's schema. */
  readonly schemaId: number;
  readonly root: PlanNode;
  readonly key: KeyInstruction;
  /** How persons' identifiers are compared, with the hash of the list of merged ones; absent: as they are. */
  readonly persons?: {
    readonly normalize: readonly Normalizer[];
    readonly aliases: string | null;
    readonly domains: readonly string[];
  };
  /** Names of the headers that pass unchanged. */
  readonly headers: readonly string[];
  readonly timestamp: 'append' | 'keep' | 'shift';
  /** Times are shifted by the person's days, at most so many; absent where they are not. */
  readonly timestampMaxDays?: number;
  /** Field names from the root to the person's field; null where the schema marks none. */
  readonly personPath: readonly string[] | null;
  /** Identifier space of persons, for keyed shifts. */
  readonly personSpace: 'patient';
  /** The plan's as-of date as days since 1970-01-01: ages are told at the later of it and the record's time. */
  readonly asOfDay: number;
  /** Leaves that scrub reads; absent where no leaf is scrubbed. */
  readonly known?: readonly KnownLeaf[];
  /** The raw topic that scrub looks persons up in; absent where none does. */
  readonly dictionary?: string;
  /** Rules by value; absent where there are none. Bit i of a guard is the rule at index i. */
  readonly sensitive?: readonly SensitiveRule[];
  /** Derived schema, as JSON text. */
  readonly derivedSchema: string;
  /** Version of the policy in gauze.policies. */
  readonly policyVersion: number;
  /** SHA-256 over all of the above in a canonical form, hex. */
  readonly hash: string;
}

/** A plan before it is hashed. */
export type PlanBody = Omit<Plan, 'hash'>;
