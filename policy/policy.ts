/**
 * What a policy is: one audience, its regime, and a method for each tag. Types only; policy-file.ts reads them.
 */
import type { Instruction } from '../processors/plan.ts';
import type { TagName } from '../schemas/tags.ts';
import type { KeyEpochs, PersonRules } from './policy-inputs.ts';
import type { Regime } from './regimes.ts';

/** A Kafka principal that may read the audience's topics. */
export interface Reader {
  /** `User:name`. */
  readonly principal: string;
  /** Why it may read another audience of the same topic as well; null where nobody said. */
  readonly reason: string | null;
}

export interface TopicPolicy {
  /** Tag that says what the record key is; null where the policy does not say. */
  readonly keyTag: TagName | null;
  /** Headers that pass, and why they hold no PHI. */
  readonly headers: ReadonlyMap<string, string>;
  /** Version of the sanitized topic: what readers of one version can rely on no later one may break. */
  readonly version: number;
  /** Where the lanes begin to fill this version, when it takes the place of another. */
  readonly from: 'earliest' | 'committed';
  /** Is the sanitized topic compacted, as the raw one is? */
  readonly compact: boolean;
}

/** A decision about one path, against what the tags say. */
export interface FieldException {
  readonly instruction: Instruction;
  readonly reason: string;
}

/** A rule of `sensitive:`: a record with one of these codes carries the tag. */
export interface SensitiveByValue {
  readonly tag: TagName;
  /** Paths of the leaves that may hold the code. */
  readonly where: readonly string[];
  /** Codes as they are compared, sorted: whole ones, and beginnings. */
  readonly codes: readonly string[];
  readonly startsWith: readonly string[];
  /** What is emptied in such a record; none: the record is withheld. */
  readonly redact: readonly string[];
  /** Records of a schema that has none of `where`. */
  readonly ifAbsent: 'hold' | 'pass';
  readonly reason: string;
}

export type ExampleValue = string | number | boolean | null;

/** What an example expects at one path. */
export type Expectation =
  | { readonly kind: 'value'; readonly value: ExampleValue }
  | { readonly kind: 'not'; readonly value: ExampleValue }
  | { readonly kind: 'absent' };

export interface PolicyExample {
  readonly topic: string;
  readonly given: ReadonlyMap<string, ExampleValue>;
  readonly expect: ReadonlyMap<string, Expectation>;
}

export interface Policy {
  readonly audience: string;
  readonly regime: Regime;
  readonly description: string;
  readonly owner: string;
  readonly readers: readonly Reader[];
  readonly topics: ReadonlyMap<string, TopicPolicy>;
  readonly keys: KeyEpochs;
  /** When two identifiers are one person's; null: when they are the same. */
  readonly persons: PersonRules | null;
  readonly timestamp: 'append' | 'keep' | 'shift';
  /** What happens to a leaf without an instruction. */
  readonly untagged: 'hold' | 'drop';
  readonly methods: ReadonlyMap<TagName, Instruction>;
  /** Exceptions by topic and path. */
  readonly fields: ReadonlyMap<string, ReadonlyMap<string, FieldException>>;
  /** By topic. */
  readonly sensitive: ReadonlyMap<string, readonly SensitiveByValue[]>;
  readonly examples: readonly PolicyExample[];
  /** The file as written. */
  readonly text: string;
  /** SHA-256 of the text, hex. */
  readonly sha256: string;
  readonly file: string;
  /** Line of a setting, or of the nearest thing above it that is there; counted from 1. */
  lineOf(...setting: readonly PropertyKey[]): number;
}
