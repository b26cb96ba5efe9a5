/**
 * The live audit topics for verbs that hand something of them out: read with the auditor's log-in, and with the right
 * to put on record what was handed out. It keeps no index.
 */
import { ArchivedSource } from '../audit/retention/archived-source.ts';
import { AuditArchive } from '../audit/retention/audit-archive.ts';
import type { AskedQuestion } from '../audit/query/question-record.ts';
import type { AuditSource } from '../audit/verify/audit-source.ts';
import { LiveSource } from '../audit/verify/live-source.ts';
import { recorded } from './audit-desk.ts';
import { trustOf, witnessesOf } from './audit-verify-command.ts';
import { Site } from './site.ts';

/** What such a verb needs. */
export interface AuditTopics {
  readonly source: AuditSource;
  /** Puts it on record; resolves when it is. */
  readonly record: (acts: readonly AskedQuestion[]) => Promise<void>;
}

/** Opens the topics of a site, lets `work` read them, and closes everything. */
export async function withAuditTopics<T>(
  config: string,
  work: (topics: AuditTopics) => Promise<T>,
): Promise<T> {
  const site = await Site.load(config);
  const keyring = await site.keyring();
  const { audit } = site.config;
  const trust = await trustOf(audit.trustFile, audit.rootVkey);
  const cluster = await site.cluster('auditor');
  try {
    await cluster.start();
    const source = new LiveSource(cluster, site.names, witnessesOf(site, trust));
    return await work({ source, record: async (acts) => await recorded(site, cluster, keyring, acts) });
  } finally {
    await cluster.close();
  }
}

/** The same with what was removed from it, where an archive is named. Throws ERR_AUDIT_ARCHIVE. */
export async function withArchive(source: AuditSource, folder: string | undefined): Promise<AuditSource> {
  return folder === undefined ? source : new ArchivedSource(source, await AuditArchive.open(folder));
}
