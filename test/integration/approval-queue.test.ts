/**
 * The approval queue on a real Redis that is flushed, killed, stopped and brought back from old snapshots: the log
 * comes to the same final states, and nothing is granted, lost or prolonged.
 */
import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Queue } from 'bullmq';
import { fastify } from 'fastify';
import { mailChannel } from '../../approvals/notify/mail.ts';
import type { Channel } from '../../approvals/notify/message.ts';
import { webhookChannel } from '../../approvals/notify/webhook.ts';
import { ApprovalJobs } from '../../approvals/queue/approval-jobs.ts';
import type { QueueLog } from '../../approvals/queue/access-view.ts';
import { queueBoard } from '../../approvals/queue/queue-board.ts';
import { GauzeError } from '../../platform/errors.ts';
import { createLogger } from '../../platform/log.ts';
import { AccessPlane, SYSTEM, append, requestOf, scopeOf } from '../support/access-plane.ts';
import { OwnRedis } from '../support/own-redis.ts';
import { ASKER, OFFICER, OWNER, QueuePlane } from '../support/queue-plane.ts';
import { SmtpSink } from '../support/smtp-sink.ts';
import { eventually, uniqueName } from '../support/stack.ts';
import { WebhookSink } from '../support/webhook-sink.ts';

const REASON = 'for Wilma Canary, who is 93';
const LONG_MS = 60_000;

let redis: OwnRedis;
let logLines: string[] = [];
const running: ApprovalJobs[] = [];
const cleanUps: (() => Promise<unknown> | void)[] = [];
const unhandled: unknown[] = [];
const onUnhandled = (error: unknown): void => void unhandled.push(error);

beforeEach(async () => {
  redis = await OwnRedis.make();
  logLines = [];
  process.on('unhandledRejection', onUnhandled);
});

