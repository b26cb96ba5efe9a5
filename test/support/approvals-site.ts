/**
 * A site with access rules, people of an identity provider, and approval services running in this process, each as
 * `gauze run --role approvals` would run it, with a log that a test can look through.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { runApprovals } from '../../cli/run-approvals.ts';
import { Site } from '../../cli/site.ts';
import type { HospitalPerson } from '../../stack/identity-people.ts';
import { createLogger } from '../../platform/log.ts';
import { HOSPITAL_ROLES, TestIdentity } from './identity.ts';
import { eventually, testStack } from './stack.ts';
import { TestSite } from './test-site.ts';
import type { SiteOptions } from './test-site.ts';

/** An approval service of this process. */
export interface RunningApprovals {
  readonly url: string;
  stop(): Promise<void>;
}

/** An answer of the API. */
export interface ApiAnswer {
  readonly status: number;
  readonly text: string;
  readonly body: Readonly<Record<string, unknown>>;
  readonly headers: Headers;
}

export interface ApprovalsSiteOptions extends SiteOptions {
  /** Settings of the rule `encounters-raw` that differ. */
  readonly rule?: object;
  readonly owners?: Readonly<Record<string, string>>;
  readonly requestsPerMinute?: number;
  /** That of the stack where left out. */
  readonly redisUrl?: string;
}

export class ApprovalsSite {
  readonly site: TestSite;
  readonly identity: TestIdentity;
  /** Lines that the services have logged. */
  readonly logged: string[] = [];
  private readonly tokens = new Map<string, string>();
  private readonly running: RunningApprovals[] = [];

  private constructor(site: TestSite, identity: TestIdentity) {
    this.site = site;
    this.identity = identity;
  }

  /** Makes everything but the services; applies nothing yet. */
  static async make(options: ApprovalsSiteOptions = {}): Promise<ApprovalsSite> {
    const identity = await TestIdentity.open();
    const perMinute = options.requestsPerMinute ?? 100_000;
    const config = stringify({
      redis: { url: options.redisUrl ?? testStack().redisUrl },
      oidc: identity.oidc,
      http: { port: 0, requestsPerPerson: perMinute, requestsPerAddress: perMinute },
      access: 'access.yaml',
      roles: HOSPITAL_ROLES,
      owners: options.owners ?? {
        'User:alice': 'alice',
        'User:bob': 'bob',
        'User:erin': 'erin',
        'User:icu-app': 'carol',
        'User:research-app': 'carol',
      },
    });
    const site = await TestSite.make({ ...options, config: `${options.config ?? ''}\n${config}` });
    const rule = {
      name: 'encounters-raw',
      topics: [site.raw('clinical.encounters')],
      fields: ['PHI_ID', 'PHI_ACCOUNT', 'PHI_DATE', 'PHI_AGE', 'PROVIDER_NAME', 'PHI_NONE'],
      requesters: ['clinicians'],
      stages: [
        { approvers: 'data-owners', count: 1 },
        { approvers: 'privacy-officers', count: 1 },
      ],
      purposes: ['TREAT', 'HRESCH'],
      pendingFor: '24h',
      maxDuration: '8h',
      maxRecords: 1000,
      maxPersons: 500,
      breakGlass: { allowed: ['emergency-physicians'], maxDuration: '1h', reviewWithin: '24h' },
      ...options.rule,
    };
    await writeFile(join(site.directory, 'access.yaml'), stringify({ rules: [rule] }));
    return new ApprovalsSite(site, identity);
  }

  /** Starts one more approval service on a port of its own. */
  async start(): Promise<RunningApprovals> {
    const lines: string[] = [];
    const log = createLogger({
      level: 'debug',
      destination: { write: (line: string) => void (lines.push(line), this.logged.push(line)) },
    });
    let stop = (): void => undefined;
    const stopped = new Promise<void>((resolve) => (stop = resolve));
    const site = await Site.load(join(this.site.directory, 'gauze.yaml'));
    let failure: unknown = null;
    const ended = runApprovals({ site, log, stopped }).catch((error: unknown) => {
      failure = error;
    });
    const port = await eventually(async () => {
      if (failure !== null) return -1;
      const line = lines.find((each) => each.includes('instance started'));
      if (!line) {
        await new Promise((resolve) => setTimeout(resolve, 20));
        throw new Error('the approval service has not started');
      }
      return (JSON.parse(line) as { port: number }).port;
    }, 30_000);
    if (failure !== null) throw failure;
    const service = {
      url: `http://127.0.0.1:${port}`,
      stop: async () => {
        stop();
        await ended;
        if (failure !== null) throw failure;
      },
    };
    this.running.push(service);
    return service;
  }

  /** The first service. */
  get service(): RunningApprovals {
    return this.running[0]!;
  }

  /** Sends to a service as one of the people; null: nobody. */
  async send(
    by: HospitalPerson | null,
    method: string,
    path: string,
    body?: unknown,
    more: { readonly url?: string; readonly headers?: Readonly<Record<string, string>> } = {},
  ): Promise<ApiAnswer> {
    const response = await fetch(`${more.url ?? this.service.url}${path}`, {
      method,
      headers: {
        ...(by ? { authorization: `Bearer ${await this.token(by)}` } : {}),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...more.headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    const parsed = (text === '' ? {} : JSON.parse(text)) as Readonly<Record<string, unknown>>;
    return { status: response.status, text, body: parsed, headers: response.headers };
  }

  /** Logs in once for each person. */
  async token(person: HospitalPerson): Promise<string> {
    const known = this.tokens.get(person) ?? (await this.identity.tokenFor(person));
    this.tokens.set(person, known);
    return known;
  }

  /** A body that the rule allows Alice to ask with. */
  question(given: object = {}): object {
    return {
      topic: this.site.raw('clinical.encounters'),
      fields: ['patientId', 'PHI_DATE'],
      baseAudience: 'research',
      beneficiary: 'User:alice',
      purpose: 'TREAT',
      reason: 'calling back readmitted patients',
      durationMinutes: 60,
      maxRecords: 40,
      ...given,
    };
  }

  /** Stops the services and removes everything. */
  async close(): Promise<void> {
    await Promise.all(this.running.map(async (service) => await service.stop()));
    await this.identity.close();
    await this.site.close();
  }
}
