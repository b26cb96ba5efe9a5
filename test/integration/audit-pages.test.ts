/**
 * The auditors' pages and API on real parts, in a real Chromium without scripts: nobody else gets in, every question is
 * on record under the person's name, answers, accounts and proofs come without a patient's id anywhere but in bodies.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { trustFile, verifyEventProof } from '../../audit/tlog-proof.ts';
import { parseTrustFile } from '../../audit/trust-file.ts';
import type { ClinicalRecord } from '../../examples/hospital/clinical-values.ts';
import { generateHospital } from '../../examples/hospital/hospital.ts';
import type { HospitalPerson } from '../../stack/identity-people.ts';
import { ApprovalsSite } from '../support/approvals-site.ts';
import { auditedEvents } from '../support/audit-oracle.ts';
import { CHROMIUM, WITHOUT_CHROMIUM, openBrowser } from '../support/browser.ts';
import { OwnRedis } from '../support/own-redis.ts';
import { pageFaults } from '../support/page-checks.ts';
import { eventually } from '../support/stack.ts';
import { dumpTopics } from '../support/topic-dump.ts';

const PHONE = { width: 360, height: 740 };
const DESKTOP = { width: 1280, height: 900 };
const WAIT_MS = 60_000;
/** Where a person may look at the pages afterwards. */
const SHOTS = process.env['GAUZE_TEST_SHOTS'];

const inChromium = CHROMIUM === null ? describe.skip : describe;

/** Somebody whom encounters are about. */
function patientOf(records: readonly ClinicalRecord[]): string {
  for (const { topic, value } of records) if (topic === 'clinical.encounters') return value.patientId;
  throw new Error('there is no encounter');
}