afterEach(async () => {
  await Promise.all(running.splice(0).map(async (jobs) => await jobs.close()));
  for (const cleanUp of cleanUps.splice(0)) await cleanUp();
  await redis.close();
  process.off('unhandledRejection', onUnhandled);
  expect(unhandled.splice(0)).toEqual([]);
  for (const line of logLines) expect(line).not.toMatch(/ECONNREFUSED \d|connect |Canary|Stream isn't/);
});

/** One instance of the service's queue. */
function instance(log: QueueLog, prefix: string, channels: readonly Channel[] = []): ApprovalJobs {
  const destination = { write: (line: string) => void logLines.push(line) };
  const jobs = new ApprovalJobs({
    log,
    redis: { url: redis.url },
    prefix,
    principal: SYSTEM.id,
    channels,
    stagesOfRule: () => [{ role: 'data-owners', count: 1 }],
    link: (id) => `https://gauze.example/requests/${id}`,
    logger: createLogger({ level: 'trace', destination }),
    sweepMs: 250,
  });
  running.push(jobs);
  jobs.start();
  return jobs;
}

/** Waits until `check` holds. */
async function until(check: () => boolean, what: string, timeoutMs = 45_000): Promise<void> {
  await eventually(async () => {
    await new Promise((resolve) => setTimeout(resolve, 20));
    if (!check()) throw new Error(`not yet: ${what}`);
  }, timeoutMs);
}

/** The provisioner: makes and removes at once what the state asks for. */
function provisioner(plane: QueuePlane): void {
  const look = (): void => {
    for (const [id, { grant }] of plane.state.grants) {
      if (grant.state === 'ACTIVATING') plane.provision(id);
      if (grant.state === 'ENDING' || grant.state === 'REVOKING') plane.remove(id);
    }
  };
  const every = setInterval(look, 15);
  cleanUps.push(() => clearInterval(every));
}

const NEVER_OPEN = { zone: 'UTC', days: [new Date().getUTCDay() > 3 ? 1 : 5], from_minute: 0, to_minute: 5 };

/** Six requests, each with another fate. */
class Lives {
  readonly plane = new QueuePlane();
  readonly ids: Readonly<Record<string, string>>;

  constructor() {
    const { plane } = this;
    const long = { pending_ms: LONG_MS, activation_ms: LONG_MS };
    const brief = { duration_ms: 700 };
    this.ids = {
      ended: plane.request(long, brief, REASON),
      revoked: plane.request(long, { duration_ms: LONG_MS }, REASON),
      denied: plane.request(long, brief, REASON),
      expired: plane.request({ pending_ms: 1_500 }, {}, REASON),
      lapsed: plane.request({ ...long, activation_ms: 1_000 }, { window: NEVER_OPEN }, REASON),
      emergency: plane.request(
        { ...long, stages: [], emergency: { code: 'ETREAT', review_ms: 900 } },
        { ...brief, topic: 'clinical.patients' },
        REASON,
      ),
    };
  }

  /** What people do, step by step; Redis may be disturbed after each. */
  readonly steps: readonly (readonly [string, () => Promise<void>])[] = [
    ['the requests', async () => await Promise.resolve()],
    [
      'the first votes',
      async () => {
        for (const id of this.open()) this.plane.decide(id, OWNER, true, REASON);
        await Promise.resolve();
      },
    ],
    [
      'the last decisions',
      async () => {
        for (const id of this.open()) this.plane.decide(id, OFFICER, id !== this.ids['denied'], REASON);
        await Promise.resolve();
      },
    ],
    [
      'activation',
      async () => {
        const given = ['ended', 'revoked'].map((name) => this.ids[name]!);
        await until(
          () => given.every((id) => (this.plane.state.grants.get(id)?.grant.not_before ?? 0) > 0),
          'active',
        );
      },
    ],
    [
      'revocation',
      async () => {
        const id = this.ids['revoked']!;
        this.plane.fold({ kind: 'REVOKED', by: ASKER, request_id: id, grant_id: id, reason: REASON });
        await Promise.resolve();
      },
    ],
  ];

  /** Waits for the end of all, and says what they have come to. */
  async end(): Promise<Readonly<Record<string, unknown>>> {
    const { plane, ids } = this;
    const states = (): readonly (string | undefined)[] =>
      Object.values(ids).map((id) => plane.grant(id) ?? plane.requestState(id));
    const finals = ['ENDED', 'REVOKED', 'DENIED', 'EXPIRED', 'LAPSED', 'ENDED'];
    await until(() => JSON.stringify(states()) === JSON.stringify(finals), 'all final').catch(
      (error: unknown) => {
        throw new Error(`${String(error)}: ${JSON.stringify(states())}`);
      },
    );
    const review = (): string => plane.state.grants.get(ids['emergency']!)!.review.state;
    await until(() => review() === 'OVERDUE', 'review overdue');
    return {
      states: states(),
      review: review(),
      activations: Object.values(ids).map((id) => this.activations(id)),
      lengths: ['ended', 'emergency'].map((name) => this.length(ids[name]!)),
    };
  }

  /** Waits until there is a job of every request whose fate is open. */
  async queued(): Promise<void> {
    await eventually(async () => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      const contents = await redis.contents();
      for (const id of this.open()) expect(contents).toContain(`request-${id}`);
    });
  }

  private open(): readonly string[] {
    const open = ['ended', 'revoked', 'denied', 'lapsed'].map((name) => this.ids[name]!);
    return open.filter((id) => this.plane.requestState(id) === 'PENDING');
  }

  /** How often the grant was ordered to be active. */
  private activations(id: string): number {
    const { entries, verdicts } = this.plane;
    return entries.filter(
      (entry, at) =>
        entry.grant_id === id && entry.kind === 'ACTIVATION_ORDERED' && verdicts[at]!.outcome === 'ACCEPTED',
    ).length;
  }

  private length(id: string): number {
    const { not_before: from, not_after: to } = this.plane.state.grants.get(id)!.grant;
    return to - from;
  }
}

const UNDISTURBED = {
  states: ['ENDED', 'REVOKED', 'DENIED', 'EXPIRED', 'LAPSED', 'ENDED'],
  review: 'OVERDUE',
  activations: [1, 1, 0, 0, 0, 1],
  lengths: [700, 700],
};

type Disturbance = (step: number) => Promise<void>;

