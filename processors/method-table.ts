/**
 * All masking methods by name: the one place where a method is added.
 * It must never leave out a name that a plan can hold: the type sees to that.
 */
import { AGE_CAP } from './methods/age-cap.ts';
import { BUCKET } from './methods/bucket.ts';
import { DATE_SHIFT } from './methods/date-shift.ts';
import { DATE_TRUNCATE } from './methods/date-truncate.ts';
import { DROP } from './methods/drop.ts';
import { ENCRYPT_DETERMINISTIC } from './methods/encrypt-deterministic.ts';
import { ENCRYPT } from './methods/encrypt.ts';
import { FIXED } from './methods/fixed.ts';
import { FORMAT_PRESERVING } from './methods/format-preserving.ts';
import { KEEP } from './methods/keep.ts';
import { MASK } from './methods/mask.ts';
import { PSEUDONYM } from './methods/pseudonym.ts';
import { REDACT } from './methods/redact.ts';
import { SCRUB } from './methods/scrub.ts';
import { ROUND } from './methods/round.ts';
import { ZIP3 } from './methods/zip3.ts';
import type { AvroLeaf } from '../schemas/avro-schema.ts';
import type { AudienceKeys } from '../keys/audience-keys.ts';
import type { CompiledLeafWhere, LeafMasker, MaskingMethod, ValueContext } from './method.ts';
import type { Instruction, MethodName } from './plan.ts';

export const METHODS: { readonly [N in MethodName]: MaskingMethod<N> } = {
  keep: KEEP,
  drop: DROP,
  redact: REDACT,
  fixed: FIXED,
  mask: MASK,
  encrypt: ENCRYPT,
  'encrypt-deterministic': ENCRYPT_DETERMINISTIC,
  'format-preserving': FORMAT_PRESERVING,
  pseudonym: PSEUDONYM,
  'date-shift': DATE_SHIFT,
  'date-truncate': DATE_TRUNCATE,
  'age-cap': AGE_CAP,
  bucket: BUCKET,
  round: ROUND,
  zip3: ZIP3,
  scrub: SCRUB,
};

/** The method of an instruction; its own type, so that the two fit. */
function methodOf<I extends Instruction>(instruction: I): MaskingMethod<I['method']> {
  // An instruction's name is its method's name: what the table's type says, and the compiler cannot follow.
  return METHODS[instruction.method] as MaskingMethod<I['method']>;
}

/** Can an instruction's method take this type, with its parameters? */
export function acceptsLeaf(leaf: AvroLeaf, instruction: Instruction): boolean {
  return methodOf(instruction).accepts(leaf, instruction);
}

/** An instruction on a decoded value. Throws GauzeError with a `withhold` code. */
export function maskLeafValue(
  value: unknown,
  leaf: AvroLeaf,
  instruction: Instruction,
  context: ValueContext,
): unknown {
  return methodOf(instruction).maskValue(value, leaf, instruction, context);
}

/** An instruction on bytes; null where the walk itself carries it out. */
export function compileLeaf(
  leaf: AvroLeaf,
  instruction: Instruction,
  keys: AudienceKeys,
  where: CompiledLeafWhere,
): LeafMasker | null {
  return methodOf(instruction).compile?.(leaf, instruction, keys, where) ?? null;
}

/** The type that an instruction leaves of a leaf's. */
export function derivedLeaf(leaf: AvroLeaf, instruction: Instruction): AvroLeaf {
  return methodOf(instruction).derived?.(leaf, instruction) ?? leaf;
}

/** Of two instructions of one method: does `a` tell no more than `b`, by its parameters? False for two methods. */
export function isAsStrictWithin(a: Instruction, b: Instruction): boolean {
  return a.method === b.method && (methodOf(a).isAsStrict?.(a, b) ?? false);
}
