/**
 * The main job on real parts: what a hospital writes comes out masked for three audiences, complete, in order,
 * audited, and for nobody else's eyes.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { generateHospital } from '../../examples/hospital/hospital.ts';
import { loadKeyring } from '../../keys/keyring.ts';
import type { LaneReport } from '../../topology/lane-report.ts';
import { checkSignedChains } from '../support/signed-chains.ts';
import { eventually } from '../support/stack.ts';
import { AUDIENCES, TestSite } from '../support/test-site.ts';
import type { RunningInstance } from '../support/test-site.ts';
import { siteTruth } from '../support/verify-site.ts';
import type { SiteTruth } from '../support/verify-site.ts';

let site: TestSite;
let instance: RunningInstance;
let fed: number;
let lanes: readonly LaneReport[];
let truth: SiteTruth;

beforeAll(async () => {
  site = await TestSite.make();
  fed = await site.feed(generateHospital({ patients: 150, seed: 3 }));
  await site.apply();
  instance = site.run();
  lanes = await site.caughtUp();
  truth = await siteTruth(site, lanes);
}, 180_000);

afterAll(async () => {
  await site.close();
});

describe('a hospital masked for three audiences', () => {
  test('gives every sanitized partition the very sequence of the slow reference', () => {
    expect(truth.sequenceFaults).toEqual([]);
    expect(truth.compared).toBe(fed * AUDIENCES.length);
  });

  test('audits ranges that tile every lane up to its committed offset, in unbroken chains', () => {
    expect(truth.auditFaults).toEqual([]);
    expect(truth.indexFaults).toEqual([]);
    const toSomebody = truth.events.filter(({ event }) => event.recipient !== null);
    const delivered = toSomebody.reduce((sum, { event }) => sum + (event.range?.delivered_count ?? 0), 0);
    expect(delivered).toBe(fed * AUDIENCES.length);
  });

  test('names policy version, plan, key epoch and output topic in every batch event', () => {
    const batches = truth.events.filter(
      ({ event }) => event.type === 'session.batch' && event.recipient !== null,
    );
    expect(batches.length).toBeGreaterThan(0);
    for (const { event } of batches) {
      expect(event.policy.version).toBe(1);
      expect(event.plan?.masking_key_epoch).toBe(1);
      expect(event.view?.output_topic).toBe(`${event.range?.topic}.for-${event.recipient?.id}`);
      expect(event.group).toMatchObject({ generation: -1, coverage: 'EXACT', offset_committed: true });
    }
  });

  test('applies without a difference the second time', async () => {
    const { stdout } = await site.gauze('plan');
    expect(stdout.trim()).toBe('Nothing to do.');
  });

  test('says in its signs of life what it runs', async () => {
    const ran = { lanes: String(lanes.length), held: '0', grants: '0' };
    // The first sign may be older than the lanes.
    await eventually(async () => {
      expect(await signsOfLife(site, lanes)).toContainEqual({
        ...ran,
        memory_bytes: expect.stringMatching(/^\d+$/),
      });
    }, 60_000);
  });

  test('drains on SIGTERM within ten seconds, and closes every session', async () => {
    const before = Date.now();
    expect(await instance.end('SIGTERM')).toBe(0);
    expect(Date.now() - before).toBeLessThan(10_000);
    const again = await siteTruth(site, lanes);
    expect(again.auditFaults).toEqual([]);
    const closed = again.events.filter(({ event }) => event.type === 'session.closed');
    // Those of the lanes, and that of the instance's signs of life.
    expect(closed.filter(({ event }) => event.range !== null)).toHaveLength(lanes.length);
    expect(closed).toHaveLength(lanes.length + 1);
  });

  test('signs every chain, with keys that the trust file enrols', async () => {
    const { events } = await siteTruth(site, lanes);
    const keyring = await loadKeyring(site.keyringFile);
    const topology = keyring.auditWriter('topology').publicKey;
    const report = checkSignedChains(
      events.map(({ record }) => record.value!),
      (name) => (name === 'topology' ? topology : null),
    );
    expect(report).toMatchObject({ faults: [], chains: lanes.length + 1 });
    expect(report.signed).toBeGreaterThanOrEqual(2 * report.chains);
  });
});

/** What each sign of life of a process counts. */
async function signsOfLife(of: TestSite, reports: readonly LaneReport[]): Promise<Record<string, string>[]> {
  const { events } = await siteTruth(of, reports);
  return events
    .filter(({ event }) => event.type === 'heartbeat' && event.range === null)
    .map(({ event }) => Object.fromEntries(event.ext.map(({ k, v }) => [k, v])));
}
