/**
 * Masking methods in the eyes of the law: what each leaves of a value, and the permits that regimes are written in.
 * A method that stands nowhere here must not be allowed anywhere: the type of the table sees to that.
 */
import { METHODS } from '../processors/method-table.ts';
import type { Instruction, MethodName } from '../processors/plan.ts';

/**
 * `nothing`: no more than that there was a value. `code`: a stand-in that follows from the value and a key.
 * `lookalike`: such a stand-in that reads like somebody's real number. `part`: some of its characters.
 * `text`: a text without what was found in it. `moved`: a wrong value from near by. `coarser`: a group it is in.
 */
type Leaves = 'nothing' | 'code' | 'lookalike' | 'part' | 'text' | 'moved' | 'coarser' | 'value';

/** A new method needs its row here, and only those of `coarser` more than that: regimes.ts names them one by one. */
const LEAVES: Readonly<Record<MethodName, Leaves>> = {
  keep: 'value',
  drop: 'nothing',
  redact: 'nothing',
  fixed: 'nothing',
  mask: 'part',
  encrypt: 'code',
  'encrypt-deterministic': 'code',
  'format-preserving': 'lookalike',
  pseudonym: 'code',
  'date-shift': 'moved',
  'date-truncate': 'coarser',
  'age-cap': 'coarser',
  bucket: 'coarser',
  round: 'coarser',
  zip3: 'coarser',
  scrub: 'text',
};

/** One way that a regime leaves open: a method, and the parameters it must have. */
export interface Permit {
  readonly method: MethodName;
  /** As in a policy file: `unit: year, over89: cap`; empty where any parameters will do. */
  readonly parameters: string;
  readonly allows: (instruction: Instruction) => boolean;
}

/** Permits a method; with `check`, only where its parameters pass, which `parameters` puts in words. */
export function permit<N extends MethodName>(
  method: N,
  parameters = '',
  check: (instruction: Extract<Instruction, { method: N }>) => boolean = () => true,
): Permit {
  const isOf = (instruction: Instruction): instruction is Extract<Instruction, { method: N }> =>
    instruction.method === method;
  return { method, parameters, allows: (instruction) => isOf(instruction) && check(instruction) };
}

/** Permits for all methods that leave one of these, in the order of the table of methods. */
export function permitsOf(...kinds: readonly Leaves[]): readonly Permit[] {
  const names = Object.keys(METHODS) as MethodName[];
  return names.filter((name) => kinds.includes(LEAVES[name])).map((name) => permit(name));
}

/** `age-cap (over: 89 or less)`. */
export function permitInWords({ method, parameters }: Permit): string {
  return parameters === '' ? method : `${method} (${parameters})`;
}