inChromium(`auditors' pages${WITHOUT_CHROMIUM}`, () => {
  let it: ApprovalsSite;
  let redis: OwnRedis;
  let browser: Browser;
  let url: string;
  let patient: string;

  beforeAll(async () => {
    redis = await OwnRedis.make();
    await redis.start();
    it = await ApprovalsSite.make({
      partitions: 2,
      topics: ['clinical.encounters'],
      redisUrl: redis.url,
      audit: ', sealIntervalMs: 500, verifyIntervalMs: 500',
    });
    const records = [...generateHospital({ patients: 5, seed: 3 })];
    patient = patientOf(records);
    await it.site.feed(records);
    await it.site.apply();
    it.site.run();
    it.site.run('sealer');
    [{ url }, browser] = await Promise.all([it.start(), openBrowser()]);
    await it.site.caughtUp();
  }, 240_000);

  afterAll(async () => {
    await browser?.close();
    await it?.close();
    await redis?.close();
  });

  async function as(name: HospitalPerson, path: string, viewport = PHONE): Promise<Page> {
    const context = await browser.newContext({ javaScriptEnabled: false, viewport });
    const page = await context.newPage();
    page.setDefaultTimeout(WAIT_MS);
    await page.goto(`${url}${path}`);
    const person = it.identity.description.people[name]!;
    await page.fill('#login', person.id);
    await page.fill('#password', person.password);
    await page.click('button[type=submit]');
    await page.waitForURL(`${url}${path}`);
    return page;
  }

  /** Asks with the form of the page, until there is an answer: index and seals may need a moment. */
  async function askedOn(page: Page): Promise<string> {
    await page.click('main form button.main');
    return (await page.textContent('#answer')) ?? '';
  }

  async function look(page: Page, name: string): Promise<void> {
    expect(await pageFaults(page)).toEqual([]);
    if (SHOTS !== undefined)
      await writeFile(join(SHOTS, `${name}.png`), await page.screenshot({ fullPage: true }));
  }

  /** Audit events by somebody, as the topic has them. */
  async function recordedOf(person: string): Promise<readonly { type: string; ext: string }[]> {
    const dump = await dumpTopics([it.site.names.auditEvents]);
    return auditedEvents(dump)
      .filter(({ event }) => event.actor.id === person)
      .map(({ event }) => ({ type: event.type, ext: JSON.stringify(event.ext) }));
  }

  test('show how the verification stands, on a phone and on a desk, to auditors alone', async () => {
    const frank = await as('frank', '/audit');
    await eventually(async () => {
      await frank.goto(`${url}/audit`);
      const text = (await frank.textContent('main')) ?? '';
      expect(text).toContain('Nothing speaks against the audit log');
      expect(text).toMatch(/newest seal\s+\d+ s old/);
      expect(text).toContain('NO_WITNESS');
    }, WAIT_MS);
    await look(frank, 'status-phone');
    await look(await as('frank', '/audit', DESKTOP), 'status-desktop');
    expect(await frank.textContent('nav')).toContain('Audit');
    const status = await it.send('frank', 'GET', '/v1/audit/status');
    expect([status.status, status.body['verification']]).toMatchObject([200, { verdict: 'open' }]);

    const carol = await as('carol', '/requests');
    expect(await carol.textContent('nav')).not.toContain('Audit');
    for (const path of ['/audit', '/audit/who-saw', '/audit/event']) {
      const answer = await carol.goto(`${url}${path}`);
      expect([answer?.status(), await carol.textContent('h1')]).toEqual([403, 'Not for you']);
    }
    const asking = await it.send('carol', 'POST', '/v1/audit/who-saw', { patient });
    expect([asking.status, asking.body['code']]).toEqual([403, 'ERR_AUDIT_ROLE']);
    await eventually(async () => {
      const refused = (await recordedOf('carol')).filter(({ type }) => type === 'audit.refused');
      expect(refused).toHaveLength(4);
    }, WAIT_MS);
  });

  test('answer who saw a patient, with each question on record and the id in no address', async () => {
    const frank = await as('frank', '/audit/who-saw');
    await frank.fill('#patient', patient);
    await frank.check('input[name=events]');
    const text = await askedOn(frank);
    expect(text).toContain('audience research');
    await look(frank, 'who-saw-phone');
    expect([frank.url(), await frank.title()]).toEqual([`${url}/audit/who-saw`, 'Who saw a patient - gauze']);
    await eventually(async () => {
      const asked = (await recordedOf('frank')).filter(({ type }) => type === 'audit.queried');
      expect(asked.map(({ ext }) => ext).join()).toContain('who-saw');
    }, WAIT_MS);

    // The same over the API, and the event that it stands on with its proof.
    const answer = await it.send('frank', 'POST', '/v1/audit/who-saw', { patient, events: true });
    const [first] = answer.body['sightings'] as { event: { partition: number; offset: number } }[];
    const { partition, offset } = first!.event;
    expect(text).toContain(`${partition}/${offset}`);
    await frank.click(`a[href="/audit/event?at=${partition}-${offset}"]`);
    const proven = await eventually(async () => {
      const found = await askedOn(frank);
      expect(found).toContain('The proof holds.');
      return found;
    }, WAIT_MS);
    expect(proven).toContain('session.batch');
    await look(frank, 'event-phone');
    const [download] = await Promise.all([
      frank.waitForEvent('download'),
      frank.click('button[value=proof]'),
    ]);
    const proof = await readFile(await download.path());
    const trust = parseTrustFile(
      await readFile(join(it.site.directory, 'trust.note'), 'utf8'),
      it.site.rootVkey,
    );
    const { event } = verifyEventProof(proof, trustFile(trust));
    expect(event.type).toBe('session.batch');
  });

  test('give a patient an account of disclosures, on the page and as a file', async () => {
    const frank = await as('frank', '/audit/disclosures', DESKTOP);
    await frank.fill('#patient', patient);
    await frank.check('input[name=withExempt]');
    expect(await askedOn(frank)).toContain('audience research');
    await look(frank, 'disclosures-desktop');
    const [download] = await Promise.all([frank.waitForEvent('download'), frank.click('button[value=csv]')]);
    expect(download.suggestedFilename()).toBe('accounting-of-disclosures.csv');
    expect((await readFile(await download.path(), 'utf8')).split('\r\n')[0]).toContain('Recipient,Address');
    await eventually(async () => {
      const types = (await recordedOf('frank')).map(({ type }) => type);
      expect(types.filter((type) => type === 'subject.disclosure_report')).toHaveLength(2);
    }, WAIT_MS);
  });

  test('answer the other questions, and tell what a form lacks', async () => {
    const frank = await as('frank', '/audit/exports', DESKTOP);
    await frank.fill('#day', '2026-06-12');
    expect(await askedOn(frank)).toContain('NOT PROVED');
    await look(frank, 'exports-desktop');
    for (const [name, wanted] of [
      ['overdue-grants', 'None:'],
      ['double-approvals', 'None:'],
      ['cutoffs', 'No delivery was ever cut off'],
    ] as const) {
      await frank.goto(`${url}/audit/${name}`);
      expect(await askedOn(frank)).toContain(wanted);
    }
    await frank.goto(`${url}/audit/principal`);
    await frank.fill('#principal', 'frank');
    expect(await askedOn(frank)).toContain('audit.queried');
    await look(frank, 'principal-desktop');
    await frank.goto(`${url}/audit/grant`);
    await frank.fill('#grant', 'no grant');
    await frank.click('main form button.main');
    expect(await frank.textContent('[role=alert]')).toContain('Give the id of a grant');
    expect(await pageFaults(frank)).toEqual([]);
  });

  test('keep the id of the patient out of logs and of the audit topics', async () => {
    expect(it.logged.join('')).not.toContain(patient);
    const { auditEvents, auditSubjects } = it.site.names;
    const dump = await dumpTopics([auditEvents, auditSubjects]);
    expect(Buffer.concat(dump.map(({ value }) => value!)).includes(patient)).toBe(false);
  });
});
