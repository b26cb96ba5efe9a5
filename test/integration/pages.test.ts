/**
 * The pages in a real Chromium, with scripts switched off: people log in at the provider's own pages, ask, narrow by
 * ticking, decide, look and go. What is forged, late or stale is refused in words; what is kept of a log-in is no token.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Browser, BrowserContext, BrowserContextOptions, Page } from 'playwright-core';
import { generateHospital } from '../../examples/hospital/hospital.ts';
import type { HospitalPerson } from '../../stack/identity-people.ts';
import { ApprovalsSite } from '../support/approvals-site.ts';
import { auditedEvents } from '../support/audit-oracle.ts';
import { CHROMIUM, WITHOUT_CHROMIUM, openBrowser } from '../support/browser.ts';
import { OwnRedis } from '../support/own-redis.ts';
import { pageFaults } from '../support/page-checks.ts';
import { eventually } from '../support/stack.ts';
import { dumpTopics } from '../support/topic-dump.ts';

const REASON = 'Calling back <img src=x onerror=alert(1)> "readmitted" & other patients';
const AGREED = 'agreed in the morning round';
const APPROVE = 'button[value=approve]';
const RECORDED = [
  'request.viewed',
  'grant.viewed',
  'request.previewed',
  'decision.refused',
  'auth.failed',
  'decision.approved',
];
const PHONE = { width: 360, height: 740 };

const inChromium = CHROMIUM === null ? describe.skip : describe;

inChromium(`pages${WITHOUT_CHROMIUM}`, () => {
  let it: ApprovalsSite;
  let redis: OwnRedis;
  let browser: Browser;
  let url: string;

  beforeAll(async () => {
    redis = await OwnRedis.make();
    await redis.start();
    it = await ApprovalsSite.make({ partitions: 2, topics: ['clinical.encounters'], redisUrl: redis.url });
    await it.site.feed([...generateHospital({ patients: 5, seed: 3 })]);
    await it.site.apply();
    ({ url } = await it.start());
    browser = await openBrowser();
  }, 180_000);

  afterAll(async () => {
    await browser?.close();
    await it?.close();
    await redis?.close();
  });

  /** Logs in as `name`, beginning at `path`; scripts are off, and the screen is that of a phone. */
  async function as(name: HospitalPerson, path = '/', options: BrowserContextOptions = {}): Promise<Page> {
    const context = await browser.newContext({ javaScriptEnabled: false, viewport: PHONE, ...options });
    const page = await context.newPage();
    page.setDefaultTimeout(20_000);
    await page.goto(`${url}${path}`);
    const person = it.identity.description.people[name]!;
    await page.fill('#login', person.id);
    await page.fill('#password', person.password);
    await page.click('button[type=submit]');
    await page.waitForURL(`${url}${path === '/' ? '/requests' : path}`);
    return page;
  }

  async function asked(): Promise<string> {
    const { body } = await it.send('alice', 'POST', '/v1/requests', it.question());
    return String(body['id']);
  }

  async function stateOf(id: string): Promise<unknown> {
    const { state, approvals } = (await it.send('dan', 'GET', `/v1/requests/${id}`)).body;
    return [state, (approvals as { by: string }[]).map(({ by }) => by)];
  }

  /** The inputs of the form that decides, as the browser would send them. */
  async function decisionForm(page: Page): Promise<Record<string, string>> {
    const hidden = async (name: string): Promise<string> =>
      (await page.getAttribute(`#decide input[name=${name}]`, 'value')) ?? '';
    return {
      _csrf: await hidden('_csrf'),
      key: await hidden('key'),
      scopeHash: await hidden('scopeHash'),
      decision: 'deny',
      reason: AGREED,
    };
  }

  async function post(
    context: BrowserContext,
    path: string,
    form: Record<string, string> | [string, string][],
    headers: Record<string, string> = { origin: url },
  ): Promise<{ status: number; text: string; location: string | undefined }> {
    const answer = await context.request.post(`${url}${path}`, {
      data: new URLSearchParams(form).toString(),
      headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
      maxRedirects: 0,
    });
    return { status: answer.status(), text: await answer.text(), location: answer.headers()['location'] };
  }

  async function sessionCookie(page: Page) {
    return (await page.context().cookies()).find(({ name }) => name === 'gauze');
  }

  test('take people from asking, over narrowing by ticks, to a grant and its end, without any script', async () => {
    const alice = await as('alice');
    await alice.click('text=Ask for raw access');
    await alice.click('text=/as research sees it/');
    expect(await pageFaults(alice)).toEqual([]);
    await alice.check('input[value="patientId"]');
    await alice.check('input[value="period.start"]');
    await alice.selectOption('#purpose', 'TREAT');
    await alice.fill('#persons', 'PAT-CANARY-1\nPAT-CANARY-2');
    await alice.fill('#reason', 'admitted on 2026-02-11');
    await alice.click('text=Send the request');
    expect(await alice.textContent('[role=alert]')).toContain('looks like an identifier');
    expect(await alice.inputValue('#persons')).toBe('PAT-CANARY-1\nPAT-CANARY-2');
    expect(await alice.isChecked('input[value="period.start"]')).toBe(true);
    expect(await alice.getAttribute('#reason', 'aria-invalid')).toBe('true');
    expect(await pageFaults(alice)).toEqual([]);
    await alice.fill('#reason', REASON);
    await alice.click('text=Send the request');
    const address = alice.url().replace(/\?.*/, '');
    const id = address.slice(-16);
    expect(await alice.textContent('[role=status]')).toContain('was sent');
    const shown = (await alice.textContent('main')) ?? '';
    expect(shown).toContain(REASON);
    expect(shown).toContain('about 2 named persons');
    expect(await alice.content()).not.toContain('PAT-CANARY');
    expect(await alice.locator('main img').count()).toBe(0);
    expect(await alice.locator('#decide').count()).toBe(0);

    const carol = await as('carol');
    await carol.click('section:first-of-type a');
    expect(carol.url()).toBe(address);
    await carol.click('text="Count"');
    expect(await carol.textContent('#preview [role=status]')).toMatch(/could deliver at most \d+ record/);
    await carol.check('#sample');
    await carol.click('text="Count"');
    expect(await pageFaults(carol)).toEqual([]);
    await carol.uncheck('#decide input[value="period.start"]');
    await carol.fill('#maxRecords', '10');
    await carol.fill('#reason', AGREED);
    await carol.click(APPROVE);
    expect(await carol.textContent('[role=status]')).toContain('Your approval counts');

    const dan = await as('dan', `/requests/${id}`);
    const asked = (await dan.textContent('main')) ?? '';
    expect(asked).toContain('1 field of');
    expect(asked).toContain('at most 10 records');
    expect(await dan.locator('#decide input[value="period.start"]').count()).toBe(0);
    await dan.fill('#reason', AGREED);
    await dan.click(APPROVE);
    await dan.click('text=See the grant');
    expect(await pageFaults(dan)).toEqual([]);
    expect((await it.send('dan', 'GET', `/v1/requests/${id}`)).body).toMatchObject({
      state: 'APPROVED',
      scope: { fields: [{ path: 'patientId' }], maxRecords: 10, persons: 2 },
    });
    await alice.goto(`${url}/grants`);
    await alice.click('section:first-of-type a');
    await alice.fill('#revoke-reason', 'it was found elsewhere');
    await alice.click('text=Revoke the grant');
    expect(await alice.textContent('[role=status]')).toContain('revoked');
    expect((await it.send('alice', 'GET', `/v1/grants/${id}`)).body).toMatchObject({ revokedBy: 'alice' });
    expect(it.logged.join('')).not.toContain('CANARY');
  });

  test('say the present state to who decides too late, and count one form once', async () => {
    const id = await asked();
    const first = await as('carol', `/requests/${id}`);
    const second = await as('carol', `/requests/${id}`);
    const { decision: _, ...hidden } = await decisionForm(first);
    const caps = { maxRecords: '40', maxPersons: '500', durationMinutes: '60' };
    const form: [string, string][] = Object.entries({ ...hidden, ...caps, decision: 'approve' });
    for (const box of await first.locator('#decide input[type=checkbox]').all())
      form.push(['fields', (await box.getAttribute('value')) ?? '']);
    // A double click.
    const clicks = [1, 2].map(async () => await post(first.context(), `/requests/${id}/decide`, form));
    for (const { status, location } of await Promise.all(clicks))
      expect([status, location]).toEqual([303, `/requests/${id}?done=approved`]);
    expect(await stateOf(id)).toEqual(['PENDING', ['carol']]);
    await second.fill('#reason', 'the same once more');
    await second.click(APPROVE);
    expect(await second.textContent('[role=alert]')).toContain('has approved this request already');
    expect(await second.locator('#decide').count()).toBe(0);
    expect(await pageFaults(second)).toEqual([]);
    const dan = await as('dan', `/requests/${id}`);
    await it.send('alice', 'POST', `/v1/requests/${id}/withdraw`, {});
    await dan.fill('#reason', AGREED);
    await dan.click(APPROVE);
    expect(await dan.textContent('[role=alert]')).toContain('not pending any more');
    expect(await dan.textContent('main')).toContain('Withdrawn');
  });

  test('take no form without the token of its session, and none from another origin', async () => {
    const id = await asked();
    const alice = await as('alice', `/requests/${id}`);
    const carol = await as('carol', `/requests/${id}`);
    const form = await decisionForm(carol);
    const foreign = (await alice.getAttribute('.who input[name=_csrf]', 'value')) ?? '';
    const path = `/requests/${id}/decide`;
    const cases: readonly (readonly [Record<string, string>, Record<string, string> | undefined])[] = [
      [{ ...form, _csrf: '' }, undefined],
      [{ ...form, _csrf: foreign }, undefined],
      [{ ...form, _csrf: `${form['_csrf']}x` }, undefined],
      [form, { origin: 'https://evil.example' }],
      [form, { origin: 'null' }],
      [form, { origin: url, 'sec-fetch-site': 'cross-site' }],
      [form, { origin: url, 'sec-fetch-site': 'same-site' }],
      [form, {}],
    ];
    for (const [sent, headers] of cases) {
      const answer = await post(carol.context(), path, sent, headers);
      expect([answer.status, answer.text.includes('does not come from a page')]).toEqual([403, true]);
    }
    expect(await stateOf(id)).toEqual(['PENDING', []]);
    expect((await post(carol.context(), path, form)).status).toBe(303);
    expect(await stateOf(id)).toEqual(['DENIED', []]);
  });

  test('forget who has logged out, and take no session that they have not made', async () => {
    const page = await as('carol');
    const cookie = await sessionCookie(page);
    expect(cookie).toMatchObject({ httpOnly: true, sameSite: 'Lax', path: '/', expires: -1 });
    const form = { _csrf: (await page.getAttribute('.who input[name=_csrf]', 'value')) ?? '' };
    await page.click('text=Log out');
    expect(await page.textContent('h1')).toBe('Logged out');
    expect(await pageFaults(page)).toEqual([]);
    const thief = await browser.newContext();
    await thief.addCookies([cookie!]);
    const seen = await thief.request.get(`${url}/requests`, { maxRedirects: 0 });
    expect([seen.status(), seen.headers()['location']]).toEqual([303, '/login?return=%2Frequests']);
    const sent = await post(thief, `/requests/${'0'.repeat(16)}/withdraw`, { ...form, key: 'k' });
    expect([sent.status, sent.text.includes('log-in has ended')]).toEqual([401, true]);
    await thief.close();

    // Somebody begins a log-in and plants its cookie in the browser of somebody else, who then logs in.
    const planter = await browser.newContext();
    await planter.request.get(`${url}/login`, { maxRedirects: 0 });
    const planted = (await planter.cookies()).find(({ name }) => name === 'gauze');
    const victim = await browser.newContext({ javaScriptEnabled: false });
    await victim.addCookies([planted!]);
    const tab = await victim.newPage();
    await tab.goto(url);
    await tab.fill('#login', 'dan');
    await tab.fill('#password', it.identity.description.people['dan']!.password);
    await tab.click('button[type=submit]');
    await tab.waitForURL(`${url}/requests`);
    expect((await sessionCookie(tab))?.value).not.toBe(planted!.value);
    const planting = await planter.request.get(`${url}/requests`, { maxRedirects: 0 });
    expect(planting.status()).toBe(303);
    await planter.close();
  });

  test('keep no token, neither in the cookie nor in Redis, and lead nobody elsewhere', async () => {
    const page = await as('frank', '/locks');
    expect(await pageFaults(page)).toEqual([]);
    const kept = await redis.contents();
    expect(kept).toContain('\\"id\\":\\"frank\\"');
    for (const text of [kept, (await sessionCookie(page))?.value ?? ''])
      expect(text).not.toMatch(/eyJ|access_token|id_token/);
    const { request } = page.context();
    for (const there of ['https://evil.example', '//evil.example', '/\\evil.example']) {
      const answer = await request.get(`${url}/login?return=${encodeURIComponent(there)}`, {
        maxRedirects: 0,
      });
      expect(answer.headers()['location']).toBe('/requests');
    }
    const replayed = await request.get(`${url}/callback?state=x&code=y`, { maxRedirects: 0 });
    expect([replayed.status(), (await replayed.text()).includes('did not come to an end')]).toEqual([
      401,
      true,
    ]);
  });

  test('bear headers that let nothing run and nothing frame them', async () => {
    const page = await as('bob');
    const answer = await page.goto(`${url}/requests/new`);
    expect(answer?.headers()).toMatchObject({
      'content-security-policy':
        "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'same-origin',
    });
    const missing = await page.goto(`${url}/requests/${'0'.repeat(16)}`);
    expect([missing?.status(), await pageFaults(page)]).toEqual([404, []]);
  });

  test('show the queue to operators alone', async () => {
    const erin = await as('erin', '/requests', {
      javaScriptEnabled: true,
      viewport: { width: 1200, height: 800 },
    });
    await erin.goto(`${url}/queue`);
    await erin.waitForSelector('text=/approvals/');
    const carol = await as('carol');
    const answer = await carol.goto(`${url}/queue`);
    expect([answer?.status(), await carol.textContent('h1')]).toEqual([403, 'Not for you']);
  });

  test('let privacy officers lock, and people go ahead in an emergency and be reviewed', async () => {
    const dan = await as('dan', '/locks');
    await dan.selectOption('#target', 'PRINCIPAL');
    await dan.fill('#value', 'User:bob');
    await dan.fill('#reason', 'laptop was stolen this morning');
    await dan.click('text=Place the lock');
    expect(await dan.textContent('main')).toContain('User:bob');
    expect(await pageFaults(dan)).toEqual([]);
    await dan.click('text="Lift"');
    expect(await dan.textContent('main')).toContain('Nothing is locked');
    const erin = await as('erin', '/break-glass');
    await erin.click('text=/as research sees it/');
    expect(await pageFaults(erin)).toEqual([]);
    await erin.check('input[value="patientId"]');
    await erin.selectOption('#purpose', 'ETREAT');
    await erin.fill('#emergencyCode', 'RESUS');
    await erin.fill('#durationMinutes', '30');
    await erin.fill('#reason', 'patient without a pulse, history unknown');
    await erin.click('text=Go ahead now');
    expect(await erin.textContent('[role=status]')).toContain('privacy officer will review');
    await erin.fill('#revoke-reason', 'it is over, she is stable');
    await erin.click('text=Revoke the grant');
    expect(await pageFaults(erin)).toEqual([]);
  });

  test('put on record who looked, and what was refused', async () => {
    const { auditEvents } = it.site.names;
    await eventually(async () => {
      const dump = await dumpTopics([auditEvents]);
      const types = new Set(auditedEvents(dump).map(({ event }) => event.type));
      for (const type of RECORDED) expect(types).toContain(type);
      const text = Buffer.concat(dump.map(({ value }) => value!)).toString('latin1');
      expect(text).not.toMatch(/CANARY|onerror|laptop/);
    }, 60_000);
  });

  test('say so while Redis is away, and the API goes on', async () => {
    const page = await as('alice');
    await redis.kill();
    const answer = await eventually(async () => {
      const got = await page.goto(`${url}/requests`);
      expect(got?.status()).toBe(503);
      return got;
    });
    expect(answer?.headers()['content-type']).toContain('text/html');
    expect(await page.textContent('[role=alert]')).toContain('Redis does not answer');
    expect((await it.send('alice', 'GET', '/v1/me')).status).toBe(200);
    await redis.start();
    await eventually(async () => {
      const got = await page.goto(`${url}/requests`);
      expect([got?.status(), await page.textContent('h1')]).toEqual([200, 'Requests']);
    });
  });
});
