/**
 * `gauze run --role provisioner`: makes and removes the topics and rights of grants, and watches who reads what gauze
 * publishes, until a signal. It takes no input but the log, and its log-in reads no data.
 */
import { auditGrant } from '../approvals/outcome-events.ts';
import { AccessLog } from '../approvals/access-log.ts';
import { GrantTopics } from '../approvals/grant-topics.ts';
import { GrantsFollower } from '../approvals/grants-follower.ts';
import { Provisioner } from '../approvals/provisioner.ts';
import type { ProvisionerEvents, ProvisionerReport, SendReport } from '../approvals/provisioner-report.ts';
import type { AccessEventFacts } from '../audit/access-events.ts';
import { HEARTBEAT, keepBeating } from '../audit/heartbeat.ts';
import { ReaderWatch } from '../audit/reader-watch.ts';
import type { KafkaAdmin } from '../kafka/admin.ts';
import type { Cluster } from '../kafka/cluster.ts';
import { GroupViews } from '../kafka/group-views.ts';
import { random, sleep } from '../platform/clock.ts';
import { GauzeError, ownError } from '../platform/errors.ts';
import type { Logger } from '../platform/log.ts';
import type { Metrics } from '../platform/metrics.ts';
import { grantTopicRights } from '../policy/desired-state.ts';
import { accessEntryCodec } from '../schemas/access-codecs.ts';
import type { AccessActor } from '../schemas/access-codecs.ts';
import { auditEventCodec } from '../schemas/control-codecs.ts';
import type { RegistryClient } from '../schemas/registry-client.ts';
import { isSanitizedTopic, valueSubject } from '../schemas/topic-names.ts';
import { provisionerParts } from './role-parts.ts';
import { RoleStatus } from './role-status.ts';
import type { RoleRun } from './run-command.ts';
import type { Site } from './site.ts';

const SWEEP_MS = 30_000;
const WATCH_MS = 30_000;

/** What an attempt of each kind is called in the audit topic (reference: audit event types). */
const EVENT_TYPES: Readonly<Record<ProvisionerReport['kind'], string>> = {
  PROVISIONED: 'acl.applied',
  PROVISION_FAILED: 'grant.provision_failed',
  REMOVED: 'acl.removed',
  EXTERNALLY_MODIFIED: 'acl.drift_detected',
};

export async function runProvisioner({ site, log, stopped }: RoleRun): Promise<void> {
  const admin = await site.admin('provisioner');
  const cluster = await site.cluster('provisioner');
  const status = new RoleStatus('provisioner');
  try {
    await status.open(site, log);
    await admin.connect();
    await cluster.start();
    await follow({ site, log, stopped }, admin, cluster, status);
  } finally {
    await cluster.close();
    await admin.close();
    await status.close();
  }
}

async function follow(
  { site, log, stopped }: RoleRun,
  admin: KafkaAdmin,
  cluster: Cluster,
  status: RoleStatus,
): Promise<void> {
  const { names } = site;
  const { metrics } = status;
  const onTrouble = (error: GauzeError): void => {
    metrics.count('gauze_trouble_total', { error_code: error.code });
    log.warn('provisioner waits', { error });
  };
  const registry = await site.registry();
  const accessLog = new AccessLog({
    cluster,
    names,
    instance: `provisioner-${random(8).toString('hex')}`,
    schemaIds: await schemaIds(site, registry),
    auditKey: (await site.keyring()).auditWriter('provisioner'),
    onTrouble,
  });
  const grants = new GrantsFollower({ cluster, topic: names.grants, onTrouble });
  const topics = grantTopics(site, admin, cluster);
  try {
    await accessLog.start();
    await grants.start();
    const provisioner = new Provisioner({
      names,
      grants,
      topics,
      report: reportTo(accessLog, grants, site.principals.provisioner, onTrouble),
      events: watchedEvents(log, metrics),
      forgetSchemas: async (topic) => {
        for (const subject of [valueSubject(topic), `${topic}-key`]) await registry.deleteSubject(subject);
      },
      sweepMs: SWEEP_MS,
    });
    const ending = new AbortController();
    const work = Promise.all([
      provisioner.run(ending.signal),
      watchReaders({ site, log, accessLog, admin, cluster }, ending.signal),
      beat(accessLog, grants, actorOf(site.principals.provisioner), ending.signal, onTrouble),
    ]);
    status.ready(() => provisionerParts(accessLog, grants));
    log.info('instance started', { role: 'provisioner' });
    const failure = await Promise.race([stopped, accessLog.failed, grants.failed, work]);
    ending.abort();
    await work;
    if (failure instanceof GauzeError) throw failure;
    log.info('instance stopped', { role: 'provisioner' });
  } finally {
    topics.end();
    await grants.close();
    await accessLog.close();
  }
}

