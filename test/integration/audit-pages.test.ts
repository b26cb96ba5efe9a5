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
  /** An auditor's browser. */
  let frank: Page;

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
    frank = await as('frank');
  }, 240_000);

  afterAll(async () => {
    await browser?.close();
    await it?.close();
    await redis?.close();
  });

  async function as(name: HospitalPerson): Promise<Page> {
    const context = await browser.newContext({ javaScriptEnabled: false, viewport: PHONE });
    const page = await context.newPage();
    page.setDefaultTimeout(WAIT_MS);
    await page.goto(url);
    const person = it.identity.description.people[name]!;
    await page.fill('#login', person.id);
    await page.fill('#password', person.password);
    await page.click('button[type=submit]');
    await page.waitForURL(`${url}/requests`);
    return page;
  }

  /** Asks with the form of the page, and gives what is answered. */
  async function asked(): Promise<string> {
    await frank.click('main form button.main');
    return (await frank.textContent('#answer')) ?? '';
  }

  async function look(name: string): Promise<void> {
    expect(await pageFaults(frank)).toEqual([]);
    if (SHOTS !== undefined)
      await writeFile(join(SHOTS, `${name}.png`), await frank.screenshot({ fullPage: true }));
  }

  /** The file that comes of a button. */
  async function downloaded(as: string): Promise<Buffer> {
    const [download] = await Promise.all([
      frank.waitForEvent('download'),
      frank.click(`button[value=${as}]`),
    ]);
    expect(download.suggestedFilename()).not.toContain(patient);
    return await readFile(await download.path());
  }

  test('show how the verification stands, on a phone and on a desk, to auditors alone', async () => {
    await eventually(async () => {
      await frank.goto(`${url}/audit`);
      const text = (await frank.textContent('main')) ?? '';
      expect(text).toContain('Nothing speaks against the audit log');
      expect(text).toMatch(/newest seal\s+\d+ s old/);
      expect(text).toContain('NO_WITNESS');
    }, WAIT_MS);
    await look('status-phone');
    await frank.setViewportSize(DESKTOP);
    await frank.goto(`${url}/audit`);
    await look('status-desktop');
    const status = await it.send('frank', 'GET', '/v1/audit/status');
    expect([status.status, status.body['verification']]).toMatchObject([200, { verdict: 'open' }]);

    const carol = await as('carol');
    expect(await carol.textContent('nav')).not.toContain('Audit');
    for (const path of ['/audit', '/audit/who-saw', '/audit/event']) {
      const answer = await carol.goto(`${url}${path}`);
      expect([answer?.status(), await carol.textContent('h1')]).toEqual([403, 'Not for you']);
    }
    const asking = await it.send('carol', 'POST', '/v1/audit/who-saw', { patient });
    expect([asking.status, asking.body['code']]).toEqual([403, 'ERR_AUDIT_ROLE']);
  });

  test('answer who saw a patient with the id in no address, and prove what the answer stands on', async () => {
    await frank.setViewportSize(PHONE);
    await frank.goto(`${url}/audit/who-saw`);
    await frank.fill('#patient', patient);
    await frank.check('input[name=events]');
    const text = await asked();
    expect(text).toContain('audience research');
    await look('who-saw-phone');
    const title = 'Who saw a patient - gauze';
    expect([frank.url(), await frank.title()]).toEqual([`${url}/audit/who-saw`, title]);

    // The same over the API, and an event that it stands on with its proof.
    const answer = await it.send('frank', 'POST', '/v1/audit/who-saw', { patient, events: true });
    const [first] = answer.body['sightings'] as { event: { partition: number; offset: number } }[];
    const { partition, offset } = first!.event;
    expect(text).toContain(`${partition}/${offset}`);
    await frank.click(`a[href="/audit/event?at=${partition}-${offset}"]`);
    await eventually(async () => {
      // Until its seal has a checkpoint there is no proof, and the page says so.
      await frank.click('main form button.main');
      expect(await frank.textContent('main')).toContain('The proof holds.');
    }, WAIT_MS);
    await look('event-phone');
    const proof = await downloaded('proof');
    const trustText = await readFile(join(it.site.directory, 'trust.note'), 'utf8');
    const { event } = verifyEventProof(proof, trustFile(parseTrustFile(trustText, it.site.rootVkey)));
    expect(event.type).toBe('session.batch');
  });

  test('give a patient an account of disclosures, on the page and as a file', async () => {
    await frank.setViewportSize(DESKTOP);
    await frank.goto(`${url}/audit/disclosures`);
    await frank.fill('#patient', patient);
    await frank.check('input[name=withExempt]');
    expect(await asked()).toContain('audience research');
    await look('disclosures-desktop');
    expect((await downloaded('csv')).toString().split('\r\n')[0]).toContain('Recipient,Address');
  });

  test('answer the other questions, and tell what a form lacks', async () => {
    await frank.goto(`${url}/audit/exports`);
    await frank.fill('#day', '2026-06-12');
    expect(await asked()).toContain('NOT PROVED');
    await look('exports-desktop');
    for (const [name, wanted] of [
      ['overdue-grants', 'None:'],
      ['double-approvals', 'None:'],
      ['cutoffs', 'No delivery was ever cut off'],
    ] as const) {
      await frank.goto(`${url}/audit/${name}`);
      expect(await asked()).toContain(wanted);
    }
    await frank.goto(`${url}/audit/principal`);
    await frank.fill('#principal', 'frank');
    expect(await asked()).toContain('audit.queried');
    await look('principal-desktop');
    await frank.goto(`${url}/audit/grant`);
    await frank.fill('#grant', 'no grant');
    await frank.click('main form button.main');
    expect(await frank.textContent('[role=alert]')).toContain('Give the id of a grant');
    expect(await pageFaults(frank)).toEqual([]);
  });

  test('put every question and refusal on record, and the id of the patient nowhere', async () => {
    const { auditEvents, auditSubjects } = it.site.names;
    await eventually(async () => {
      const dump = await dumpTopics([auditEvents, auditSubjects]);
      const events = auditedEvents(dump.filter(({ topic }) => topic === auditEvents));
      const typesOf = (person: string): readonly string[] =>
        events.filter(({ event }) => event.actor.id === person).map(({ event }) => event.type);
      expect(typesOf('carol').filter((type) => type === 'audit.refused')).toHaveLength(4);
      const asked = typesOf('frank');
      expect(asked.filter((type) => type === 'subject.disclosure_report')).toHaveLength(2);
      // Who saw twice, the proof twice or more, exports, three that find nothing, and the acts of a person.
      expect(asked.filter((type) => type === 'audit.queried').length).toBeGreaterThanOrEqual(9);
      const values = Buffer.concat(dump.map(({ value }) => value!));
      expect(values.includes(patient)).toBe(false);
    }, WAIT_MS);
    expect(it.logged.join('')).not.toContain(patient);
  });
});
