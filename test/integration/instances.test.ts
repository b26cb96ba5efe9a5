/**
 * Several instances share the work: partitions spread, what stays goes on, and whoever dies is replaced.
 */
import { afterEach, expect, test } from '@jest/globals';
import { generateHospital } from '../../examples/hospital/hospital.ts';
import { TestSite } from '../support/test-site.ts';
import type { RunningInstance } from '../support/test-site.ts';
import { siteTruth } from '../support/verify-site.ts';

let site: TestSite;

afterEach(async () => {
  await site.close();
});

/** Numbers of partitions that an instance was given, one for each assignment. */
function assigned(instance: RunningInstance): number[] {
  return [...instance.log.matchAll(/"count":(\d+),"msg":"partitions assigned"/g)].map((match) =>
    Number(match[1]),
  );
}

async function until(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 60_000;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error('the instances did not get there');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

test('two instances share partitions; one leaves in order, one is killed; the result is complete and in order', async () => {
  site = await TestSite.make({ topics: ['clinical.observations'], partitions: 4 });
  await site.feed(generateHospital({ patients: 60, seed: 31 }));
  await site.apply();
  const first = site.run();
  await until(() => assigned(first).at(-1) === 4);
  const second = site.run();
  await until(() => assigned(first).at(-1) === 2 && assigned(second).at(-1) === 2);
  // What stays goes on: of its 4 partitions, with 3 audiences and the index each, none was started a second time.
  expect(first.log.match(/"msg":"lane started"/g)).toHaveLength(4 * 4);
  await site.feed(generateHospital({ patients: 60, seed: 32 }));
  await site.caughtUp();

  expect(await first.end('SIGTERM')).toBe(0);
  await until(() => assigned(second).at(-1) === 4);
  const third = site.run();
  await until(() => assigned(third).at(-1) === 2);
  await second.end('SIGKILL');
  await site.feed(generateHospital({ patients: 60, seed: 33 }));
  const truth = await siteTruth(site, await site.caughtUp());
  expect(assigned(third).at(-1)).toBe(4);
  expect(truth.sequenceFaults).toEqual([]);
  expect(truth.auditFaults).toEqual([]);
  expect(truth.indexFaults).toEqual([]);
}, 180_000);
