/**
 * What the audit costs the topology: the end-to-end job with everything, and with a null audit writer, in turns, so that
 * a slower hour of the machine hits both.
 */
import { startStack } from '../stack/local-stack.ts';
import { AUDITS, runOnce } from './end-to-end.ts';
import type { Audit, Run } from './end-to-end.ts';
import { median } from './table.ts';
import type { BenchTable } from './table.ts';

/** Runs both in turns; `quick`: once, and few records. */
export async function benchAuditCost({ quick }: { readonly quick: boolean }): Promise<BenchTable> {
  const rounds = quick ? 1 : 7;
  const records = quick ? 40_000 : 400_000;
  const runs = new Map<Audit, Run[]>(AUDITS.map((audit) => [audit, []]));
  const stack = await startStack();
  try {
    for (let round = 0; round < rounds; round++) {
      // Whoever comes second finds a broker that is busy with what the first has left.
      for (const audit of round % 2 === 0 ? AUDITS : AUDITS.toReversed())
        runs.get(audit)!.push(await runOnce(stack, `bench${round}${audit}`, records, audit));
    }
  } finally {
    await stack.stop();
  }
  const none = runs.get('null')!;
  const ratios = (audit: Audit, figure: (run: Run) => number): string => {
    const all = runs.get(audit)!.map((run, round) => figure(run) / figure(none[round]!));
    return `${median(all).toFixed(3)} (${Math.min(...all).toFixed(2)} to ${Math.max(...all).toFixed(2)})`;
  };
  return {
    title: 'What the audit costs',
    columns: ['audit', 'records/s', 'CPU us/record', 'throughput to null', 'CPU to null'],
    rows: AUDITS.map((audit) => [
      audit,
      Math.round(median(runs.get(audit)!.map(({ recordsPerSecond }) => recordsPerSecond))),
      median(runs.get(audit)!.map(({ cpuMicrosPerRecord }) => cpuMicrosPerRecord)).toFixed(2),
      ratios(audit, ({ recordsPerSecond }) => recordsPerSecond),
      ratios(audit, ({ cpuMicrosPerRecord }) => cpuMicrosPerRecord),
    ]),
    notes: [
      `${rounds} rounds of ${records} records each, in turns; ratios are medians of pairs (lowest to highest).`,
      'The null writer replaces events, chains and signatures of lanes, in bench/ alone; positions are committed all the same.',
    ],
  };
}
