/**
 * The masking engine: compiles a plan to one function from Avro bytes to masked Avro bytes.
 * It never throws for what a record holds, never reads outside the record, never keeps a value beyond the call
 * (bounded caches of keyed hashes aside), and gives the same bytes for the same record, plan and keys.
 */
import { GauzeError } from '../platform/errors.ts';
import type { AudienceKeys } from '../keys/audience-keys.ts';
import * as avroBytes from './avro-bytes.ts';
import { deterministicCache } from './methods/encrypt-deterministic.ts';
import { KnownLeaves } from './known-leaves.ts';
import type { PersonValues } from './known-leaves.ts';
import { pseudonymKeyMasker } from './pseudonym-key.ts';
import { RecordState } from './record-state.ts';
import { SensitiveCheck } from './sensitive-codes.ts';
import { compileTimeShift } from './time-shift.ts';
import type { TimeShift } from './time-shift.ts';
import { generateTranscoder } from './transcoder-source.ts';
import type { LeafMasker, RecordPlace } from './method.ts';
import type { KeyInstruction, Plan } from './plan.ts';

/** Whom a record is about: where the identifier stands as text, in UTF-8; an empty range where it names nobody. */
export type MaskedPerson = Pick<RecordState, 'personInput' | 'personView' | 'personStart' | 'personEnd'>;

export interface Transcoder {
  /** Of the record that was masked last, until the next one; null where the plan does not look for persons. */
  readonly person: MaskedPerson | null;
  /** The record's own time, shifted; null where the plan does not shift it. */
  readonly shiftTime: TimeShift | null;
  /**
   * Masks the Avro body input[start, end) (without the registry's 5-byte prefix) into out[at..].
   * Returns the position after the masked body. Where that is beyond out.length, `out` was too small: nothing of it
   * is to be used, and the call is to be made again with a larger one. A negative number is a fault: `faultCode`.
   * `recordTimeMs` is the record's timestamp in milliseconds since the Unix epoch, or any negative number for none.
   * `place` is read during the call only.
   */
  mask(
    input: Buffer,
    start: number,
    end: number,
    out: Buffer,
    at: number,
    recordTimeMs: number,
    place: RecordPlace,
  ): number;
  /** What the plan's dictionary says of persons, from the next record on; null: records that need it are withheld. */
  pin?(persons: PersonValues | null): void;
}

/** Masks a record key that has no schema: input[start, end) into out[at..]; returns as Transcoder.mask does. */
export type KeyMasker = (input: Buffer, start: number, end: number, out: Buffer, at: number) => number;

type Factory = (
  helpers: typeof avroBytes,
  state: RecordState,
  maskers: readonly LeafMasker[],
  constants: readonly Buffer[],
) => Transcoder['mask'];

/**
 * Compiles a plan. Throws ERR_POLICY_METHOD_TYPE or ERR_SCHEMA_PERSON for a plan that compile-plan.ts would not
 * have made.
 */
export function compileTranscoder(plan: Plan, keys: AudienceKeys): Transcoder {
  const { text, maskers, constants, findsPerson } = generateTranscoder(plan, keys);
  // oxlint-disable-next-line typescript/no-implied-eval -- the source holds names and numbers of our own only
  const factory = new Function('h', 'r', 'maskers', 'constants', text) as Factory;
  const state = new RecordState(plan.asOfDay);
  const mask = factory(avroBytes, state, maskers, constants);
  const known = withKnown(withCheck(mask, state, plan), state, plan);
  return { ...known, person: findsPerson ? state : null, shiftTime: compileTimeShift(plan, keys) };
}

/** Before each record, what it says of its person: where the plan scrubs. */
function withKnown(
  mask: Transcoder['mask'],
  state: RecordState,
  plan: Plan,
): Omit<Transcoder, 'shiftTime' | 'person'> {
  const { root, known, dictionary, personPath } = plan;
  if (!known) return { mask };
  const leaves = new KnownLeaves(root.schema, known, dictionary === undefined ? null : personPath);
  state.known = leaves;
  return {
    pin: (persons) => leaves.pin(persons),
    mask(input, start, end, out, at, recordTimeMs, place) {
      const fault = leaves.take(input, start, end);
      return fault < 0 ? fault : mask(input, start, end, out, at, recordTimeMs, place);
    },
  };
}

/** Before each record, whether it is sensitive: where the plan has rules. */
function withCheck(
  mask: Transcoder['mask'],
  state: RecordState,
  { root, sensitive }: Plan,
): Transcoder['mask'] {
  if (!sensitive) return mask;
  const check = new SensitiveCheck(root.schema, sensitive);
  return (input, start, end, out, at, recordTimeMs, place) => {
    const found = check.find(input, start, end);
    if (found < 0) return found;
    state.sensitive = found;
    return mask(input, start, end, out, at, recordTimeMs, place);
  };
}

/** Compiles what happens to record keys. `drop` needs no bytes: it is the caller's, and refused here. */
export function compileKeyMasker(instruction: KeyInstruction, keys: AudienceKeys): KeyMasker {
  switch (instruction.method) {
    case 'keep':
      return avroBytes.copySpan;
    case 'drop':
      throw new GauzeError('ERR_INTERNAL', { causeName: 'DroppedKey' });
    case 'encrypt-deterministic': {
      // As the text of a string field of the same domain, so that keys join fields.
      const cache = deterministicCache(keys, instruction.domain, 'string');
      return (input, start, end, out, at) => {
        cache.find(input, start, end);
        const { result, start: from } = cache;
        const length = cache.end - from;
        for (let i = 0; i < length; i += 1) out[at + i] = result[from + i]!;
        return at + length;
      };
    }
    default:
      return pseudonymKeyMasker(instruction, keys);
  }
}
