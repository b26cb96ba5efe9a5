/**
 * `gauze audit verify`: opens the live topics or an export, has them verified, and tells the result. It decides nothing
 * about evidence.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { ExportSource } from '../audit/raw-export.ts';
import { ArchivedSource } from '../audit/retention/archived-source.ts';
import { AuditArchive } from '../audit/retention/audit-archive.ts';
import { parseTrustFile } from '../audit/trust-file.ts';
import type { AuditSource } from '../audit/verify/audit-source.ts';
import { LiveSource } from '../audit/verify/live-source.ts';
import { auditReport, placeText, reportHtml } from '../audit/verify/report.ts';
import type { AuditReport } from '../audit/verify/report.ts';
import type { Trust } from '../audit/verify/trust.ts';
import { readState, writeState } from '../audit/verify/verifier-state.ts';
import { verifyAudit } from '../audit/verify/verifier.ts';
import type { VerifyOptions } from '../audit/verify/verifier.ts';
import { parseVkey } from '../audit/signed-note.ts';
import { WitnessClient } from '../audit/witness/witness-client.ts';
import type { Cluster } from '../kafka/cluster.ts';
import { loadKeyring } from '../keys/keyring.ts';
import { GauzeError } from '../platform/errors.ts';
import { PolicyLog } from '../policy/policy-log.ts';
import { auditProgress } from './audit-progress.ts';
import { personsFinder, sourceCounter } from './audit-recount.ts';
import { Site } from './site.ts';
import { EXIT, note, print, styled, table } from './terminal.ts';

export interface AuditVerifyOptions {
  readonly config: string;
  readonly json: boolean;
  readonly trust?: string;
  readonly root?: string;
  readonly state?: string;
  readonly html?: string;
  readonly archive?: string;
  readonly recount: boolean;
}

/** As the help of the verb says. */
const EXIT_CODES = { sound: EXIT.ok, broken: EXIT.problems, open: EXIT.waiting } as const;

/** Exit code 0, 1 or 3, as the verdict is. */
export async function auditVerifyCommand(
  directory: string | undefined,
  options: AuditVerifyOptions,
): Promise<number> {
  if (directory === undefined) return await verifyLive(options);
  if (options.recount)
    throw new GauzeError('ERR_USAGE_ARGUMENT', { setting: '--recount', expected: 'given with live topics' });
  const trust = await trustOf(options.trust, options.root);
  return await verified(await ExportSource.open(directory), trust, options);
}

/** Verifies the live topics of a site from their beginning, with its own trust file; tells nothing. */
export async function verifySite(site: Site): Promise<AuditReport> {
  const { audit } = site.config;
  const trust = await trustOf(audit.trustFile, audit.rootVkey);
  const cluster = await site.cluster('auditor');
  try {
    await cluster.start();
    const source = new LiveSource(cluster, site.names, witnessesOf(site, trust));
    return auditReport(await verifyAudit(source, { trust, state: null, countSource: null }));
  } finally {
    await cluster.close();
  }
}

async function verifyLive(options: AuditVerifyOptions): Promise<number> {
  const site = await Site.load(options.config);
  const { audit } = site.config;
  const trust = await trustOf(options.trust ?? audit.trustFile, options.root ?? audit.rootVkey);
  const cluster = await site.cluster('auditor');
  try {
    await cluster.start();
    const source = new LiveSource(cluster, site.names, witnessesOf(site, trust));
    return await verified(source, trust, options, options.recount ? await recountOf(site, cluster) : {});
  } finally {
    await cluster.close();
  }
}

