/**
 * The audit office of the approval service, as the config has it: only where the auditor's log-in and the keyring are
 * there. Without them auditors are told so, and everything else goes on.
 */
import { AuditRoom } from '../approvals/audit-room.ts';
import type { AuditSettings } from '../approvals/audit-settings.ts';
import type { Logger } from '../platform/log.ts';
import { auditEventCodec } from '../schemas/control-codecs.ts';
import type { RegistryClient } from '../schemas/registry-client.ts';
import { valueSubject } from '../schemas/topic-names.ts';
import { auditFolder } from './audit-folder.ts';
import type { Site } from './site.ts';

/** Not started yet; null: this service cannot read the audit topics. Throws errors of the registry. */
export async function auditRoomOf(
  site: Site,
  registry: RegistryClient,
  log: Logger,
): Promise<AuditRoom | null> {
  const { config, names, principals } = site;
  const { kafka, keys, persons, audit } = config;
  if (!kafka.roles.auditor || !keys) return null;
  const { trustFile, rootVkey } = audit;
  const settings: AuditSettings = {
    endpoint: await site.endpoint('auditor'),
    principal: principals.auditor,
    prefix: names.prefix,
    schemaId: await registry.register(valueSubject(names.auditEvents), auditEventCodec.schemaText),
    keyringFile: keys.file,
    aliasFile: persons.aliasFile ?? null,
    folder: auditFolder(config),
    trust: trustFile === undefined || rootVkey === undefined ? null : { file: trustFile, rootVkey },
    witnesses: audit.witnesses,
    recipientsFile: audit.recipientsFile ?? null,
    holdsFile: audit.holdsFile ?? null,
    verifyIntervalMs: audit.verifyIntervalMs,
  };
  return new AuditRoom(settings, log);
}
