/**
 * The tamper cases against a real log: written by a real site, changed on the disk of a real broker or by Kafka's own
 * requests, and verified with the command that an auditor runs. Each case begins where the site stopped.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { FindingName } from '../../audit/verify/finding.ts';
import type { AuditReport } from '../../audit/verify/report.ts';
import { LIMITS, TAMPER_CASES } from '../support/tamper/cases.ts';
import { LIVE_ONLY, OVERDUE, alsoLive, playLive, verifyLive } from '../support/tamper/live-cases.ts';
import { liveScene } from '../support/tamper/live-scene.ts';
import type { LiveScene } from '../support/tamper/live-scene.ts';
import { told } from '../support/tamper/live-site.ts';

let scene: LiveScene;
const lines: string[] = [];

beforeAll(async () => {
  scene = await liveScene();
}, 900_000);

afterAll(async () => {
  process.stdout.write(`${lines.join('\n')}\n`);
  await scene?.close();
}, 120_000);

function namesOf({ findings }: AuditReport): readonly FindingName[] {
  return [...new Set(findings.filter((each) => each.class !== 'DECLARED').map(({ name }) => name))];
}

function expectFindings(
  what: string,
  report: AuditReport | null,
  finds: readonly FindingName[],
  also: readonly FindingName[],
): void {
  const names = report ? namesOf(report) : [];
  lines.push(`${what}: ${names.filter((name) => !OVERDUE.includes(name)).join(', ') || 'nothing'}`);
  expect(names).toEqual(expect.arrayContaining([...finds]));
  const allowed = [...finds, ...also, ...OVERDUE];
  expect(names.filter((name) => !allowed.includes(name))).toEqual([]);
}

test('nothing is found before anything is changed, and the log has what cases need', () => {
  const { code, report } = scene.before;
  expect([code, report.verdict, ...told(report)]).toEqual([0, 'sound']);
  expect(report.totals.cosignedSeals).toBe(report.totals.seals);
  const types = new Set(scene.log().events.map(({ event }) => event.type));
  for (const type of ['key.rotated', 'session.closed', 'heartbeat']) expect(types).toContain(type);
});

test('nothing is found when the disk is put back as it was', async () => {
  await scene.broker.restore();
  await scene.broker.start();
  expectFindings('nothing changed', (await scene.live.verify()).report, [], []);
}, 120_000);

describe('a tampered log on a broker', () => {
  test.each(TAMPER_CASES)(
    'shows case $id, $what ($mutation.means)',
    async (tamperCase) => {
      const { id, what } = tamperCase;
      const { code, report } = await playLive(scene, tamperCase);
      const { finds, also } = alsoLive(tamperCase);
      expectFindings(`${id} ${what}`, report, finds, also);
      expect(code).not.toBe(0);
    },
    180_000,
  );

  test.each(LIVE_ONLY)(
    'shows $what',
    async ({ what, play, finds, also = [] }) => {
      await play(scene);
      const { code, report } = await verifyLive(scene);
      expectFindings(what, report, finds, also);
      expect(code).not.toBe(0);
    },
    180_000,
  );
});

test('has a limit that is known: a live writer under control is held in memory only', () => {
  expect(LIMITS.map(({ id }) => id)).toContain('L1');
});
