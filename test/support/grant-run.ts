/**
 * Plays a script of requests on a site of its own: topology, approvals and provisioner as processes, a Redis of its
 * own, the hospital's feed flowing, people with real tokens, a watcher who reads every grant topic uncommitted. With
 * faults, whatever a request has come to is the moment for a kill -9 of somebody.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { stringify } from 'yaml';
import type { GrantAnswer, RequestAnswer } from '../../approvals/http/answer-schemas.ts';
import { encodeRecord } from '../../examples/hospital/clinical-codecs.ts';
import { registerClinicalSchemas } from '../../examples/hospital/feed.ts';
import type { ClinicalRecord, ClinicalTopic } from '../../examples/hospital/clinical-values.ts';
import { generateHospital } from '../../examples/hospital/hospital.ts';
import { ordinaryProducer } from '../../kafka/kafkajs-client.ts';
import { RegistryClient } from '../../schemas/registry-client.ts';
import { freePorts } from '../../stack/free-ports.ts';
import type { HospitalPerson } from '../../stack/identity-people.ts';
import { grantScript, seededNumbers, shuffle } from './grant-script.ts';
import type { ScriptedRequest } from './grant-script.ts';
import { HOSPITAL_ROLES, TestIdentity } from './identity.ts';
import { OwnRedis } from './own-redis.ts';
import { ParkedReader } from './parked-reader.ts';
import { connectionOf, eventually, testStack, withAdmin } from './stack.ts';
import { TestSite } from './test-site.ts';
import type { RunningInstance } from './test-site.ts';
import { TopicWatch } from './topic-watch.ts';

export const GRANT_TOPICS = ['clinical.encounters', 'clinical.observations', 'clinical.claims'] as const;
export const STEPS = ['submitted', 'first vote', 'last vote', 'activating', 'active', 'ending'] as const;
export type Step = (typeof STEPS)[number];
export const ROLES = ['topology', 'approvals', 'provisioner'] as const;
type Role = (typeof ROLES)[number];
const REDIS_FAULTS = ['redis killed', 'redis flushed', 'redis restored'] as const;
export type Fault = Role | (typeof REDIS_FAULTS)[number];
export const FAULTS: readonly Fault[] = [...ROLES, ...REDIS_FAULTS];

export interface GrantRunOptions {
  readonly seed: number;
  readonly patients: number;
  /** Between the beginnings of two requests. */
  readonly spacingMs: number;
  readonly withFaults: boolean;
}

/** How a request of the script has gone. */
export interface Played {
  readonly request: ScriptedRequest;
  readonly id: string;
  /** Of the request, or of its grant where there is one. */
  readonly state: string;
  /** This machine's clock when the API had answered the revocation; null where nobody revoked. */
  readonly revokedMs: number | null;
  /** Were records appended in the moment before the revocation? */
  readonly wasFlowing: boolean;
  /** Who had a Fetch waiting over the revocation; null where nobody had. */
  readonly parked: ParkedReader | null;
}

export interface FaultDone {
  readonly step: Step;
  readonly fault: Fault;
  readonly request: string;
}

export interface GrantRun {
  readonly site: TestSite;
  readonly watch: TopicWatch;
  readonly played: readonly Played[];
  readonly faults: readonly FaultDone[];
  /** Calls of the API that were made again because nobody answered, or with a 5xx. */
  readonly repeats: number;
  /** Exit codes of the roles that ran at the end. */
  readonly exitCodes: readonly (number | null)[];
  /** Texts of the schemas of grant topics: the registry forgets them with the topic. */
  readonly schemas: ReadonlyMap<number, string>;
}

const REASON = 'agreed in the morning round';
const PATIENCE_MS = 240_000;
const STATES_MS = 400;
/** Grants that are revoked, at a time, where nothing disturbs. */
const LANES = 5;
const MINUTE_MS = 60_000;

/** The site while it runs. */
export class GrantPlay {
  readonly site: TestSite;
  readonly identity: TestIdentity;
  readonly redis: OwnRedis;
  readonly watch: TopicWatch;
  readonly faults: FaultDone[] = [];
  repeats = 0;
  grants: ReadonlyMap<string, GrantAnswer> = new Map();
  private readonly options: GrantRunOptions;
  private readonly url: string;
  private readonly tokens = new Map<HospitalPerson, string>();
  private readonly roles = new Map<Role, RunningInstance>();
  private readonly due = new Map<string, { readonly step: Step; readonly fault: Fault }>();
  private readonly next: () => number;
  private middleMs = 0;
  private script: readonly ScriptedRequest[] = [];
  private busy: Promise<void> = Promise.resolve();
  private readonly schemas = new Map<number, string>();
  private isOver = false;
  /** Revocations over which a Fetch still is to be held open. */
  private parkedLeft = 8;
  private flowing: Promise<unknown> = Promise.resolve();

