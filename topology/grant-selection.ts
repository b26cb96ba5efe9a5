/**
 * Which records of a raw partition a grant delivers: those of its range, about its persons, while its caps last.
 * Whom a record is about is told by subject tokens; one that names nobody is delivered only where nothing depends on
 * whom it is about. A cap is never exceeded: the walk stops before the record that would.
 */
import type { RecordCursor } from '../kafka/record-cursor.ts';
import { SUBJECT_TOKEN_BYTES } from '../schemas/access-codecs.ts';
import { REGISTRY_PREFIX_BYTES } from '../schemas/control-codec.ts';
import type { Survivors } from './grant-persons.ts';
import type { CompiledPlan } from './plan-store.ts';
import type { RecordSelection } from './span-masker.ts';
import type { SubjectTokenizer } from './subject-tokenizer.ts';

export interface SelectionLimits {
  /** First offset that is not wanted any more. */
  readonly endOffset: number;
  /** Tokens of the persons named; null: anybody. */
  readonly persons: ReadonlySet<bigint> | null;
  /** Tokens counted in earlier leases. */
  readonly counted: ReadonlySet<bigint>;
  readonly recordsLeft: number;
  /** Which tokens are of one person. */
  readonly survivors: Survivors;
  /** Most persons over all leases, each once however many ids they have; null: any number. 0: those counted. */
  readonly personsMax: number | null;
}

/** By schema id. */
export type Tokenizers = ReadonlyMap<number, SubjectTokenizer>;

export class GrantSelection implements RecordSelection {
  /** Records taken. */
  count = 0;
  /** Tokens of those whom records taken are about, each once. */
  readonly persons = new Set<bigint>();
  /** Those of them that no earlier lease has counted. */
  readonly newPersons = new Set<bigint>();
  /** The cap that the next record would exceed. */
  reached: 'RECORDS' | 'PERSONS' | null = null;
  private readonly limits: SelectionLimits;
  private readonly tokenizers: Tokenizers;
  private readonly token = Buffer.alloc(SUBJECT_TOKEN_BYTES);
  private candidate: bigint | null = null;
  /** People counted, by the tokens that stand for them. */
  private readonly people: Set<bigint>;

  constructor(limits: SelectionLimits, tokenizers: Tokenizers) {
    this.limits = limits;
    this.tokenizers = tokenizers;
    this.people = new Set([...limits.counted].map((token) => this.survivorOf(token)));
  }

  reaches(offset: number): boolean {
    return offset < this.limits.endOffset;
  }

  decide(cursor: RecordCursor, { plan }: CompiledPlan): 'take' | 'pass' | 'stop' {
    const { persons, personsMax, recordsLeft } = this.limits;
    this.candidate = this.tokenOf(cursor, plan.schemaId);
    if (this.candidate === null && (persons !== null || personsMax !== null)) return 'pass';
    if (persons !== null && !persons.has(this.candidate!)) return 'pass';
    if (this.count >= recordsLeft) return this.stop('RECORDS');
    const isFull = personsMax !== null && this.people.size >= personsMax;
    if (isFull && !this.people.has(this.survivorOf(this.candidate!))) return this.stop('PERSONS');
    return 'take';
  }

  taken(): void {
    this.count++;
    if (this.candidate === null) return;
    if (!this.limits.counted.has(this.candidate)) this.newPersons.add(this.candidate);
    this.people.add(this.survivorOf(this.candidate));
    this.persons.add(this.candidate);
  }

  private survivorOf(token: bigint): bigint {
    return this.limits.survivors.get(token) ?? token;
  }

  private stop(cap: 'RECORDS' | 'PERSONS'): 'stop' {
    this.reached = cap;
    return 'stop';
  }

  /** Null where the record names nobody, or cannot be told to. */
  private tokenOf(cursor: RecordCursor, schemaId: number): bigint | null {
    const { bytes, valueStart, valueEnd } = cursor;
    const start = valueStart + REGISTRY_PREFIX_BYTES;
    const isNamed = this.tokenizers.get(schemaId)?.tokenInto(bytes, start, valueEnd, this.token, 0) ?? false;
    return isNamed ? this.token.readBigUInt64BE() : null;
  }
}

/** Tokens as they stand in scopes, progress and events. */
export function tokenSet(tokens: readonly Buffer[]): Set<bigint> {
  return new Set(tokens.map((token) => token.readBigUInt64BE()));
}

/** The same tokens as buffers, in order of their bytes. */
export function tokenBuffers(tokens: ReadonlySet<bigint>): readonly Buffer[] {
  return [...tokens]
    .sort((a, b) => (a < b ? -1 : 1))
    .map((token) => {
      const bytes = Buffer.alloc(SUBJECT_TOKEN_BYTES);
      bytes.writeBigUInt64BE(token);
      return bytes;
    });
}
