/**
 * `npm run bench`: all benchmarks in one go, the most asked for first, tables to the terminal. `--quick` shows that they
 * are alive; its figures mean nothing. `--only=a,b` runs some; `--rounds=n` sets the number of pairs where there are
 * pairs; `--peer=FOLDER` says where the rival is.
 */
import { parseArgs } from 'node:util';
import { startStack } from '../stack/local-stack.ts';
import type { Stack } from '../stack/local-stack.ts';
import { benchAuditCost } from './audit-cost.ts';
import { benchAuditQuery } from './audit-query.ts';
import { benchMethods, benchPlansHeld } from './methods.ts';
import { benchRival } from './rival.ts';
import { renderTable } from './table.ts';
import type { BenchOptions, BenchTable } from './table.ts';
import { benchTranscoder } from './transcoder.ts';
import { benchVerifier } from './verifier.ts';

const BENCHES: Readonly<Record<string, (options: BenchOptions) => BenchTable | Promise<BenchTable>>> = {
  rival: benchRival,
  'audit-cost': benchAuditCost,
  transcoder: benchTranscoder,
  methods: benchMethods,
  'plans-held': benchPlansHeld,
  verifier: benchVerifier,
  'audit-query': benchAuditQuery,
};

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string' },
    rounds: { type: 'string' },
    peer: { type: 'string' },
  },
});
const names = values.only?.split(',') ?? Object.keys(BENCHES);
const unknown = names.filter((name) => !Object.hasOwn(BENCHES, name));
if (unknown.length > 0) {
  process.stderr.write(`No benchmark ${unknown.join(', ')}; there are: ${Object.keys(BENCHES).join(', ')}\n`);
  process.exit(2);
}

const stacks: Promise<Stack>[] = [];
const options: BenchOptions = {
  quick: values.quick,
  ...(values.rounds === undefined ? {} : { rounds: Number(values.rounds) }),
  ...(values.peer === undefined ? {} : { peer: values.peer }),
  stack: async () => {
    if (stacks.length === 0) stacks.push(startStack());
    return await stacks[0]!;
  },
  say: (line) => void process.stderr.write(`${line}\n`),
};
try {
  for (const name of names) process.stdout.write(`${renderTable(await BENCHES[name]!(options))}\n`);
} finally {
  for (const stack of stacks) await (await stack).stop();
}
