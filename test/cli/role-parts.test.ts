/**
 * What the status ports of sealer and provisioner say of what they stand on, over the port itself: that it is there, that
 * it is gone, and that it is there again.
 */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { ReadinessProbe } from '../../approvals/readiness.ts';
import { provisionerParts, sealerParts } from '../../cli/role-parts.ts';
import { monotonicMs } from '../../platform/clock.ts';
import { Metrics } from '../../platform/metrics.ts';
import { StatusPort } from '../../platform/status-port.ts';
import type { Parts } from '../../platform/status-port.ts';

const INTERVAL_MS = 1_000;
/** Three intervals and the time for which a dead writer may hold one up. */
const LATE_MS = 33_000;

let port: StatusPort;
let parts: () => Parts | Promise<Parts>;

beforeEach(async () => {
  const metrics = new Metrics('sealer', '1.2.3');
  port = await StatusPort.open({ host: '127.0.0.1', port: 0, metrics, readiness: () => parts() });
});

afterEach(async () => {
  await port.close();
});

async function ready(): Promise<readonly [code: number, parts: unknown]> {
  const response = await fetch(`http://127.0.0.1:${port.port}/readyz`);
  return [response.status, ((await response.json()) as { parts: unknown }).parts];
}

function ago(ms: number): number {
  return monotonicMs() - ms;
}

describe('a sealer', () => {
  function at(isInGroup: boolean, workingSinceMs: number | null, sealedMs: number): void {
    parts = () => sealerParts({ isInGroup, workingSinceMs }, sealedMs, INTERVAL_MS);
  }

  test('is ready while it seals, not once its seals are late, and again with the next seal', async () => {
    at(true, ago(600_000), ago(INTERVAL_MS));
    expect(await ready()).toEqual([200, { group: 'ok', seals: 'ok' }]);
    at(true, ago(600_000), ago(LATE_MS + 1_000));
    expect(await ready()).toEqual([503, { group: 'ok', seals: 'missing' }]);
    at(true, ago(600_000), ago(0));
    expect(await ready()).toEqual([200, { group: 'ok', seals: 'ok' }]);
  });

  test('that stands by is ready, and late only some time after it has taken over', async () => {
    at(true, null, 0);
    expect(await ready()).toEqual([200, { group: 'ok', seals: 'ok' }]);
    at(true, ago(1_000), ago(LATE_MS * 100));
    expect(await ready()).toEqual([200, { group: 'ok', seals: 'ok' }]);
    at(true, ago(LATE_MS + 1_000), ago(LATE_MS * 100));
    expect(await ready()).toEqual([503, { group: 'ok', seals: 'missing' }]);
  });

  test('that Kafka does not know is not ready, though it has nothing to be late with', async () => {
    at(false, null, ago(INTERVAL_MS));
    expect(await ready()).toEqual([503, { group: 'missing', seals: 'ok' }]);
    at(true, null, ago(INTERVAL_MS));
    expect((await ready())[0]).toBe(200);
  });
});

describe('a provisioner', () => {
  test.each([
    ['has read both', 100, 100, 200, { log: 'ok', grants: 'ok' }],
    ['is late with the log', 6_000, 100, 200, { log: 'degraded', grants: 'ok' }],
    ['has lost the log', 31_000, 100, 503, { log: 'missing', grants: 'ok' }],
    ['is late with grants', 100, 6_000, 200, { log: 'ok', grants: 'degraded' }],
    ['has lost grants', 100, 31_000, 503, { log: 'ok', grants: 'missing' }],
  ])('that %s says so', async (_what, logMs, grantsMs, code, told) => {
    parts = () => provisionerParts({ ageMs: logMs }, { ageMs: grantsMs });
    expect(await ready()).toEqual([code, told]);
  });
});

describe('approvals', () => {
  const gone = async (): Promise<void> => await Promise.reject(new Error('canary-90210'));
  const there = async (): Promise<void> => undefined;
  const hanging = async (): Promise<void> => await new Promise(() => undefined);
  const whole = {
    kafka: there,
    logAgeMs: () => 100,
    registry: there,
    identityProvider: there,
    isRedisUp: () => true,
  };
  const ok = { kafka: 'ok', log: 'ok', registry: 'ok', identityProvider: 'ok', redis: 'ok' };

  test.each([
    ['without Kafka', { kafka: gone }, 503, { kafka: 'missing' }],
    ['with a Kafka that does not answer', { kafka: hanging }, 503, { kafka: 'missing' }],
    ['without the log', { logAgeMs: () => 31_000 }, 503, { log: 'missing' }],
    ['behind in the log', { logAgeMs: () => 6_000 }, 200, { log: 'degraded' }],
    ['without the registry', { registry: gone }, 200, { registry: 'degraded' }],
    ['without the identity provider', { identityProvider: gone }, 503, { identityProvider: 'missing' }],
    ['without Redis', { isRedisUp: () => false }, 200, { redis: 'degraded' }],
  ])('%s say so', async (_what, change, code, told) => {
    const probe = new ReadinessProbe({ ...whole, ...change });
    parts = async () => ({ ...(await probe.state()) });
    expect(await ready()).toEqual([code, { ...ok, ...told }]);
  });

  test('are well again soon after all is back, however often they were asked in between', async () => {
    const sources = { ...whole, kafka: gone, isRedisUp: () => false };
    const probe = new ReadinessProbe(sources);
    parts = async () => ({ ...(await probe.state()) });
    expect((await ready())[0]).toBe(503);
    Object.assign(sources, whole);
    const deadline = Date.now() + 10_000;
    let last = await ready();
    while (last[0] !== 200 && Date.now() < deadline) last = await ready();
    expect(last).toEqual([200, ok]);
  });
});
