/**
 * 500 lanes on one instance, each with a record a second: the transactions per second that the config allows are kept to
 * by waiting longer, every record comes out once and in order, and what it costs is printed.
 */
import { afterAll, expect, test } from '@jest/globals';
import { eventually } from '../support/stack.ts';
import { SteadyFeed } from '../support/steady-feed.ts';
import { AUDIENCES, TestSite } from '../support/test-site.ts';
import { siteTruth } from '../support/verify-site.ts';

const TOPIC = 'clinical.patients';
/** With three audiences and the index, 500 lanes. */
const PARTITIONS = 125;
const LANES = PARTITIONS * (AUDIENCES.length + 1);
/** The default of limits.transactionsPerSecond. */
const TRANSACTIONS_PER_SECOND = 200;
const MEASURED_MS = 60_000;

let site: TestSite | undefined;
let feed: SteadyFeed | undefined;

afterAll(async () => {
  await feed?.stop();
  await site?.close();
});

/** Sums of samples of a metric, over all its labels. */
function sums(text: string, name: string): number {
  const lines = text.split('\n').filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `));
  return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
}

test('500 lanes with a record a second each keep to the transactions per second of the config', async () => {
  site = await TestSite.make({ topics: [TOPIC], partitions: PARTITIONS });
  await site.apply();
  feed = await SteadyFeed.start(site, { topic: TOPIC, partitions: PARTITIONS, everyMs: 1_000 });
  const instance = site.run();
  const url = await eventually(async () => {
    const [, host, port] = /"host":"([^"]+)","port":(\d+),"msg":"metrics/.exec(instance.log)!;
    return `http://${host}:${port}/metrics`;
  }, 60_000);
  const metrics = async (): Promise<string> => await (await fetch(url)).text();
  await eventually(async () => {
    const text = await metrics();
    expect(sums(text, 'phi_lanes')).toBe(LANES);
    // Each has masked something: the rush of the start is over.
    const counts = text.match(/^phi_records_total\{.*published.*\} [1-9]/gm) ?? [];
    expect(counts).toHaveLength(AUDIENCES.length + 1);
    expect(sums(text, 'phi_records_total')).toBeGreaterThan(LANES * 5);
  }, 120_000);
  const [before, beganMs] = [await metrics(), performance.now()];
  await new Promise((resolve) => setTimeout(resolve, MEASURED_MS));
  const [after, seconds] = [await metrics(), (performance.now() - beganMs) / 1000];
  const perSecond = (name: string): number => (sums(after, name) - sums(before, name)) / seconds;
  const rates = {
    lanes: sums(after, 'phi_lanes'),
    recordsPerSecond: Math.round(perSecond('phi_records_total')),
    transactionsPerSecond: Math.round(perSecond('phi_transactions_total')),
    cores: Number(perSecond('process_cpu_seconds_total').toFixed(2)),
    residentMiB: Math.round(sums(after, 'process_resident_memory_bytes') / 2 ** 20),
    openFiles: sums(after, 'process_open_fds'),
  };
  process.stdout.write(`${JSON.stringify(rates)}\n`);
  expect(rates.lanes).toBe(LANES);
  expect(rates.transactionsPerSecond).toBeLessThanOrEqual(TRANSACTIONS_PER_SECOND);
  // And they do not wait for more than that: nobody falls behind.
  expect(rates.recordsPerSecond).toBeGreaterThan(LANES * 0.9);

  await feed.stop();
  const truth = await siteTruth(site, await site.caughtUp());
  expect(truth.sequenceFaults).toEqual([]);
  expect(truth.auditFaults).toEqual([]);
}, 600_000);