  private constructor(
    options: GrantRunOptions,
    parts: { site: TestSite; identity: TestIdentity; redis: OwnRedis; port: number },
  ) {
    this.options = options;
    this.site = parts.site;
    this.identity = parts.identity;
    this.redis = parts.redis;
    this.url = `http://127.0.0.1:${parts.port}`;
    this.next = seededNumbers(options.seed + 1);
    this.watch = new TopicWatch(parts.site.names.grantTopicPrefix);
  }

  /** Makes everything, feeds, applies and starts the roles. */
  static async start(options: GrantRunOptions): Promise<GrantPlay> {
    const [identity, redis, [port]] = await Promise.all([TestIdentity.open(), OwnRedis.make(), freePorts(1)]);
    await redis.start();
    const config = stringify({
      limits: { batchBytes: 2_048, lingerMs: 50, fetchBytes: 262_144 },
      redis: { url: redis.url },
      oidc: identity.oidc,
      http: { port, requestsPerPerson: 100_000, requestsPerAddress: 100_000 },
      access: 'access.yaml',
      roles: HOSPITAL_ROLES,
      owners: { 'User:alice': 'alice', 'User:bob': 'bob', 'User:erin': 'erin' },
    });
    const site = await TestSite.make({ partitions: 2, topics: GRANT_TOPICS, config });
    const play = new GrantPlay(options, { site, identity, redis, port: port! });
    await play.prepare();
    return play;
  }

  /** Sends a request of the API until there is an answer that is none of a server in trouble. */
  async call<T>(
    by: HospitalPerson,
    method: string,
    path: string,
    more: { readonly body?: object; readonly key?: string } = {},
  ): Promise<T> {
    const deadline = Date.now() + PATIENCE_MS;
    for (;;) {
      const answer = await this.attempt(by, method, path, more);
      if (answer.status !== 0 && answer.status < 500) {
        if (answer.status >= 400)
          throw new Error(`${method} ${path} of ${by} was answered with ${answer.text}`);
        return JSON.parse(answer.text) as T;
      }
      if (Date.now() > deadline) throw new Error(`${method} ${path}: ${answer.text}`);
      this.repeats++;
      await sleep(150);
    }
  }

  private async attempt(
    by: HospitalPerson,
    method: string,
    path: string,
    { body, key }: { readonly body?: object; readonly key?: string },
  ): Promise<{ readonly status: number; readonly text: string }> {
    try {
      const response = await fetch(`${this.url}${path}`, {
        method,
        headers: {
          authorization: `Bearer ${this.tokens.get(by)!}`,
          ...(body ? { 'content-type': 'application/json' } : {}),
          ...(key === undefined ? {} : { 'idempotency-key': `grant-run-${key}` }),
        },
        ...(body ? { body: JSON.stringify(body) } : {}),
        signal: AbortSignal.timeout(20_000),
      });
      return { status: response.status, text: await response.text() };
    } catch (error) {
      return { status: 0, text: String(error) };
    }
  }

  /** Plays the script to its end, and stops everything but the watcher. */
  async run(): Promise<GrantRun> {
    const following = this.followGrants();
    const learning = this.learnSchemas();
    const played = this.options.withFaults ? await this.wave(this.script) : await this.inTurns();
    await this.busy;
    await this.nothingLeft();
    this.isOver = true;
    await Promise.all([following, learning, this.flowing]);
    const exitCodes = await Promise.all(
      [...this.roles.values()].map(async (role) => await role.end('SIGTERM')),
    );
    await this.watch.close();
    const { site, watch, faults, repeats, schemas } = this;
    return { site, watch, played, faults, repeats, schemas, exitCodes };
  }

  /** Ends what is left and removes everything. */
  async close(): Promise<void> {
    this.isOver = true;
    await this.flowing.catch(() => undefined);
    await this.watch.close().catch(() => undefined);
    await this.site.close();
    await this.redis.close();
    await this.identity.close();
  }

