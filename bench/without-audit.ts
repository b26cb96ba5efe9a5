/**
 * Loaded before `gauze run` in one arm of a benchmark: puts null writers in the place of the audit. Product code has no
 * such switch.
 */
import { replaceModules } from './replace-modules.ts';

replaceModules({
  '/topology/lane-ledger.ts': 'null-lane-ledger.ts',
  '/topology/batch-event.ts': 'null-batch-event.ts',
});
