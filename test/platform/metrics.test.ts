/**
 * Metrics and the port that serves them: only what the table knows, every metric documented, nothing of an input told.
 */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import { LABELS, METRICS } from '../../platform/metric-table.ts';
import type { MetricRow } from '../../platform/metric-table.ts';
import { Metrics } from '../../platform/metrics.ts';
import { StatusPort } from '../../platform/status-port.ts';
import type { PartState } from '../../platform/status-port.ts';

const ROWS = Object.entries<MetricRow>(METRICS);
const ROLES = ['topology', 'approvals', 'provisioner', 'sealer', 'supervisor'] as const;

let port: StatusPort | null = null;

afterEach(async () => {
  await port?.close();
  port = null;
});

async function opened(parts: Readonly<Record<string, PartState>> = {}): Promise<Metrics> {
  const metrics = new Metrics('topology', '1.2.3');
  port = await StatusPort.open({ host: '127.0.0.1', port: 0, metrics, readiness: () => parts });
  return metrics;
}

async function get(path: string, method = 'GET'): Promise<{ code: number; text: string }> {
  const response = await fetch(`http://127.0.0.1:${port!.port}${path}`, { method });
  return { code: response.status, text: await response.text() };
}

describe('the table', () => {
  test('has every label described, every metric in a role, and names as Prometheus wants them', () => {
    for (const [name, { kind, labels, roles, help }] of ROWS) {
      expect(name).toMatch(/^(gauze|phi)_[a-z_]+$/);
      expect(name.endsWith('_total')).toBe(kind === 'counter');
      expect(labels.every((label) => label in LABELS)).toBe(true);
      expect(roles.length).toBeGreaterThan(0);
      expect(help).toMatch(/\.$/);
    }
  });

  test('is what its page says, no metric more and none stale', () => {
    const page = readFileSync(new URL('../../docs/reference/metrics.md', import.meta.url), 'utf8');
    const named = [...page.matchAll(/^\| `((?:gauze|phi)_[a-z_]+)`/gm)].map(([, name]) => name);
    expect(named).toEqual(Object.keys(METRICS));
  });

  test.each(ROLES)('gives %s exactly its own metrics', async (role) => {
    const metrics = new Metrics(role, '1.2.3');
    const own = ROWS.filter(([, { roles }]) => roles.includes(role)).map(([name]) => name);
    expect(metrics.names).toEqual(own.toSorted());
    const text = await metrics.text();
    const served = [...text.matchAll(/^# TYPE ((?:gauze|phi)_\w+) /gm)].map(([, name]) => name!);
    expect(served.toSorted()).toEqual(own.toSorted());
  });

  test('names no metric that no source counts', () => {
    const files = ['role-status', 'topology-events', 'run-sealer', 'run-provisioner', 'run-workers'].map(
      (file) => readFileSync(new URL(`../../cli/${file}.ts`, import.meta.url), 'utf8'),
    );
    const service = readFileSync(new URL('../../approvals/service.ts', import.meta.url), 'utf8');
    const table = readFileSync(new URL('../../platform/metrics.ts', import.meta.url), 'utf8');
    const sources = [...files, service, table].join('\n');
    expect(Object.keys(METRICS).filter((name) => !sources.includes(`'${name}'`))).toEqual([]);
  });
});

describe('the metrics of workers', () => {
  test('stand beside those of their supervisor, told apart, with one head for each metric', async () => {
    const labels = { topic: 'clinical.patients', audience: 'research', outcome: 'published' };
    const workers = [0, 1].map((worker) => {
      const metrics = new Metrics('topology', '1.2.3', worker);
      metrics.count('phi_records_total', labels, worker + 5);
      metrics.observe('phi_transaction_duration_seconds', {}, 0.02);
      metrics.read('phi_lanes', () => [{ labels: {}, value: 3 }]);
      return metrics;
    });
    const supervisor = new Metrics('supervisor', '1.2.3');
    supervisor.count('gauze_worker_restarts_total', { worker: '1' });
    const samples = await Promise.all(workers.map(async (metrics) => await metrics.samples()));
    // As they come over the channel between processes.
    const sent = JSON.parse(JSON.stringify(samples)) as typeof samples;
    const lines = (await supervisor.textWith(sent)).split('\n');
    for (const line of [
      'phi_records_total{topic="clinical.patients",audience="research",outcome="published",worker="0"} 5',
      'phi_records_total{topic="clinical.patients",audience="research",outcome="published",worker="1"} 6',
      'phi_lanes{worker="1"} 3',
      'gauze_worker_restarts_total{worker="1"} 1',
      'gauze_build_info{version="1.2.3",role="supervisor"} 1',
      'phi_transaction_duration_seconds_bucket{le="0.025",worker="0"} 1',
      'phi_transaction_duration_seconds_count{worker="1"} 1',
    ])
      expect(lines).toContain(line);
    expect(lines.filter((line) => line.startsWith('# TYPE phi_records_total'))).toHaveLength(1);
  });
});

describe('the port', () => {
  test('serves counts, and gauges as they are when somebody looks', async () => {
    const metrics = await opened();
    let lag = 7;
    const labels = { topic: 'clinical.patients', partition: '0', audience: 'research' };
    metrics.read('phi_lane_lag_records', () => (lag < 0 ? [] : [{ labels, value: lag }]));
    metrics.count(
      'phi_records_total',
      { topic: 'clinical.patients', audience: 'research', outcome: 'published' },
      5,
    );
    const first = await get('/metrics');
    expect(first.code).toBe(200);
    expect(first.text).toContain(
      'phi_records_total{topic="clinical.patients",audience="research",outcome="published"} 5',
    );
    expect(first.text).toMatch(/^phi_lane_lag_records\{.*\} 7$/m);
    expect(first.text).toContain('gauze_build_info{version="1.2.3",role="topology"} 1');
    lag = -1;
    expect((await get('/metrics')).text).not.toMatch(/^phi_lane_lag_records\{/m);
  });

  test('is ready only while no part is missing, and names the parts', async () => {
    await opened({ partitions: 'ok', registry: 'degraded' });
    expect(await get('/readyz')).toEqual({
      code: 200,
      text: '{"ready":true,"parts":{"partitions":"ok","registry":"degraded"}}',
    });
    await port!.close();
    await opened({ partitions: 'missing' });
    expect((await get('/readyz')).code).toBe(503);
    expect(await get('/healthz')).toEqual({ code: 200, text: '{"alive":true}' });
  });

  test('tells nothing back of what it is asked', async () => {
    await opened();
    const strange = await get('/metrics%2e/canary-90210?x=canary-90210');
    expect(strange.code).toBe(404);
    expect(strange.text).not.toContain('canary');
    expect((await get('/metrics', 'POST')).code).toBe(405);
  });

  test.each(['//', '//canary:x/', '/readyz/%'])('answers %s, and goes on', async (path) => {
    await opened({ partitions: 'ok' });
    const strange = await get(path);
    expect([strange.code, strange.text.includes('canary')]).toEqual([404, false]);
    expect((await get('/readyz?full')).code).toBe(200);
  });

  test('takes a part that cannot be asked, or does not answer, as missing, and goes on', async () => {
    const metrics = new Metrics('topology', '1.2.3');
    let readiness: () => Promise<Readonly<Record<string, PartState>>> = async () => {
      throw new Error('canary-90210');
    };
    const host = '127.0.0.1';
    port = await StatusPort.open({ host, port: 0, metrics, readiness: () => readiness() });
    const missing = { code: 503, text: '{"ready":false,"parts":{"readiness":"missing"}}' };
    expect(await get('/readyz')).toEqual(missing);
    readiness = async () => await new Promise(() => undefined);
    const asked = get('/readyz');
    expect((await get('/healthz')).code).toBe(200);
    expect(await asked).toEqual(missing);
    readiness = async () => ({ kafka: 'ok' });
    expect(await get('/readyz')).toEqual({ code: 200, text: '{"ready":true,"parts":{"kafka":"ok"}}' });
  }, 15_000);

  test('says so where counts cannot be told, and goes on', async () => {
    const metrics = await opened();
    metrics.read('phi_lanes', () => {
      throw new Error('canary-90210');
    });
    const failed = await get('/metrics');
    expect([failed.code, failed.text.includes('canary')]).toEqual([500, false]);
    expect((await get('/healthz')).code).toBe(200);
  });

  test('says which address is taken', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const taken = (other.address() as AddressInfo).port;
    const metrics = new Metrics('topology', '1.2.3');
    const opening = StatusPort.open({ host: '127.0.0.1', port: taken, metrics, readiness: () => ({}) });
    await expect(opening).rejects.toMatchObject({ code: 'ERR_STATUS_LISTEN', context: { port: taken } });
    await new Promise((resolve) => other.close(resolve));
  });
});
