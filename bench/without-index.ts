/**
 * Loaded before `gauze run` in one arm of a benchmark: no lane writes the index of persons. Product code has no such
 * switch.
 */
import { replaceModules } from './replace-modules.ts';

replaceModules({ '/topology/wanted-lanes.ts': 'null-wanted-lanes.ts' });
