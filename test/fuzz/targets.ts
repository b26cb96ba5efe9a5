/**
 * All targets of a run. One that is not listed here is fuzzed by nobody.
 */
import { TRANSCODER } from './byte-targets.ts';
import type { FuzzTarget } from './target.ts';
import { COMPILER, PATHS, POLICY, REGISTRY } from './text-targets.ts';

export const TARGETS: readonly FuzzTarget[] = [TRANSCODER, COMPILER, POLICY, REGISTRY, PATHS];