/** A whole life of all six with two instances, disturbed after step `at` of five. */
async function live(at: number, disturb: Disturbance): Promise<Readonly<Record<string, unknown>>> {
  await redis.start();
  const prefix = uniqueName('q');
  const lives = new Lives();
  provisioner(lives.plane);
  instance(lives.plane, prefix);
  instance(lives.plane, prefix);
  for (const [step, [, act]] of lives.steps.entries()) {
    await act();
    await lives.queued();
    if (step === at - 1) await redis.keepSnapshot('before');
    if (step === at) await disturb(step);
  }
  const outcome = await lives.end();
  expect(await redis.contents()).not.toMatch(/Canary|alice|olga|paul/i);
  return outcome;
}

describe('the final states are those of an undisturbed run', () => {
  test('undisturbed, with two instances', async () => {
    expect(await live(-1, async () => await Promise.resolve())).toEqual(UNDISTURBED);
  });

  const steps = [0, 1, 2, 3, 4];

  test.each(steps)('flushed after step %i', async (at) => {
    expect(await live(at, async () => await redis.flush())).toEqual(UNDISTURBED);
  });

  test.each(steps)('killed after step %i, back with nothing', async (at) => {
    const disturb = async (): Promise<void> => {
      await redis.kill();
      await redis.dropSnapshot();
      await redis.start();
    };
    expect(await live(at, disturb)).toEqual(UNDISTURBED);
  });

  test.each(steps.slice(1))('killed after step %i, back from the snapshot before it', async (at) => {
    const disturb = async (): Promise<void> => {
      await redis.kill();
      await redis.useSnapshot('before');
      await redis.start();
    };
    expect(await live(at, disturb)).toEqual(UNDISTURBED);
  });
});

describe('on the real access log', () => {
  test('what people decided is activated, what they did not expires, by entries of this service', async () => {
    await redis.start();
    const access = new AccessPlane();
    await access.start();
    cleanUps.push(async () => await access.close());
    const log = await access.log();
    const jobs = instance(log, uniqueName('q'));
    await until(() => jobs.isUp, 'up');
    const ask = async (pendingMs: number): Promise<string> => {
      const id = randomBytes(8).toString('hex');
      const request = requestOf(scopeOf(), { pending_ms: pendingMs });
      await append(log, { kind: 'REQUESTED', by: ASKER, request_id: id, request, reason: 'care' });
      return id;
    };
    const [given, undecided] = [await ask(LONG_MS), await ask(1_000)];
    for (const by of [OWNER, OFFICER]) {
      const scope_sha256 = log.state.requests.get(given)!.scopeSha256;
      const decision = { approve: true, scope_sha256, narrowed: null, narrowed_sha256: null };
      await append(log, { kind: 'DECIDED', by, request_id: given, decision, reason: 'fine' });
    }
    await until(() => log.state.grants.get(given)?.grant.state === 'ACTIVATING', 'activated');
    await until(() => log.state.requests.get(undecided)?.state === 'EXPIRED', 'expired');
    const ours = (await access.entries()).filter(({ by }) => by.kind === 'SYSTEM');
    expect(ours.map(({ kind }) => kind).sort()).toEqual(['ACTIVATION_ORDERED', 'ESCALATED', 'EXPIRED']);
    await jobs.close();
    running.splice(0);
  });
});

describe('a job that is lost while nothing else changes', () => {
  test('is put in again', async () => {
    await redis.start();
    const plane = new QueuePlane();
    instance(plane, uniqueName('q'));
    plane.isAway = true;
    const id = plane.request({ pending_ms: LONG_MS, activation_ms: LONG_MS });
    plane.approve(id);
    await until(
      () => logLines.some((line) => line.includes('ERR_ACCESS_LOG_UNAVAILABLE')),
      'a first attempt',
    );
    await redis.flush();
    plane.isAway = false;
    await until(() => plane.grant(id) === 'ACTIVATING', 'activated', 10_000);
  });
});

