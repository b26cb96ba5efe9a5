/**
 * The work on the audit topics beside the approvals: keeps the index up to date, verifies, and answers questions, all
 * with the auditor's log-in. It runs in a thread of its own, so that no request waits for it but those who ask.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { AuditIndex } from '../audit/query/audit-index.ts';
import { refreshIndex } from '../audit/query/index-build.ts';
import { recordQuestions } from '../audit/query/question-record.ts';
import type { Asker } from '../audit/query/question-record.ts';
import { sealBracket } from '../audit/query/seal-bracket.ts';
import { Cluster } from '../kafka/cluster.ts';
import type { AuditWriterKey } from '../keys/audit-writer-key.ts';
import { loadKeyring } from '../keys/keyring.ts';
import type { Keyring } from '../keys/keyring.ts';
import { NO_ALIASES, loadPersonAliases } from '../keys/person-aliases.ts';
import { monotonicMs, nowMs, sleep, timer } from '../platform/clock.ts';
import { GauzeError, ownError } from '../platform/errors.ts';
import { topicNames } from '../schemas/topic-names.ts';
import type { TopicNames } from '../schemas/topic-names.ts';
import { answerOnRecord } from './audit-clerk.ts';
import type { ClerkParts } from './audit-clerk.ts';
import type { AuditAnswer, AuditQuestion } from './audit-question.ts';
import type { AuditSettings } from './audit-settings.ts';
import { NOTHING_KNOWN, withTrouble } from './audit-status.ts';
import type { AuditStatus, Trouble } from './audit-status.ts';
import { liveSource, trustNow, verifyOnce } from './audit-watch.ts';

/** What is open while the office works. */
interface Opened {
  readonly cluster: Cluster;
  readonly index: AuditIndex;
  readonly keyring: Keyring;
  readonly key: AuditWriterKey;
}

/** Between two refreshes of the index that nobody asked for. */
const INDEX_INTERVAL_MS = 15_000;
/** Until what does not work is tried again. */
const RETRY_MS = 5_000;
/** How long somebody who asks waits for the index, or for the record. */
const PATIENCE_MS = 20_000;
const PROGRESS_MS = 500;
const OWNER_FOLDER = 0o700;

export class AuditOffice {
  private readonly settings: AuditSettings;
  private readonly names: TopicNames;
  private readonly tell: (status: AuditStatus) => void;
  private readonly ended = new AbortController();
  private status: AuditStatus = NOTHING_KNOWN;
  private opened: Promise<Opened> | null = null;
  private refreshing: Promise<AuditIndex> | null = null;
  private next: Promise<AuditIndex> | null = null;

  /** `tell` hears of every change. */
  constructor(settings: AuditSettings, tell: (status: AuditStatus) => void) {
    this.settings = settings;
    this.names = topicNames(settings.prefix);
    this.tell = tell;
  }

  /** Works until `close`. Never rejects: what goes wrong is told and tried again. */
  async run(): Promise<void> {
    await Promise.all([
      this.again('index', INDEX_INTERVAL_MS, async () => void (await this.upToDate())),
      this.again('verification', this.settings.verifyIntervalMs, async () => await this.verify()),
    ]);
  }

  /** Throws ERR_AUDIT_INDEX_BEHIND, ERR_AUDIT_DESK_ABSENT, and what opening, index, answer and record throw. */
  async ask(question: AuditQuestion, asker: Omit<Asker, 'principal'>): Promise<AuditAnswer> {
    const opened = await inTime(this.open(), () => this.behind());
    const { principal } = this.settings;
    return await answerOnRecord(await this.parts(opened), question, { ...asker, principal });
  }

  /** Ends the work; what is being recorded is waited for by whoever asked. */
  async close(): Promise<void> {
    this.ended.abort();
    const opened = await this.opened?.catch(() => null);
    this.opened = null;
    if (!opened) return;
    await opened.cluster.close();
    await this.refreshing?.catch(() => null);
    opened.index.close();
  }

  private async parts({ cluster, keyring, key }: Opened): Promise<ClerkParts> {
    const { settings, names } = this;
    const { aliasFile, schemaId, recipientsFile, holdsFile } = settings;
    const trust = await trustNow(settings);
    return {
      upToDate: async () => await inTime(this.upToDate(), () => this.behind()),
      sources: {
        keyring,
        aliases: async () => (aliasFile === null ? NO_ALIASES : await loadPersonAliases(aliasFile)),
        seals: async (period) => await sealBracket(cluster, names.auditSeals, period),
        source: () => liveSource(cluster, settings, trust),
        eventsTopic: names.auditEvents,
        trust: async () => await Promise.resolve(trust),
        recipientsFile,
        holdsFile,
      },
      record: async (asker, questions) => {
        const signal = AbortSignal.timeout(PATIENCE_MS);
        try {
          await recordQuestions({ cluster, names, schemaId, key, asker }, questions, signal);
        } catch (thrown) {
          throw signal.aborted ? new GauzeError('ERR_AUDIT_DESK_AWAY', { causeName: 'TooLate' }) : thrown;
        }
      },
    };
  }

