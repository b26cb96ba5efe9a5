/**
 * `npm run bench`: all benchmarks in one go, the most asked for first, tables to the terminal. `--quick` shows that they
 * are alive; its figures mean nothing. `--only=a,b` runs some; `--rounds=n` sets the number of pairs where there are
 * pairs; `--minutes=n` begins no other one after that time; `--record=FOLDER` keeps the figures for page.ts;
 * `--peer=FOLDER` says where the rival is, `--stack=FILE` describes a stack that is up (scripts/keep-stack.ts).
 */
import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { startStack } from '../stack/local-stack.ts';
import type { Stack, StackDescription } from '../stack/local-stack.ts';
import { benchAudiences } from './audiences.ts';
import { benchAuditCost } from './audit-cost.ts';
import { benchAuditQuery } from './audit-query.ts';
import { benchBacklog } from './backlog.ts';
import { benchLatency } from './latency.ts';
import { benchMethods, benchPlansHeld } from './methods.ts';
import { benchPeople } from './people.ts';
import { record } from './record.ts';
import { benchRival } from './rival.ts';
import { benchStartUp } from './start-up.ts';
import { renderTable } from './table.ts';
import type { BenchOptions, BenchTable } from './table.ts';
import { benchTranscoder } from './transcoder.ts';
import { benchVerifier } from './verifier.ts';

const BENCHES: Readonly<Record<string, (options: BenchOptions) => BenchTable | Promise<BenchTable>>> = {
  rival: benchRival,
  latency: benchLatency,
  audiences: benchAudiences,
  'audit-cost': benchAuditCost,
  'start-up': benchStartUp,
  backlog: benchBacklog,
  people: benchPeople,
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
    minutes: { type: 'string' },
    record: { type: 'string' },
    peer: { type: 'string' },
    stack: { type: 'string' },
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
    if (values.stack !== undefined)
      return JSON.parse(await readFile(values.stack, 'utf8')) as StackDescription;
    if (stacks.length === 0) stacks.push(startStack());
    return await stacks[0]!;
  },
  say: (line) => void process.stderr.write(`${line}\n`),
};
const endMs = performance.now() + Number(values.minutes ?? Number.POSITIVE_INFINITY) * 60_000;
let failures = 0;

async function runOne(name: string): Promise<void> {
  const startedMs = performance.now();
  const table = await BENCHES[name]!(options);
  process.stdout.write(`${renderTable(table)}\n`);
  const seconds = (performance.now() - startedMs) / 1000;
  options.say(`${name}: ${seconds.toFixed(0)} s`);
  if (values.record !== undefined) await record(values.record, { name, seconds, table });
}

try {
  for (const name of names) {
    if (performance.now() > endMs) {
      options.say(`${name}: not run, the ${values.minutes} minutes are over`);
      continue;
    }
    // What one benchmark could not do must not cost the figures of the others.
    await runOne(name).catch((thrown: unknown) => {
      failures++;
      options.say(
        `${name}: failed: ${thrown instanceof Error ? (thrown.stack ?? thrown.message) : 'no reason'}`,
      );
    });
  }
} finally {
  for (const stack of stacks) await (await stack).stop();
}
process.exitCode = failures === 0 ? 0 : 1;
