/**
 * A plan is a value: the same settings give the same hash in any process, whatever its language, its time zone and the
 * order in which settings stand. Audit events name plans by their hash for as long as they are kept.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';
import { compile, field, planned, policyWith, recordOf } from '../support/policy-fixture.ts';

const SCRIPT = fileURLToPath(new URL('../support/hash-plans.ts', import.meta.url));

/** Lines `audience topic hash`, from a process of its own. */
function hashes(env: Readonly<Record<string, string>>, ...args: readonly string[]): readonly string[] {
  const run = spawnSync(process.execPath, [SCRIPT, ...args], {
    encoding: 'utf8',
    env: { PATH: process.env['PATH'], ...env },
  });
  if (run.status !== 0) throw new Error(run.stderr);
  return run.stdout.trimEnd().split('\n');
}

test('a plan has one hash, in every language, time zone and order of settings', () => {
  const here = hashes({ LC_ALL: 'C', TZ: 'UTC' });
  expect(here).toHaveLength(12);
  expect(new Set(here.map((line) => line.split(' ')[2])).size).toBe(12);
  expect(
    hashes({ LC_ALL: 'tr_TR.UTF-8', LANG: 'tr_TR.UTF-8', TZ: 'Pacific/Kiritimati' }, 'reversed'),
  ).toEqual(here);
  expect(hashes({ LC_ALL: 'sv_SE.UTF-8', TZ: 'America/St_Johns' }, 'reversed')).toEqual(here);
});

/**
 * Replays compare a recorded hash with one made anew: whoever changes what this plan hashes to makes earlier ranges of
 * such plans beyond replay with this release. Change the hash only where that is meant, and say so in the changelog.
 */
test('a plan of today has the hash that it had when this was written', () => {
  const schema = recordOf(
    field('id', 'string', ['PHI_ID'], { 'gauze:person': true }),
    field('zip', ['null', 'string'], ['PHI_ZIP'], { default: null }),
    field('born', { type: 'int', logicalType: 'date' }, ['PHI_BIRTH_DATE']),
    field('ward', { type: 'enum', name: 'Ward', symbols: ['A', 'B'] }, ['PHI_NONE']),
  );
  expect(planned(compile(policyWith(), schema)).hash).toBe(
    'c2be92b5d52c40c77bb7cc43dd39d69248a8166d0f0ea35080253ac34c695ba9',
  );
});
