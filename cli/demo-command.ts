/**
 * `gauze demo`: a synthetic hospital on a real local stack, masked for three audiences, and everything that gauze
 * promises checked from the outside. It ends with exit code 1 where a promise does not hold.
 */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { startStack } from '../stack/local-stack.ts';
import type { Stack } from '../stack/local-stack.ts';
import { Supervised } from '../stack/supervised.ts';
import { GauzeError } from '../platform/errors.ts';
import { applyPolicies } from './apply-command.ts';
import { verifySite } from './audit-verify-command.ts';
import { check, checkLines } from './check-command.ts';
import { playAccess, startAccessRoles } from './demo-access.ts';
import type { AccessFindings } from './demo-access.ts';
import { grantStoryLines } from './demo-audit-grant.ts';
import { auditLines } from './demo-audit.ts';
import type { AuditFindings } from './demo-audit.ts';
import { DemoFeed } from './demo-feed.ts';
import type { FeedSource } from './demo-feed.ts';
import type { Reading } from './demo-readers.ts';
import { DemoObserver } from './demo-observer.ts';
import { nextSteps } from './demo-next-steps.ts';
import { isRunUp, runLog, startRun } from './demo-run.ts';
import { refusalLines } from './demo-refusals.ts';
import { shownSequences, sideBySideLines } from './demo-side-by-side.ts';
import { PARTITIONS, makeDirectory, makeSite } from './demo-site.ts';
import type { DemoSite } from './demo-site.ts';
import { DemoStage, INDENT } from './demo-stage.ts';
import { checkMark, totalLines, totalsOf } from './demo-totals.ts';
import { words } from './demo-live-view.ts';
import { Site } from './site.ts';
import { EXIT, print, styled } from './terminal.ts';

export interface DemoOptions {
  readonly patients: string;
  readonly from?: string;
  readonly keep: boolean;
  readonly json: boolean;
}

const PATIENTS_MAX = 1_000_000;

/** @returns 0 where everything held, 1 where not, 130 after Ctrl-C */
export async function demoCommand(options: DemoOptions): Promise<number> {
  const patients = Number(options.patients);
  if (!/^\d{1,7}$/.test(options.patients) || patients < 1 || patients > PATIENTS_MAX)
    throw new GauzeError('ERR_USAGE_ARGUMENT', {
      setting: '--patients',
      expected: `a number from 1 to ${PATIENTS_MAX}`,
    });
  const from = options.from ?? null;
  if (from !== null && !(await stat(join(from, 'patients.csv')).catch(() => null)))
    throw new GauzeError('ERR_USAGE_ARGUMENT', {
      setting: '--from',
      expected: 'the folder of a Synthea CSV export',
    });
  const stage = new DemoStage({ steps: 9, json: options.json });
  return await stage.play(async () => await story(stage, { patients, from }, options));
}

async function story(stage: DemoStage, source: FeedSource, options: DemoOptions): Promise<number> {
  const stack = await stage.step(
    'Start a real Kafka, schema registry, Redis and identity provider',
    async () => start(stage),
  );
  const directory = await ownDirectory(stage, options.keep);
  const hospital = await stage.step('Make a hospital and its site', async () =>
    makeHospital(stage, stack, directory.path, source),
  );
  const isSound = await stage.step('gauze check', async () => checkSite(stage, hospital.demo));
  if (!isSound) return EXIT.problems;
  await stage.step('gauze apply', async () => apply(stage, hospital.site));
  const observer = await DemoObserver.open(hospital.site, hospital.demo);
  stage.onClose(async () => await observer.close());
  await stage.step('gauze run, while the hospital feeds', async () =>
    maskEverything(stage, hospital, observer, directory),
  );
  const counted = await stage.step('Count again, as each audience finds it', async () =>
    countAgain(stage, hospital.feed, observer),
  );
  await stage.step('One person, side by side', async () =>
    showPeople(stage, hospital.feed, counted.readings, options.json),
  );
  const access = await stage.step('Raw access: asked for, narrowed, approved, read, ended', async () =>
    tellAccess(stage, stack, hospital.demo, directory),
  );
  const audit = await stage.step('What the audit topic says', async () =>
    askAudit(stage, observer, hospital.site, access),
  );

  const { totals, refusals } = counted;
  const ok = totals.ok && refusals.every((each) => each.ok) && access.ok && audit.ok;
  const seconds = Number(stage.elapsedS.toFixed(1));
  if (options.json)
    print(JSON.stringify({ ok, seconds, raw: hospital.feed.sent, totals, refusals, access, audit }));
  else {
    print(verdict(ok, hospital.feed.total, seconds));
    for (const line of nextSteps(stack, directory.path, options.keep)) print(line);
  }
  if (options.keep) await stage.untilInterrupted();
  return ok ? EXIT.ok : EXIT.problems;
}

async function start(stage: DemoStage): Promise<Stack> {
  const starting = startStack({ onProgress: (step) => stage.say(step), signal: stage.signal });
  // Also where Ctrl-C comes while it starts: then it is waited for and stopped.
  stage.onClose(async () => await (await starting.catch(() => null))?.stop());
  const stack = await starting;
  stage.say(`Kafka     ${stack.brokers.join(',')}  (log-ins by SCRAM, default deny)`);
  stage.say(`Registry  ${stack.registryUrl}`);
  return stack;
}

