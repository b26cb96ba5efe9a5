/**
 * The API on an access log in memory: requests go through the real server, the real desk and the real reducer; only
 * what needs a cluster is played.
 */
import type { FastifyInstance, InjectOptions } from 'fastify';
import { AccessDesk } from '../../approvals/access-desk.ts';
import type { DeskLog, Drafting } from '../../approvals/access-desk.ts';
import { AuditDesk } from '../../approvals/audit-desk.ts';
import type { AuditAsking } from '../../approvals/audit-desk.ts';
import type { NewEntry } from '../../approvals/access-log.ts';
import type { Verdict } from '../../approvals/access-state.ts';
import { apiPart } from '../../approvals/http/api.ts';
import { Refusals } from '../../approvals/http/refusals.ts';
import { createApprovalServer } from '../../approvals/http/server.ts';
import type { ServerPart } from '../../approvals/http/server.ts';
import type { Readiness } from '../../approvals/http/health-routes.ts';
import { Preview } from '../../approvals/preview.ts';
import type { RuleAnswer } from '../../approvals/access-rules.ts';
import { replayBody, replayScope } from '../../approvals/replay-request.ts';
import { narrowScope, personTokens } from '../../approvals/scope.ts';
import { NO_ALIASES } from '../../keys/person-aliases.ts';
import { scopeHash } from '../../approvals/scope-hash.ts';
import type { AccessEventFacts } from '../../audit/access-events.ts';
import { GauzeError } from '../../platform/errors.ts';
import { RootSubjectTokens } from '../../keys/subject-tokens.ts';
import { createLogger } from '../../platform/log.ts';
import { Metrics } from '../../platform/metrics.ts';
import { PolicyState } from '../../policy/policy-log.ts';
import type { AccessActor } from '../../schemas/access-codecs.ts';
import { RegistryClient } from '../../schemas/registry-client.ts';
import { ANA, TestLog, bodyOf, scopeOf, sha } from './access-fixture.ts';

/** Under a key that is not secret. */
export const TOKENS = new RootSubjectTokens(Buffer.alloc(32, 1), 1);

const READY: Readiness = {
  kafka: 'ok',
  log: 'ok',
  registry: 'ok',
  identityProvider: 'ok',
  redis: 'ok',
};

export interface ApiOptions {
  readonly perPerson?: number;
  readonly perAddress?: number;
  readonly readiness?: Readiness;
  readonly parts?: readonly ServerPart[];
  /** Answers auditors; without it the service has no log-in of the auditor. */
  readonly audit?: AuditAsking;
}

export class TestApi implements DeskLog {
  readonly log = new TestLog();
  readonly events: AccessEventFacts[] = [];
  readonly logged: string[] = [];
  /** Makes each event fail to be written. */
  isAuditGone = false;
  server!: FastifyInstance;

  static async make(options: ApiOptions = {}): Promise<TestApi> {
    const api = new TestApi();
    const refusals = new Refusals(async (event) => await api.record(event));
    const desk = new AccessDesk(api, drafting());
    api.server = await createApprovalServer(
      {
        tls: null,
        log: createLogger({
          level: 'trace',
          destination: { write: (line: string) => void api.logged.push(line) },
        }),
        perAddress: options.perAddress ?? 100_000,
        refused: async (request, reply, failure) => await refusals.write(request, reply, failure),
      },
      [
        async (app) =>
          await apiPart(app, {
            desk,
            audit: new AuditDesk(options.audit ?? null),
            preview: preview(api),
            authenticate: async (header) => authenticate(header),
            readiness: async () => options.readiness ?? READY,
            metrics: new Metrics('approvals', '0.0.0'),
            grantTopic: (id) => `gauze.grant.${id}`,
            principalsOf: (person) => [`User:${person}`],
            perPerson: options.perPerson ?? 100_000,
          }),
        ...(options.parts ?? []),
      ],
    );
    return api;
  }

  get state() {
    return this.log.state;
  }

  async append({ kind, by, ...given }: NewEntry, event: AccessEventFacts): Promise<Verdict> {
    await this.record(event);
    return this.log.put(kind, by, given);
  }

  async record(event: AccessEventFacts): Promise<void> {
    if (this.isAuditGone) throw new GauzeError('ERR_ACCESS_LOG_UNAVAILABLE', {});
    this.events.push(event);
  }

