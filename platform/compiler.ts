/**
 * How the process is compiled, where V8's own choice is not the best for a process that does one thing all day.
 */
import { setFlagsFromString } from 'node:v8';

/**
 * Bytecode that is put in place of calls into one function, in bytes. V8's own limit (920) is spent before the walk of a
 * record is through, and what is left of it are calls.
 */
export const INLINED_BYTES_MAX = 4_000;

/** For the process and all that it compiles from here on: to be called before the work begins. */
export function inlineFurther(): void {
  // A size that each compilation looks up for itself: unlike other flags, it may change after the start.
  setFlagsFromString(`--max-inlined-bytecode-size-cumulative=${INLINED_BYTES_MAX}`);
}