/** The site's directory, and the process that removes it, and ends `gauze run`, whatever becomes of this one. */
async function ownDirectory(stage: DemoStage, isKept: boolean): Promise<SiteDirectory> {
  const path = await makeDirectory();
  const supervised = new Supervised();
  if (!isKept) supervised.removeAtEnd([path]);
  stage.onClose(async () => await supervised.close());
  return { path, supervised };
}

async function checkSite(stage: DemoStage, { config }: DemoSite): Promise<boolean> {
  const report = await check([], { config, offline: false });
  stage.sayAll(checkLines(report));
  return report.problems.length === 0;
}

async function apply(stage: DemoStage, site: Site): Promise<void> {
  const admin = await site.admin('admin');
  try {
    await admin.connect();
    const changes = await applyPolicies(site, admin, () => {});
    const { topics, acls, schemas, entries } = changes;
    const policies = entries.filter(({ kind }) => kind === 'POLICY_APPLIED').length;
    stage.say(
      `made ${topics.length} topics, ${acls.length} rights, ${schemas.length} schemas; ${policies} policies in force`,
    );
  } finally {
    await admin.close();
  }
}

interface Hospital {
  readonly demo: DemoSite;
  readonly site: Site;
  readonly feed: DemoFeed;
}

interface SiteDirectory {
  readonly path: string;
  readonly supervised: Supervised;
}

async function makeHospital(
  stage: DemoStage,
  stack: Stack,
  directory: string,
  source: FeedSource,
): Promise<Hospital> {
  const demo = await makeSite(stack, directory);
  const feed = new DemoFeed(source, demo.as('ehr-feed'), stack.registryUrl);
  stage.onClose(async () => await feed.close());
  await feed.register();
  stage.say(
    `4 raw topics of ${PARTITIONS} partitions, a feed that may write to them, schemas in the registry`,
  );
  stage.say(`site: ${directory}`);
  return { demo, feed, site: await Site.load(demo.config) };
}

async function maskEverything(
  stage: DemoStage,
  { demo, feed }: Hospital,
  observer: DemoObserver,
  directory: SiteDirectory,
): Promise<void> {
  await startRun(directory.supervised, directory.path, demo.config, 'topology');
  await startRun(directory.supervised, directory.path, demo.config, 'sealer');
  const feeding = feed.run(stage.signal);
  try {
    const isRunning = (): boolean => isRunUp(directory.supervised);
    const watching = observer.watch(feed, stage.area, isRunning, stage.signal);
    // A feed that fails must not be watched for ever.
    await Promise.race([watching, feeding.then(async () => await watching)]);
    await feeding;
  } catch (error) {
    if (!stage.signal.aborted) stage.sayAll(await runLog(directory.path, 'topology'));
    throw error;
  }
}

async function countAgain(stage: DemoStage, feed: DemoFeed, observer: DemoObserver) {
  const readings = await observer.readings(feed, shownSequences(feed.shown), stage.signal);
  const totals = totalsOf(feed.sent, readings, observer.withheld);
  stage.sayAll(totalLines(totals, observer.withheld));
  stage.say();
  const refusals = await observer.refusals();
  stage.sayAll(refusalLines(refusals));
  return { totals, refusals, readings };
}

async function showPeople(
  stage: DemoStage,
  feed: DemoFeed,
  readings: readonly Reading[],
  isJson: boolean,
): Promise<void> {
  // A log of JSON is no place for values, not even for those of nobody.
  if (isJson) return stage.say('left out with --json');
  stage.say('Synthetic people of this demo: nowhere else does gauze print a value.');
  stage.say('(gone): the schema of the audience has no such field.');
  stage.say();
  stage.sayAll(sideBySideLines(feed.shown, readings, INDENT));
  return await Promise.resolve();
}

async function tellAccess(
  stage: DemoStage,
  stack: Stack,
  demo: DemoSite,
  { supervised, path }: SiteDirectory,
): Promise<AccessFindings> {
  const input = { stage, stack, demo, supervised, directory: path };
  await startAccessRoles(input);
  try {
    return await playAccess(input);
  } catch (error) {
    if (!stage.signal.aborted)
      for (const role of ['approvals', 'provisioner']) stage.sayAll(await runLog(path, role));
    throw error;
  }
}

/** The demo's own count first, then `gauze audit verify` over the sealed topics. */
async function askAudit(
  stage: DemoStage,
  observer: DemoObserver,
  site: Site,
  { grant: grantId }: AccessFindings,
): Promise<AuditFindings> {
  const { lanes, grant } = await observer.audit(grantId, stage.signal);
  stage.sayAll(auditLines(lanes));
  stage.say(`and of grant ${grantId}:`);
  stage.sayAll(grantStoryLines(grant));
  const { counts, totals, sentences } = await verifySite(site);
  const isUnbroken = counts.TAMPERED + counts.INCOMPLETE === 0 && totals.seals > 0;
  stage.say('gauze audit verify:');
  stage.sayAll(sentences.map((sentence, at) => `${at === 0 ? checkMark(isUnbroken) : ' '} ${sentence}`));
  return { ...lanes, ok: lanes.ok && grant.leasedFirst && grant.delivered > 0 && isUnbroken };
}

function verdict(ok: boolean, records: number, seconds: number): string {
  const facts = `${words(records)} raw records, 3 audiences, ${seconds} s`;
  return ok
    ? `\n${checkMark(true)} ${styled('bold', 'Everything held')}: ${facts}.`
    : `\n${checkMark(false)} ${styled('bold', 'Not everything held')}: see the red crosses above (${facts}).`;
}
