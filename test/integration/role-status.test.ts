/**
 * What sealer, provisioner, approvals and topology say of themselves while Kafka is out of reach, and when it is back:
 * whoever watches their ports must see both.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { ApprovalsSite } from '../support/approvals-site.ts';
import { FaultProxy } from '../support/fault-proxy/fault-proxy.ts';
import { eventually, testStack } from '../support/stack.ts';
import type { RunningInstance } from '../support/test-site.ts';

const ROLES = ['sealer', 'provisioner', 'approvals', 'topology'] as const;
type Role = (typeof ROLES)[number];
/** More kinds of request than Kafka has. */
const ALL_KINDS = new Set(Array.from({ length: 128 }, (_, kind) => kind));
const WELL: Readonly<Record<Role, object>> = {
  sealer: { group: 'ok', seals: 'ok' },
  provisioner: { log: 'ok', grants: 'ok' },
  approvals: { kafka: 'ok', log: 'ok', registry: 'ok', identityProvider: 'ok', redis: 'ok' },
  topology: { partitions: 'ok' },
};

let approvals: ApprovalsSite;
let proxy: FaultProxy;
const running = new Map<Role, RunningInstance>();

beforeAll(async () => {
  const { brokers } = testStack();
  proxy = await FaultProxy.open(brokers);
  approvals = await ApprovalsSite.make({
    topics: ['clinical.encounters'],
    partitions: 1,
    audiences: ['research'],
  });
  const { site } = approvals;
  await site.apply();
  const file = join(site.directory, 'gauze.yaml');
  const config = await readFile(file, 'utf8');
  await writeFile(file, config.replace(JSON.stringify(brokers), JSON.stringify(proxy.addresses)));
  for (const role of ROLES) running.set(role, site.run(role));
}, 120_000);

afterAll(async () => {
  await approvals?.close();
  await proxy?.close();
});

function port(role: Role): number {
  const { log } = running.get(role)!;
  const line = log.split('\n').find((each) => each.includes('metrics and health are served'));
  if (line === undefined) throw new Error(`${role} serves nothing yet: ${log.slice(-2_000)}`);
  return (JSON.parse(line) as { port: number }).port;
}

async function get(role: Role, path: string): Promise<readonly [code: number, text: string]> {
  const response = await fetch(`http://127.0.0.1:${port(role)}${path}`);
  return [response.status, await response.text()];
}

async function expectReady(role: Role, code: number, parts: object): Promise<void> {
  await eventually(async () => {
    const [status, text] = await get(role, '/readyz');
    expect([role, status, JSON.parse(text)]).toEqual([role, code, { ready: code === 200, parts }]);
  }, 40_000);
}

async function counted(role: Role, metric: string): Promise<number> {
  const [, text] = await get(role, '/metrics');
  const samples = text.matchAll(new RegExp(`^${metric}(?:\\{.*\\})? (\\d+)$`, 'gm'));
  return [...samples].reduce((sum, [, count]) => sum + Number(count), 0);
}

test('each role is ready, not ready while Kafka is out of reach, and ready again; alive all the time', async () => {
  for (const role of ROLES) await expectReady(role, 200, WELL[role]);
  proxy.refused = ALL_KINDS;
  proxy.cutAll();
  await expectReady('approvals', 503, { ...WELL.approvals, kafka: 'missing', log: 'degraded' });
  await expectReady('provisioner', 200, { log: 'degraded', grants: 'degraded' });
  await expectReady('sealer', 503, { group: 'missing', seals: 'ok' });
  await expectReady('topology', 503, { partitions: 'missing' });
  for (const role of ROLES) expect(await get(role, '/healthz')).toEqual([200, '{"alive":true}']);
  for (const role of ['sealer', 'provisioner', 'approvals'] as const)
    expect([role, await counted(role, 'gauze_trouble_total')]).toEqual([role, expect.any(Number)]);
  for (const role of ['sealer', 'provisioner', 'approvals'] as const)
    expect(await counted(role, 'gauze_trouble_total')).toBeGreaterThan(0);
  const sealed = await counted('sealer', 'gauze_seals_total');
  proxy.set(null);
  for (const role of ROLES) await expectReady(role, 200, WELL[role]);
  await eventually(async () => expect(await counted('sealer', 'gauze_seals_total')).toBeGreaterThan(sealed));
}, 90_000);

test('a process that has ended or hangs is not alive to those who ask', async () => {
  const sealer = running.get('sealer')!;
  const asked = async (): Promise<number> => {
    const signal = AbortSignal.timeout(1_000);
    return (await fetch(`http://127.0.0.1:${port('sealer')}/healthz`, { signal })).status;
  };
  sealer.process.kill('SIGSTOP');
  await expect(asked()).rejects.toMatchObject({ name: 'TimeoutError' });
  sealer.process.kill('SIGCONT');
  await eventually(async () => expect(await asked()).toBe(200));
  await sealer.end('SIGTERM');
  await expect(asked()).rejects.toThrow('fetch failed');
});