/** Signs of life, from the chain in which this process reports. */
async function beat(
  accessLog: AccessLog,
  grants: GrantsFollower,
  actor: AccessActor,
  signal: AbortSignal,
  onTrouble: (error: GauzeError) => void,
): Promise<void> {
  const write = async (): Promise<void> => {
    await accessLog.record({ type: HEARTBEAT, actor, ext: { grants: String(grants.states.size) } });
  };
  await keepBeating(write, signal, onTrouble);
}

interface Watching {
  readonly site: Site;
  readonly log: Logger;
  readonly accessLog: AccessLog;
  readonly admin: KafkaAdmin;
  readonly cluster: Cluster;
}

/** Looks now and then who reads sanitized and grant topics; an outage only makes it look later. */
async function watchReaders(
  { site, log, accessLog, admin, cluster }: Watching,
  signal: AbortSignal,
): Promise<void> {
  const { names, principals } = site;
  const views = new GroupViews(cluster);
  const watch = new ReaderWatch({
    groups: async () => await views.read((group) => !group.startsWith(`${names.prefix}.`)),
    acls: async () => await admin.describeAcls(),
    isWatched: (topic) => topic.startsWith(names.grantTopicPrefix) || isSanitizedTopic(topic),
    record: async (event) => await accessLog.record(event),
    actor: actorOf(principals.provisioner),
  });
  while (!signal.aborted) {
    try {
      await watch.look();
    } catch (error) {
      if (!signal.aborted) log.warn('readers not seen', { error: ownError(error) });
    }
    await sleep(WATCH_MS, signal).catch(() => undefined);
  }
  views.close();
}

function actorOf(principal: string): AccessActor {
  return { kind: 'SYSTEM', id: principal, roles: ['provisioner'], on_behalf_of: null, token_id: null };
}

function grantTopics(site: Site, admin: KafkaAdmin, cluster: Cluster): GrantTopics {
  const { names, principals, config } = site;
  return new GrantTopics({
    admin,
    cluster,
    names,
    standing: grantTopicRights(names, principals),
    own: Object.values(principals),
    retentionMs: config.limits.grantRetentionMs,
  });
}

async function schemaIds(site: Site, registry: RegistryClient) {
  const { names } = site;
  return {
    access: await registry.register(valueSubject(names.access), accessEntryCodec.schemaText),
    auditEvent: await registry.register(valueSubject(names.auditEvents), auditEventCodec.schemaText),
  };
}

/** Each report goes to the access log together with its audit event; what became of it shows in the state of grants. */
function reportTo(
  accessLog: AccessLog,
  grants: GrantsFollower,
  principal: string,
  onRefused: (error: GauzeError) => void,
): SendReport {
  const by = actorOf(principal);
  return async ({ kind, grantId, cause, topic, brokers }) => {
    const grant = grants.states.get(grantId);
    const event: AccessEventFacts = {
      type: EVENT_TYPES[kind],
      actor: by,
      outcome: kind === 'PROVISION_FAILED' ? 'SERIOUS_FAILURE' : 'SUCCESS',
      outcomeReason: kind === 'PROVISION_FAILED' ? cause : null,
      requestId: grant?.request_id ?? null,
      grant: grant ? auditGrant(grant) : null,
      ext: {
        ...(cause === null ? {} : { cause }),
        ...(topic === null ? {} : { topic_id: topic.topic_id, partitions: String(topic.partitions) }),
        ...(brokers === null ? {} : { brokers: String(brokers) }),
      },
    };
    const { outcome, code } = await accessLog.append({ kind, by, grant_id: grantId, cause, topic }, event);
    // The grant has moved on meanwhile, and its new state says what is to be done; still, people should know.
    if (outcome === 'REFUSED' && code !== null) onRefused(new GauzeError(code, { grant: grantId }));
  };
}

function watchedEvents(log: Logger, metrics: Metrics): ProvisionerEvents {
  const done = (kind: ProvisionerReport['kind']): void => metrics.count('gauze_provisioned_total', { kind });
  return {
    provisioned: (grant) => {
      done('PROVISIONED');
      log.info('grant opened', { grant });
    },
    removed: (grant) => {
      done('REMOVED');
      log.info('grant removed', { grant });
    },
    failed: (grant, error) => {
      done('PROVISION_FAILED');
      log.error('grant failed', { grant, error });
    },
    drift: (grant, cause, isMended) => {
      done('EXTERNALLY_MODIFIED');
      log.warn(isMended ? 'grant mended' : 'grant modified', { grant, cause });
    },
    trouble: (error) => {
      metrics.count('gauze_trouble_total', { error_code: error.code });
      log.warn('provisioner in trouble', { error });
    },
  };
}
