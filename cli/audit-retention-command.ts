/**
 * `gauze audit archive` and `gauze audit prune`: opens the site with the log-ins that they need and has it done. What
 * may be removed is decided by audit/retention, not here.
 */
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { assertNoIdentifier } from '../approvals/free-text.ts';
import { adminHand } from '../audit/retention/admin-hand.ts';
import { archiveAudit } from '../audit/retention/archive-writer.ts';
import { pruneAudit } from '../audit/retention/pruning.ts';
import type { PruneOptions } from '../audit/retention/pruning.ts';
import type { AuditSource } from '../audit/verify/audit-source.ts';
import { LiveSource } from '../audit/verify/live-source.ts';
import type { Trust } from '../audit/verify/trust.ts';
import { GauzeError } from '../platform/errors.ts';
import { auditEventCodec } from '../schemas/control-codecs.ts';
import { valueSubject } from '../schemas/topic-names.ts';
import { timeOf } from './audit-query-command.ts';
import { trustOf } from './audit-verify-command.ts';
import { policyRequester } from './policy-question.ts';
import { Site } from './site.ts';
import { EXIT, note, print, table } from './terminal.ts';

export interface ArchiveVerbOptions {
  readonly config: string;
  readonly json: boolean;
  readonly dir: string;
}

export interface PruneVerbOptions {
  readonly config: string;
  readonly json: boolean;
  readonly before: string;
  readonly archive: string;
  readonly reason: string;
  readonly uri?: string;
}

/** Longer than a few rounds of any sealer that is not stale. */
const SEAL_INTERVALS = 10;
const SEAL_PATIENCE_MS = 60_000;
const NOTE_EVERY_RECORDS = 100_000;

/** Exit code 0 also where nothing was new. */
export async function auditArchiveCommand(options: ArchiveVerbOptions): Promise<number> {
  const site = await Site.load(options.config);
  return await withAuditSource(site, async (source, trust) => {
    const { dir: directory } = options;
    const report = await archiveAudit({ source, trust, directory, onRecords: recordNotes() });
    const { records, segments, seal } = report;
    if (options.json) print(JSON.stringify(report));
    else if (segments === 0) print(`Nothing is new: everything up to seal ${seal} is archived.`);
    else print(`${records} records in ${segments} segments: everything up to seal ${seal} is archived.`);
    return EXIT.ok;
  });
}

/** Exit code 0 also where there was nothing to remove; 1 where it may not be removed. */
export async function auditPruneCommand(options: PruneVerbOptions): Promise<number> {
  assertNoIdentifier(options.reason, '--reason');
  const site = await Site.load(options.config);
  const before = beforeOf(options.before);
  const actor = await policyRequester(site);
  return await withAuditSource(
    site,
    async (source, trust) =>
      await withHand(site, async (hand) => {
        const { config, names } = site;
        const { archive, reason, uri } = options;
        const report = await pruneAudit({
          source,
          trust,
          archive,
          archiveUri: uri ?? pathToFileURL(resolve(archive)).href,
          before,
          retention: config.audit.retention,
          reason,
          actor,
          hand,
          isLane: (writerId) => names.isLaneTransactionalId(writerId),
          sealPatienceMs: Math.max(SEAL_PATIENCE_MS, SEAL_INTERVALS * config.audit.sealIntervalMs),
          onStep: note,
          onRecords: recordNotes(),
        });
        if (options.json) print(JSON.stringify(report));
        else show(report);
        return EXIT.ok;
      }),
  );
}

/** Reads the live topics with the auditor's log-in. Throws ERR_AUDIT_TRUST_MISSING without a trust file. */
export async function withAuditSource<T>(
  site: Site,
  work: (source: AuditSource, trust: Trust) => Promise<T>,
): Promise<T> {
  const { trustFile, rootVkey } = site.config.audit;
  const trust = await trustOf(trustFile, rootVkey);
  if (!trust) throw new GauzeError('ERR_AUDIT_TRUST_MISSING', {});
  const cluster = await site.cluster('auditor');
  try {
    await cluster.start();
    // What witnesses remember is for the verifier; here their cosignatures count.
    const nobody = async (): Promise<null> => await Promise.resolve(null);
    return await work(new LiveSource(cluster, site.names, nobody), trust);
  } finally {
    await cluster.close();
  }
}

/** Opens what the admin's log-in may do. */
export async function withHand<T>(site: Site, work: (hand: PruneOptions['hand']) => Promise<T>): Promise<T> {
  const key = (await site.keyring()).auditWriter('admin');
  const registry = await site.registry();
  const { names, principals } = site;
  const cluster = await site.cluster('admin');
  const admin = await site.admin('admin');
  try {
    await cluster.start();
    await admin.connect();
    const schemaId = await registry.register(valueSubject(names.auditEvents), auditEventCodec.schemaText);
    return await work(adminHand({ cluster, admin, names, schemaId, key, principal: principals.admin }));
  } finally {
    await admin.close();
    await cluster.close();
  }
}

function beforeOf(text: string): PruneOptions['before'] {
  return /^\d{1,12}$/.test(text) ? { seal: Number(text) } : { timeMs: timeOf('--before', text) };
}

function show({ seal, cuts, declaredUnder }: Awaited<ReturnType<typeof pruneAudit>>): void {
  if (cuts.length === 0) return print(`Nothing is left to remove before seal ${seal}.`);
  print(`Removed up to seal ${seal}, as declared under seal ${declaredUnder}:`);
  const rows = cuts.map(({ topic, partition, offset, records }) => [topic, partition, offset, records]);
  for (const line of table(['topic', 'partition', 'begins at', 'records before'], rows)) print(line);
}

function recordNotes(): (count: number) => void {
  let done = 0;
  return (count) => {
    const before = Math.floor(done / NOTE_EVERY_RECORDS);
    done += count;
    if (Math.floor(done / NOTE_EVERY_RECORDS) > before) note(`${done} records`);
  };
}
