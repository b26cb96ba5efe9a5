/**
 * Who is told what, and how it travels: signed webhooks, mails, at least once, nothing that a person wrote.
 */
import { createHmac } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { mailChannel } from '../../approvals/notify/mail.ts';
import type { Channel, Message } from '../../approvals/notify/message.ts';
import { grantMessages, requestMessages } from '../../approvals/notify/messages.ts';
import { NoticeDesk } from '../../approvals/notify/notice-desk.ts';
import { webhookChannel } from '../../approvals/notify/webhook.ts';
import { JobHandlers } from '../../approvals/queue/job-handlers.ts';
import type { JobData } from '../../approvals/queue/job-queues.ts';
import { ownError } from '../../platform/errors.ts';
import { SYSTEM, human } from '../support/access-plane.ts';
import { OFFICER, OWNER, QueuePlane } from '../support/queue-plane.ts';
import { SmtpSink } from '../support/smtp-sink.ts';
import { WebhookSink } from '../support/webhook-sink.ts';

const HOUR = 3_600_000;
const CANARIES = [
  'because of Wilma Canary',
  'she is 93 and has GOUT',
  'no, not for MRN-4711',
  'cafecafecafecafe',
];
const RULE_STAGES = [
  { role: 'data-owners', count: 1 },
  { role: 'privacy-officers', count: 1 },
];

/** All messages of all lines, in the order of the log, as `role: title` or `person: title`. */
function toldOf(plane: QueuePlane): readonly string[] {
  const lines: { offset: number; messages: readonly Message[] }[] = [];
  for (const request of plane.state.requests.values()) {
    for (const line of request.history)
      lines.push({ offset: line.offset, messages: requestMessages(request, line, () => RULE_STAGES) });
  }
  for (const [id, grant] of plane.state.grants) {
    const request = plane.state.requests.get(id)!;
    for (const line of grant.history)
      lines.push({ offset: line.offset, messages: grantMessages(request, grant, line) });
  }
  return lines
    .sort((a, b) => a.offset - b.offset)
    .flatMap(({ messages }) => messages)
    .map(({ recipient, title }) => `${recipient.kind === 'role' ? recipient.role : recipient.id}: ${title}`);
}

async function activate(plane: QueuePlane, id: string): Promise<void> {
  const handlers = new JobHandlers({ log: plane, by: SYSTEM, tell: async () => await Promise.resolve() });
  await handlers.run('request', id);
  plane.provision(id);
}

describe('who is told', () => {
  test('each stage in its turn, then the requester of every outcome', async () => {
    const plane = new QueuePlane();
    const id = plane.request();
    plane.approve(id);
    await activate(plane, id);
    plane.fold({ kind: 'REVOKED', by: OFFICER, request_id: id, grant_id: id, reason: 'x' });
    plane.remove(id);
    expect(toldOf(plane)).toEqual([
      'data-owners: A request waits for your decision.',
      'privacy-officers: A request waits for your decision.',
      'alice: Your request is approved.',
      'alice: Your grant is active.',
      'alice: A grant of yours is revoked: nothing more is delivered.',
    ]);
  });

  test('the owner of a machine account too, when its grant is revoked before it began', () => {
    const plane = new QueuePlane();
    const id = plane.request({ beneficiary_owner: 'carol' });
    plane.approve(id);
    plane.fold({ kind: 'REVOKED', by: human('carol'), request_id: id, grant_id: id, reason: 'x' });
    expect(toldOf(plane).slice(-2)).toEqual([
      'alice: A grant of yours is revoked.',
      'carol: A grant of yours is revoked.',
    ]);
  });

  test('the next stage only when a stage that asks for two has them', () => {
    const plane = new QueuePlane();
    const id = plane.request({ stages: [{ role: 'data-owners', count: 2 }, RULE_STAGES[1]!] });
    plane.decide(id, OWNER);
    expect(toldOf(plane)).toHaveLength(1);
    plane.decide(id, human('oskar', 'data-owners'));
    expect(toldOf(plane).slice(1)).toEqual(['privacy-officers: A request waits for your decision.']);
  });

  test('everybody passed over by break-glass, at once, and the reviewers when it is due', async () => {
    const plane = new QueuePlane();
    const id = plane.request({ stages: [], emergency: { code: 'ETREAT', review_ms: HOUR } });
    await activate(plane, id);
    expect(toldOf(plane)).toEqual([
      'data-owners: Break-glass was used: raw access was taken without your decision.',
      'privacy-officers: Break-glass was used: raw access was taken without your decision.',
      'alice: Your grant is active.',
      'privacy-officers: Break-glass was used: a review is due.',
    ]);
  });

  test.each([
    ['DENIED', 'Your request is denied.'],
    ['WITHDRAWN', 'Your request is withdrawn.'],
    ['CANCELLED', 'Your request was cancelled.'],
  ])('the requester when it is %s', (what, title) => {
    const plane = new QueuePlane();
    const id = plane.request();
    if (what === 'DENIED') plane.decide(id, OFFICER, false);
    if (what === 'WITHDRAWN') plane.fold({ kind: 'WITHDRAWN', by: human('alice'), request_id: id });
    if (what === 'CANCELLED')
      plane.fold({ kind: 'CANCELLED', by: OFFICER, request_id: id, reason: 'x', cause: 'OFFICER' });
    expect(toldOf(plane).at(-1)).toBe(`alice: ${title}`);
  });
});