  /** Sends as `by`; gives status, body and headers. */
  async send(by: AccessActor | null, method: InjectOptions['method'] & string, url: string, body?: unknown) {
    return await this.inject({
      method,
      url,
      headers: by ? bearer(by) : {},
      ...(body === undefined ? {} : { payload: body as object }),
    });
  }

  async inject(options: InjectOptions) {
    const answer = await this.server.inject(options);
    return {
      status: answer.statusCode,
      headers: answer.headers,
      text: answer.body,
      body: (answer.body === '' ? {} : JSON.parse(answer.body)) as Readonly<Record<string, unknown>>,
    };
  }

  /** A request of `by`, taken in; its id and hash. */
  async asked(by = ANA, body: object = {}): Promise<{ id: string; scopeHash: string }> {
    const answer = await this.send(by, 'POST', '/v1/requests', questionOf(body));
    if (answer.status !== 201) throw new Error(`${answer.status} ${answer.text}`);
    return answer.body as { id: string; scopeHash: string };
  }

  types(): readonly string[] {
    return this.events.map(({ type }) => type);
  }
}

/** A body that is right, with other members where given. */
export function questionOf(given: object = {}): object {
  return {
    topic: 'clinical.encounters',
    fields: ['mrn'],
    baseAudience: 'research',
    beneficiary: 'User:ana',
    purpose: 'TREAT',
    reason: 'follow-up of readmitted patients',
    durationMinutes: 60,
    maxRecords: 40,
    ...given,
  };
}

export function bearer(by: AccessActor): { authorization: string } {
  return { authorization: `Bearer ${Buffer.from(JSON.stringify(by)).toString('base64url')}` };
}

function authenticate(header: string | undefined): AccessActor {
  const token = /^Bearer (\S+)$/.exec(header ?? '')?.[1];
  if (token === undefined) throw new GauzeError('ERR_HTTP_TOKEN_MISSING', {});
  try {
    return JSON.parse(Buffer.from(token, 'base64url').toString()) as AccessActor;
  } catch {
    throw new GauzeError('ERR_HTTP_TOKEN_MALFORMED', {});
  }
}

const REPLAY_RULE: RuleAnswer = {
  rule: 'replays',
  rulesSha256: sha('rules'),
  stages: [{ role: 'privacy-officers', count: 1 }],
  pendingMs: 3_600_000,
  activationMs: 3_600_000,
  ruleDurationMs: 3_600_000,
  durationMs: 3_600_000,
  maxRecords: 50,
  maxPersons: null,
  window: null,
  emergency: null,
};

function drafting(): Drafting {
  return {
    draft: async (_by, question) => {
      const {
        maxRecords: max_records,
        durationMs: duration_ms,
        persons,
        beneficiary,
        emergencyCode,
      } = question;
      const scope = scopeOf({
        max_records,
        duration_ms,
        beneficiary,
        persons: persons ? personTokens(persons, TOKENS, NO_ALIASES) : null,
      });
      const emergency = emergencyCode === null ? null : { code: emergencyCode, review_ms: 86_400_000 };
      const body = bodyOf(scope, { emergency, ticket: question.ticket });
      return { request: body, events: { topic: scope.topic } };
    },
    draftReplay: async (by, question) => {
      const scope = replayScope(question, REPLAY_RULE, { clusterId: 'c1', tokenEpoch: 1 });
      return { request: replayBody(by, question, REPLAY_RULE, scope), events: { topic: scope.topic } };
    },
    narrow: async (scope, { persons, fromMs, toMs, ...caps }) => {
      if (fromMs !== undefined || toMs !== undefined) throw new GauzeError('ERR_ACCESS_RANGE_EMPTY', {});
      const narrowed = narrowScope(scope, {
        ...caps,
        ...(persons ? { persons: personTokens(persons, TOKENS, NO_ALIASES) } : {}),
      });
      return { scope: narrowed, sha256: scopeHash(narrowed) };
    },
    lockValue: (target, value) =>
      target === 'PATIENT' ? personTokens([value], TOKENS, NO_ALIASES)[0]!.toString('hex') : value,
  };
}

/** Without a policy there is nothing to preview; what it counts is tested where an index is. */
function preview(api: TestApi): Preview {
  return new Preview({
    registry: new RegistryClient({ url: 'http://127.0.0.1:9' }),
    siteTags: new Map(),
    policies: () => new PolicyState(),
    index: {
      count: async () => {
        throw new GauzeError('ERR_INTERNAL', {});
      },
    },
    samples: { latest: async () => [] },
    record: async (event) => await api.record(event),
    owners: {},
  });
}
