/**
 * Finds the identifier of the person that a record is about in the record's bytes, with the same walk and the same
 * checks as the transcoder. It never throws for what a record holds and keeps nothing of it beyond the next call.
 */
import type { AvroType } from '../schemas/avro-schema.ts';
import * as avroBytes from './avro-bytes.ts';
import { FAULT_TRAILING, FAULT_TRUNCATED } from './fault.ts';
import { RecordState } from './record-state.ts';
import { WalkSource } from './walk-source.ts';

/** Walks input[start, end): 0, or a fault (see fault.ts). The state then says where the identifier's text stands. */
type Find = (input: Uint8Array, start: number, end: number) => number;
type Factory = (helpers: typeof avroBytes, state: RecordState) => Find;

export class PersonFinder {
  readonly #state = new RecordState(0);
  readonly #find: Find;

  /**
   * `path` leads to the person's field as policy/person-field.ts found it.
   * The whole record is checked, also behind the person: a malformed one names nobody.
   */
  constructor(schema: AvroType, path: readonly string[]) {
    // oxlint-disable-next-line typescript/no-implied-eval -- the source holds names and numbers of our own only
    const factory = new Function('h', 'r', sourceOf(schema, path)) as Factory;
    this.#find = factory(avroBytes, this.#state);
  }

  /**
   * Looks into the Avro body input[start, end) (without the registry's 5-byte prefix).
   * Returns 0, or a negative number, which is a fault: `faultCode`. Where the record names nobody, `start` is `end`.
   */
  find(input: Uint8Array, start: number, end: number): number {
    return this.#find(input, start, end);
  }

  /** Holds the identifier as text, UTF-8, in [start, end): the record itself, or the decimal digits of a number. */
  get text(): Uint8Array {
    return this.#state.personInput;
  }

  /** The same as a view. */
  get view(): DataView {
    return this.#state.personView;
  }

  get start(): number {
    return this.#state.personStart;
  }

  get end(): number {
    return this.#state.personEnd;
  }
}

/** Body of a factory: takes `h` (functions) and `r` (the state). */
function sourceOf(schema: AvroType, path: readonly string[]): string {
  const source = new WalkSource(schema);
  source.findPersonFunction(schema, path);
  const wholeWalk = source.captured(() => source.walk(schema, null));
  return [
    `'use strict';`,
    `const { skipInt, skipLong, readLength, readIndex, readBlock, notePersonLong } = h;`,
    ...source.functions,
    `return function find(b, start, end) {`,
    `let p = start, n = 0;`,
    `if (!(start >= 0 && end <= b.length)) return ${FAULT_TRUNCATED};`,
    `r.use(b, b);`,
    `r.begin(-1, null);`,
    ...wholeWalk,
    `if (p !== end) return ${FAULT_TRAILING};`,
    // Counted anew by the second walk.
    `r.emptyItems = 0;`,
    `return findPerson(b, start, end);`,
    `};`,
  ].join('\n');
}