  /** One after another as the script has them, without waiting for any. */
  private async wave(script: readonly ScriptedRequest[]): Promise<Played[]> {
    const { spacingMs, withFaults } = this.options;
    return await Promise.all(
      script.map(async (request, i) => {
        await sleep(i * spacingMs);
        if (withFaults && i === Math.floor(script.length / 4))
          this.exclusively(async () => await this.redis.keepSnapshot('old.rdb'));
        return await this.play(request);
      }),
    );
  }

  /** First what is revoked, a few at a time, so that records flow fast while it is; then all others as a wave. */
  private async inTurns(): Promise<Played[]> {
    const revoked = this.script.filter(({ revokedBy }) => revokedBy !== undefined);
    const lanes = Array.from({ length: LANES }, (_, lane) =>
      revoked.filter((_each, i) => i % LANES === lane),
    );
    const first = await Promise.all(
      lanes.map(async (lane) => {
        const played: Played[] = [];
        for (const request of lane) played.push(await this.play(request));
        return played;
      }),
    );
    const rest = await this.wave(this.script.filter((request) => !revoked.includes(request)));
    const order = (played: Played): number => this.script.indexOf(played.request);
    return [...first.flat(), ...rest].sort((a, b) => order(a) - order(b));
  }

  private async prepare(): Promise<void> {
    const { site, options } = this;
    const feed = generateHospital({ patients: options.patients, seed: options.seed });
    const records = [...take(feed, options.patients * 24)].filter(isGranted);
    const half = Math.floor(records.length / 2);
    await site.feed(records.slice(0, half));
    this.middleMs = Date.now() + 5;
    await sleep(10);
    await site.feed(records.slice(half));
    // What goes on to flow is like it, under numbers of its own: no two records have the same.
    const more = renumbered(generateHospital({ patients: 5_000, seed: options.seed + 7 }), 10_000_000);
    const persons = new Map(GRANT_TOPICS.map((topic) => [topic, personsOf(records, topic)]));
    this.script = grantScript(persons, options.seed);
    this.planFaults();
    await this.rules();
    await site.apply();
    for (const role of ROLES) this.roles.set(role, site.run(role));
    for (const person of ['alice', 'bob', 'carol', 'dan', 'erin'] as const)
      this.tokens.set(person, await this.identity.tokenFor(person));
    await site.caughtUp(120_000);
    await this.call('dan', 'GET', '/v1/grants');
    this.flowing = this.flow(more);
  }

  private async rules(): Promise<void> {
    const rule = {
      name: 'raw-values',
      topics: GRANT_TOPICS.map((topic) => this.site.raw(topic)),
      fields: ['PHI_ID', 'PHI_ACCOUNT', 'PHI_DATE'],
      requesters: ['clinicians'],
      stages: [
        { approvers: 'data-owners', count: 1 },
        { approvers: 'privacy-officers', count: 1 },
      ],
      purposes: ['TREAT'],
      pendingFor: '24h',
      maxDuration: '1h',
      maxRecords: 1_000_000,
      breakGlass: { allowed: ['emergency-physicians'], maxDuration: '5m', reviewWithin: '24h' },
    };
    await writeFile(join(this.site.directory, 'access.yaml'), stringify({ rules: [rule] }));
  }

  /** The feed goes on in small pieces, for as long as the play. */
  private async flow(records: Generator<ClinicalRecord>): Promise<void> {
    const topicName = (topic: ClinicalTopic): string => this.site.raw(topic);
    const ids = await registerClinicalSchemas(testStack().registryUrl, topicName);
    const producer = ordinaryProducer(connectionOf('ehr-feed'));
    await producer.connect();
    while (!this.isOver) {
      const piece = [...take(records, 20)].filter(isGranted);
      const topicMessages = [...Map.groupBy(piece, ({ topic }) => topic)].map(([topic, mine]) => ({
        topic: topicName(topic),
        messages: mine.map(({ key, value }) => ({ key, value: encodeRecord(topic, ids.get(topic)!, value) })),
      }));
      await producer.sendBatch({ acks: -1, topicMessages });
      await sleep(400);
    }
    await producer.disconnect();
  }

  /** Each step with each fault once, each at another request that comes so far. */
  private planFaults(): void {
    if (!this.options.withFaults) return;
    const common = this.script.filter(
      ({ denied, isWithdrawn, isEmergency }) => !denied && !isWithdrawn && !isEmergency,
    );
    const chosen = shuffle(common, this.next);
    for (const step of STEPS) for (const fault of FAULTS) this.due.set(chosen.pop()!.name, { step, fault });
  }

