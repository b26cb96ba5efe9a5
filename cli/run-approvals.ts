/**
 * `gauze run --role approvals`: the API and the pages of approvals, the writer of grants and the queue, until a
 * signal; then it takes no more requests and ends what is under way.
 */
import { loadAccessRules } from '../approvals/access-rules-file.ts';
import { AuditDesk } from '../approvals/audit-desk.ts';
import type { AuditRoom } from '../approvals/audit-room.ts';
import type { TlsFiles } from '../approvals/http/server.ts';
import { Identity } from '../approvals/identity.ts';
import { notificationChannels } from '../approvals/notify/channels.ts';
import type { NotificationSettings } from '../approvals/notify/channels.ts';
import type { MailSettings } from '../approvals/notify/mail.ts';
import { pagesPart } from '../approvals/pages/pages.ts';
import { ApprovalService } from '../approvals/service.ts';
import type { ApprovalServiceOptions } from '../approvals/service.ts';
import type { Cluster } from '../kafka/cluster.ts';
import { readSecret } from '../platform/config.ts';
import type { Config } from '../platform/config.ts';
import { GauzeError } from '../platform/errors.ts';
import type { Logger } from '../platform/log.ts';
import type { RegistryClient } from '../schemas/registry-client.ts';
import { auditRoomOf } from './audit-room-of.ts';
import { RoleStatus } from './role-status.ts';
import type { RoleRun } from './run-command.ts';
import type { Site } from './site.ts';

/** So long a secret cannot be guessed. */
const SECRET_LENGTH_MIN = 32;

type ConfiguredMail = NonNullable<Config['notifications']['mail']>;

export async function runApprovals({ site, log, stopped }: RoleRun): Promise<void> {
  const cluster = await site.cluster('approvals');
  const status = new RoleStatus('approvals');
  try {
    await status.open(site, log);
    const registry = await site.registry();
    const room = await auditRoomOf(site, registry, log);
    const service = new ApprovalService(await optionsOf(site, { cluster, registry, log, room, status }));
    try {
      room?.start();
      const { hostname, port } = new URL(await service.start());
      status.ready(async () => ({ ...((await service.readiness()) ?? { api: 'missing' as const }) }));
      log.info('instance started', { role: 'approvals', host: hostname, port: Number(port) });
      const failure = await Promise.race([stopped, service.failed]);
      if (failure) throw failure;
      log.info('instance draining', { role: 'approvals' });
    } finally {
      // Also after a start that failed: what it has opened would keep the process alive.
      await service.stop();
      await room?.close();
    }
    log.info('instance stopped', { role: 'approvals' });
  } finally {
    await cluster.close();
    await status.close();
  }
}

/** What is open while the service runs. */
interface Opened {
  readonly cluster: Cluster;
  readonly registry: RegistryClient;
  readonly log: Logger;
  readonly room: AuditRoom | null;
  readonly status: RoleStatus;
}

async function optionsOf(
  site: Site,
  { cluster, registry, log, room, status }: Opened,
): Promise<ApprovalServiceOptions> {
  const { config, names, siteTags } = site;
  const { roles, owners, http } = config;
  const oidc = needed(config.oidc, 'oidc');
  const redis = needed(config.redis, 'redis');
  const keyring = await site.keyring();
  const password = redis.passwordFile ? await readSecret(redis.passwordFile) : null;
  return {
    cluster,
    names,
    siteTags,
    registry,
    tokens: keyring.subjectTokens(),
    tokenEpochs: keyring.subjectTokenEpochs(),
    aliases: await site.aliases(),
    auditKey: keyring.auditWriter('approvals'),
    rules: await loadAccessRules(needed(config.access, 'access'), { roles, siteTags }),
    identity: new Identity({ oidc, roles, owners }),
    owners,
    principal: site.principals.approvals,
    redis: { url: redis.url, ...(password === null ? {} : { password }) },
    channels: notificationChannels(await notificationSettings(site)),
    http: {
      host: http.host,
      port: http.port,
      tls: await tlsOf(site),
      publicUrl: http.publicUrl ?? null,
      perPerson: http.requestsPerPerson,
      perAddress: http.requestsPerAddress,
      trustedProxies: http.trustedProxies,
    },
    log,
    metrics: status.metrics,
    audit: new AuditDesk(room),
    parts: await pagesOf(site, oidc),
  };
}

/** The pages, at the same address as the API. */
async function pagesOf(
  { config: { http } }: Site,
  oidc: NonNullable<Config['oidc']>,
): Promise<NonNullable<ApprovalServiceOptions['parts']>> {
  const secret = oidc.pagesClientSecretFile ? await readSecret(oidc.pagesClientSecretFile) : null;
  const client = { issuer: oidc.issuer, clientId: oidc.pagesClientId, secret, scope: oidc.scope };
  const sessionSecret = http.sessionSecretFile ? await sessionSecretOf(http.sessionSecretFile) : null;
  return (services) => [pagesPart(services, { client, sessionSecret })];
}

async function sessionSecretOf(file: string): Promise<string> {
  const secret = await readSecret(file);
  if (secret.length < SECRET_LENGTH_MIN)
    throw new GauzeError('ERR_CONFIG_SETTING_WRONG', {
      setting: 'http.sessionSecretFile',
      file: 'gauze.yaml',
      line: 1,
      expected: `a file with ${SECRET_LENGTH_MIN} characters or more`,
    });
  return secret;
}

async function tlsOf(site: Site): Promise<TlsFiles | null> {
  const { tls } = site.config.http;
  return tls ? { cert: await readSecret(tls.certFile), key: await readSecret(tls.keyFile) } : null;
}

async function notificationSettings(site: Site): Promise<NotificationSettings> {
  const { webhook, mail } = site.config.notifications;
  return {
    ...(webhook ? { webhook: { url: webhook.url, secret: await readSecret(webhook.secretFile) } } : {}),
    ...(mail ? { mail: await mailSettings(mail) } : {}),
  };
}

async function mailSettings({ passwordFile, username, ...mail }: ConfiguredMail): Promise<MailSettings> {
  const password = passwordFile ? await readSecret(passwordFile) : null;
  return { ...mail, ...(username ? { username } : {}), ...(password === null ? {} : { password }) };
}

function needed<T>(value: T | undefined, setting: string): T {
  if (value === undefined)
    throw new GauzeError('ERR_CONFIG_SETTING_MISSING', { setting, file: 'gauze.yaml', line: 1 });
  return value;
}