describe('on the way', () => {
  let mailbox: SmtpSink;
  let hook: WebhookSink;

  beforeEach(async () => {
    mailbox = await SmtpSink.start();
    hook = await WebhookSink.start();
  });

  afterEach(async () => {
    await mailbox.close();
    await hook.close();
  });

  function mail(): Channel {
    return mailChannel({
      smtp: mailbox.url,
      from: 'gauze@hospital.example',
      addresses: {
        'data-owners': ['olga@hospital.example', 'oskar@hospital.example'],
        'privacy-officers': ['paul@hospital.example'],
      },
      people: { alice: 'alice@hospital.example' },
    });
  }

  function webhook(secret = 'a key of 32 bytes, made for tests'): Channel {
    return webhookChannel({ url: hook.url, secret, timeoutMs: 300 });
  }

  /** A desk whose jobs are kept in a map. */
  function deskOf(plane: QueuePlane, channels: readonly Channel[]) {
    const jobs = new Map<string, JobData>();
    let from: number | null = 0;
    const desk = new NoticeDesk({
      log: plane,
      channels,
      by: SYSTEM,
      stagesOfRule: () => RULE_STAGES,
      link: (id) => `https://gauze.example/requests/${id}`,
      onError: () => undefined,
      queues: {
        addNotice: async (id, data) => void (await Promise.resolve(jobs.set(id, data))),
        noticesFrom: async () => await Promise.resolve(from),
        setNoticesFrom: async (offset) => void (await Promise.resolve((from = offset))),
      },
    });
    return { desk, jobs, lose: () => (from = null) };
  }

  /** A life with canaries in everything that people write, with a named patient in the scope. */
  function life(): QueuePlane {
    const plane = new QueuePlane();
    const persons = [Buffer.from('cafecafecafecafe', 'hex')];
    const id = plane.request({ ticket: 'INC-1' }, { persons }, CANARIES[0]);
    plane.decide(id, OWNER, true, CANARIES[1]);
    plane.decide(id, OFFICER, false, CANARIES[2]);
    return plane;
  }

  test('messages say ids, names and counts, and nothing that a person wrote', async () => {
    const plane = life();
    const { desk, jobs } = deskOf(plane, [mail(), webhook()]);
    await desk.catchUp();
    for (const data of jobs.values()) expect((await desk.send(data, 1, false)).kind).toBe('done');
    expect(mailbox.mails.map(({ to }) => to)).toEqual([
      ['olga@hospital.example', 'oskar@hospital.example'],
      ['paul@hospital.example'],
      ['alice@hospital.example'],
    ]);
    expect(hook.posts).toHaveLength(3);
    const [id] = plane.state.requests.keys();
    const everything = [...mailbox.mails.map(({ data }) => data), ...hook.posts.map(({ body }) => body)].join(
      '\n',
    );
    for (const wanted of [id!, 'clinical.encounters', 'mrn', 'TREAT', `https://gauze.example/requests/${id}`])
      expect(everything).toContain(wanted);
    expect(mailbox.mails[0]!.data).toContain('Persons at most: 1');
    for (const canary of CANARIES) {
      expect(everything).not.toContain(canary);
      expect(everything).not.toContain(Buffer.from(canary).toString('base64').slice(0, 20));
    }
    for (const job of jobs) expect(JSON.stringify(job)).not.toMatch(/@|alice|olga|canary/i);
  });

  test('a webhook carries a signature that the receiver can compute', async () => {
    const { desk, jobs } = deskOf(life(), [webhook('k'.repeat(32))]);
    await desk.catchUp();
    const [id, data] = [...jobs][0]!;
    await desk.send(data, 1, false);
    await desk.send(data, 2, false);
    const { headers, body } = hook.posts[0]!;
    const time = headers['gauze-timestamp'] as string;
    const mac = createHmac('sha256', 'k'.repeat(32)).update(time).update('.').update(body).digest('hex');
    expect(headers['gauze-signature']).toBe(`v1=${mac}`);
    expect(Math.abs(Number(time) - Date.now() / 1000)).toBeLessThan(60);
    // The same id at each attempt, so that a receiver can drop what it has.
    expect(hook.posts.map(({ headers: sent }) => sent['gauze-message-id'])).toEqual([id, id]);
    expect(JSON.parse(body)).toMatchObject({ id, occasion: 'request.submitted' });
  });

  test.each([
    ['a refusal', 500],
    ['a redirect, which is not followed', 302],
    ['no answer', 0],
  ])('%s fails with a code alone, and is an event when it is the last attempt', async (_, status) => {
    const plane = life();
    const { desk, jobs } = deskOf(plane, [webhook()]);
    await desk.catchUp();
    const [data] = jobs.values();
    hook.status = status;
    if (status === 302) hook.location = `${hook.url}/elsewhere`;
    const thrown = await desk.send(data!, 9, false).catch((error: unknown) => ownError(error));
    expect(thrown).toMatchObject({ code: 'ERR_NOTIFY_SEND' });
    expect(JSON.stringify(thrown)).not.toMatch(/nobody should read|127\.0\.0\.1/);
    expect(plane.events).toEqual([]);
    await expect(desk.send(data!, 10, true)).rejects.toMatchObject({ code: 'ERR_NOTIFY_SEND' });
    expect(plane.events).toMatchObject([
      {
        type: 'notify.failed',
        outcomeReason: 'ERR_NOTIFY_SEND',
        ext: { channel: 'webhook', attempts: '10' },
      },
    ]);
    expect(hook.posts).toHaveLength(2);
    hook.status = 200;
    await desk.send(data!, 1, false);
    expect(plane.events.at(-1)).toMatchObject({ type: 'notify.sent', ext: { attempts: '1' } });
  });

  test('a mail that the server takes for some is not sent again to those who have it', async () => {
    const plane = life();
    mailbox.refused.add('oskar@hospital.example');
    const { desk, jobs } = deskOf(plane, [mail()]);
    await desk.catchUp();
    const [data] = jobs.values();
    expect(await desk.send(data!, 1, false)).toEqual({ kind: 'done', word: 'sent-in-part' });
    expect(mailbox.mails.map(({ to }) => to)).toEqual([['olga@hospital.example']]);
    expect(plane.events).toMatchObject([{ type: 'notify.failed', outcomeReason: 'ERR_NOTIFY_RECIPIENTS' }]);
  });

  test('what happened is put in once, and the last hour again where Redis has forgotten', async () => {
    let now = Date.now();
    const plane = new QueuePlane(() => now);
    plane.request();
    const { desk, jobs, lose } = deskOf(plane, [webhook()]);
    await desk.catchUp();
    expect(jobs.size).toBe(1);
    jobs.clear();
    await desk.catchUp();
    now += 2 * HOUR;
    plane.request();
    await desk.catchUp();
    expect(jobs.size).toBe(1);
    jobs.clear();
    lose();
    desk.forget();
    await desk.catchUp();
    expect([...jobs.values()].map(({ offset }) => offset)).toEqual([3]);
  });

  test('a notice whose entry this instance has not folded yet is kept, one that never was is dropped', async () => {
    const plane = life();
    const { desk } = deskOf(plane, [webhook()]);
    const made = { requestId: 'f'.repeat(16), occasion: 'request.submitted', index: 0, channel: 'webhook' };
    expect((await desk.send({ ...made, offset: 999 }, 1, false)).kind).toBe('again');
    expect(await desk.send({ ...made, offset: 1 }, 1, false)).toEqual({ kind: 'done', word: 'no-need' });
    expect(hook.posts).toEqual([]);
  });
});

describe('addresses', () => {
  test.each([
    'http://hooks.example/x',
    'https://user:secret@hooks.example/x',
    'ftp://127.0.0.1/x',
    'http://127.0.0.1.evil.example/x',
    'no address',
  ])('refuses the webhook %s without saying it again', (url) => {
    const made = (): Channel => webhookChannel({ url, secret: 's' });
    expect(made).toThrow(expect.objectContaining({ code: 'ERR_NOTIFY_ADDRESS' }));
    expect(made).not.toThrow(/secret|evil/);
  });

  test('takes https, and http of this machine', () => {
    for (const url of ['https://hooks.example/x', 'http://localhost:1/x', 'http://[::1]:1/x'])
      expect(webhookChannel({ url, secret: 's' }).name).toBe('webhook');
  });
});
