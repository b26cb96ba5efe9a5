/**
 * What the audit costs the topology: the end-to-end job with everything, and with a null audit writer, in turns, so that a
 * slower hour of the machine hits both. Give the number of rounds.
 */
import { startStack } from '../stack/local-stack.ts';
import { AUDITS, runOnce } from './end-to-end.ts';
import type { Audit, Run } from './end-to-end.ts';
import { median, renderTable } from './table.ts';

const rounds = Number(process.argv[2] ?? 5);
const records = Number(process.argv[3] ?? 200_000);
const runs = new Map<Audit, Run[]>(AUDITS.map((audit) => [audit, []]));
const stack = await startStack();
try {
  for (let round = 0; round < rounds; round++) {
    for (const audit of AUDITS)
      runs.get(audit)!.push(await runOnce(stack, `bench${round}${audit}`, records, audit));
  }
} finally {
  await stack.stop();
}
const none = runs.get('null')!;
/** Median of the ratios within each round. */
const ratio = (audit: Audit, figure: (run: Run) => number): string =>
  median(runs.get(audit)!.map((run, round) => figure(run) / figure(none[round]!))).toFixed(3);
const table = renderTable({
  title: 'What the audit costs',
  columns: ['audit', 'records/s', 'CPU us/record', 'throughput to null', 'CPU to null'],
  rows: AUDITS.map((audit) => [
    audit,
    Math.round(median(runs.get(audit)!.map(({ recordsPerSecond }) => recordsPerSecond))),
    median(runs.get(audit)!.map(({ cpuMicrosPerRecord }) => cpuMicrosPerRecord)).toFixed(2),
    ratio(audit, ({ recordsPerSecond }) => recordsPerSecond),
    ratio(audit, ({ cpuMicrosPerRecord }) => cpuMicrosPerRecord),
  ]),
  notes: [`${rounds} rounds of ${records} records each, in turns; ratios are medians of pairs.`],
});
process.stdout.write(`${table}\n`);
