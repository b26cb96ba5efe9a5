/**
 * `gauze run --role topology`: lanes and grant tasks, until a signal; then they drain.
 */
import { AliasLists } from '../keys/alias-lists.ts';
import type { KafkaAdmin } from '../kafka/admin.ts';
import { inlineFurther } from '../platform/compiler.ts';
import type { Logger } from '../platform/log.ts';
import { Instance } from '../topology/instance.ts';
import type { LaneLimits, TargetSettings } from '../topology/lane-context.ts';
import { RoleStatus } from './role-status.ts';
import type { TopologyRun } from './run-command.ts';
import type { Site } from './site.ts';
import { readInstance, tellAged, topologyEvents } from './topology-events.ts';

/** Lanes have this long to finish their transactions. */
const DRAIN_MS = 8_000;
/** Well under the shortest sensible offsets.retention.minutes. */
const RENEW_MS = 60 * 60 * 1000;
const RECHECK_MS = 5_000;
const RECORDS_PER_TRANSACTION = 50_000;

export async function runTopology(run: TopologyRun): Promise<void> {
  inlineFurther();
  const { site, log, stopped, instanceId = null, link = null } = run;
  const admin = await site.admin('topology');
  const status = new RoleStatus('topology', link);
  try {
    await status.open(site, log);
    await admin.connect();
    const instance = await makeInstance({ site, log, instanceId }, admin, status);
    readInstance(status.metrics, instance);
    try {
      await instance.start();
      status.ready(() => ({ partitions: instance.isAssigned ? 'ok' : 'missing' }));
      log.info('instance started', { role: 'topology' });
      tellAged(log, instance);
      const failure = await Promise.race([stopped, instance.failed]);
      if (failure) throw failure;
      log.info('instance draining', { role: 'topology' });
    } finally {
      // Also after a start that failed: what it has opened would keep the process alive.
      await instance.stop(DRAIN_MS);
    }
    log.info('instance stopped', { role: 'topology' });
  } finally {
    await admin.close();
    await status.close();
  }
}

async function makeInstance(
  { site, log, instanceId }: { site: Site; log: Logger; instanceId: string | null },
  admin: KafkaAdmin,
  { metrics }: RoleStatus,
): Promise<Instance> {
  return new Instance({
    cluster: await site.cluster('topology'),
    registry: await site.registry(),
    keyring: await site.keyring(),
    aliases: await site.aliases(),
    aliasLists: new AliasLists(site.config.persons.aliasFile ?? null),
    siteTags: site.siteTags,
    names: site.names,
    member: { instanceId, sessionTimeoutMs: site.config.limits.sessionTimeoutMs },
    limits: limitsOf(site),
    membershipRoots: site.config.audit.membershipRoots,
    principal: site.principals.topology,
    events: topologyEvents(log, metrics, site.names.grants),
    targetSettings: async (topic) => await targetSettings(admin, topic),
    deleteTopic: async (topic) => await admin.deleteTopics([topic]),
  });
}

/** Settings of a sanitized topic, as they are now. */
export async function targetSettings(admin: KafkaAdmin, topic: string): Promise<TargetSettings> {
  const settings = await admin.describeConfigs(topic);
  return {
    messageBytesMax: Number(settings.get('max.message.bytes')?.value ?? 1_048_588),
    appendTime: settings.get('message.timestamp.type')?.value === 'LogAppendTime',
  };
}

/** Settings of the config as the topology takes them. */
export function limitsOf(site: Site): LaneLimits {
  const { limits } = site.config;
  return {
    batchBytes: limits.batchBytes,
    lingerMs: limits.lingerMs,
    recordsPerTransaction: RECORDS_PER_TRANSACTION,
    fetchBytes: limits.fetchBytes,
    unpackedBytes: limits.decompressedBytes,
    transactionsPerSecond: limits.transactionsPerSecond,
    renewMs: RENEW_MS,
    recheckMs: RECHECK_MS,
  };
}
