/**
 * What jobs do, by the folded state alone: whatever job runs, whenever, how often.
 */
import { describe, expect, test } from '@jest/globals';
import { JobHandlers } from '../../approvals/queue/job-handlers.ts';
import type { JobOutcome } from '../../approvals/queue/job-handlers.ts';
import { requiredJobs } from '../../approvals/queue/required-jobs.ts';
import type { JobKind } from '../../approvals/queue/required-jobs.ts';
import { Reconciler, overdueEnds } from '../../approvals/queue/reconciler.ts';
import { SYSTEM, human } from '../support/access-plane.ts';
import { OFFICER, QueuePlane } from '../support/queue-plane.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
/** A Monday, 10:00 UTC. */
const START = Date.UTC(2030, 0, 7, 10);
const KINDS: readonly Exclude<JobKind, 'notice'>[] = [
  'request',
  'remind',
  'escalate',
  'lapse',
  'end',
  'review-due',
  'review-overdue',
];

function setUp() {
  let now = START;
  const plane = new QueuePlane(() => now);
  let machineAheadMs = 0;
  const told: string[] = [];
  const handlers = new JobHandlers({
    log: plane,
    by: SYSTEM,
    clockMs: () => now + machineAheadMs,
    tell: async (occasion) => {
      await Promise.resolve();
      told.push(occasion);
    },
  });
  return {
    plane,
    handlers,
    told,
    pass: (ms: number) => (now += ms),
    machineAhead: (ms: number) => (machineAheadMs = ms),
    run: async (kind: Exclude<JobKind, 'notice'>, id: string): Promise<JobOutcome> =>
      await handlers.run(kind, id),
    jobs: () => [...requiredJobs(plane.state, now).values()].map(({ id, dueMs }) => ({ id, dueMs })),
  };
}