  /** Does what is due at this step of a request, a moment from now. */
  private at(step: Step, { name }: ScriptedRequest): void {
    const due = this.due.get(name);
    if (due?.step !== step) return;
    this.due.delete(name);
    const pauseMs = this.next() * 60;
    this.exclusively(async () => {
      await sleep(pauseMs);
      await this.cause(due.fault);
      this.faults.push({ step, fault: due.fault, request: name });
    });
  }

  private exclusively(work: () => Promise<void>): void {
    this.busy = this.busy.then(work);
  }

  private async cause(fault: Fault): Promise<void> {
    const { redis } = this;
    if (fault === 'redis flushed') return await redis.flush();
    if (fault === 'redis killed' || fault === 'redis restored') {
      await redis.kill();
      if (fault === 'redis restored') await redis.useSnapshot('old.rdb').catch(() => undefined);
      else await redis.dropSnapshot();
      return await redis.start();
    }
    await this.roles.get(fault)!.end('SIGKILL');
    this.roles.set(fault, this.site.run(fault));
  }

  private async play(request: ScriptedRequest): Promise<Played> {
    const { name, by } = request;
    const path = request.isEmergency ? '/v1/break-glass' : '/v1/requests';
    this.at('submitted', request);
    const made = await this.call<RequestAnswer>(by, 'POST', path, {
      body: this.question(request),
      key: name,
    });
    const { id } = made;
    if (request.isWithdrawn) {
      const body = { reason: 'it was found elsewhere' };
      const { state } = await this.call<RequestAnswer>(by, 'POST', `/v1/requests/${id}/withdraw`, {
        body,
        key: name,
      });
      return { request, id, state, revokedMs: null, wasFlowing: false, parked: null };
    }
    if (!request.isEmergency) {
      const decided = await this.decide(request, made);
      if (decided.state !== 'APPROVED')
        return { request, id, state: decided.state, revokedMs: null, wasFlowing: false, parked: null };
    }
    this.at('activating', request);
    const lived = await this.live(request, id);
    const ended = await this.until(id, ({ state }) => ['ENDED', 'EXHAUSTED', 'REVOKED'].includes(state));
    if (request.isEmergency) {
      const body = { justified: true, reason: 'seen with the physician on duty' };
      await this.call('dan', 'POST', `/v1/grants/${id}/review`, { body, key: name });
    }
    return { request, id, state: ended.state, ...lived };
  }

  private question(request: ScriptedRequest): object {
    const { topic, fields, durationMinutes, maxRecords, maxPersons, persons, half, isEmergency } = request;
    const middle = new Date(this.middleMs).toISOString();
    return {
      topic: this.site.raw(topic),
      fields,
      baseAudience: 'research',
      beneficiary: `User:${request.by}`,
      reason: 'calling back readmitted patients',
      durationMinutes,
      maxRecords,
      ...(maxPersons === undefined ? {} : { maxPersons }),
      ...(persons ? { persons } : {}),
      ...(half ? { [half === 'first' ? 'to' : 'from']: middle } : {}),
      ...(isEmergency ? { purpose: 'ETREAT', emergencyCode: 'CARDIAC' } : { purpose: 'TREAT' }),
    };
  }

  private async decide(request: ScriptedRequest, { id, scopeHash }: RequestAnswer): Promise<RequestAnswer> {
    const { name, narrow, denied } = request;
    const path = `/v1/requests/${id}/decisions`;
    const vote = async (by: HospitalPerson, body: object): Promise<RequestAnswer> =>
      await this.call<RequestAnswer>(by, 'POST', path, {
        body: { reason: REASON, ...body },
        key: `${name}-${by}`,
      });
    this.at('first vote', request);
    const decision = denied === 'first' ? 'deny' : 'approve';
    const first = await vote('carol', { decision, scopeHash, ...(narrow ? { narrow } : {}) });
    if (denied === 'first') return first;
    this.at('last vote', request);
    return await vote('dan', {
      decision: denied === 'last' ? 'deny' : 'approve',
      scopeHash: first.scopeHash,
    });
  }

