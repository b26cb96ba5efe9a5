/**
 * The approval service: the access log, the writer of grants, the queue and the HTTP server, started in the order in
 * which they need each other and ended in the other. It holds no right to read raw data and none to change rights.
 */
import { random } from '../platform/clock.ts';
import { ownError } from '../platform/errors.ts';
import type { GauzeError } from '../platform/errors.ts';
import type { Logger } from '../platform/log.ts';
import type { Metrics } from '../platform/metrics.ts';
import type { Cluster } from '../kafka/cluster.ts';
import type { AuditWriterKey } from '../keys/audit-writer-key.ts';
import type { PersonAliases } from '../keys/person-aliases.ts';
import type { SubjectTokens } from '../keys/subject-tokens.ts';
import { HEARTBEAT, keepBeating } from '../audit/heartbeat.ts';
import { PolicyLog } from '../policy/policy-log.ts';
import { accessEntryCodec, grantStateCodec } from '../schemas/access-codecs.ts';
import { auditEventCodec } from '../schemas/control-codecs.ts';
import type { RegistryClient } from '../schemas/registry-client.ts';
import type { SiteTags } from '../schemas/tags.ts';
import { valueSubject } from '../schemas/topic-names.ts';
import type { TopicNames } from '../schemas/topic-names.ts';
import { AccessDesk } from './access-desk.ts';
import { AccessLog } from './access-log.ts';
import type { AccessRules } from './access-rules.ts';
import { createGrantsWriter } from './grants-writer.ts';
import { Askable } from './askable.ts';
import type { AuditDesk } from './audit-desk.ts';
import { apiPart } from './http/api.ts';
import type { Authenticate } from './http/caller.ts';
import { closeInTime, listen } from './http/listening.ts';
import { Refusals } from './http/refusals.ts';
import { createApprovalServer } from './http/server.ts';
import type { ServerPart, TlsFiles } from './http/server.ts';
import type { Identity } from './identity.ts';
import type { Channel } from './notify/message.ts';
import { RawOffsets } from './offsets-between.ts';
import { Preview } from './preview.ts';
import type { PreviewOptions } from './preview.ts';
import { ProgressWatch } from './progress-watch.ts';
import { ApprovalJobs } from './queue/approval-jobs.ts';
import type { RedisSettings } from './queue/redis-link.ts';
import type { Readiness } from './http/health-routes.ts';
import { ReadinessProbe } from './readiness.ts';
import { SanitizedSamples } from './sanitized-sample.ts';
import { SubjectIndex } from './subject-index.ts';
import { Submission } from './submission.ts';
import { actorOf } from './token-claims.ts';

export interface ApprovalServiceOptions {
  /** Not started yet; the service starts it and does not close it. */
  readonly cluster: Cluster;
  readonly names: TopicNames;
  readonly registry: RegistryClient;
  readonly siteTags: SiteTags;
  readonly tokens: SubjectTokens;
  /** Of every key epoch that the keyring has. */
  readonly tokenEpochs: readonly SubjectTokens[];
  readonly aliases: PersonAliases;
  /** Vouches for the audit events of this process. */
  readonly auditKey: AuditWriterKey;
  readonly rules: AccessRules;
  readonly identity: Identity;
  /** Humans by Kafka principal. */
  readonly owners: Readonly<Record<string, string>>;
  /** Kafka principal of this service. */
  readonly principal: string;
  readonly redis: RedisSettings;
  readonly channels: readonly Channel[];
  readonly http: HttpSettings;
  readonly log: Logger;
  readonly metrics: Metrics;
  /** Where auditors ask. */
  readonly audit: AuditDesk;
  /** What else is served beside the API: pages, the board. */
  readonly parts?: (services: ApprovalServices) => readonly ServerPart[];
}

export interface HttpSettings {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  readonly tls: TlsFiles | null;
  /** Where people reach it; null: where it listens. */
  readonly publicUrl: string | null;
  /** Requests in a minute. */
  readonly perPerson: number;
  readonly perAddress: number;
  /** Proxies whose word about addresses and https counts. */
  readonly trustedProxies?: readonly string[];
}