describe('the job of a request', () => {
  test('activates what was approved, once, however often it runs', async () => {
    const { plane, run } = setUp();
    const id = plane.request();
    plane.approve(id);
    expect(await run('request', id)).toEqual({ kind: 'done', word: 'done' });
    expect(await run('request', id)).toEqual({ kind: 'done', word: 'no-need' });
    expect(plane.grant(id)).toBe('ACTIVATING');
    expect(plane.accepted('ACTIVATION_ORDERED')).toBe(1);
  });

  test.each(['DENIED', 'WITHDRAWN', 'EXPIRED', 'half approved', 'unknown'])(
    'activates nothing of a request that is %s, whatever job says so',
    async (what) => {
      const { plane, run, pass } = setUp();
      const id = plane.request();
      if (what === 'DENIED') plane.decide(id, OFFICER, false);
      if (what === 'WITHDRAWN') plane.fold({ kind: 'WITHDRAWN', by: human('alice'), request_id: id });
      if (what === 'half approved') plane.decide(id, human('olga', 'data-owners'));
      if (what === 'EXPIRED') {
        pass(DAY);
        await run('request', id);
        expect(plane.requestState(id)).toBe('EXPIRED');
      }
      for (const kind of KINDS) await run(kind, what === 'unknown' ? 'f'.repeat(16) : id);
      expect(plane.entries.filter(({ kind }) => kind === 'ACTIVATION_ORDERED')).toEqual([]);
      expect(plane.state.grants.size).toBe(0);
    },
  );

  test('comes again at the end of the pending time when it runs early', async () => {
    const { plane, run } = setUp();
    const id = plane.request();
    expect(await run('request', id)).toEqual({ kind: 'again', atMs: START + DAY });
    expect(plane.entries).toHaveLength(1);
  });

  test('goes by the time of the log: a machine that is an hour ahead expires nothing early', async () => {
    const { plane, run, pass, machineAhead } = setUp();
    const id = plane.request();
    pass(DAY - HOUR);
    machineAhead(HOUR + 1_000);
    const outcome = await run('request', id);
    expect(plane.requestState(id)).toBe('PENDING');
    // As long again as the log says is left: an hour.
    expect(outcome).toEqual({ kind: 'again', atMs: START + DAY + 1_000 + HOUR });
    pass(HOUR);
    expect((await run('request', id)).kind).toBe('done');
    expect(plane.requestState(id)).toBe('EXPIRED');
  });

  test('waits for the window, and gives up one that opens too late', async () => {
    const { plane, run, pass } = setUp();
    const window = { zone: 'UTC', days: [1], from_minute: 11 * 60, to_minute: 12 * 60 };
    const id = plane.request({ activation_ms: 2 * HOUR }, { window });
    plane.approve(id);
    expect(await run('request', id)).toEqual({ kind: 'again', atMs: START + HOUR });
    expect(plane.grant(id)).toBe('SCHEDULED');
    pass(HOUR);
    await run('request', id);
    expect(plane.grant(id)).toBe('ACTIVATING');
    const late = plane.request({ activation_ms: HOUR }, { window: { ...window, days: [3] } });
    plane.approve(late);
    expect(await run('request', late)).toEqual({ kind: 'done', word: 'closed-until-it-lapses' });
    pass(HOUR);
    await run('lapse', late);
    expect(plane.grant(late)).toBe('LAPSED');
  });

  test('lapses what was approved and not activated in time, and what nobody provisioned', async () => {
    const { plane, run, pass } = setUp();
    const [never, unmade] = [plane.request(), plane.request()];
    plane.approve(never);
    plane.approve(unmade);
    await run('request', unmade);
    pass(HOUR);
    await run('request', never);
    await run('lapse', unmade);
    expect(plane.grant(never)).toBe('LAPSED');
    expect(plane.grant(unmade)).toBe('ENDING');
  });

  test('does not activate what a lock has suspended', async () => {
    const { plane, run } = setUp();
    const id = plane.request();
    plane.approve(id);
    const lock = { id: 'l1', target: 'TOPIC', value: 'clinical.encounters' } as const;
    plane.fold({ kind: 'LOCKED', by: OFFICER, lock, reason: 'x' });
    await run('request', id);
    expect(plane.grant(id)).toBe('SUSPENDED');
    expect(plane.entries.filter(({ kind }) => kind === 'ACTIVATION_ORDERED')).toEqual([]);
  });
});

describe('timers', () => {
  test('end a grant at its end by the log, not a moment earlier, and never move it', async () => {
    const { plane, run, pass, machineAhead } = setUp();
    const id = plane.request();
    plane.approve(id);
    await run('request', id);
    plane.provision(id);
    const notAfter = plane.state.grants.get(id)!.grant.not_after;
    expect(await run('end', id)).toEqual({ kind: 'again', atMs: notAfter });
    machineAhead(2 * HOUR);
    await run('end', id);
    expect(plane.grant(id)).toBe('ACTIVE');
    machineAhead(0);
    pass(HOUR);
    await run('end', id);
    expect(plane.grant(id)).toBe('ENDING');
    expect(plane.state.grants.get(id)!.grant.not_after).toBe(notAfter);
    expect(await run('end', id)).toEqual({ kind: 'done', word: 'no-need' });
  });

  test('escalate once, and remind only while people may still decide', async () => {
    const { plane, run, pass, told } = setUp();
    const id = plane.request();
    expect((await run('escalate', id)).kind).toBe('again');
    pass((DAY * 3) / 4);
    await run('escalate', id);
    await run('escalate', id);
    expect(plane.accepted('ESCALATED')).toBe(1);
    await run('remind', id);
    plane.decide(id, OFFICER, false);
    await run('remind', id);
    expect(told).toEqual(['remind']);
  });

  test('mark a review of break-glass as overdue by the time of the log', async () => {
    const { plane, run, pass, told } = setUp();
    const id = plane.request({ stages: [], emergency: { code: 'ETREAT', review_ms: 2 * HOUR } });
    await run('request', id);
    plane.provision(id);
    expect((await run('review-overdue', id)).kind).toBe('again');
    await run('review-due', id);
    pass(2 * HOUR + 1);
    await run('review-overdue', id);
    expect(plane.state.grants.get(id)!.review.state).toBe('OVERDUE');
    await run('review-due', id);
    expect(told).toEqual(['review-due']);
  });
});