  /** Does `work` again and again; what it throws is told as the trouble of that part until it works once more. */
  private async again(part: Trouble['part'], everyMs: number, work: () => Promise<void>): Promise<void> {
    const { signal } = this.ended;
    while (!signal.aborted) {
      let error: GauzeError | null = null;
      try {
        await this.open();
        await work();
      } catch (thrown) {
        error = ownError(thrown);
      }
      if (signal.aborted) return;
      this.change(withTrouble(this.status, part, error));
      await sleep(error ? Math.min(RETRY_MS, everyMs) : everyMs, signal).catch(() => undefined);
    }
  }

  private change(status: AuditStatus): void {
    this.status = status;
    this.tell(status);
  }

  private async open(): Promise<Opened> {
    const opening = this.opened ?? this.openAll();
    this.opened = opening;
    try {
      return await opening;
    } catch (thrown) {
      if (this.opened === opening) this.opened = null;
      throw thrown;
    }
  }

  private async openAll(): Promise<Opened> {
    const { endpoint, keyringFile, folder, prefix } = this.settings;
    const keyring = await loadKeyring(keyringFile);
    const key = keyring.auditWriter('auditor');
    const cluster = new Cluster(endpoint);
    try {
      await cluster.start();
      const { clusterId } = cluster;
      const index = AuditIndex.open(indexFile(folder, clusterId, prefix), { clusterId, prefix });
      return { cluster, index, keyring, key };
    } catch (thrown) {
      await cluster.close();
      throw thrown;
    }
  }

  /** The index with all that the topics hold now: those who ask meanwhile share the refresh after this one. */
  private async upToDate(): Promise<AuditIndex> {
    const running = this.refreshing;
    if (!running) return await this.refresh();
    this.next ??= running
      .catch(() => null)
      .then(async () => {
        this.next = null;
        return await this.refresh();
      });
    return await this.next;
  }

  private async refresh(): Promise<AuditIndex> {
    const refreshing = this.refreshNow();
    this.refreshing = refreshing;
    try {
      return await refreshing;
    } finally {
      this.refreshing = null;
    }
  }

  private async refreshNow(): Promise<AuditIndex> {
    const { index, cluster } = await this.open();
    const tell = everyNowAndThen((read: number, of: number) =>
      this.change({ ...this.status, indexing: { read, of } }),
    );
    try {
      await refreshIndex(index, cluster, this.names, ({ read, of }) => tell(read, of));
    } finally {
      this.status = { ...this.status, indexing: null };
    }
    this.change({ ...this.status, indexed: new Date(nowMs()).toISOString() });
    return index;
  }

  private async verify(): Promise<void> {
    const { cluster } = await this.open();
    const { folder, prefix } = this.settings;
    const file = stateFile(folder, cluster.clusterId, prefix);
    const tell = everyNowAndThen((done: number, all: number) =>
      this.change({ ...this.status, verifying: { done, all } }),
    );
    try {
      await mkdir(folder, { recursive: true, mode: OWNER_FOLDER });
      const verification = await verifyOnce(cluster, this.settings, file, tell);
      this.status = { ...this.status, verification };
    } finally {
      this.status = { ...this.status, verifying: null };
    }
  }

  private behind(): GauzeError {
    const { read, of } = this.status.indexing ?? { read: 0, of: 0 };
    return new GauzeError('ERR_AUDIT_INDEX_BEHIND', { count: read, limit: of });
  }
}

function indexFile(folder: string, clusterId: string, prefix: string): string {
  return join(folder, `${encodeURIComponent(clusterId)}.${prefix}.sqlite`);
}

function stateFile(folder: string, clusterId: string, prefix: string): string {
  return join(folder, `${encodeURIComponent(clusterId)}.${prefix}.verified.json`);
}

/** `work`, or after a while what `late` gives. */
async function inTime<T>(work: Promise<T>, late: () => GauzeError): Promise<T> {
  let alarm: { cancel(): void } | null = null;
  const tooLate = new Promise<never>((_resolve, reject) => {
    alarm = timer(PATIENCE_MS, () => reject(late()));
  });
  try {
    return await Promise.race([work, tooLate]);
  } finally {
    (alarm as { cancel(): void } | null)?.cancel();
  }
}

function everyNowAndThen(tell: (done: number, all: number) => void): (done: number, all: number) => void {
  let toldMs = monotonicMs();
  return (done, all) => {
    if (monotonicMs() - toldMs < PROGRESS_MS) return;
    toldMs = monotonicMs();
    tell(done, all);
  };
}