/** Records are counted by any log-in that may read them; persons are worked out where there is a keyring too. */
async function recountOf(
  site: Site,
  cluster: Cluster,
): Promise<Pick<VerifyOptions, 'countSource' | 'findPersons'>> {
  const countSource = sourceCounter(cluster);
  const { keys } = site.config;
  if (!keys) return { countSource };
  const log = new PolicyLog(cluster, site.names.policies, site.names.access);
  try {
    await log.readToEnd();
    const { withhold } = log.state;
    const [registry, keyring] = [await site.registry(), await loadKeyring(keys.file)];
    return { countSource, findPersons: personsFinder({ cluster, registry, keyring, withhold }) };
  } finally {
    log.close();
  }
}

async function verified(
  found: AuditSource,
  trust: Trust | null,
  options: AuditVerifyOptions,
  recount: Pick<VerifyOptions, 'countSource' | 'findPersons'> = {},
): Promise<number> {
  const { archive } = options;
  const source = archive === undefined ? found : new ArchivedSource(found, await AuditArchive.open(archive));
  const binding = {
    origin: trust?.origin ?? '',
    rootVkey: trust?.rootVkey ?? '',
    clusterId: source.clusterId,
  };
  const state = options.state === undefined ? null : await readState(options.state, binding);
  const progress = auditProgress();
  const result = await verifyAudit(source, { trust, state, ...recount, onProgress: progress.tell });
  progress.end();
  const report = auditReport(result);
  if (options.state !== undefined) await writeState(options.state, result.state);
  if (options.html !== undefined) await writeHtml(options.html, report);
  if (options.json) print(JSON.stringify(report));
  else show(report);
  return EXIT_CODES[report.verdict];
}

/** The trust file, checked; null without one. Throws ERR_USAGE_ARGUMENT where no key is given for it. */
export async function trustOf(file: string | undefined, rootVkey: string | undefined): Promise<Trust | null> {
  if (file === undefined) return null;
  if (rootVkey === undefined)
    throw new GauzeError('ERR_USAGE_ARGUMENT', { setting: '--root', expected: 'given with a trust file' });
  const text = await readFile(file, 'utf8').catch(() => null);
  if (text === null) throw new GauzeError('ERR_CONFIG_FILE_UNREADABLE', { file });
  return parseTrustFile(text, rootVkey.trim());
}

/** What the witnesses of the config saw last; one that does not answer is told, and leaves what it saw unknown. */
export function witnessesOf(site: Site, trust: Trust | null): () => Promise<readonly string[] | null> {
  return async () => {
    const { witnesses } = site.config.audit;
    if (!trust || witnesses.length === 0) return null;
    const notes: string[] = [];
    let answers = 0;
    for (const { url, vkey } of witnesses) {
      try {
        const latest = await new WitnessClient({ url, key: parseVkey(vkey) }).latest(trust.origin);
        answers += 1;
        if (latest !== null) notes.push(latest);
      } catch {
        note(`The witness ${url} does not answer.`);
      }
    }
    return answers === 0 ? null : notes;
  };
}

async function writeHtml(file: string, report: AuditReport): Promise<void> {
  try {
    await writeFile(file, reportHtml(report));
  } catch {
    throw new GauzeError('ERR_USAGE_ARGUMENT', { setting: '--html', expected: 'a file that can be written' });
  }
}

function show({ verdict, sentences, findings, counts }: AuditReport): void {
  const [first = '', ...rest] = sentences;
  const colour = { sound: 'green', broken: 'red', open: 'yellow' } as const;
  print(styled(colour[verdict], first));
  for (const sentence of rest) print(sentence);
  if (findings.length === 0) return;
  print();
  const rows = findings.map(({ name, class: cls, place, detail }) => [cls, name, placeText(place), detail]);
  for (const line of table(['class', 'finding', 'where', 'detail'], rows)) print(line);
  print();
  for (const name of new Set(findings.map((finding) => finding.name))) {
    const { meaning } = findings.find((finding) => finding.name === name)!;
    print(`${name}: ${meaning}`);
  }
  const all = Object.values(counts).reduce((sum, count) => sum + count, 0);
  if (all > findings.length) print(`${all} findings in all; the first of each kind are shown.`);
}