describe('while Redis is away', () => {
  test('what must end ends, nothing is activated, and the process lives; afterwards all goes on', async () => {
    const plane = new QueuePlane();
    const prefix = uniqueName('q');
    await redis.start();
    const jobs = instance(plane, prefix);
    provisioner(plane);
    const active = plane.request({ pending_ms: LONG_MS }, { duration_ms: 1_500 });
    plane.approve(active);
    await until(() => plane.grant(active) === 'ACTIVE', 'active');
    await redis.kill();
    await until(() => !jobs.isUp, 'known to be away');
    const waiting = plane.request({ pending_ms: LONG_MS, activation_ms: LONG_MS });
    plane.approve(waiting);
    const undecided = plane.request({ pending_ms: 500 });
    await until(() => plane.grant(active) === 'ENDED', 'ended without Redis');
    await until(() => plane.requestState(undecided) === 'EXPIRED', 'expired without Redis');
    expect(plane.grant(waiting)).toBe('SCHEDULED');
    await redis.start();
    await until(() => plane.grant(waiting) === 'ACTIVE', 'activated once Redis is back');
    expect(plane.accepted('ACTIVATION_ORDERED')).toBe(2);
    expect(logLines.filter((line) => line.includes('Redis is away'))).toHaveLength(1);
  });

  test('it starts, and closes in time', async () => {
    const plane = new QueuePlane();
    const jobs = instance(plane, uniqueName('q'));
    const undecided = plane.request({ pending_ms: 1 });
    await until(() => plane.requestState(undecided) === 'EXPIRED', 'expired without Redis');
    running.splice(0);
    const started = performance.now();
    await jobs.close();
    expect(performance.now() - started).toBeLessThan(8_000);
  });
});

describe('jobs that nobody of us put in', () => {
  test('grant nothing, end nothing, and stay without effect', async () => {
    await redis.start();
    const plane = new QueuePlane();
    const prefix = uniqueName('q');
    instance(plane, prefix);
    provisioner(plane);
    const long = { pending_ms: LONG_MS, activation_ms: LONG_MS };
    const pending = plane.request(long, { duration_ms: LONG_MS });
    const active = plane.request(long, { duration_ms: LONG_MS });
    plane.approve(active);
    await until(() => plane.grant(active) === 'ACTIVE', 'active');
    const connection = { url: redis.url, disconnectTimeout: 100 };
    const forged = { requestId: pending, state: 'APPROVED', approvedBy: ['olga', 'paul'] };
    const [approvals, timers] = ['approvals', 'timers'].map(
      (name) => new Queue(name, { connection, prefix }),
    );
    cleanUps.push(async () => await Promise.all([approvals!.close(), timers!.close()]));
    await approvals!.add('request', forged, { jobId: 'forged' });
    await approvals!.add('request', { requestId: "' OR 1=1" }, { jobId: 'nonsense' });
    await timers!.add('end', { requestId: active }, { jobId: 'early-end' });
    await timers!.add('grant', { requestId: pending }, { jobId: 'unknown-kind' });
    // The job that is really there, made to run at once.
    await (await approvals!.getJob(`request-${pending}`))?.promote();
    const done = async (queue: Queue, id: string): Promise<boolean> =>
      ['completed', 'delayed'].includes(await queue.getJobState(id));
    await eventually(async () => {
      const all = [done(approvals!, 'forged'), done(approvals!, 'nonsense'), done(timers!, 'early-end')];
      all.push(done(timers!, 'unknown-kind'), done(approvals!, `request-${pending}`));
      if (!(await Promise.all(all)).every(Boolean)) throw new Error('not run yet');
    });
    expect(plane.requestState(pending)).toBe('PENDING');
    expect(plane.grant(active)).toBe('ACTIVE');
    // Not even asked for: whoever believed the job would have been refused by the log alone.
    expect(plane.entries.filter(({ kind }) => kind === 'ACTIVATION_ORDERED')).toHaveLength(1);
    expect(plane.entries.filter(({ kind }) => kind === 'END_ORDERED')).toHaveLength(0);
  });
});

