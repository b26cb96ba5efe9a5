/**
 * Verifies the audit topics again and again, each time only what is new, and tells how it stands. What one verification
 * has seen is kept in a file, so that a log that was rolled back while the service was down is noticed.
 */
import { readFile } from 'node:fs/promises';
import { parseVkey } from '../audit/signed-note.ts';
import { parseTrustFile } from '../audit/trust-file.ts';
import { LiveSource } from '../audit/verify/live-source.ts';
import { auditReport } from '../audit/verify/report.ts';
import type { Trust } from '../audit/verify/trust.ts';
import { readState, writeState } from '../audit/verify/verifier-state.ts';
import { verifyAudit } from '../audit/verify/verifier.ts';
import { WitnessClient } from '../audit/witness/witness-client.ts';
import type { Cluster } from '../kafka/cluster.ts';
import { monotonicMs } from '../platform/clock.ts';
import { GauzeError } from '../platform/errors.ts';
import { topicNames } from '../schemas/topic-names.ts';
import type { AuditSettings } from './audit-settings.ts';
import type { Verification } from './audit-status.ts';

type WatchSettings = Pick<AuditSettings, 'prefix' | 'trust' | 'witnesses'>;

/** The trust file as it is now; null where none is configured. Throws what is wrong with it. */
export async function trustNow({ trust }: Pick<AuditSettings, 'trust'>): Promise<Trust | null> {
  if (!trust) return null;
  const { file, rootVkey } = trust;
  const text = await readFile(file, 'utf8').catch(() => null);
  if (text === null) throw new GauzeError('ERR_CONFIG_FILE_UNREADABLE', { file });
  return parseTrustFile(text, rootVkey);
}

/** The live topics as a source of the verifier and of proofs. */
export function liveSource(cluster: Cluster, settings: WatchSettings, trust: Trust | null): LiveSource {
  return new LiveSource(
    cluster,
    topicNames(settings.prefix),
    async () => await latestNotes(settings.witnesses, trust),
  );
}

/** One verification, from where the file says the last one ended. Throws outages, and ERR_AUDIT_STATE_FILE. */
export async function verifyOnce(
  cluster: Cluster,
  settings: WatchSettings,
  stateFile: string,
  onProgress: (done: number, all: number) => void,
): Promise<Verification> {
  const beganMs = monotonicMs();
  const trust = await trustNow(settings);
  const { clusterId } = cluster;
  const binding = { origin: trust?.origin ?? '', rootVkey: trust?.rootVkey ?? '', clusterId };
  const state = await readState(stateFile, binding);
  const source = liveSource(cluster, settings, trust);
  const result = await verifyAudit(source, { trust, state, onProgress });
  await writeState(stateFile, result.state);
  return {
    report: auditReport(result),
    checkpointSeals: result.state.notes.newestSize,
    cosignedSeals: result.totals.cosignedSeals,
    quorum: trust?.quorum ?? null,
    witnesses: trust?.witnesses.length ?? null,
    tookMs: Math.round(monotonicMs() - beganMs),
  };
}

/** What the witnesses saw last; null where none could be asked: then the report says so. */
async function latestNotes(
  witnesses: AuditSettings['witnesses'],
  trust: Trust | null,
): Promise<readonly string[] | null> {
  if (!trust) return null;
  const answers = await Promise.allSettled(
    witnesses.map(
      async ({ url, vkey }) => await new WitnessClient({ url, key: parseVkey(vkey) }).latest(trust.origin),
    ),
  );
  const given = answers.filter((answer) => answer.status === 'fulfilled').map(({ value }) => value);
  return given.length === 0 ? null : given.filter((note) => note !== null);
}