/** What pages and other parts of the server stand on. */
export interface ApprovalServices {
  readonly desk: AccessDesk;
  readonly audit: AuditDesk;
  readonly preview: Preview;
  readonly log: AccessLog;
  readonly jobs: ApprovalJobs;
  readonly identity: Identity;
  readonly rules: AccessRules;
  readonly askable: Askable;
  readonly redis: RedisSettings;
  readonly names: TopicNames;
  readonly http: HttpSettings;
}

export class ApprovalService {
  /** Resolves with the reason once nothing may go on. */
  readonly failed: Promise<GauzeError>;
  private reportFailure: (error: GauzeError) => void = () => undefined;
  private readonly options: ApprovalServiceOptions;
  private probe: ReadinessProbe | null = null;
  private readonly following = new AbortController();
  private readonly closers: (() => Promise<void> | void)[] = [];

  constructor(options: ApprovalServiceOptions) {
    this.options = options;
    this.failed = new Promise((resolve) => {
      this.reportFailure = resolve;
    });
  }

  /**
   * Starts everything and gives the address that is listened on. After a start that failed, `stop` ends what ran.
   * @throws GauzeError ERR_HTTP_LISTEN; those of Kafka, of the registry and of the log
   */
  async start(): Promise<string> {
    const { cluster, http, parts } = this.options;
    await cluster.start();
    const services = await this.services();
    const refusals = new Refusals(async (event) => await services.desk.record(event));
    const server = await createApprovalServer(
      {
        tls: http.tls,
        log: this.options.log,
        perAddress: http.perAddress,
        trustedProxies: http.trustedProxies ?? [],
        refused: async (request, reply, failure) => await refusals.write(request, reply, failure),
      },
      [await this.api(services), ...(parts?.(services) ?? [])],
    );
    this.closers.unshift(async () => await closeInTime(server));
    return await listen(server, http);
  }

  /** The parts that the service stands on; null before it has started. */
  async readiness(): Promise<Readiness | null> {
    return (await this.probe?.state()) ?? null;
  }

  /** Takes no more requests, ends what is under way, and gives the log up. */
  async stop(): Promise<void> {
    this.following.abort();
    for (const close of this.closers) await close();
    this.closers.length = 0;
  }

  private async services(): Promise<ApprovalServices> {
    const { names, http, identity, rules, redis, audit, metrics } = this.options;
    const log = await this.accessLog();
    const policyLog = await this.policyLog();
    const index = await this.subjectIndex();
    const desk = new AccessDesk(log, this.submission(policyLog), (approve) =>
      metrics.count('phi_approvals_total', { decision: approve ? 'approve' : 'deny' }),
    );
    const preview = this.preview(policyLog, index, log);
    const jobs = this.jobs(log);
    const { registry, siteTags } = this.options;
    const policies = () => policyLog.state;
    const askable = new Askable({ registry, siteTags, rules, policies });
    return { desk, audit, preview, log, jobs, identity, rules, askable, redis, names, http };
  }

  private async accessLog(): Promise<AccessLog> {
    const { cluster, names, registry, principal, auditKey } = this.options;
    const onTrouble = (error: GauzeError): void => this.trouble(error);
    const auditEvent = await registry.register(valueSubject(names.auditEvents), auditEventCodec.schemaText);
    const access = await registry.register(valueSubject(names.access), accessEntryCodec.schemaText);
    const grants = await registry.register(valueSubject(names.grants), grantStateCodec.schemaText);
    const instance = random(8).toString('hex');
    const common = { cluster, names, auditKey, onTrouble };
    const log = new AccessLog({ ...common, instance, schemaIds: { access, auditEvent } });
    this.closers.unshift(async () => await log.close());
    void log.failed.then(this.reportFailure);
    await log.start();
    const writer = createGrantsWriter({ ...common, schemaIds: { grants, auditEvent } });
    this.closers.unshift(async () => await writer.stop());
    void writer.failed.then(this.reportFailure);
    writer.start();
    const isWriting = (): boolean => writer.isWorking;
    const progress = new ProgressWatch({ cluster, names, log, principal, isWriting, onTrouble });
    this.closers.unshift(async () => await progress.close());
    progress.start();
    const actor = {
      kind: 'SYSTEM',
      id: principal,
      roles: ['approvals'],
      on_behalf_of: null,
      token_id: null,
    } as const;
    const beat = async (): Promise<void> =>
      await log.record({ type: HEARTBEAT, actor, ext: { grants: String(log.state.grants.size) } });
    void keepBeating(beat, this.following.signal, onTrouble);
    return log;
  }

