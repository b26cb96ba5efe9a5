/**
 * `gauze run --role sealer`: seals the audit topics and watches over them, until a signal. It takes no input, and
 * its log-in reads no topic but those of the audit.
 */
import { NOTE_KEY, noteSigner, parseVkey } from '../audit/signed-note.ts';
import { placeKey } from '../audit/sealer/coverage-watch.ts';
import { WitnessClient } from '../audit/witness/witness-client.ts';
import { createSealer } from '../audit/sealer/sealer.ts';
import type { SealerOptions, SealerSight } from '../audit/sealer/sealing-session.ts';
import type { KafkaAdmin } from '../kafka/admin.ts';
import { BrokerConnections } from '../kafka/cluster.ts';
import type { Cluster } from '../kafka/cluster.ts';
import { GroupViews } from '../kafka/group-views.ts';
import { listOffset } from '../kafka/list-offsets.ts';
import { monotonicMs } from '../platform/clock.ts';
import type { Logger } from '../platform/log.ts';
import { checkpointCodec, checkpointSubject, sealCodec } from '../schemas/seal-codecs.ts';
import { valueSubject } from '../schemas/topic-names.ts';
import { sealerParts } from './role-parts.ts';
import { RoleStatus } from './role-status.ts';
import type { RoleRun } from './run-command.ts';
import type { Site } from './site.ts';

export async function runSealer({ site, log, stopped }: RoleRun): Promise<void> {
  const admin = await site.admin('sealer');
  const status = new RoleStatus('sealer');
  const cluster = await site.cluster('sealer');
  const groups = new GroupViews(cluster);
  const connections = new BrokerConnections(cluster);
  try {
    await status.open(site, log);
    await admin.connect();
    await cluster.start();
    const sight = sightOf(admin, cluster, groups, connections);
    const seen = { sealedMs: 0 };
    const options = await optionsOf(site, cluster, sight, log, status, () => {
      seen.sealedMs = monotonicMs();
    });
    const sealer = createSealer(options);
    sealer.start();
    status.ready(() => sealerParts(sealer, seen.sealedMs, options.intervalMs));
    log.info('instance started', { role: 'sealer' });
    try {
      const failure = await Promise.race([stopped, sealer.failed]);
      if (failure) throw failure;
    } finally {
      await sealer.stop();
    }
    log.info('instance stopped', { role: 'sealer' });
  } finally {
    groups.close();
    connections.close();
    await cluster.close();
    await admin.close();
    await status.close();
  }
}

/** The name of the log of seals: from the config, or made of what a site has one of. */
export function sealsOrigin(site: Site, clusterId: string): string {
  return site.config.audit.origin ?? `gauze/${clusterId}/${site.names.prefix}`;
}

async function optionsOf(
  site: Site,
  cluster: Cluster,
  sight: SealerSight,
  log: Logger,
  status: RoleStatus,
  sealed: () => void,
): Promise<SealerOptions> {
  const { names, principals, config } = site;
  const { metrics } = status;
  const registry = await site.registry();
  const origin = sealsOrigin(site, cluster.clusterId);
  const key = (await site.keyring()).auditWriter('sealer');
  return {
    cluster,
    names,
    origin,
    intervalMs: config.audit.sealIntervalMs,
    signer: noteSigner(origin, NOTE_KEY.ED25519, key),
    witnesses: config.audit.witnesses.map(
      ({ url, vkey }) => new WitnessClient({ url, key: parseVkey(vkey) }),
    ),
    roles: principals,
    sight,
    schemaIds: {
      seal: await registry.register(valueSubject(names.auditSeals), sealCodec.schemaText),
      checkpoint: await registry.register(checkpointSubject(names.auditSeals), checkpointCodec.schemaText),
    },
    onSealed: ({ n, alarms }) => {
      sealed();
      metrics.count('gauze_seals_total', {});
      metrics.set('gauze_seal_alarms', {}, alarms);
      if (alarms > 0) log.warn('sealed with alarms', { seal: n, count: alarms });
      else log.debug('sealed', { seal: n });
    },
    onTrouble: (error) => {
      metrics.count('gauze_trouble_total', { error_code: error.code });
      log.warn('sealer waits', { error });
    },
  };
}

function sightOf(
  admin: KafkaAdmin,
  cluster: Cluster,
  groups: GroupViews,
  connections: BrokerConnections,
): SealerSight {
  return {
    groups: async () => await groups.read(() => true),
    acls: async () => await admin.describeAcls(),
    settings: async (topic) => await admin.describeConfigs(topic),
    logEnds: async (places) => {
      const distinct = new Map(places.map((place) => [placeKey(place), place]));
      const ends = await Promise.all(
        [...distinct].map(async ([key, { topic, partition }]) => {
          const end = await listOffset(cluster, connections, topic, partition, 'latest').catch(() => null);
          return end === null ? [] : [[key, end] as const];
        }),
      );
      return new Map(ends.flat());
    },
  };
}
