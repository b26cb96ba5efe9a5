/**
 * Where auditors' questions are asked from: the auditor's log-in, the local index brought up to date, and the record of
 * what was asked. An answer is handed out only after its question is on record.
 */
import { join } from 'node:path';
import { AuditIndex } from '../audit/query/audit-index.ts';
import { AuditArchive } from '../audit/retention/audit-archive.ts';
import { refreshIndex } from '../audit/query/index-build.ts';
import { recordQuestions } from '../audit/query/question-record.ts';
import type { AskedQuestion, Asker } from '../audit/query/question-record.ts';
import { Identity } from '../approvals/identity.ts';
import type { Cluster } from '../kafka/cluster.ts';
import { loadKeyring } from '../keys/keyring.ts';
import type { Keyring } from '../keys/keyring.ts';
import type { PersonAliases } from '../keys/person-aliases.ts';
import { monotonicMs } from '../platform/clock.ts';
import { GauzeError, ownError } from '../platform/errors.ts';
import { auditEventCodec } from '../schemas/control-codecs.ts';
import { valueSubject } from '../schemas/topic-names.ts';
import { auditFolder } from './audit-folder.ts';
import { accessToken } from './login-command.ts';
import { Site } from './site.ts';
import { note } from './terminal.ts';

export interface DeskOptions {
  readonly config: string;
  /** File of the local index; default below the cache folder. */
  readonly index?: string;
  readonly rebuild?: boolean;
  /** Folder of an archive: the index is made again from it and from the topics. */
  readonly archive?: string;
}

/** Everything that a question needs. */
export interface AuditDesk {
  readonly site: Site;
  readonly cluster: Cluster;
  readonly keyring: Keyring;
  /** Which ids were merged. */
  readonly aliases: PersonAliases;
  readonly index: AuditIndex;
  /** Puts questions on record; resolves when they are. */
  readonly record: (questions: readonly AskedQuestion[]) => Promise<void>;
}

const FIRST_NOTE_MS = 1_000;
const NOTE_EVERY_MS = 2_000;
/** Log-ins that are none: then whoever answers for the Kafka log-in has asked. */
const NOT_LOGGED_IN: ReadonlySet<string> = new Set(['ERR_LOGIN_NEEDED', 'ERR_LOGIN_UNCONFIGURED']);

/** Opens a desk with an index that is up to date, lets `work` ask, and closes everything. */
export async function atAuditDesk<T>(
  options: DeskOptions,
  work: (desk: AuditDesk) => Promise<T>,
): Promise<T> {
  const site = await Site.load(options.config);
  if (!site.config.keys)
    throw new GauzeError('ERR_CONFIG_SETTING_MISSING', { setting: 'keys', file: options.config });
  const keyring = await loadKeyring(site.config.keys.file);
  const aliases = await site.aliases();
  const cluster = await site.cluster('auditor');
  try {
    await cluster.start();
    const { names } = site;
    const file = options.index ?? defaultIndexFile(site, cluster.clusterId);
    const { archive: folder } = options;
    const archive = folder === undefined ? null : await AuditArchive.open(folder);
    if (options.rebuild || archive) AuditIndex.remove(file);
    const index = AuditIndex.open(file, { clusterId: cluster.clusterId, prefix: names.prefix });
    try {
      await refreshIndex(index, cluster, names, progressNotes(), archive);
      const record = async (questions: readonly AskedQuestion[]): Promise<void> =>
        await recorded(site, cluster, keyring, questions);
      return await work({ site, cluster, keyring, aliases, index, record });
    } finally {
      index.close();
    }
  } finally {
    await cluster.close();
  }
}

/** Puts questions on record, as whoever has logged in; resolves when they are. */
export async function recorded(
  site: Site,
  cluster: Cluster,
  keyring: Keyring,
  questions: readonly AskedQuestion[],
): Promise<void> {
  const registry = await site.registry();
  const schemaId = await registry.register(valueSubject(site.names.auditEvents), auditEventCodec.schemaText);
  const key = keyring.auditWriter('auditor');
  const options = { cluster, names: site.names, schemaId, key, asker: await askerOf(site) };
  await recordQuestions(options, questions, new AbortController().signal);
}

/** The person who has logged in, else the one who answers for the auditor's Kafka log-in, else that log-in. */
async function askerOf(site: Site): Promise<Asker> {
  const { oidc, roles, owners } = site.config;
  const principal = site.principals.auditor;
  const token = oidc
    ? await accessToken(site).catch((error: unknown) => {
        if (NOT_LOGGED_IN.has(ownError(error).code)) return null;
        throw error;
      })
    : null;
  if (oidc && token !== null) {
    const person = await new Identity({ oidc, roles, owners }).personOfToken(token);
    return { id: person.id, isPerson: person.kind === 'HUMAN', roles: person.roles, principal };
  }
  const owner = owners[principal];
  return { id: owner ?? principal, isPerson: owner !== undefined, roles: [], principal };
}

function defaultIndexFile({ config, names }: Site, clusterId: string): string {
  return join(auditFolder(config), `${encodeURIComponent(clusterId)}.${names.prefix}.sqlite`);
}

/** Tells how far the index has come, where that takes long enough to ask oneself. */
function progressNotes(): (progress: { readonly read: number; readonly of: number }) => void {
  let nextMs = monotonicMs() + FIRST_NOTE_MS;
  return ({ read, of }) => {
    if (of === 0 || monotonicMs() < nextMs) return;
    nextMs = monotonicMs() + NOTE_EVERY_MS;
    note(`reading the audit topics: ${Math.floor((100 * read) / of)} % of ${of} records`);
  };
}