  /** Waits for the first records; revokes where the script says so. */
  private async live(
    request: ScriptedRequest,
    id: string,
  ): Promise<Pick<Played, 'revokedMs' | 'wasFlowing' | 'parked'>> {
    const topic = this.site.names.grantTopic(id);
    const active = await this.until(id, ({ state }) => !['SCHEDULED', 'ACTIVATING'].includes(state));
    const isOver = (): boolean => this.grants.get(id)!.state !== 'ACTIVE';
    while (this.watch.count(topic) === 0 && !isOver()) await sleep(50);
    this.at('active', request);
    const { revokedBy, name } = request;
    if (!revokedBy) {
      const endsMs = Date.parse(active.notAfter!) - 500;
      void sleep(Math.max(0, endsMs - Date.now())).then(() => this.at('ending', request));
      return { revokedMs: null, wasFlowing: false, parked: null };
    }
    await sleep(this.next() * 3_000);
    const parked = this.parkedLeft-- > 0 ? new ParkedReader(topic) : null;
    const wasFlowing = await this.sawMore(topic, 5_000);
    this.at('ending', request);
    const body = { reason: 'it was found elsewhere' };
    await this.call(revokedBy, 'POST', `/v1/grants/${id}/revoke`, { body, key: name });
    const revokedMs = Date.now();
    await parked?.ended();
    return { revokedMs, wasFlowing, parked };
  }

  /** Has another record come within `ms`? */
  private async sawMore(topic: string, ms: number): Promise<boolean> {
    const [seen, deadline] = [this.watch.count(topic), Date.now() + ms];
    while (this.watch.count(topic) === seen) {
      if (Date.now() > deadline) return false;
      await sleep(5);
    }
    return true;
  }

  private async until(id: string, wanted: (grant: GrantAnswer) => boolean): Promise<GrantAnswer> {
    const deadline = Date.now() + PATIENCE_MS;
    for (;;) {
      const grant = this.grants.get(id);
      if (grant && wanted(grant)) return grant;
      if (Date.now() > deadline) {
        const logs = ROLES.map(
          (role) => `${role}: ${this.roles.get(role)?.log.split('\n').slice(-8).join('\n')}`,
        );
        throw new Error(`grant ${id} stays ${grant?.state ?? 'unknown'}\n${logs.join('\n')}`);
      }
      await sleep(100);
    }
  }

  /** The officer's list of grants, again and again. */
  private async followGrants(): Promise<void> {
    while (!this.isOver) {
      const { grants } = await this.call<{ grants: GrantAnswer[] }>('dan', 'GET', '/v1/grants?limit=500');
      this.grants = new Map(grants.map((grant) => [grant.id, grant]));
      await sleep(STATES_MS);
    }
  }

  /** Keeps the schemas that records come with, while the registry has them. */
  private async learnSchemas(): Promise<void> {
    const registry = new RegistryClient({ url: testStack().registryUrl });
    while (!this.isOver) {
      for (const id of this.watch.schemaIds)
        if (!this.schemas.has(id)) this.schemas.set(id, (await registry.schemaText(id)).text);
      await sleep(50);
    }
  }

  /** Every grant topic and every rule on one has to go. */
  private async nothingLeft(): Promise<void> {
    const prefix = this.site.names.grantTopicPrefix;
    await eventually(async () => {
      await withAdmin(async (admin) => {
        const topics = (await admin.listTopics()).filter((name) => name.startsWith(prefix));
        const rules = (await admin.describeAcls()).filter(
          ({ name }) => name.startsWith(prefix) && name !== prefix,
        );
        if (topics.length + rules.length > 0)
          throw new Error(`${topics.length} grant topics and ${rules.length} rules are left`);
      });
    }, MINUTE_MS);
  }
}

function isGranted({ topic }: ClinicalRecord): boolean {
  return (GRANT_TOPICS as readonly string[]).includes(topic);
}

function* take<T>(items: Generator<T>, count: number): Generator<T> {
  for (let i = 0; i < count; i++) {
    const { value, done } = items.next();
    if (done) return;
    yield value;
  }
}

function* renumbered(records: Iterable<ClinicalRecord>, from: number): Generator<ClinicalRecord> {
  for (const record of records) {
    const value = { ...record.value, feedSequence: record.value.feedSequence + from };
    yield { ...record, value } as ClinicalRecord;
  }
}

/** Persons with at least two records of a topic. */
function personsOf(records: readonly ClinicalRecord[], topic: ClinicalTopic): readonly string[] {
  const mine = Map.groupBy(
    records.filter((record) => record.topic === topic),
    ({ key }) => key,
  );
  return [...mine].filter(([, found]) => found.length >= 2).map(([key]) => key);
}