  private async policyLog(): Promise<PolicyLog> {
    const { cluster, names } = this.options;
    const policyLog = new PolicyLog(cluster, names.policies, names.access);
    this.closers.unshift(() => policyLog.close());
    await policyLog.readToEnd();
    policyLog
      .follow(this.following.signal, (error) => this.trouble(error))
      .catch((error: unknown) => this.reportFailure(ownError(error)));
    return policyLog;
  }

  private async subjectIndex(): Promise<SubjectIndex> {
    const { cluster, names } = this.options;
    const index = new SubjectIndex(cluster, names.auditSubjects, (error) => this.trouble(error));
    this.closers.unshift(async () => await index.close());
    await index.start();
    return index;
  }

  private submission(policyLog: PolicyLog): Submission {
    const { cluster } = this.options;
    const offsets = new RawOffsets(cluster);
    this.closers.unshift(() => offsets.close());
    const clusterId = (): string => cluster.clusterId;
    const policies = () => policyLog.state;
    return new Submission({ ...this.options, clusterId, offsets, policies });
  }

  private preview(policyLog: PolicyLog, index: SubjectIndex, log: AccessLog): Preview {
    const { cluster, registry, siteTags, owners } = this.options;
    const samples = new SanitizedSamples(cluster, registry, () => policyLog.state);
    const record: PreviewOptions['record'] = async (event) => await log.record(event);
    return new Preview({
      registry,
      siteTags,
      policies: () => policyLog.state,
      index,
      samples,
      record,
      owners,
    });
  }

  private jobs(log: AccessLog): ApprovalJobs {
    const { redis, names, principal, channels, rules, http } = this.options;
    const scheme = http.tls ? 'https' : 'http';
    const base = (http.publicUrl ?? `${scheme}://${http.host}:${http.port}`).replace(/\/$/, '');
    const jobs = new ApprovalJobs({
      log,
      redis,
      prefix: names.prefix,
      principal,
      channels,
      stagesOfRule: (rule) => rules.rules.find(({ name }) => name === rule)?.stages ?? [],
      link: (id) => `${base}/requests/${id}`,
      logger: this.options.log,
    });
    this.closers.unshift(async () => await jobs.close());
    jobs.start();
    return jobs;
  }

  private async api(services: ApprovalServices): Promise<ServerPart> {
    const { identity, cluster, registry, names, http } = this.options;
    const { desk, audit, preview, log, jobs } = services;
    const probe = (this.probe = new ReadinessProbe({
      kafka: async () => void (await cluster.refresh([names.access])),
      logAgeMs: () => log.ageMs,
      registry: async () => void (await registry.subjectVersions(valueSubject(names.access))),
      identityProvider: async () => await identity.ready(),
      isRedisUp: () => jobs.isUp,
    }));
    const authenticate: Authenticate = async (header) => actorOf(await identity.person(header));
    return async (app) => {
      await apiPart(app, {
        desk,
        audit,
        preview,
        authenticate,
        readiness: async () => await probe.state(),
        metrics: this.options.metrics,
        grantTopic: (id) => names.grantTopic(id),
        principalsOf: (person) => identity.owners.principalsOf(person),
        perPerson: http.perPerson,
      });
    };
  }

  private trouble(error: GauzeError): void {
    this.options.metrics.count('gauze_trouble_total', { error_code: error.code });
    this.options.log.warn('approvals wait', { error });
  }
}