describe('jobs that the state requires', () => {
  test('follow a request through its life, with ids that BullMQ takes', async () => {
    const { plane, run, jobs, pass } = setUp();
    const id = plane.request();
    const names = (): readonly string[] => jobs().map((job) => job.id);
    expect(names()).toEqual([`request-${id}`, `remind-${id}`, `escalate-${id}`]);
    expect(jobs().map(({ dueMs }) => dueMs - START)).toEqual([DAY, DAY / 2, (DAY * 3) / 4]);
    plane.approve(id);
    expect(jobs()).toEqual([
      { id: `request-${id}`, dueMs: 0 },
      { id: `lapse-${id}`, dueMs: START + HOUR },
    ]);
    await run('request', id);
    expect(names()).toEqual([`lapse-${id}`]);
    plane.provision(id);
    expect(jobs()).toEqual([{ id: `end-${id}`, dueMs: START + HOUR }]);
    pass(HOUR);
    await run('end', id);
    plane.remove(id);
    expect(names()).toEqual([]);
    expect(plane.grant(id)).toBe('ENDED');
  });
});

describe('without Redis', () => {
  test('what must end ends; what is to begin waits', async () => {
    const { plane, handlers, run, pass } = setUp();
    const [expiring, scheduled, active] = [
      plane.request(),
      plane.request({ activation_ms: DAY * 9 }),
      plane.request(),
    ];
    plane.approve(active);
    plane.approve(scheduled);
    await run('request', active);
    plane.provision(active);
    pass(DAY);
    const now = plane.brokerMs();
    expect(
      overdueEnds(plane.state, now)
        .map(({ kind }) => kind)
        .sort(),
    ).toEqual(['end', 'request']);
    expect(overdueEnds(plane.state, now - 1).map(({ kind }) => kind)).toEqual(['end']);
    for (const { kind, id } of overdueEnds(plane.state, now)) await handlers.endOnly(kind, id);
    expect(plane.requestState(expiring)).toBe('EXPIRED');
    expect(plane.grant(active)).toBe('ENDING');
    // Even asked for by name: nothing is activated but by its job.
    expect(await handlers.endOnly('request', scheduled)).toEqual({ kind: 'done', word: 'no-need' });
    expect(plane.grant(scheduled)).toBe('SCHEDULED');
  });

  test('an end that the log does not take is tried again, and nothing else is kept from ending', async () => {
    const plane = new QueuePlane(() => Date.now());
    const id = plane.request({ pending_ms: 1 });
    const failures: unknown[] = [];
    const reconciler = new Reconciler({
      log: plane,
      queues: { link: { isUp: false }, ensure: refuse, release: refuse },
      handlers: new JobHandlers({ log: plane, by: SYSTEM, tell: refuse }),
      catchUp: refuse,
      onError: (error) => failures.push(error),
      overdueMs: -5_000,
    });
    const untilOver = async (request: string): Promise<void> => {
      while (plane.brokerMs() <= plane.state.requests.get(request)!.pendingUntilMs) await Promise.resolve();
    };
    await untilOver(id);
    plane.isAway = true;
    await reconciler.endOverdue();
    expect(failures).toMatchObject([{ code: 'ERR_ACCESS_LOG_UNAVAILABLE' }]);
    plane.isAway = false;
    const other = plane.request({ pending_ms: 1 });
    await untilOver(other);
    await reconciler.endOverdue();
    expect(plane.requestState(other)).toBe('EXPIRED');
    expect(plane.requestState(id)).toBe('PENDING');
  });
});

async function refuse(): Promise<void> {
  throw await Promise.resolve(new Error('not without Redis'));
}
