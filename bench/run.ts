/**
 * `npm run bench`: all benchmarks in one go, tables to the terminal. `--quick` shows that they are alive; its figures
 * mean nothing.
 */
import { benchAuditCost } from './audit-cost.ts';
import { benchAuditQuery } from './audit-query.ts';
import { benchEndToEnd } from './end-to-end.ts';
import { benchMethods, benchPlansHeld } from './methods.ts';
import { renderTable } from './table.ts';
import { benchTranscoder } from './transcoder.ts';
import { benchVerifier } from './verifier.ts';

const quick = process.argv.includes('--quick');
const only = process.argv.find((argument) => argument.startsWith('--only='))?.slice('--only='.length);
const BENCHES = {
  transcoder: benchTranscoder,
  methods: benchMethods,
  'plans-held': benchPlansHeld,
  'end-to-end': benchEndToEnd,
  'audit-cost': benchAuditCost,
  verifier: benchVerifier,
  'audit-query': benchAuditQuery,
} as const;

for (const [name, bench] of Object.entries(BENCHES)) {
  if (only !== undefined && only !== name) continue;
  process.stdout.write(`${renderTable(await bench({ quick }))}\n`);
}