describe('notices', () => {
  test('reach people once Redis runs them, are tried again, and leave ids alone in Redis', async () => {
    await redis.start();
    const [mailbox, hook] = [await SmtpSink.start(), await WebhookSink.start()];
    cleanUps.push(async () => await Promise.all([mailbox.close(), hook.close()]));
    const channels = [
      webhookChannel({ url: hook.url, secret: 's'.repeat(32) }),
      mailChannel({
        smtp: mailbox.url,
        from: 'gauze@hospital.example',
        addresses: { 'data-owners': ['olga@hospital.example'] },
        people: { alice: 'alice@hospital.example' },
      }),
    ];
    const plane = new QueuePlane();
    const prefix = uniqueName('q');
    hook.status = 503;
    instance(plane, prefix, channels);
    instance(plane, prefix, channels);
    const id = plane.request({ pending_ms: LONG_MS }, {}, REASON);
    await until(() => hook.posts.length === 1, 'a first attempt');
    hook.status = 204;
    plane.decide(id, OWNER, false, REASON);
    const sent = (): readonly string[] =>
      plane.events.filter(({ type }) => type === 'notify.sent').map(({ ext }) => ext!['notice']!);
    await until(() => sent().length >= 4, 'all sent');
    expect(new Set(sent()).size).toBe(4);
    expect(mailbox.mails.map(({ to }) => to)).toEqual([
      ['olga@hospital.example'],
      ['alice@hospital.example'],
    ]);
    const contents = await redis.contents();
    expect(contents).toContain(`notice-${id}`);
    expect(contents).not.toMatch(/Canary|@hospital|alice|olga|mrn|encounters/i);
    // Another instance that starts later finds them told.
    const before = hook.posts.length;
    const late = instance(plane, prefix, channels);
    await until(() => late.isUp, 'up');
    const other = plane.request({ pending_ms: LONG_MS });
    await until(() => sent().filter((notice) => notice.includes(other)).length === 2, 'the next one');
    expect(hook.posts.length).toBe(before + 1);
  });
});

describe('the board', () => {
  test('shows jobs to whom the guard lets in, and lets nobody change anything', async () => {
    await redis.start();
    const plane = new QueuePlane();
    const jobs = instance(plane, uniqueName('q'));
    const id = plane.request({ pending_ms: LONG_MS }, {}, REASON);
    await until(() => jobs.isUp, 'up');
    const app = fastify();
    cleanUps.push(async () => await app.close());
    app.setErrorHandler(async (error, _request, reply) => {
      const code = error instanceof GauzeError ? error.code : 'other';
      await reply.status(code === 'ERR_HTTP_METHOD' ? 405 : 403).send({ code });
    });
    const guard = async ({ headers }: { headers: Record<string, unknown> }): Promise<void> => {
      await Promise.resolve();
      if (headers['x-role'] !== 'operators') throw new GauzeError('ERR_ACCESS_ROLE', {});
    };
    await queueBoard(app, jobs.queues, { basePath: '/queue', guard });
    await app.ready();
    const headers = { 'x-role': 'operators' };
    const get = async (url: string, sent: Record<string, string> = headers) =>
      await app.inject({ method: 'GET', url, headers: sent });
    for (const url of [
      '/queue',
      '/queue/api/queues',
      '/queue/static/images/logo.svg',
      '/queue/api/redis/stats',
    ])
      expect((await get(url, {})).statusCode).toBe(403);
    const page = await get('/queue');
    expect([page.statusCode, page.headers['content-type']]).toEqual([200, 'text/html; charset=utf-8']);
    expect(page.headers['content-security-policy']).toContain("default-src 'none'");
    await eventually(async () => {
      const { body } = await get(
        '/queue/api/queues?activeQueue=approvals&status=delayed&page=1&jobsPerPage=10',
      );
      expect(body).toContain(`request-${id}`);
      expect(body).not.toMatch(/Canary|alice/);
    });
    for (const [method, url] of [
      ['PUT', '/queue/api/queues/approvals/pause'],
      ['PUT', `/queue/api/queues/approvals/request-${id}/promote`],
      ['PUT', '/queue/api/queues/pause'],
      ['POST', '/queue/api/queues/approvals/add'],
    ] as const)
      expect((await app.inject({ method, url, headers, payload: {} })).statusCode).toBe(405);
    expect(plane.requestState(id)).toBe('PENDING');
  });
});
